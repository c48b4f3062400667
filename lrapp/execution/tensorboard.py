"""A run's events -> TensorBoard's event files, written as TensorFlow itself writes them; needs no further package."""

import secrets
import socket
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from lrapp.runs.events import EpochDone, Event, StepsDone, TrainingStarted

_Event, _Log, _Summary = tf.compat.v1.Event, tf.compat.v1.SessionLog, tf.compat.v1.Summary


class EventFiles:
    """Two files, as Keras's own callback writes them: ``train`` and ``validation`` share one chart in TensorBoard."""

    def __init__(self, folder: Path) -> None:
        self._files = {part: _File(folder / part) for part in ("train", "validation")}
        self._metric = "metric"

    def take(self, event: Event) -> None:
        """Write what an event says: loss and rate of each step; loss, metric and rate of each epoch."""
        train, validation = self._files["train"], self._files["validation"]
        match event:
            case TrainingStarted():
                self._metric = event.metric.replace(" ", "_")
                # Steps that are repeated after an interruption replace those written before.
                train.begin(event.first_epoch * event.steps_per_epoch, event.first_epoch)
                validation.begin(event.first_epoch, event.first_epoch)
            case StepsDone():
                pairs = zip(event.losses, event.learning_rates, strict=True)
                for step, (loss, rate) in enumerate(pairs, start=event.first_step):
                    train.write(step, {"batch_loss": loss, "batch_learning_rate": rate})
                for step, momentum in enumerate(event.momenta, start=event.first_step):
                    train.write(step, {"batch_momentum": momentum})
            case EpochDone():
                # Counted from 0, as Keras's callback does.
                train.write(
                    event.epoch - 1,
                    {
                        "epoch_loss": event.loss,
                        f"epoch_{self._metric}": event.metric,
                        "epoch_learning_rate": event.learning_rate,
                    },
                )
                validation.write(
                    event.epoch - 1,
                    {"epoch_loss": event.val_loss, f"epoch_{self._metric}": event.val_metric},
                )
                for file in self._files.values():
                    file.flush()

    def close(self) -> None:
        """End the files."""
        for file in self._files.values():
            file.close()


class _File:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{secrets.token_hex(4)}.v2"
        self._records = tf.io.TFRecordWriter(str(folder / name))
        self._put(_Event(wall_time=time.time(), file_version="brain.Event:2"))

    def _put(self, event: "tf.compat.v1.Event") -> None:
        self._records.write(event.SerializeToString())

    def begin(self, step: int, epoch: int) -> None:
        """Mark steps of earlier files from this one on as replaced."""
        if step or epoch:
            self._put(_Event(wall_time=time.time(), step=epoch, session_log=_Log(status=_Log.START)))

    def write(self, step: int, values: dict[str, float]) -> None:
        listed = [
            _Summary.Value(tag=tag, simple_value=value)
            for tag, value in values.items()
            if not np.isnan(value)
        ]
        self._put(_Event(wall_time=time.time(), step=step, summary=_Summary(value=listed)))

    def flush(self) -> None:
        self._records.flush()

    def close(self) -> None:
        self._records.close()
