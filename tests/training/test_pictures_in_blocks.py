"""Pictures that memory does not hold are mapped from the disk, train in blocks, and go on to the bit."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from pictures import packed, zipped
from PIL import Image
from preparing import assert_same, entries, got
from training.whole_runs import assert_same_runs, done

from lrapp import free_memory
from lrapp.errors import UserError
from lrapp.evaluation import explanations
from lrapp.execution import loops, room, worker
from lrapp.export import finished_image_run
from lrapp.networks import memory_estimate, saved
from lrapp.preparation.table_arrays import Prepared
from lrapp.runs import disk_space
from lrapp.runs.events import EpochDone, Event
from lrapp.runs.store import Store
from lrapp.settings import (
    AugmentationSettings,
    CLRSettings,
    DataSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    PictureFileSource,
    PictureSettings,
    PicturesSource,
    RangeTestSettings,
    RunSettings,
    TrainingSettings,
)
from lrapp.settings.base import checked
from lrapp.training import blocks, loop

Row = LayerSettings
SIDE, EACH, BLOCK = 8, 60, 24
LITTLE = 2 * 3 * EACH * SIDE * SIDE


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def settings(store: Store) -> RunSettings:
    """A network for grey pictures of three classes in a zip, one of them broken."""
    rng = np.random.default_rng(5)
    files = {
        f"{name}/{number}.png": packed(
            Image.fromarray(rng.integers(low, low + 120, (SIDE, SIDE), np.uint8, endpoint=True))
        )
        for name, low in (("dark", 0), ("grey", 60), ("light", 130))
        for number in range(EACH)
    }
    kept = store.keep_file(zipped(files | {"dark/7.png": b"broken"}), "some.zip")
    return RunSettings(
        data=DataSettings(
            source=PictureFileSource(name="some.zip", sha256=kept.sha256),
            pictures=PictureSettings(size=SIDE),
            class_weights=True,
        ),
        model=ModelSettings(
            layers=(Row(kind="conv", units=4), Row(kind="max_pool", size=2), Row(units=8, dropout=0.1)),
            augmentation=AugmentationSettings(flip="horizontal", shift=0.1),
        ),
        training=TrainingSettings(epochs=4, batch_size=8),
        policy=FixedSettings(learning_rate=0.01),
    )


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let some pictures be as many as some megabytes of them are elsewhere."""
    monkeypatch.setattr(memory_estimate, "rows_of_a_block", lambda shape, batch_size: BLOCK)
    for module in (loop, saved, explanations):
        name = "_EVALUATION_PICTURE_NUMBERS" if module is loop else "_NUMBERS_AT_ONCE"
        monkeypatch.setattr(module, name, 1 << 10)
    loops.traced.cache_clear()
    yield
    loops.traced.cache_clear()


def limit(monkeypatch: pytest.MonkeyPatch, available: int | None) -> None:
    monkeypatch.setattr(free_memory, "for_a_run", lambda: available)
    worker._last_data.forget()


def limit_run(store: Store, settings: RunSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepare the pictures in pieces, and leave memory for some blocks of a run."""
    limit(monkeypatch, None)
    whole, rows = room.needed(settings, worker.prepared_data(store, settings.data))
    assert rows == 0
    limit(monkeypatch, LITTLE)
    prepared = worker.prepared_data(store, settings.data)
    assert is_mapped(prepared.train.x)
    monkeypatch.setattr(free_memory, "for_a_run", lambda: whole - 1)


def is_mapped(array: Any) -> bool:
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


# --- the arrays ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"all_rows": True},
        {"pictures": PictureSettings(size=SIDE, only_classes=("light", "dark"), most_rows=40)},
    ],
    ids=["three classes", "all rows", "some"],
)
def test_they_are_those_of_memory(
    store: Store, settings: RunSettings, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = checked(settings.data, **change)
    limit(monkeypatch, LITTLE if not data.pictures.most_rows else LITTLE // 2)
    ours = got(store, data)
    assert is_mapped(ours.train.x)
    (entry,) = entries(store)
    inode = (entry / "train.x.npy").stat().st_ino
    assert_same(got(store, data), ours)
    assert (entry / "train.x.npy").stat().st_ino == inode
    disk_space.empty_prepared(store.home)
    limit(monkeypatch, None)
    theirs = got(store, data)
    assert not is_mapped(theirs.train.x)  # too small to be kept
    assert_same(ours, theirs)
    assert any("broken" in note for note in ours.notes)


def test_the_built_in_sets_go_the_same_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataSettings(source=PicturesSource(name="digits"))
    limit(monkeypatch, 100_000)
    ours = got(store, data)
    assert is_mapped(ours.validation.x)
    limit(monkeypatch, None)
    disk_space.empty_prepared(store.home)
    assert_same(ours, got(store, data))


def test_no_room_on_the_disk_is_a_sentence(
    store: Store, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, LITTLE)
    monkeypatch.setenv("LRAPP_PREPARED_DISK", "0")
    with pytest.raises(
        UserError, match=r"Memory does not hold .*choose a smaller size of the pictures, or use fewer"
    ):
        got(store, settings.data)
    monkeypatch.delenv("LRAPP_PREPARED_DISK")
    real = shutil.disk_usage
    monkeypatch.setattr(
        "lrapp.preparation.kept_arrays.shutil.disk_usage", lambda path: SimpleNamespace(free=10**8)
    )
    with pytest.raises(UserError, match="The disk is nearly full"):
        got(store, settings.data)
    monkeypatch.setattr(shutil, "disk_usage", real)
    assert entries(store) == []


# --- the runs ------------------------------------------------------------------------------------------------


def test_a_run_goes_in_blocks_and_on_to_the_bit_wherever_memory_is(
    store: Store, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_run(store, settings, monkeypatch)
    whole = done(store, settings)
    prepared = whole.history().prepared
    assert prepared is not None
    assert prepared.block_rows == BLOCK
    (note,) = [note for note in prepared.notes if "blocks" in note]
    assert "107 training pictures" in note
    assert "train in blocks of 24 pictures from everywhere in the data" in note
    broken = store.create(settings)

    def cut(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            raise InterruptedError  # as good as a killed process, for what is in the folder

    monkeypatch.setattr("lrapp.training.course.STATE_SECONDS", 0.0)
    with pytest.raises(InterruptedError):
        worker.work(broken.folder, store.home, on_event=cut)
    limit(monkeypatch, None)  # it goes on as it began
    disk_space.empty_prepared(store.home)
    assert worker.work(broken.folder, store.home).state == "completed"
    assert_same_runs(broken, whole)
    # In memory, the same numbers come of the same order.
    other = done(store, settings)
    assert not other.history().step_frame().equals(whole.history().step_frame())
    monkeypatch.setattr(
        blocks,
        "shuffled",
        lambda rows, seed, epoch: tf.constant(blocks.shuffled_in_blocks(rows, BLOCK, seed, epoch)),
    )
    assert_same_runs(done(store, settings), whole)


def test_pictures_on_the_disk_that_fit_give_the_bits_of_memory(
    store: Store, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, None)
    theirs = done(store, settings)
    limit(monkeypatch, LITTLE)
    assert is_mapped(worker.prepared_data(store, settings.data).train.x)
    monkeypatch.setattr(free_memory, "for_a_run", lambda: None)
    ours = done(store, settings)
    assert_same_runs(ours, theirs)
    history = ours.history()
    assert history.prepared is not None
    assert history.prepared.block_rows == 0


@pytest.mark.parametrize("rise", ["exponential", "linear"])
def test_rates_are_found_in_blocks(
    rise: Any, store: Store, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = RangeTestSettings(rise=rise, steps=40)
    settings = checked(settings, range_test=test, policy=CLRSettings(source="found"), mode="range test")
    limit_run(store, settings, monkeypatch)
    run = store.create(settings)
    loaded: list[int] = []
    real = blocks.taken

    def noting(part: Any, rows: Any) -> Any:
        found = real(part, rows)
        loaded.append(len(found.y))
        return found

    monkeypatch.setattr(blocks, "taken", noting)
    assert worker.work(run.folder, store.home).state == "completed"
    assert max(loaded) <= max(BLOCK, 16)
    assert run.history().found is not None


def test_an_export_takes_them_from_the_disk(
    store: Store, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_run(store, settings, monkeypatch)
    run = done(store, settings)
    in_memory = finished_image_run.picture_recipe(run, store)  # of what is free here, they need little
    limit(monkeypatch, LITTLE)
    recipe = finished_image_run.picture_recipe(run, store)
    assert is_mapped(recipe.prepared.train.x)
    assert_same(recipe.prepared, in_memory.prepared)
    assert recipe.split == in_memory.split
    np.testing.assert_array_equal(recipe.checked.x, in_memory.checked.x)


def test_all_arrays_of_pictures_stay_on_the_disk_while_they_train(
    store: Store, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads all of a part's pictures at once is found by an array that refuses."""
    limit_run(store, settings, monkeypatch)
    real = worker.prepared_data

    class Guarded(np.ndarray[Any, Any]):
        def __getitem__(self, key: Any) -> Any:
            found = super().__getitem__(key)
            if np.ndim(found) == 4:
                assert len(found) < len(self) or len(found) <= BLOCK, "all pictures at once"
                found = np.asarray(found)
            return found

        def __array_ufunc__(self, *given: Any, **more: Any) -> Any:
            raise AssertionError("all pictures at once")

    def guarded(*given: Any, **more: Any) -> Prepared:
        prepared = real(*given, **more)
        parts = {
            name: dataclasses.replace(part, x=part.x.view(Guarded))
            for name in ("train", "validation", "test")
            for part in [getattr(prepared, name)]
        }
        return dataclasses.replace(prepared, **parts)

    monkeypatch.setattr(worker, "prepared_data", guarded)
    run = done(store, settings)
    assert b"failed" not in run.insight_path.read_bytes()
