"""The same without a browser: ``python -m lrapp RUN.json --out FOLDER``, ``… predict``, ``… prune``, ``… search``."""

import argparse
import logging
import sys
from pathlib import Path

from lrapp.cli import predict, prune, search, training
from lrapp.errors import UserError
from lrapp.evaluation import boosted_trees
from lrapp.execution import trees_beside
from lrapp.experiments import model_for_use
from lrapp.export import download
from lrapp.files import write_beside
from lrapp.runs import starts
from lrapp.runs.store import Run, Store
from lrapp.settings import RunSettings, UploadedSource
from lrapp.settings.sources import upload_of


def main(arguments: list[str] | None = None) -> int:
    """Train by a settings file, into a run's folder; or predict, prune or search, if that is the first word.

    Returns:
        Exit code: 0 when a model was left, 1 when not, 2 for a wrong call.
    """
    # In a terminal the sentence is enough; a server's log also has the traceback.
    logging.getLogger("lrapp").addHandler(logging.NullHandler())
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["predict"]:
        return predict.main(words[1:])
    if words[:1] == ["prune"]:
        return prune.main(words[1:])
    if words[:1] == ["search"]:
        return search.main(words[1:])
    parser = argparse.ArgumentParser(
        prog="python -m lrapp",
        description="Train a network from the settings that the app saved.",
        epilog="To predict with a finished run: python -m lrapp predict RUN_FOLDER TABLE.csv --out FILE. To prune "
        "its model: python -m lrapp prune RUN_FOLDER --out FOLDER. To try settings at random: python -m lrapp search "
        "SEARCH.json --out FOLDER",
    )
    parser.add_argument(
        "settings", type=Path, metavar="RUN.json", help="settings, from the Runs page or a download"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder for the run; made if missing"
    )
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="the table, when the app has not kept it here"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run that is in the folder already"
    )
    parser.add_argument(
        "--all-rows",
        action="store_true",
        help="make a model for use of the finished run whose RUN.json this is: every row, and its best epochs",
    )
    chosen = parser.parse_args(words)
    try:
        return _train(
            chosen.settings, chosen.out, chosen.data, resume=chosen.resume, all_rows=chosen.all_rows
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 1


def _train(settings_path: Path, out: Path, data: Path | None, *, resume: bool, all_rows: bool) -> int:
    try:
        settings = RunSettings.from_json(settings_path.read_bytes())
    except OSError as error:
        raise UserError(
            f"The settings cannot be read: {settings_path}. Name the JSON file that the app saved."
        ) from error
    store = Store.default()
    if all_rows:
        settings = _for_use(settings_path)
    if data is not None:
        settings = _with_data(settings, data, store)
    run = training.begin(out, settings, resume=resume)
    starts.keep_those_of(settings_path.absolute().parent, run)
    if not training.train(run, store):
        return 1
    if trees_beside.wanted(run):
        trees_beside.compare(run.folder, store.home, lambda: run.stop_asked is not None)
    beside = boosted_trees.kept(run.folder)
    if beside is not None:
        print(" ".join((beside.sentence, *beside.notes)))
    write_beside(run.folder / download.file_name(run), download.pack(run))
    print(f"The model is in {run.folder}, all in one file: {download.file_name(run)}.")
    return 0


def _for_use(settings_path: Path) -> RunSettings:
    """The settings of a model for use, made of the finished run that settings lie beside."""
    finished = Run(settings_path.absolute().parent)
    if settings_path.name != "run.json" or not (finished.folder / "status.json").exists():
        raise UserError(
            f"--all-rows needs the run.json in the folder of a finished run. Received: {settings_path}."
        )
    return model_for_use.settings_of(finished)


def _with_data(settings: RunSettings, path: Path, store: Store) -> RunSettings:
    try:
        kept = store.keep_file(path.read_bytes(), path.name)
    except OSError as error:
        raise UserError(f"The table cannot be read: {path}. Name a file that is there.") from error
    wanted = settings.data.source
    if isinstance(wanted, UploadedSource) and wanted.sha256 != kept.sha256:
        print(f"Note: {path.name} is not the file that these settings were made with.", file=sys.stderr)
    source = upload_of(wanted.kind, kept.name, kept.sha256)
    return settings.model_copy(update={"data": settings.data.model_copy(update={"source": source})})


if __name__ == "__main__":
    sys.exit(main())
