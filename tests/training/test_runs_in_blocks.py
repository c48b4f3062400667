"""A run whose rows memory does not hold goes in blocks, says so, and goes on to the bit after it was cut off."""

from pathlib import Path
from typing import Any

import pytest
from training.whole_runs import assert_same_runs, done

from lrapp import free_memory
from lrapp.errors import UserError
from lrapp.execution import room, worker
from lrapp.networks import memory_estimate
from lrapp.runs.events import EpochDone, Event
from lrapp.runs.store import Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

ONE = RunSettings(
    data=DataSettings(source=SampleSource(name="auto_mpg.csv"), target="mpg"),
    model=ModelSettings(layers=(LayerSettings(units=4, dropout=0.1),)),
    training=TrainingSettings(epochs=4, batch_size=16),
    policy=FixedSettings(learning_rate=0.01),
    closer_look=False,
)
SEVERAL = ONE.model_copy(
    update={
        "data": ONE.data.model_copy(update={"folds": 3}),
        "model": ModelSettings(layers=(LayerSettings(units=4),), number_embedding="bins"),
        "policy": CLRSettings(source="found"),
    }
)
BLOCK = 48


class Interrupted(Exception):
    """As good as a killed process, for what is in the folder."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_estimate, "rows_of_a_block", lambda shape, batch_size: BLOCK)
    monkeypatch.setattr(memory_estimate, "_EVALUATED", BLOCK)


def limit(store: Store, settings: RunSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave memory for some blocks of a run, and not for all of its rows."""
    prepared = worker.prepared_data(store, settings.data)
    monkeypatch.setattr(free_memory, "for_a_run", lambda: None)
    whole, rows = room.needed(settings, prepared)
    assert rows == 0
    monkeypatch.setattr(free_memory, "for_a_run", lambda: whole - 1)


@pytest.mark.parametrize("settings", [ONE, SEVERAL], ids=["one", "several"])
def test_it_goes_in_blocks_and_on_to_the_bit_wherever_memory_is(
    store: Store, settings: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(store, settings, monkeypatch)
    whole = done(store, settings)
    prepared = whole.history().prepared
    assert prepared is not None
    assert prepared.block_rows == BLOCK
    assert any("train in blocks of 48 rows" in note for note in prepared.notes)
    broken = store.create(settings)

    def cut(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            raise Interrupted

    monkeypatch.setattr("lrapp.training.course.STATE_SECONDS", 0.0)
    with pytest.raises(Interrupted):
        worker.work(broken.folder, store.home, on_event=cut)
    monkeypatch.setattr(free_memory, "for_a_run", lambda: None)  # it goes on as it began
    assert worker.work(broken.folder, store.home).state == "completed"
    assert_same_runs(broken, whole)
    # With all rows in memory, other numbers come of another order.
    other = done(store, settings).history()
    assert other.prepared is not None
    assert other.prepared.block_rows == 0
    assert not other.step_frame().equals(whole.history().step_frame())


def test_what_began_in_memory_is_not_gone_on_with_in_blocks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.create(ONE)

    def cut(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            raise Interrupted

    monkeypatch.setattr("lrapp.training.course.STATE_SECONDS", 0.0)
    with pytest.raises(Interrupted):
        worker.work(run.folder, store.home, on_event=cut)
    limit(store, ONE, monkeypatch)
    with pytest.raises(UserError, match="This network needs about"):
        worker.work(run.folder, store.home)


@pytest.mark.parametrize("available", [10_000_000, 30_000_000])
def test_a_network_that_does_not_even_fit_with_blocks_is_refused(
    available: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(free_memory, "for_a_run", lambda: available)
    with pytest.raises(UserError, match=f"has {available / 1e6:.0f} MB free: make layers narrower"):
        worker.work(store.create(ONE).folder, store.home)


def test_the_limit_of_the_worker_is_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 10**9)
    assert free_memory.for_a_run({}) == 10**9
    assert free_memory.for_a_run({free_memory.LIMIT: "500MB"}) == 500 * 10**6
    assert free_memory.for_a_run({free_memory.LIMIT: " 4 GB"}) == 10**9
    with pytest.raises(
        UserError, match=r"LRAPP_WORKER_MEMORY must be a size, such as 500MB or 4GB\. Received: much"
    ):
        free_memory.for_a_run({free_memory.LIMIT: "much"})
    monkeypatch.setattr(free_memory, "available_bytes", lambda: None)
    none: Any = free_memory.for_a_run({})
    assert none is None
    assert free_memory.for_a_run({free_memory.LIMIT: "4GB"}) == 4 * 10**9
