"""What a worker does for a run, short of training."""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from lrapp import free_memory
from lrapp.errors import BusyError, UserError
from lrapp.execution import worker
from lrapp.policies.lr_range import RatesFound
from lrapp.policies.schedules import CLR
from lrapp.runs.events import (
    DataPrepared,
    EpochDone,
    Event,
    Preparing,
    StepsDone,
    SweepDone,
    TrainingEnded,
    TrainingStarted,
    UntrainedDone,
)
from lrapp.runs.store import Run, Store
from lrapp.sandbox import sources
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    DialectSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    PolicySettings,
    RangeTestSettings,
    RunSettings,
    SampleSource,
    SGDRSettings,
    TrainingSettings,
)
from lrapp.tables.columns.kinds import ColumnKind


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


TINY = RunSettings(
    data=DataSettings(source=SampleSource(name="auto_mpg.csv"), target="mpg"),
    model=ModelSettings(layers=()),
    training=TrainingSettings(epochs=2, batch_size=64),
    policy=FixedSettings(learning_rate=0.05),
    closer_look=False,
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


def test_a_run_that_another_server_took_meanwhile_is_left_to_it(store: Store) -> None:
    run = store.create(TINY)
    run.set_status(state="running", attempts=2)
    with pytest.raises(BusyError, match=r"^Another server took this run first\."):
        worker.work(run.folder, store.home, attempt=1)
    run.set_status(state="completed")
    with pytest.raises(BusyError):
        worker.work(run.folder, store.home, attempt=2)
    assert not run.events_path.exists()


def test_a_worker_says_how_a_run_ended_though_its_server_is_gone(store: Store) -> None:
    run = store.create(TINY)
    run.set_status(state="running", attempts=1)
    outcome = worker.work(run.folder, store.home, attempt=1)
    assert (run.status.state, run.status.message) == ("completed", outcome.message)
    assert run.status.ended is not None


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
    monkeypatch.setattr(free_memory, "available_bytes", lambda: 2_000_000_000)
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
    table = sources.read_table(store, DataSettings(source=source))
    assert table.frame["a"].tolist() == [1.5, 2.5, 3.5]
    told = DataSettings(
        source=source, dialect=DialectSettings(delimiter=";", header=False), kinds={"a": ColumnKind.TEXT}
    )
    with pytest.raises(UserError):
        sources.read_table(store, told)  # without a header no column is called a
    told = told.model_copy(update={"kinds": {}})
    assert len(sources.read_table(store, told).frame) == 4
    plain = DataSettings(source=source, kinds={"a": ColumnKind.CATEGORY})
    assert sources.read_table(store, plain).kinds["a"] is ColumnKind.CATEGORY


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


# --- looking for rates --------------------------------------------------------------------------------------------

FINDING = TINY.model_copy(
    update={
        "policy": CLRSettings(source="found", step_size=1),
        "range_test": RangeTestSettings(steps=60, seeds=3),
        "training": TrainingSettings(optimizer="sgd", momentum=0.0, epochs=2, batch_size=64),
    }
)
LINEAR = RangeTestSettings(rise="linear", linear_end_lr=0.5, epochs=12, seeds=2)


def kinds(events: list[Event]) -> list[type]:
    """Kinds of events, neighbours of one kind taken together."""
    return [kind for kind, _ in groupby(events, key=type)]


def phases(events: list[Event]) -> list[type]:
    """The same, without what only says how far something is, or looks closer at what was seen."""
    return kinds([event for event in events if not isinstance(event, Preparing | UntrainedDone)])


def found_rates(run: Run) -> RatesFound:
    found = run.history().found
    assert found is not None
    return found


def test_a_range_test_alone_trains_nothing_and_leaves_no_model(store: Store) -> None:
    run = store.create(FINDING.model_copy(update={"mode": "range test"}))
    told: list[Event] = []
    outcome = worker.work(run.folder, store.home, on_event=told.append)
    assert phases(told) == [DataPrepared, SweepDone, RatesFound]
    assert outcome == worker.Outcome("completed", found_rates(run).sentence)
    history = run.history()
    assert len(history.sweeps) == 3
    assert history.steps_done == 0
    assert not run.model_path.exists()
    assert not run.checkpoint_path.exists()


def test_a_range_test_is_the_first_phase_of_a_run_that_finds_its_rates(store: Store) -> None:
    run = store.create(FINDING)
    told: list[Event] = []
    outcome = worker.work(run.folder, store.home, on_event=told.append)
    assert outcome.state == "completed"
    assert phases(told)[:4] == [DataPrepared, SweepDone, RatesFound, TrainingStarted]
    assert kinds(told)[-1] is TrainingEnded
    assert run.model_path.exists()
    found = found_rates(run)
    assert found.base_lr is not None
    assert found.max_lr is not None
    history = run.history()
    rows = history.prepared.train if history.prepared else 0
    per_epoch = -(-rows // 64)
    base_lr, max_lr = (float(f"{rate:.3g}") for rate in (found.base_lr, found.max_lr))
    plan = CLR(base_lr, max_lr, per_epoch).plan(2 * per_epoch)
    assert np.array_equal(history.step_frame()["learning_rate"], plan.astype(np.float32).astype(float))


@pytest.mark.parametrize(
    ("policy", "test"),
    [
        (FixedSettings(source="found"), FINDING.range_test),
        (SGDRSettings(source="found"), FINDING.range_test),
        (FixedSettings(source="found"), LINEAR),
        (CLRSettings(source="found", step_size=1, cycle_momentum=True), LINEAR),
    ],
    ids=lambda part: getattr(part, "type", "") or part.rise,
)
def test_training_after_finding_equals_training_with_the_same_rates_chosen(
    store: Store, policy: PolicySettings, test: RangeTestSettings
) -> None:
    moves = policy.cycle_momentum
    training = FINDING.training.model_copy(update={"momentum": 0.9 if moves else 0.0})
    settings = FINDING.model_copy(update={"policy": policy, "range_test": test, "training": training})
    first = store.create(settings)
    worker.work(first.folder, store.home)
    found = found_rates(first)
    assert found.watched == ("validation R2" if test is LINEAR else "")
    assert first.history().momentum_moves == moves
    second = store.create(settings.with_found(found))
    assert second.settings.policy.source == "chosen"
    assert second.settings.policy.origin == found.origin
    worker.work(second.folder, store.home)
    assert first.history().step_frame().equals(second.history().step_frame())
    assert second.history().found is None
    assert first.scores_path.read_bytes() == second.scores_path.read_bytes()


def test_momentum_that_cannot_move_is_said_before_anything_is_read(store: Store) -> None:
    policy = CLRSettings(source="found", cycle_momentum=True)
    run = store.create(FINDING.model_copy(update={"policy": policy}))
    with pytest.raises(
        UserError, match="needs an optimizer with momentum, and momentum is 0: raise momentum"
    ):
        worker.work(run.folder, store.home)
    assert run.history().prepared is None


class Interrupted(Exception):
    """As good as a killed process, for what is in the folder."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nobody interrupted."""
    store = Store(tmp_path_factory.mktemp("whole"))
    run = store.create(FINDING)
    worker.work(run.folder, store.home)
    return run


def interrupt_at(kind: type, after: int = 1) -> Callable[[Event], None]:
    left = [after]

    def take(event: Event) -> None:
        left[0] -= isinstance(event, kind)
        if left[0] <= 0:
            raise Interrupted

    return take


@pytest.mark.parametrize("kind", [RatesFound, TrainingStarted, EpochDone])
def test_a_run_interrupted_after_its_range_test_keeps_the_found_rates(
    store: Store, whole: Run, kind: type
) -> None:
    broken = store.create(FINDING)
    with pytest.raises(Interrupted):
        worker.work(broken.folder, store.home, on_event=interrupt_at(kind))
    told: list[Event] = []
    assert worker.work(broken.folder, store.home, on_event=told.append).state == "completed"
    assert kinds(told)[:2] == [DataPrepared, TrainingStarted], "it was tested once more"
    assert broken.history().found == whole.history().found
    assert broken.history().sweeps == whole.history().sweeps
    assert broken.history().step_frame().equals(whole.history().step_frame())


def test_a_run_interrupted_within_its_range_test_begins_the_test_anew(store: Store, whole: Run) -> None:
    broken = store.create(FINDING)
    with pytest.raises(Interrupted):
        worker.work(broken.folder, store.home, on_event=interrupt_at(SweepDone, after=5))
    assert broken.history().found is None
    assert worker.work(broken.folder, store.home).state == "completed"
    assert broken.history().found == whole.history().found
    assert broken.history().sweeps == whole.history().sweeps
    assert broken.history().step_frame().equals(whole.history().step_frame())


def test_a_stop_within_the_range_test_keeps_what_was_seen(store: Store) -> None:
    run = store.create(FINDING)

    def take(event: Event) -> None:
        if isinstance(event, SweepDone):
            run.ask_to_stop()

    outcome = worker.work(run.folder, store.home, on_event=take)
    assert outcome == worker.Outcome("stopped", "Stopped during the range test.")
    assert len(run.history().sweeps) == 1
    assert run.history().found is None
    assert not run.model_path.exists()
    run.forget_stop()
    assert worker.work(run.folder, store.home).state == "completed"
    assert len(run.history().sweeps) == 3


@pytest.mark.parametrize("mode", ["train", "range test"])
def test_rates_out_of_order_are_a_sentence(store: Store, mode: str) -> None:
    falling = RangeTestSettings(start_lr=1.0, end_lr=0.1)
    run = store.create(FINDING.model_copy(update={"range_test": falling, "mode": mode}))
    with pytest.raises(UserError, match=r"^A range test must start above 0 and end above where it starts"):
        worker.work(run.folder, store.home)


def test_a_run_that_finds_no_rates_says_why_and_what_to_change(store: Store) -> None:
    low = RangeTestSettings(start_lr=1e-12, end_lr=1e-9, steps=30)
    run = store.create(FINDING.model_copy(update={"range_test": low}))
    with pytest.raises(UserError, match=r"^No learning rate was found\. .*[Rr]aise .* highest rate"):
        worker.work(run.folder, store.home)
    assert found_rates(run).base_lr is None
    assert not run.model_path.exists()
    alone = store.create(FINDING.model_copy(update={"range_test": low, "mode": "range test"}))
    assert worker.work(alone.folder, store.home).state == "completed"


def test_a_batch_larger_than_the_data_is_said(store: Store) -> None:
    for batch_size, said in ((238, False), (239, True)):
        run = store.create(
            TINY.model_copy(update={"training": TrainingSettings(epochs=1, batch_size=batch_size)})
        )
        worker.work(run.folder, store.home)
        history = run.history()
        assert history.prepared is not None
        assert history.prepared.train == 238
        assert history.steps_done == 1
        assert any("larger than the 238 training rows" in note for note in history.prepared.notes) == said
