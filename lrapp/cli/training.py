"""A run in a folder of one's own: made, trained with a progress bar in the terminal, and said what it is worth."""

import math
import signal
import sys
import time
from pathlib import Path

from lrapp.errors import UserError
from lrapp.evaluation import setting_checks
from lrapp.execution import worker, worker_setup
from lrapp.files import disk_errors, write_beside
from lrapp.phrasing import measured, number, percent
from lrapp.runs.events import DataPrepared, EpochDone, Event, StepsDone, TrainingStarted
from lrapp.runs.store import Run, Status, Store, now
from lrapp.settings import RunSettings


def begin(out: Path, settings: RunSettings, *, resume: bool) -> Run:
    """Make a run in a folder, or find the one that is to go on.

    Raises:
        UserError: If the folder cannot be used, holds a run already, or none with these settings to go on with.
    """
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
    return run


def train(run: Run, store: Store) -> bool:
    """Train a run and print how it ended and what its model is worth.

    Returns:
        Whether it left a model.

    Raises:
        UserError: If it cannot be done; its status says so, too.
    """
    run.forget_stop()
    run.set_status(state="running", started=now(), attempts=run.status.attempts + 1)
    # Ctrl-C asks as the page's Stop button does: the best weights are kept.
    signal.signal(signal.SIGINT, lambda *_: run.ask_to_stop())
    print("Starting TensorFlow …", file=sys.stderr)
    worker_setup.load(worker_setup.kind_for(run.settings))
    bar = Bar(run.settings)
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
        return False
    from lrapp.evaluation.scores import Scores
    from lrapp.export.finished_run import worth

    kept = run.scores_path.exists()
    print(worth(run.settings, Scores.from_json(run.scores_path.read_text("utf-8")) if kept else None))
    for remark in setting_checks.after(run.settings, run.history()):
        print(f"Note: {remark.text}")
    return True


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


class Bar:
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
