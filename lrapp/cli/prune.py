"""Pruning a finished run without a browser: ``python -m lrapp prune RUN_FOLDER --out FOLDER``."""

import argparse
import hashlib
import sys
from pathlib import Path

from lrapp.cli import training
from lrapp.errors import UserError
from lrapp.evaluation import model_sizes
from lrapp.execution import measured_sizes
from lrapp.experiments import pruning_afterwards
from lrapp.export import download
from lrapp.files import write_beside
from lrapp.runs import starts
from lrapp.runs.store import Run, Store
from lrapp.settings import RunSettings, UploadedSource


def main(arguments: list[str]) -> int:
    """Prune a finished run's model and train it further, into a run's folder.

    Returns:
        Exit code: 0 when a model was left, 1 when not, 2 for a wrong call.
    """
    parser = argparse.ArgumentParser(
        prog="python -m lrapp prune",
        description="Start from a finished run's weights, set the smallest of them to zero while training goes on, and "
        "measure score, size and zip before and after: what “Prune this model” does on the page.",
    )
    parser.add_argument("run", type=Path, metavar="RUN_FOLDER", help="the finished run's folder")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder for the new run; made if missing"
    )
    parser.add_argument(
        "--sparsity",
        type=float,
        metavar="SHARE",
        help="share of the weights that are zero in the end, such as 0.8, which is the default; of a model that is "
        "pruned already, half of the weights that are left go",
    )
    parser.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="train for this many epochs, of which the first quarter prunes; by default as many as the run, at least "
        f"{pruning_afterwards.LEAST_EPOCHS}",
    )
    parser.add_argument(
        "--data", type=Path, metavar="FILE", help="the run's table, when the app has not kept it here"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run that is in the folder already"
    )
    chosen = parser.parse_args(arguments)
    try:
        return _prune(
            chosen.run, chosen.out, chosen.sparsity, chosen.epochs, chosen.data, resume=chosen.resume
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 1


def _prune(
    folder: Path, out: Path, sparsity: float | None, epochs: int | None, data: Path | None, *, resume: bool
) -> int:
    source = Run(folder.absolute())
    if not (folder / "status.json").exists():
        raise UserError(f"{folder} holds no run. Name the folder of a finished run.")
    settings = pruning_afterwards.settings_of(source, sparsity=sparsity, epochs=epochs)
    store = Store.default()
    _bring_data(settings, source, data, store)
    run = training.begin(out, settings, resume=resume)
    starts.keep(source, run)
    if not training.train(run, store):
        return 1
    print("Measuring the model before and after …", file=sys.stderr)
    measured_sizes.measure(run.folder, store.home)
    if (found := model_sizes.kept(run.folder)) is not None:
        print(found.frame().to_string(index=False))
        print("\n".join(found.notes))
    write_beside(run.folder / download.file_name(run), download.pack(run))
    print(f"The model is in {run.folder}, all in one file: {download.file_name(run)}.")
    return 0


def _bring_data(settings: RunSettings, source: Run, data: Path | None, store: Store) -> None:
    """Find the very file that the run has learned from: with another one, rows that test could train."""
    wanted = settings.data.source
    if not isinstance(wanted, UploadedSource):
        return
    if data is not None:
        try:
            given = data.read_bytes()
        except OSError as error:
            raise UserError(f"The table cannot be read: {data}. Name a file that is there.") from error
        if hashlib.sha256(given).hexdigest() != wanted.sha256:
            raise UserError(
                f"{data.name} is not the file that the run has learned from, {wanted.name}. Name that one."
            )
        store.keep_wanted(given, wanted)
    beside = source.folder.parent.parent / "data" / wanted.sha256  # where a search keeps its own
    if not store.holds(wanted) and beside.is_file():
        store.keep_wanted(beside.read_bytes(), wanted)
    store.source_path(wanted)
