"""What a worker does for a run, short of training."""

from pathlib import Path

import pytest
from filelock import FileLock

from lrapp import estimates, worker
from lrapp.errors import UserError
from lrapp.events import DataPrepared, EpochDone, Event, StepsDone, TrainingEnded, TrainingStarted
from lrapp.reading.columns import Kind
from lrapp.runs import Run, Store
from lrapp.settings import (
    DataSettings,
    DialectSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


TINY = RunSettings(
    data=DataSettings(source=SampleSource(name="auto_mpg.csv"), target="mpg"),
    model=ModelSettings(layers=()),
    training=TrainingSettings(epochs=2, batch_size=64),
    policy=FixedSettings(learning_rate=0.05),
)


def test_events_are_told_after_they_were_written(store: Store) -> None:
    run = store.create(TINY)
    told: list[Event] = []
    written: list[int] = []

    def take(event: Event) -> None:
        told.append(event)
        written.append(run.events_path.read_bytes().count(b"\n"))

    outcome = worker.work(run.folder, store.home, on_event=take)
    assert outcome.state == "completed"
    assert written == list(range(1, len(told) + 1))
    kinds = [type(event) for event in told if not isinstance(event, StepsDone)]
    assert kinds == [DataPrepared, TrainingStarted, EpochDone, EpochDone, TrainingEnded]
    prepared = told[0]
    assert isinstance(prepared, DataPrepared)
    assert prepared.train + prepared.validation + prepared.test in (392, 398)


def test_the_same_settings_give_the_same_history(store: Store) -> None:
    first, second = store.create(TINY), store.create(TINY)
    for run in (first, second):
        worker.work(run.folder, store.home)
    assert first.history().step_frame().equals(second.history().step_frame())
    assert first.scores_path.read_bytes() == second.scores_path.read_bytes()


def test_a_run_that_another_process_works_on_is_left_alone(store: Store) -> None:
    run = store.create(TINY)
    with (
        FileLock(run.lock_path),
        pytest.raises(UserError, match=r"^Another process is working on this run already"),
    ):
        worker.work(run.folder, store.home)
    assert not run.events_path.exists()


def test_a_stop_that_was_asked_before_the_start_leaves_the_first_weights(store: Store) -> None:
    run = store.create(TINY)
    run.ask_to_stop()
    outcome = worker.work(run.folder, store.home)
    assert outcome.state == "stopped"
    assert run.history().steps_done == 0
    assert run.model_path.exists()


def test_a_network_too_large_for_memory_is_refused_before_it_is_built(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "available_bytes", lambda: 2_000_000_000)
    wide = tuple(LayerSettings(units=16_384) for _ in range(10))
    run = store.create(TINY.model_copy(update={"model": ModelSettings(layers=wide)}))
    with pytest.raises(UserError, match=r"^This network needs about .* free: make layers narrower"):
        worker.work(run.folder, store.home)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (DataSettings(target="no such column"), "no such column"),
        (DataSettings(source=SampleSource(name="gone.csv"), target="a"), "gone.csv"),
    ],
)
def test_data_that_cannot_be_used_is_a_sentence(store: Store, data: DataSettings, word: str) -> None:
    run = store.create(TINY.model_copy(update={"data": data}))
    with pytest.raises(UserError, match=word):
        worker.work(run.folder, store.home)


def test_a_table_is_read_as_the_settings_say(store: Store) -> None:
    source = store.keep_file(b"a;b\n1,5;x\n2,5;y\n3,5;x\n", "t.csv")
    table = worker.read_table(store, DataSettings(source=source))
    assert table.frame["a"].tolist() == [1.5, 2.5, 3.5]
    told = DataSettings(
        source=source, dialect=DialectSettings(delimiter=";", header=False), kinds={"a": Kind.TEXT}
    )
    with pytest.raises(UserError):
        worker.read_table(store, told)  # without a header no column is called a
    told = told.model_copy(update={"kinds": {}})
    assert len(worker.read_table(store, told).frame) == 4
    plain = DataSettings(source=source, kinds={"a": Kind.CATEGORY})
    assert worker.read_table(store, plain).kinds["a"] is Kind.CATEGORY


def test_a_damaged_run_is_a_sentence(store: Store) -> None:
    run = store.create(TINY)
    (run.folder / "run.json").write_text("{")
    with pytest.raises(UserError, match=r"not valid JSON"):
        worker.work(run.folder, store.home)
    assert Run(run.folder).status.state == "queued"


def test_a_damaged_checkpoint_is_a_sentence(store: Store) -> None:
    run = store.create(TINY)
    run.checkpoint_path.write_bytes(b"PK half of it")
    with pytest.raises(UserError):
        worker.work(run.folder, store.home)
