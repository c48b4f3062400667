"""Thresholds that follow from what mistakes cost."""

from pathlib import Path

import numpy as np
import pytest

from lrapp.errors import UserError
from lrapp.evaluation import costs
from lrapp.evaluation.costs import Part, TwoClasses
from lrapp.preparation import threshold as thresholds
from lrapp.preparation.threshold import Costs, Threshold

RNG = np.random.default_rng(2)


def rows(count: int = 400, power: float = 1.0) -> Part:
    """Rows whose probabilities are right, or with a power other than 1 are not."""
    chances = RNG.uniform(size=count)
    positive = RNG.uniform(size=count) < chances
    return Part((chances**power).astype(np.float32), positive)


def by_trying(part: Part, paid: Costs) -> float:
    """The least cost, written another way: every threshold is tried in a loop."""
    levels = [0.0, *part.chances.astype(float).tolist()]
    return min(
        sum(
            paid.false_alarm if chance > level and not true else paid.miss if chance <= level and true else 0
            for chance, true in zip(part.chances.astype(float), part.positive, strict=True)
        )
        for level in levels
    )


@pytest.mark.parametrize("paid", [Costs(), Costs(1, 5), Costs(30, 1), Costs(1, 1e6), Costs(0.5, 0.001)])
def test_no_threshold_costs_less(paid: Costs) -> None:
    part = rows(120)
    found = costs.cheapest(part, paid)
    assert part.cost(found.level, paid) == pytest.approx(by_trying(part, paid))
    assert found.costs == paid
    assert 0 < found.level < 1


def test_where_probabilities_are_right_it_is_near_elkans_and_where_not_the_rows_know_better() -> None:
    paid = Costs(1, 4)
    assert paid.level == 0.2
    assert costs.cheapest(rows(100_000), paid).level == pytest.approx(0.2, abs=0.03)
    # A probability of p that says p squared.
    assert costs.cheapest(rows(100_000, power=2.0), paid).level == pytest.approx(0.04, abs=0.02)


def test_of_levels_that_cost_the_same_it_is_that_of_the_costs_alone() -> None:
    apart = Part(
        np.repeat(np.array([0.1, 0.9], np.float32), 10), np.repeat([False, True], 10)
    )  # anything between is right
    assert costs.cheapest(apart, Costs(1, 3)).level == 0.25
    assert costs.cheapest(apart, Costs(1, 99)).level == pytest.approx(0.5)  # 0.01 would be dearer


def test_rows_that_are_all_but_sure_and_too_few_rows() -> None:
    sure = Part(np.repeat(np.array([0, 1], np.float32), 10), np.repeat([False, True], 10))
    assert costs.cheapest(sure, Costs(1, 9)).level == pytest.approx(0.1)
    few = Part(np.zeros(30, np.float32), np.arange(30) < 9)
    with pytest.raises(
        UserError, match=r"at least 10 validation rows are of either class; here they are 21 and 9\."
    ):
        costs.cheapest(few, Costs())


def test_what_is_kept_is_what_was_said_and_damage_is_a_sentence(tmp_path: Path) -> None:
    assert costs.kept(tmp_path) is None
    both = TwoClasses(rows(20), rows(30))
    both.save(tmp_path)
    again = costs.kept(tmp_path)
    assert again is not None
    np.testing.assert_array_equal(again.measured.chances, both.measured.chances)
    assert again.validation.at(0.3) == both.validation.at(0.3)
    (tmp_path / costs.FILE).write_bytes(b"PK")
    with pytest.raises(UserError, match=r"probabilities of this run's rows .* are damaged"):
        costs.kept(tmp_path)


def test_a_threshold_is_kept_beside_the_model(tmp_path: Path) -> None:
    assert thresholds.kept(tmp_path) is None
    for one in (Threshold(0.25), Threshold(0.1, Costs(1, 9))):
        thresholds.keep(tmp_path, one)
        assert thresholds.kept(tmp_path) == one
    for text in (
        "{",
        '{"level": 0}',
        '{"level": 1.5}',
        '{"level": 0.5, "costs": {"miss": -1}}',
        '{"level": "x"}',
    ):
        (tmp_path / thresholds.FILE).write_text(text)
        with pytest.raises(
            UserError, match=r"^The threshold of this model .* must be a number between 0 and 1"
        ):
            thresholds.kept(tmp_path)
    thresholds.keep(tmp_path, None)
    assert thresholds.kept(tmp_path) is None
