"""A temperature: found again where it is known, and offered only where probabilities are off by more than chance."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from small_networks import part
from small_networks import prepared as some

from lrapp.evaluation import analysis_text, counts_and_curves, temperature
from lrapp.evaluation.analysis import Insight
from lrapp.preparation.table_arrays import Prepared
from lrapp.settings import Task

ROWS = 20_000


def rows(task: Task, sure: float, seed: int, count: int = ROWS) -> tuple[NDArray[Any], NDArray[Any]]:
    """Probabilities of one network whose logits are ``sure`` times what they should be, and the truth."""
    random = np.random.default_rng(seed)
    if task == "binary":
        logits = random.normal(size=count) * 2
        truth = (random.random(count) < 1 / (1 + np.exp(-logits))).astype(np.float32)
        return (1 / (1 + np.exp(-sure * logits)))[None, :, None], truth
    logits = random.normal(size=(count, 3)) * 2
    truth = (logits + random.gumbel(size=(count, 3))).argmax(axis=1).astype(np.int32)
    powers = np.exp(sure * logits)
    return (powers / powers.sum(axis=1, keepdims=True))[None], truth


def data(task: Task, validation: NDArray[Any], test: NDArray[Any]) -> Prepared:
    made = some(task)
    both = [dataclasses.replace(part(task, len(y), 1), y=y) for y in (validation, test)]
    return dataclasses.replace(made, validation=both[0], test=both[1])


@pytest.mark.parametrize("task", ["binary", "multi-class"])
@pytest.mark.parametrize("sure", [0.5, 1.0, 2.5])
def test_the_temperature_is_how_much_too_sure_a_network_is(task: Task, sure: float) -> None:
    (watched, truth), (held, other) = rows(task, sure, 1), rows(task, sure, 2)
    found = temperature.measured(data(task, truth, other), watched, held, np.ones(1))
    assert found is not None
    assert found.temperature == pytest.approx(sure, rel=0.06)
    assert found.needed == (sure != 1)
    assert found.calibration.error < 0.02
    if sure != 1:
        assert found.log_loss_after < found.log_loss


def test_an_error_that_few_rows_have_by_chance_is_none() -> None:
    task: Task = "binary"
    needed = 0
    for seed in range(20):
        (watched, truth), (held, other) = rows(task, 1, seed, 200), rows(task, 1, seed + 100, 80)
        found = temperature.measured(data(task, truth, other), watched, held, np.ones(1))
        assert found is not None
        needed += found.needed
    assert needed <= 2


def test_members_are_made_less_sure_each() -> None:
    answers = np.stack([rows("binary", 3, seed)[0][0] for seed in (1, 1)])
    alone = temperature.tempered(answers[:1], np.ones(1), "binary", 3.0)
    np.testing.assert_allclose(temperature.tempered(answers, np.array([0.5, 0.5]), "binary", 3.0), alone)
    truth = rows("binary", 3, 1)[1]
    assert temperature.fit(answers, np.array([0.25, 0.75]), truth, "binary") == pytest.approx(3, rel=0.06)


def test_few_rows_and_numbers_have_no_temperature() -> None:
    few, truth = rows("binary", 2, 1, 20)
    assert temperature.measured(data("binary", truth, truth), few, few, np.ones(1)) is None
    # All are right: one mistake more than was seen keeps the network from being made endlessly sure.
    sure = np.full((1, 40, 1), 0.99)
    found = temperature.fit(sure, np.ones(1), np.ones(40, np.float32), "binary")
    assert 0.5 < found < 2


def test_it_is_said_what_a_temperature_would_do() -> None:
    (watched, truth), (held, other) = rows("binary", 2.5, 1), rows("binary", 2.5, 2)
    found = temperature.measured(data("binary", truth, other), watched, held, np.ones(1))
    before = counts_and_curves.calibration(other == 1, held[0, :, 0])
    look = Insight("binary", "test", ROWS, calibration=before, tempered=found)
    assert Insight.from_json(look.to_json()) == look
    said = analysis_text.temperature_sentence(look)
    assert said.startswith("A temperature of 2.")
    assert "would make the network less sure: log loss " in said
    assert found is not None
    done = dataclasses.replace(look, tempered=dataclasses.replace(found, needed=False, applied=2.5))
    assert analysis_text.temperature_sentence(done) == (
        "Calibrated: a temperature of 2.50, fitted on the validation rows, is part of the model. On these rows "
        "the probabilities need no further calibration."
    )
    assert analysis_text.temperature_sentence(Insight("binary", "test", ROWS, calibration=before)) == ""
