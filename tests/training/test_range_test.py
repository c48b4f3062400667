"""The range test on real networks: what it records, what it leaves behind, and where it ends."""

import dataclasses
import math
import os
import statistics
from collections.abc import Callable
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_networks import INPUTS, PLAIN, RICH, network, prepared, train

from lrapp.errors import Stopped, UserError
from lrapp.execution import worker
from lrapp.networks import models
from lrapp.phrasing import number as decimals
from lrapp.policies import loss_curve, lr_range
from lrapp.policies.lr_range import Advice, RatesFound
from lrapp.preparation.table_arrays import Prepared
from lrapp.runs.events import Event, History, SweepDone
from lrapp.runs.store import Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    EarlyStoppingSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    PolicySettings,
    RangeTestSettings,
    RunSettings,
    Task,
    TrainingSettings,
)
from lrapp.training import range_test
from lrapp.training.loop import Loop, shuffled

SGD = TrainingSettings(optimizer="sgd", momentum=0.0, batch_size=16, epochs=3)
SHORT = RangeTestSettings(steps=30, seeds=2)


@cache
def _shared(settings: str, layers: str, task: Task, number: int) -> Loop:
    chosen = TrainingSettings.model_validate_json(settings)
    return Loop(network(ModelSettings.model_validate_json(layers), task, chosen), task, chosen)


def loop_of(
    settings: TrainingSettings = SGD, layers: ModelSettings = PLAIN, task: Task = "binary", number: int = 0
) -> Loop:
    """A loop as good as new; tests share what was traced. Loops of two numbers are two loops."""
    loop = _shared(settings.model_dump_json(), layers.model_dump_json(), task, number)
    loop.reset(settings.seed)
    return loop


def sweep(
    loop: Loop,
    data: Prepared,
    settings: RangeTestSettings = SHORT,
    seed: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Advice, History, list[Event]]:
    events: list[Event] = []
    advice = range_test.run(loop, data, settings, seed, on_event=events.append, should_stop=should_stop)
    return advice, History.of(events), events


def state(loop: Loop) -> list[bytes]:
    """Every number that the next training starts from."""
    variables = [variable for layer in loop.model.layers for variable in layer.variables]
    return [np.asarray(value).tobytes() for value in (*variables, *loop.optimizer.variables)]


# --- what is recorded ---------------------------------------------------------------------------------------------


def test_recorded_rates_equal_the_plan() -> None:
    settings = RangeTestSettings(start_lr=1e-6, end_lr=1e-2, steps=40, seeds=2)
    _, history, events = sweep(loop_of(), prepared(), settings)
    plan = settings.sweep().plan(40).astype(np.float32)
    assert [len(held.losses) for held in history.sweeps] == [40, 40]
    for held in history.sweeps:
        assert np.array_equal(np.array(held.learning_rates, np.float32), plan)
        assert (held.steps, held.seeds) == (40, 2)
    assert isinstance(events[-1], RatesFound)
    told = [event for event in events if isinstance(event, SweepDone)]
    assert {event.seed for event in told} == {0, 1}


def test_losses_are_those_of_keras_step_by_step() -> None:
    data, seed = prepared(), 7
    settings = RangeTestSettings(start_lr=1e-3, end_lr=1.0, steps=20, seeds=1)
    _, history, _ = sweep(loop_of(), data, settings, seed=seed)
    model = models.build(PLAIN, INPUTS, "binary", 2, seed, "float32")
    optimizer = models.optimizer(SGD)
    model.compile(optimizer=optimizer, loss=models.loss("binary"))
    expected = []
    for step, rate in enumerate(settings.sweep().plan(20)):
        epoch, done = divmod(step, 4)  # 50 rows in batches of 16
        rows = shuffled(50, seed, epoch).numpy()[16 * done : 16 * (done + 1)]
        optimizer.learning_rate = float(rate)
        expected.append(float(model.train_on_batch(data.train.x[rows], data.train.y[rows][:, None])))
        model.reset_metrics()
    assert history.sweeps[0].losses == pytest.approx(expected, rel=1e-4)


def test_each_repetition_is_the_first_of_its_seed() -> None:
    loop, data = loop_of(), prepared()
    _, both, _ = sweep(loop, data, SHORT, seed=4)
    single = RangeTestSettings(steps=30, seeds=1)
    for number in (0, 1):
        _, alone, _ = sweep(loop, data, single, seed=4 + number)
        assert both.sweeps[number].losses == alone.sweeps[0].losses
    assert both.sweeps[0].losses != both.sweeps[1].losses


def test_the_same_test_says_the_same() -> None:
    first, second = (sweep(loop_of(number=number), prepared(), seed=1)[2] for number in range(2))
    losses = [
        [event.losses for event in events if isinstance(event, SweepDone)] for events in (first, second)
    ]
    assert list(chain(*losses[0])) == list(chain(*losses[1]))
    assert first[-1] == second[-1]


def test_what_was_found_is_what_the_recorded_losses_suggest() -> None:
    settings = RangeTestSettings(steps=60, seeds=3)
    advice, history, events = sweep(loop_of(), prepared(rows=200), settings)
    rates = settings.sweep().plan(60).astype(np.float32).astype(np.float64)
    curves = [
        loss_curve.curve(rates[: len(held.losses)], held.losses, 60, held.untrained)
        for held in history.sweeps
    ]
    again = lr_range.advise(curves)
    assert again.suggestions == advice.suggestions
    assert advice.tried[0][:2] == (again.base_lr, again.max_lr)
    assert advice.tried[-1] == (advice.base_lr, advice.max_lr, True)
    assert advice.sentence.startswith(again.sentence.partition(" The range ")[0])
    assert range_test.told(advice) == events[-1] == history.found
    assert history.found is not None
    assert history.found.base_lr is not None
    assert history.found.learning_rate == {one.name: one for one in advice.suggestions}["tenth"].learning_rate


# --- a range is tried before it is suggested ------------------------------------------------------------------------


WIDE = ModelSettings(layers=(LayerSettings(units=64), LayerSettings(units=32)))


def test_a_range_at_which_the_loss_rises_is_narrowed_until_it_falls() -> None:
    data = prepared("regression", rows=150)
    data = with_train(data, x=3 * data.train.x)
    loop = loop_of(TrainingSettings(optimizer="adam", batch_size=16), WIDE, "regression")
    advice, history, _ = sweep(loop, data, RangeTestSettings(), seed=3)
    *failed, last = advice.tried
    assert failed, "the first range held already, which tries nothing"
    assert not any(held for *_, held in failed)
    assert last == (advice.base_lr, advice.max_lr, True)
    assert f"so the range ends at {decimals(last[1], 2)}" in advice.sentence
    assert history.found is not None
    assert history.found.tried == advice.tried
    # The last trial is whole with every seed; those before end with the first seed that failed.
    assert history.found.more_steps == advice.more_steps
    test = RangeTestSettings()
    in_curves = sum(len(one.losses) for one in history.sweeps)
    assert test.seeds * test.steps <= advice.more_steps <= test.most_steps(1) - in_curves
    assert history.found.learning_rate is not None
    assert history.found.learning_rate <= last[1]
    # And so it is in a training with these rates, which begins at the highest of them.
    untouched = float(np.mean(history.sweeps[0].losses[:10]))
    for peak, calm in ((failed[0][1], False), (last[1], True)):
        loop.reset(3)
        rates = np.linspace(peak, peak / 10, 20).astype(np.float32)
        losses = loop.run(loop.load(data.train), shuffled(150, 3, 0), 0, rates[:10, None]).losses
        assert (losses.mean() < 1.5 * untouched) == calm, peak


def test_a_fall_that_the_batches_hide_is_found() -> None:
    # One row in twenty counts for ten, as where classes are balanced: a batch's loss hangs on how many it has of them.
    data = prepared(rows=400)
    rare = np.arange(400) % 20 == 0
    weight = np.where(rare, 10.0, 0.5).astype(np.float32)
    data = with_train(data, weight=weight / weight.mean())
    loop = loop_of(TrainingSettings(optimizer="adam", batch_size=16))
    hidden = []
    for seed in (0, 3):
        advice, history, _ = sweep(loop, data, RangeTestSettings(), seed=seed)
        raw = [loss_curve.curve(one.learning_rates, one.losses, one.steps) for one in history.sweeps]
        hidden.append(lr_range.advise(raw).refusal == "flat")
        assert advice.max_lr is not None, advice.sentence
    assert all(hidden), "the curves were clear anyway"


# --- what is left behind ------------------------------------------------------------------------------------------


OPTIMIZERS = {
    "sgd": TrainingSettings(optimizer="sgd", momentum=0.9, nesterov=True, batch_size=16, epochs=3),
    "adam": TrainingSettings(optimizer="adam", batch_size=16, epochs=3),
    "adamw": TrainingSettings(optimizer="adamw", batch_size=16, epochs=3),
    "rmsprop": TrainingSettings(optimizer="rmsprop", batch_size=16, epochs=3),
    "mixed_float16": TrainingSettings(optimizer="adam", batch_size=16, epochs=3, precision="mixed_float16"),
    "mixed_bfloat16": TrainingSettings(batch_size=16, epochs=3, precision="mixed_bfloat16"),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_nothing_of_the_real_network_changes(name: str) -> None:
    loop, data = loop_of(OPTIMIZERS[name], RICH), prepared()
    # Some training first, so that slots, statistics and dropout's state are not those of the beginning.
    loop.run(loop.load(data.train), shuffled(50, 0, 0), 0, np.full(4, 0.01, np.float32))
    before = state(loop)
    _, history, _ = sweep(loop, data, RangeTestSettings(steps=20, seeds=2))
    assert len(history.sweeps) == 2
    assert state(loop) == before


@pytest.mark.parametrize("name", ["sgd", "adam", "mixed_float16"])
def test_a_training_after_a_test_equals_one_without(name: str) -> None:
    settings, data = OPTIMIZERS[name], prepared()
    tested, untested = loop_of(settings, RICH), loop_of(settings, RICH, number=1)
    sweep(tested, data, RangeTestSettings(steps=25, seeds=1))
    runs = [train(settings, data, loop=loop) for loop in (tested, untested)]
    assert runs[0].losses == runs[1].losses
    assert runs[0].figures == runs[1].figures
    assert state(tested) == state(untested)


def test_an_explosion_leaves_nothing_behind_either() -> None:
    loop, data = loop_of(task="regression"), prepared("regression")
    before = state(loop)
    _, history, _ = sweep(loop, data, RangeTestSettings(start_lr=1.0, end_lr=1000, steps=50, seeds=1))
    assert len(history.sweeps[0].losses) < 50
    assert state(loop) == before


# --- where it ends ------------------------------------------------------------------------------------------------


class Stopping:
    """Says stop when it is asked for the nth time."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("after", [0, 1, 3, 9])
def test_a_stop_in_the_middle_leaves_the_network_as_it_was(after: int) -> None:
    loop, data = loop_of(layers=RICH), prepared()
    before = state(loop)
    events: list[Event] = []
    with pytest.raises(Stopped):
        range_test.run(loop, data, SHORT, 0, on_event=events.append, should_stop=Stopping(after))
    assert len(events) == after
    assert all(isinstance(event, SweepDone) for event in events)
    assert state(loop) == before


def test_a_listener_that_fails_leaves_the_network_as_it_was() -> None:
    loop = loop_of()
    before = state(loop)

    def full_disk(_: Event) -> None:
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        range_test.run(loop, prepared(), SHORT, 0, on_event=full_disk, should_stop=lambda: False)
    assert state(loop) == before


def with_train(data: Prepared, **changes: NDArray[Any]) -> Prepared:
    return dataclasses.replace(data, train=dataclasses.replace(data.train, **changes))


def test_inputs_that_are_no_numbers_end_it_at_the_first_step() -> None:
    data = prepared()
    broken = with_train(data, x=np.full_like(data.train.x, np.nan))
    advice, history, _ = sweep(loop_of(), broken)
    assert [len(held.losses) for held in history.sweeps] == [1, 1]
    assert math.isnan(history.sweeps[0].losses[0])
    assert advice.base_lr is None
    assert advice.sentence.startswith("The loss was not finite before the network had learned anything")


def test_rates_far_too_high_explode_and_say_so() -> None:
    settings = RangeTestSettings(start_lr=10, end_lr=1000, steps=50, seeds=3)
    advice, history, _ = sweep(loop_of(task="regression"), prepared("regression"), settings)
    assert all(len(held.losses) < 50 for held in history.sweeps)
    assert advice.base_lr is None
    assert "lower" in advice.sentence


def test_rates_far_too_low_give_no_number() -> None:
    settings = RangeTestSettings(start_lr=1e-12, end_lr=1e-7, steps=50)
    advice, _, _ = sweep(loop_of(), prepared(rows=200), settings)
    assert advice.base_lr is None
    assert "highest rate" in advice.sentence


def test_rates_that_do_not_rise_are_a_sentence() -> None:
    loop = loop_of()
    before = state(loop)
    with pytest.raises(
        UserError, match=r"^A range test must start above 0 .* Received: start 1, end 0\.1\.$"
    ):
        sweep(loop, prepared(), RangeTestSettings(start_lr=1, end_lr=0.1))
    assert state(loop) == before


# --- small and odd data -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 350])
@pytest.mark.parametrize("task", ["binary", "multi-class", "regression"])
def test_three_rows_end_in_a_sentence(task: Task, batch_size: int) -> None:
    settings = TrainingSettings(optimizer="sgd", batch_size=batch_size)
    data = prepared(task, rows=3)
    advice, history, _ = sweep(loop_of(settings, task=task), data)
    assert advice.sentence.endswith(".")
    rates = SHORT.sweep().plan(30).astype(np.float32)
    for held in history.sweeps:
        done = len(held.losses)
        assert done >= 10
        assert np.array_equal(np.array(held.learning_rates, np.float32), rates[:done])


def test_a_batch_larger_than_the_data_takes_all_rows_in_every_step() -> None:
    settings = TrainingSettings(optimizer="sgd", momentum=0.0, batch_size=350)
    data = prepared(rows=50)
    test = RangeTestSettings(start_lr=1e-12, end_lr=1e-10, steps=20, seeds=1)
    _, history, _ = sweep(loop_of(settings), data, test)
    # At such rates the network stays as it is; were rows left out, the losses would differ.
    assert history.sweeps[0].losses == pytest.approx([history.sweeps[0].losses[0]] * 20, rel=1e-6)


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_finds_about_the_same(precision: str) -> None:
    test, data = RangeTestSettings(steps=60, seeds=3), prepared(rows=200)
    plain, _, _ = sweep(loop_of(SGD), data, test)
    mixed, history, _ = sweep(loop_of(SGD.model_copy(update={"precision": precision})), data, test)
    assert plain.max_lr is not None
    assert mixed.max_lr is not None
    assert mixed.max_lr == pytest.approx(plain.max_lr, rel=0.5)
    plan = test.sweep().plan(60).astype(np.float32)
    for held in history.sweeps:
        assert np.array_equal(np.array(held.learning_rates, np.float32), plan[: len(held.losses)])


def test_weights_and_penalties_are_part_of_the_loss() -> None:
    loop, data = loop_of(layers=RICH), prepared(weighted=True)
    loop.reset(0)
    # With rates of nearly nothing the penalty is that of the initial weights.
    penalty = loop.snapshot().penalty
    assert penalty > 0
    test = RangeTestSettings(start_lr=1e-12, end_lr=1e-11, steps=20, seeds=1)
    _, history, _ = sweep(loop, data, test)
    assert min(history.sweeps[0].losses) > penalty


def test_losses_near_zero_are_no_less_of_a_curve() -> None:
    data = prepared("regression", rows=400)
    tiny = with_train(data, x=data.train.x * 1e-2, y=data.train.y * 1e-2)
    # All rows in every batch, so that there is no noise to hide a small fall.
    settings = TrainingSettings(optimizer="adam", batch_size=400)
    loop = loop_of(settings, ModelSettings(layers=()), "regression")
    advice, history, _ = sweep(loop, tiny, RangeTestSettings(steps=100))
    assert max(held.losses[0] for held in history.sweeps) < 1e-3
    assert advice.base_lr is not None
    assert advice.max_lr is not None
    assert 0 < advice.base_lr < advice.max_lr


def test_losses_of_zero_are_flat() -> None:
    data = prepared("regression")
    nothing = with_train(data, x=np.zeros_like(data.train.x), y=np.zeros_like(data.train.y))
    advice, history, _ = sweep(loop_of(task="regression"), nothing)
    assert set(history.sweeps[0].losses) == {0.0}
    assert advice.sentence.startswith("The curve is flat")


# --- the cardiovascular table -------------------------------------------------------------------------------------


def test_found_bounds_reach_the_fixed_rates_best_of_50_epochs_within_10(tmp_path: Path) -> None:
    folder = os.environ.get("LRAPP_TEST_DATA")
    if not folder:
        pytest.skip("The cardiovascular table is in the folder that LRAPP_TEST_DATA names; it is not set.")
    store = Store(tmp_path)
    source = store.keep_file((Path(folder) / "cardio_train.csv").read_bytes(), "cardio_train.csv")

    def accuracies(policy: PolicySettings, seed: int) -> list[float]:
        run = store.create(
            RunSettings(
                data=DataSettings(source=source, target="cardio", validation_share=0.2, test_share=0.0),
                model=ModelSettings(layers=(LayerSettings(units=64), LayerSettings(units=32))),
                training=TrainingSettings(
                    optimizer="sgd",
                    momentum=0.0,
                    batch_size=350,
                    epochs=50,
                    seed=seed,
                    early_stopping=EarlyStoppingSettings(enabled=False, monitor="val_metric"),
                ),
                policy=policy,
                closer_look=False,
            )
        )
        assert worker.work(run.folder, store.home).state == "completed"
        return [epoch.val_metric for epoch in run.history().epochs]

    reached, best = [], []
    for seed in range(3):
        goal = max(accuracies(FixedSettings(learning_rate=0.01), seed))
        found = accuracies(CLRSettings(source="found"), seed)
        reached.append(next((epoch for epoch, value in enumerate(found, 1) if value >= goal), math.inf))
        best.append(max(found))
    assert statistics.median(reached) <= 10, (reached, best)
    assert statistics.median(best) >= 0.733, (reached, best)
