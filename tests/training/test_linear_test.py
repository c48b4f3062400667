"""The range test over epochs on small real networks: what it records, what it finds, and what it leaves behind."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small_networks import PLAIN, network, prepared, weights

from lrapp.errors import Stopped, UserError
from lrapp.preparation.table_arrays import Split
from lrapp.runs.events import Event, History, SweepDone, from_line, to_line
from lrapp.settings import RangeTestSettings, Task, TrainingSettings
from lrapp.training import linear_test
from lrapp.training.loop import Loop

SGD = TrainingSettings(optimizer="sgd", momentum=0.0, batch_size=16)
TEST = RangeTestSettings(rise="linear", linear_end_lr=2, epochs=6, seeds=2)
ROWS = 400  # 25 steps an epoch


def run(
    task: Task = "binary", test: RangeTestSettings = TEST, loop: Loop | None = None, **rows: Any
) -> tuple[list[Event], History]:
    data = prepared(task, **({"rows": ROWS, "validation": 200} | rows))
    loop = loop or Loop(network(PLAIN, task), task, SGD)
    told: list[Event] = []
    linear_test.run(loop, data, test, 0, on_event=told.append, should_stop=lambda: False)
    assert [from_line(to_line(event)) for event in told] == told
    return told, History.of(told)


def test_accuracy_is_measured_while_the_rate_rises_evenly() -> None:
    told, history = run()
    assert len(history.sweeps) == 2
    rates = np.linspace(0, 2, 150).astype(np.float32)
    for sweep in history.sweeps:
        assert sweep.watched == "validation accuracy"
        assert sweep.learning_rates == rates.tolist()
        at, figures = np.array(sweep.figures).T
        # Before any training, and then after every third step.
        assert at.tolist() == [0, *rates[2::3].tolist()]
        assert ((figures >= 0) & (figures <= 1)).all()
        assert 200 * figures == pytest.approx(np.round(200 * figures)), "shares of 200 rows"
        assert figures.max() > figures[0] + 0.2
    found = history.found
    assert found is told[-1]
    assert found is not None
    assert found.base_lr is not None
    assert found.max_lr is not None
    assert 0 < found.base_lr < found.max_lr <= 2
    assert found.refusal == ""


def test_the_figure_is_that_of_keras() -> None:
    loop = Loop(network(PLAIN), "binary", SGD)
    _, history = run(loop=loop)
    part = prepared(rows=ROWS, validation=200).validation
    right = (network(PLAIN).predict(part.x, verbose=0)[:, 0] > 0.5) == (part.y > 0.5)
    assert history.sweeps[0].figures[0] == pytest.approx((0.0, right.mean()))


def test_for_numbers_it_is_r2() -> None:
    _, history = run("regression", TEST.model_copy(update={"linear_end_lr": 0.5}))
    sweep = history.sweeps[0]
    assert sweep.watched == "validation R2"
    part = prepared("regression", rows=ROWS, validation=200).validation
    answers = network(PLAIN, "regression").predict(part.x, verbose=0)[:, 0]
    r2 = 1 - np.mean((answers - part.y) ** 2) / np.var(part.y)
    assert sweep.figures[0][1] == pytest.approx(r2, rel=1e-4)
    assert max(figure for _, figure in sweep.figures) > 0.3


def test_without_validation_rows_the_training_rows_are_watched() -> None:
    _, history = run(validation=0)
    assert history.sweeps[0].watched == "training accuracy"
    assert max(figure for _, figure in history.sweeps[0].figures) > 0.8


def test_network_and_optimizer_are_left_as_they_were() -> None:
    loop = Loop(network(PLAIN), "binary", SGD)
    before = weights(loop.model)
    run(loop=loop)
    for ours, theirs in zip(weights(loop.model), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert int(loop.optimizer.iterations) == 0


def test_a_loss_that_becomes_infinite_ends_a_seed() -> None:
    _, history = run("regression", TEST.model_copy(update={"linear_end_lr": 1000, "seeds": 1}))
    sweep = history.sweeps[0]
    assert len(sweep.losses) < 150
    assert all(np.isfinite(figure) for _, figure in sweep.figures)


def test_the_same_test_says_the_same_again() -> None:
    first, second = run()[0], run()[0]

    def recorded(told: list[Event]) -> list[Any]:
        return [(sweep.losses, sweep.figures) for sweep in History.of(told).sweeps]

    assert recorded(first) == recorded(second)
    assert first[-1] == second[-1]


def test_an_interrupted_test_starts_again() -> None:
    told, history = run()
    sweeps = [event for event in told if isinstance(event, SweepDone)]
    again = History.of([*sweeps[:3], *told])
    assert [sweep.figures for sweep in again.sweeps] == [sweep.figures for sweep in history.sweeps]


def test_it_stops_when_it_is_asked() -> None:
    loop = Loop(network(PLAIN), "binary", SGD)
    with pytest.raises(Stopped):
        linear_test.run(loop, prepared(rows=ROWS), TEST, 0, on_event=lambda _: None, should_stop=lambda: True)


def test_a_test_of_too_few_epochs_is_refused_before_it_begins() -> None:
    with pytest.raises(UserError, match="at least 2 epochs and 40 steps"):
        run(test=TEST.model_copy(update={"epochs": 1}))


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_shuffled_target_gives_no_rate_though_the_usual_answer_is_learned(task: Task) -> None:
    """Four of five rows have one class, or numbers a mean far from zero, and the inputs say nothing of them."""
    generator = np.random.default_rng(3)

    def shuffled(part: Split) -> Split:
        if task == "binary":
            return replace(part, y=(generator.random(len(part.y)) < 0.8).astype(np.float32))
        return replace(part, y=(part.y[generator.permutation(len(part.y))] + 2).astype(np.float32))

    data = prepared(task, rows=ROWS, validation=200)
    data = replace(data, train=shuffled(data.train), validation=shuffled(data.validation))
    test = TEST.model_copy(update={"linear_end_lr": 0.2, "seeds": 3})
    told: list[Event] = []
    found = linear_test.run(
        *(Loop(network(PLAIN, task), task, SGD), data, test, 0),
        on_event=told.append,
        should_stop=lambda: False,
    )
    figures = [figure for sweep in History.of(told).sweeps for _, figure in sweep.figures]
    assert max(figures) > figures[0] + 0.2, "it learns the usual answer"
    assert (found.refusal, found.max_lr) == ("flat", None)
