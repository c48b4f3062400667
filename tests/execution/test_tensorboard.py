"""What TensorBoard will read, read back with TensorFlow's own iterator."""

from pathlib import Path

import pytest
import tensorflow as tf

from lrapp.execution.tensorboard import EventFiles
from lrapp.runs.events import EpochDone, StepsDone, TrainingStarted

STARTED = TrainingStarted(10, "mean absolute error", 2, 6, 3)


def epoch(number: int, val_loss: float = 0.5) -> EpochDone:
    return EpochDone(number, 2 * number, 1.0 / number, val_loss, 0.25, 0.75, 0.125, 1.0, True)


def read(folder: Path) -> list[tuple[str, int, float]]:
    """Tag, step and value of all that the files of a folder hold, in the order of writing."""
    return [
        (value.tag, event.step, value.simple_value)
        for path in sorted(folder.iterdir())
        for event in tf.compat.v1.train.summary_iterator(str(path))
        for value in event.summary.value
    ]


def test_steps_and_epochs_are_written(tmp_path: Path) -> None:
    files = EventFiles(tmp_path)
    files.take(STARTED)
    files.take(StepsDone(0, (3.0, 2.0), (0.5, 0.25), 0.1))
    files.take(StepsDone(2, (1.0,), (0.25,), 0.1, momenta=(0.875,)))
    files.take(epoch(1))
    files.take(epoch(2, float("nan")))
    files.close()
    assert read(tmp_path / "train") == [
        ("batch_loss", 0, 3.0),
        ("batch_learning_rate", 0, 0.5),
        ("batch_loss", 1, 2.0),
        ("batch_learning_rate", 1, 0.25),
        ("batch_loss", 2, 1.0),
        ("batch_learning_rate", 2, 0.25),
        ("batch_momentum", 2, 0.875),
        ("epoch_loss", 0, 1.0),
        ("epoch_mean_absolute_error", 0, 0.25),
        ("epoch_learning_rate", 0, 0.125),
        ("epoch_loss", 1, 0.5),
        ("epoch_mean_absolute_error", 1, 0.25),
        ("epoch_learning_rate", 1, 0.125),
    ]
    # Without validation rows there is no figure, not a line of NaN.
    assert read(tmp_path / "validation") == [
        ("epoch_loss", 0, 0.5),
        ("epoch_mean_absolute_error", 0, 0.75),
        ("epoch_mean_absolute_error", 1, 0.75),
    ]


def test_what_was_written_can_be_read_while_the_run_goes_on(tmp_path: Path) -> None:
    files = EventFiles(tmp_path)
    files.take(STARTED)
    files.take(epoch(1))
    assert len(read(tmp_path / "train")) == 3
    files.close()


def test_a_resumed_run_says_from_where(tmp_path: Path) -> None:
    EventFiles(tmp_path).close()
    files = EventFiles(tmp_path)
    files.take(TrainingStarted(10, "accuracy", 2, 6, 3, first_epoch=2))
    files.close()
    paths = sorted((tmp_path / "validation").iterdir())
    assert len(paths) == 2
    starts = [
        event.step
        for event in tf.compat.v1.train.summary_iterator(str(paths[1]))
        if event.session_log.status == tf.compat.v1.SessionLog.START
    ]
    assert starts == [2]


def test_the_first_record_names_the_format(tmp_path: Path) -> None:
    EventFiles(tmp_path).close()
    (path,) = (tmp_path / "train").iterdir()
    assert path.name.startswith("events.out.tfevents.")
    assert next(iter(tf.compat.v1.train.summary_iterator(str(path)))).file_version == "brain.Event:2"


@pytest.mark.parametrize("metric", ["accuracy", "mean absolute error"])
def test_the_metric_has_its_name(metric: str, tmp_path: Path) -> None:
    files = EventFiles(tmp_path)
    files.take(TrainingStarted(10, metric, 2, 6, 3))
    files.take(epoch(1))
    files.close()
    assert f"epoch_{metric.replace(' ', '_')}" in {tag for tag, _, _ in read(tmp_path / "validation")}
