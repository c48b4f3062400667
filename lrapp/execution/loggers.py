"""A run's events -> elsewhere, where the environment asks for it: TensorBoard's event files, an MLflow server.

``LRAPP_TENSORBOARD`` is 1 (into the run's folder) or names a folder; ``MLFLOW_TRACKING_URI`` is MLflow's own. Nothing
that goes wrong here fails a run: that logger is left out from then on, and a note in the run's folder says why.
"""

import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from lrapp.errors import UserError
from lrapp.evaluation.scores import Scores
from lrapp.files import write_beside
from lrapp.runs.events import EpochDone, Event, TrainingEnded, TrainingStarted
from lrapp.runs.store import Run

TENSORBOARD, MLFLOW, EXPERIMENT = "LRAPP_TENSORBOARD", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
NOTE_FILE, MLFLOW_FILE, TENSORBOARD_FOLDER = "logging.txt", "mlflow.txt", "tensorboard"
# An epoch may take milliseconds, and so may a call to a server.
_SECONDS_BETWEEN_CALLS = 2.0
_MOST_METRICS, _MOST_PARAMS, _MOST_LETTERS = 900, 100, 500
# MLflow's own patience is minutes; the training waits for it.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
}
# An address may hold a password: //user:password@host.
_SECRETS = re.compile(r"//[^/@\s]+@")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")


class Logger(Protocol):
    """A destination of events."""

    def take(self, event: Event) -> None:
        """Log an event."""

    def close(self) -> None:
        """Log what is known at the end, and end."""


class Loggers:
    """All loggers that the environment asks for; their errors do not fail the run.

    Args:
        makers: What makes each logger, by name.
    """

    def __init__(self, run: Run, makers: Mapping[str, Callable[[Run], Logger]]) -> None:
        self._run = run
        self._open: dict[str, Logger] = {}
        (run.folder / NOTE_FILE).unlink(missing_ok=True)
        for name, make in makers.items():
            try:
                self._open[name] = make(run)
            except Exception as error:
                self._failed(name, error)

    def take(self, event: Event) -> None:
        """Log an event wherever that still works."""
        self._have_all(lambda logger: logger.take(event))

    def close(self) -> None:
        """Log the end, with the files that the run has left."""
        self._have_all(lambda logger: logger.close())
        self._open.clear()

    def _have_all(self, do: Callable[[Logger], None]) -> None:
        for name, logger in list(self._open.items()):
            try:
                do(logger)
            except Exception as error:
                self._failed(name, error)

    def _failed(self, name: str, error: Exception) -> None:
        self._open.pop(name, None)
        why = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        why = _SECRETS.sub("//", " ".join(why.split()))[:300]
        note = f"Logging to {name} failed and was left out; the run itself is whole. ({why})"
        with suppress(UserError):  # a disk that is full
            write_beside(self._run.folder / NOTE_FILE, "\n".join([*notes(self._run), note]).encode())


def open_for(run: Run) -> Loggers:
    """Return the loggers that the environment asks for; none for a range test."""
    makers: dict[str, Callable[[Run], Logger]] = {}
    if run.settings.mode == "train":
        if os.environ.get(TENSORBOARD, "0") not in ("", "0"):
            makers["TensorBoard"] = _tensorboard
        if os.environ.get(MLFLOW):
            makers["MLflow"] = MLflow
    return Loggers(run, makers)


def notes(run: Run) -> list[str]:
    """Return plain sentences on what could not be logged."""
    try:
        return (run.folder / NOTE_FILE).read_text("utf-8", errors="replace").splitlines()
    except OSError:  # usually there is none; or it cannot be read
        return []


def _tensorboard(run: Run) -> Logger:
    from lrapp.execution.tensorboard import EventFiles

    named = os.environ[TENSORBOARD]
    return EventFiles(run.folder / TENSORBOARD_FOLDER if named == "1" else Path(named) / run.id)


class MLflow:
    """An MLflow run: settings as parameters, figures of each epoch and of the test as metrics, and the model's files.

    A run that is taken up again goes on in the same MLflow run.
    """

    def __init__(self, run: Run) -> None:
        if find_spec("mlflow") is None:
            raise UserError(f"{MLFLOW} is set, but mlflow is not installed: pip install mlflow-skinny")
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        self._mlflow: Any = import_module("mlflow")
        self._run = run
        self._client = self._mlflow.MlflowClient(os.environ[MLFLOW])
        self._metrics: list[Any] = []
        self._due = time.monotonic() + _SECONDS_BETWEEN_CALLS
        self._ended: TrainingEnded | None = None
        kept = run.folder / MLFLOW_FILE
        if kept.exists():
            self._id = kept.read_text("utf-8")
            self._client.update_run(self._id, status="RUNNING")
        else:
            self._id = self._create()
            write_beside(kept, self._id.encode())

    def _create(self) -> str:
        name = os.environ.get(EXPERIMENT) or "LR Lab"
        experiment = self._client.get_experiment_by_name(name)
        experiment_id = experiment.experiment_id if experiment else self._client.create_experiment(name)
        settings = self._run.settings
        title = settings.name or settings.data.title
        tags = {
            "lrapp.run": self._run.id,
            "lrapp.table": settings.data.source.name,
            "lrapp.target": settings.data.target or "",
            "lrapp.policy": settings.policy.type,
        }
        made: str = self._client.create_run(experiment_id, run_name=title, tags=tags).info.run_id
        params = [
            self._mlflow.entities.Param(name, value)
            for name, value in flattened(settings.model_dump(mode="json"))
        ]
        for start in range(0, len(params), _MOST_PARAMS):
            self._client.log_batch(made, params=params[start : start + _MOST_PARAMS])
        return made

    def take(self, event: Event) -> None:
        """Keep an epoch's figures for the next call."""
        match event:
            case TrainingStarted():
                self._client.set_tag(self._id, "lrapp.metric", event.metric)
            case EpochDone():
                for name in ("loss", "val_loss", "metric", "val_metric", "learning_rate"):
                    self._keep(name, getattr(event, name), event.epoch)
                if time.monotonic() >= self._due or len(self._metrics) >= _MOST_METRICS:
                    self._flush()
            case TrainingEnded():
                self._ended = event

    def _keep(self, name: str, value: float | None, step: int) -> None:
        if value is not None and not math.isnan(value):
            now = int(time.time() * 1000)
            self._metrics.append(self._mlflow.entities.Metric(name, value, now, step))

    def _flush(self) -> None:
        if self._metrics:
            self._client.log_batch(self._id, metrics=self._metrics)
        self._metrics.clear()
        self._due = time.monotonic() + _SECONDS_BETWEEN_CALLS

    def close(self) -> None:
        """Log the test results, and the run's files."""
        run, ended = self._run, self._ended
        if ended is not None:
            self._client.set_tag(self._id, "lrapp.ended", ended.reason)
            if run.scores_path.exists():
                scores = Scores.from_json(run.scores_path.read_bytes())
                for metric in scores.metrics:
                    name = _NOT_IN_NAMES.sub("_", f"{scores.part}_{metric.name.replace('²', '2')}")
                    self._keep(name, metric.value, ended.epochs)
        self._flush()
        # Only what is safe to hand on and of use: no checkpoint, no lock.
        for path in sorted(run.folder.glob("*")):
            if path.name in _ARTIFACTS:
                self._client.log_artifact(self._id, str(path))
        status = "FAILED" if ended is None or ended.reason == "diverged" else "FINISHED"
        if ended is not None and ended.reason == "stopped":
            status = "KILLED"
        self._client.set_terminated(self._id, status=status)


_ARTIFACTS = {
    *("run.json", "model.keras", "preprocessor.skops", "preprocessor.json", "scores.json", "insight.json"),
    "events.jsonl",
}


def flattened(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Return settings as names with dots and short texts, as MLflow keeps parameters.

    Args:
        settings: As JSON has them.
        before: What the names begin with.
    """
    for name, value in settings.items():
        if isinstance(value, Mapping):
            # Names of columns are no names for parameters.
            if name == "kinds":
                continue
            yield from flattened(value, f"{before}{name}.")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            places = {
                str(place): item for place, item in enumerate(value, start=1) if isinstance(item, Mapping)
            }
            yield from flattened(places, f"{before}{name}.")
        else:
            yield f"{before}{name}", str(value)[:_MOST_LETTERS]
