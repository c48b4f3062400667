"""Runs that start from a network of ImageNet and unfreeze it bit by bit: stopped, and gone on with to the bit."""

from pathlib import Path

import keras
import pytest
from imagenet import weights as imagenet_weights

from lrapp.execution import worker
from lrapp.runs.events import EpochDone, Event
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    DataSettings,
    FixedSettings,
    GroupSettings,
    LayerSettings,
    ModelSettings,
    PicturesSource,
    PretrainedStart,
    RunSettings,
    TrainingSettings,
)
from lrapp.settings.data import PictureSettings

SETTINGS = RunSettings(
    data=DataSettings(source=PicturesSource(name="digits"), pictures=PictureSettings(most_rows=48)),
    model=ModelSettings(layers=(LayerSettings(units=4),), start=PretrainedStart(size=32)),
    training=TrainingSettings(
        epochs=4,
        batch_size=16,
        groups=GroupSettings(early=0.1, middle=0.3, frozen_epochs=1, early_frozen_epochs=1),
    ),
    policy=FixedSettings(learning_rate=1e-3),
    closer_look=False,
)


def done(run: Run, store: Store, stop_after: int = 0) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == stop_after:
            run.ask_to_stop()

    outcome = worker.work(run.folder, store.home, stop)
    assert outcome.state == ("stopped" if stop_after else "completed")


def test_a_run_that_unfreezes_layers_goes_on_to_the_bit_without_the_downloaded_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.src.utils.file_utils.config, "keras_home", lambda: str(tmp_path))
    imagenet_weights.keep("MobileNetV2", 224, tmp_path)
    store = Store(tmp_path / "home")
    whole, cut = store.create(SETTINGS), store.create(SETTINGS)
    done(whole, store)
    # Stopped where the middle layers begin to move, and where the early ones do.
    done(cut, store, stop_after=1)
    (file,) = (tmp_path / "models").iterdir()
    file.unlink()
    for stop_after in (2, 0):
        cut.forget_stop()
        done(cut, store, stop_after)
    ours, theirs = cut.history(), whole.history()
    assert ours.step_frame().equals(theirs.step_frame())
    assert [(one.loss, one.val_loss) for one in ours.epochs] == [
        (one.loss, one.val_loss) for one in theirs.epochs
    ]
    rates = theirs.step_frame()[["early", "middle"]].to_numpy().reshape(4, 3, 2)
    assert (rates.max(axis=1) == 0).tolist() == [[True, True], [True, False], [False, False], [False, False]]
