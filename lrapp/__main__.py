"""The same without a browser: ``python -m lrapp RUN.json --out FOLDER``, ``… predict`` and ``… search``."""

import argparse
import logging
import math
import signal
import sys
import time
from pathlib import Path

from lrapp.cli import predict, search
from lrapp.errors import UserError
from lrapp.evaluation import boosted_trees, setting_checks
from lrapp.execution import trees_beside, worker, worker_setup
from lrapp.experiments import model_for_use
from lrapp.export import download
from lrapp.files import disk_errors, write_beside
from lrapp.phrasing import measured, number, percent
from lrapp.runs.events import DataPrepared, EpochDone, Event, StepsDone, TrainingStarted
from lrapp.runs.store import Run, Status, Store, now
from lrapp.settings import RunSettings, UploadedSource
from lrapp.settings.sources import upload_of


def main(arguments: list[str] | None = None) -> int:
    """Train by a settings file, into a run's folder; or predict or search, if that is the first word.

    Returns:
        Exit code: 0 when a model was left, 1 when not, 2 for a wrong call.
    """
    # In a terminal the sentence is enough; a server's log also has the traceback.
    logging.getLogger("lrapp").addHandler(logging.NullHandler())
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["predict"]:
        return predict.main(words[1:])
    if words[:1] == ["search"]:
        return search.main(words[1:])
    parser = argparse.ArgumentParser(
        prog="python -m lrapp",
        description="Train a network from the settings that the app saved.",
        epilog="To predict with a finished run: python -m lrapp predict RUN_FOLDER TABLE.csv --out FILE. To try "
        "settings at random: python -m lrapp search SEARCH.json --out FOLDER",
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
    run = Run(out.absolute())
    if resume:
        _check_resumable(run, settings)
    elif (out / "status.json").exists():
        raise UserError(
            f"{out} holds a run already. Choose another folder, or add --resume to go on with it."
        )
    else:
        with disk_errors():
            out.mkdir(parents=True, exist_ok=True)
        write_beside(out / "run.json", settings.to_json().encode())
        write_beside(out / "status.json", Status(created=now()).model_dump_json(indent=2).encode())
    run.forget_stop()
    run.set_status(state="running", started=now(), attempts=run.status.attempts + 1)
    # Ctrl-C asks as the page's Stop button does: the best weights are kept.
    signal.signal(signal.SIGINT, lambda *_: run.ask_to_stop())
    print("Starting TensorFlow …", file=sys.stderr)
    worker_setup.load(worker_setup.kind_for(run.settings))
    bar = _Bar(run.settings)
    try:
        outcome = worker.work(run.folder, store.home, on_event=bar.take)
    except UserError as error:
        run.set_status(state="failed", message=str(error), ended=now())
        raise
    finally:
        bar.close()
    run.set_status(state=outcome.state, message=outcome.message, ended=now())
    print(outcome.message)
    if not run.model_path.exists():
        return 1
    from lrapp.evaluation.scores import Scores
    from lrapp.export.finished_run import worth

    kept = run.scores_path.exists()
    print(worth(run.settings, Scores.from_json(run.scores_path.read_text("utf-8")) if kept else None))
    for remark in setting_checks.after(run.settings, run.history()):
        print(f"Note: {remark.text}")
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


def _check_resumable(run: Run, settings: RunSettings) -> None:
    if not (run.folder / "status.json").exists():
        raise UserError(f"{run.folder} holds no run to go on with. Leave --resume out to start one.")
    if run.status.state in ("completed", "early_stopping"):
        raise UserError(
            f"The run in {run.folder} has been trained to its end; there is nothing to go on with."
        )
    if run.settings != settings:
        raise UserError(
            f"The run in {run.folder} was started with other settings. Name its own run.json, or another folder."
        )


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


class _Bar:
    """A progress bar in the terminal; a line an epoch where there is none."""

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings
        self._started: TrainingStarted | None = None
        self._epoch: EpochDone | None = None
        self._drawn = 0.0
        self._live = sys.stderr.isatty()

    def take(self, event: Event) -> None:
        """Update the bar by an event."""
        match event:
            case DataPrepared():
                for remark in setting_checks.before(self._settings, event.train, event.task):
                    print(f"Note: {remark.text}", file=sys.stderr)
            case TrainingStarted():
                self._started = event
            case StepsDone() if self._started is not None and self._live:
                if time.monotonic() - self._drawn > 0.1:
                    self._draw(event.first_step + len(event.losses))
            case EpochDone() if self._started is not None:
                self._epoch = event
                if not self._live:
                    print(self._text(), file=sys.stderr)

    def close(self) -> None:
        """Leave the terminal on a fresh line."""
        if self._live and self._started is not None:
            if self._epoch is not None:
                self._draw(self._epoch.step)
            print(file=sys.stderr)

    def _draw(self, done: int) -> None:
        assert self._started is not None
        self._drawn = time.monotonic()
        filled = 30 * done // max(1, self._started.total_steps)
        print(
            f"\r[{'#' * filled}{'.' * (30 - filled)}] {self._text():<70}", end="", file=sys.stderr, flush=True
        )

    def _text(self) -> str:
        assert self._started is not None
        if self._epoch is None:
            return f"epoch 1 of {self._started.epochs}"
        e = self._epoch
        watched = math.isfinite(e.val_loss)
        validation, metric = (f"  val_loss {number(e.val_loss)}", e.val_metric) if watched else ("", e.metric)
        return (
            f"epoch {e.epoch} of {self._started.epochs}  loss {number(e.loss)}{validation}  "
            f"{self._started.metric} {measured(self._started.metric, metric)}"
            f"{'' if e.sparsity is None else f'  zeros {percent(e.sparsity)}'}  {e.seconds:.1f} s"
        )


if __name__ == "__main__":
    sys.exit(main())
