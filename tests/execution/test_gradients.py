"""What a worker does to check gradients: data, weights to start from, and leaving everything else alone."""

from pathlib import Path
from typing import get_args

import pytest
import small_networks

from lrapp.errors import Stopped, UserError
from lrapp.execution import loops, worker
from lrapp.progress import ThreadWatch
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    AugmentationSettings,
    DataSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    PicturesSource,
    Precision,
    PretrainedStart,
    RunSettings,
    RunStart,
    SampleSource,
    TrainingSettings,
)
from lrapp.settings.base import checked
from lrapp.training.gradient_report import FINE

PENGUINS = RunSettings(
    data=DataSettings(source=SampleSource(name="penguins.csv"), target="species", class_weights=True),
    model=ModelSettings(layers=(LayerSettings(units=8, dropout=0.1, batch_norm=True),)),
)


@pytest.mark.parametrize("precision", get_args(Precision))
def test_convolutions_on_digits(tmp_path: Path, precision: Precision) -> None:
    settings = RunSettings(
        data=DataSettings(source=PicturesSource(name="digits")),
        model=ModelSettings(
            layers=(
                LayerSettings(kind="conv", units=4, l1=1e-3),
                LayerSettings(kind="max_pool", size=2),
                LayerSettings(kind="residual", units=6, batch_norm=True, l2=1e-3),
                LayerSettings(kind="global_avg_pool"),
                LayerSettings(kind="dropout", dropout=0.5),
            ),
        ),
        training=TrainingSettings(precision=precision),
    )
    report = worker.checked_gradients(tmp_path, settings)
    assert [layer.name for layer in report.layers] == [
        "Layer 1 (Convolution)",
        *(f"Layer 3 (Residual block), {part}" for part in ("convolution 1", "batch norm 1", "convolution 2")),
        *(f"Layer 3 (Residual block), {part}" for part in ("convolution 3", "batch norm 2", "batch norm 3")),
        "Output",
    ]
    assert report.right
    assert max(layer.error for layer in report.layers) < FINE
    assert 0 < report.lost < 0.1
    varied = settings.model.model_copy(update={"augmentation": AugmentationSettings(rotate=90, flip="both")})
    again = worker.checked_gradients(tmp_path, settings.model_copy(update={"model": varied}))
    assert again.loss == report.loss, "the pictures are not varied"
    assert [note.split()[0] for note in report.notes] == ["Dropout", "Batch"]
    assert [note.split()[0] for note in again.notes] == ["Dropout", "Augmentation", "Batch"]


def test_a_run_after_a_check_is_the_same_run(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    settings = RunSettings(
        data=DataSettings(source=SampleSource(name="auto_mpg.csv"), target="mpg"),
        model=small_networks.RICH,
        training=TrainingSettings(epochs=2, batch_size=64),
        policy=FixedSettings(learning_rate=0.05),
    )
    first = store.create(settings)
    worker.work(first.folder, store.home)
    kept, there = loops.traced.cache_info(), len(store.runs())
    report = worker.checked_gradients(store.home, settings)
    assert report.right
    assert loops.traced.cache_info() == kept, "the loop of the last run is still there"
    assert len(store.runs()) == there
    second = store.create(settings)
    worker.work(second.folder, store.home)
    assert first.history().step_frame().equals(second.history().step_frame())
    assert first.scores_path.read_bytes() == second.scores_path.read_bytes()


def test_a_run_of_ones_own_gives_the_weights(finished: Run) -> None:
    home = finished.folder.parents[1]
    fresh = worker.checked_gradients(home, PENGUINS)
    started = PENGUINS.model_copy(
        update={"model": PENGUINS.model.model_copy(update={"start": RunStart(run=finished.id)})}
    )
    learned = worker.checked_gradients(home, started)
    assert fresh.right
    assert learned.right
    assert learned.loss < fresh.loss / 2


def test_a_pretrained_network_is_refused_in_one_sentence(tmp_path: Path) -> None:
    settings = RunSettings(
        data=DataSettings(source=PicturesSource(name="digits")),
        model=ModelSettings(layers=(), start=PretrainedStart()),
    )
    with pytest.raises(UserError, match=r"MobileNetV2 stands before them\. Start from fresh weights"):
        worker.checked_gradients(tmp_path, settings)


def test_a_check_tells_how_far_it_is(tmp_path: Path) -> None:
    watch = ThreadWatch()
    assert worker.checked_gradients(tmp_path, PENGUINS, watch).right
    assert watch.progress is not None
    assert watch.progress.doing == "Moving one weight after the other …"
    assert 0.9 < (watch.progress.share or 0) <= 1


def test_a_check_that_nobody_waits_for_ends(tmp_path: Path) -> None:
    watch = ThreadWatch()
    watch.ask_to_stop()
    with pytest.raises(Stopped, match=r"^The check was stopped"):
        worker.checked_gradients(tmp_path, PENGUINS, watch)


def test_many_networks_from_as_many_of_a_run_are_checked_by_the_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    several = checked(PENGUINS, training=TrainingSettings(epochs=1, members=2))
    run = store.create(several)
    run.set_status(state=worker.work(run.folder, store.home).state)
    started = checked(several, model=checked(several.model, start=RunStart(run=run.id)))
    assert worker.checked_gradients(store.home, started).right
