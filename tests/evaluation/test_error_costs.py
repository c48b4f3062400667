"""Thresholds that follow from what mistakes cost."""

from pathlib import Path

import numpy as np
import pytest

from lrapp.errors import UserError
from lrapp.evaluation import error_costs
from lrapp.evaluation.error_costs import Part, TwoClasses
from lrapp.preparation import threshold as thresholds
from lrapp.preparation.threshold import Costs, Threshold

RNG = np.random.default_rng(2)


def rows(count: int = 400, slope: float = 1.0, offset: float = 0.0) -> Part:
    """Rows whose probabilities are right, or whose log odds are off by a slope and an offset."""
    odds = RNG.normal(0, 2, count)
    positive = RNG.uniform(size=count) < 1 / (1 + np.exp(-odds))
    return Part((1 / (1 + np.exp(-(odds - offset) / slope))).astype(np.float32), positive)


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.5, 0.0), (1.0, -1.5), (3.0, 1.0)])
@pytest.mark.parametrize("paid", [Costs(), Costs(1, 4), Costs(9, 1)])
def test_it_is_where_right_probabilities_would_have_that_of_the_costs(
    paid: Costs, slope: float, offset: float
) -> None:
    wanted = np.log(paid.false_alarm / paid.miss)
    found = error_costs.chosen(rows(40_000, slope, offset), paid)
    assert found.costs == paid
    said = np.log(found.level / (1 - found.level))
    assert said * slope + offset == pytest.approx(wanted, abs=0.1)


def test_the_fit_is_a_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    part = rows(3_000, 2.0, 0.5)
    odds = np.log(part.chances / (1 - part.chances)).astype(np.float64)
    fitted = LogisticRegression(C=1e6).fit(odds[:, None], part.positive)
    wanted = (np.log(1 / 4) - fitted.intercept_[0]) / fitted.coef_[0, 0]
    found = error_costs.chosen(part, Costs(1, 4)).level
    assert np.log(found / (1 - found)) == pytest.approx(wanted, abs=0.02)


def test_on_few_rows_it_costs_less_on_new_ones_than_what_was_cheapest_there() -> None:
    paid, many = Costs(1, 20), rows(20_000, 1.3, 0.3)
    ours = cheapest = 0.0
    for _ in range(30):
        few = rows(60, 1.3, 0.3)
        levels = np.append(few.chances.astype(float), 1e-6)
        best = min(levels.tolist(), key=lambda level: few.cost(level, paid))
        ours += many.cost(error_costs.chosen(few, paid).level, paid)
        cheapest += many.cost(best, paid)
    assert ours < cheapest


def test_rows_that_are_all_but_sure_that_say_nothing_and_too_few_rows() -> None:
    sure = Part(np.repeat(np.array([0, 1], np.float32), 10), np.repeat([False, True], 10))
    assert sure.cost(error_costs.chosen(sure, Costs(1, 3)).level, Costs(1, 3)) == 0
    for chances in (np.full(40, 0.5), np.tile([0.2, 0.8], 20), np.repeat([0.9, 0.1], 20)):
        nothing = Part(chances.astype(np.float32), np.repeat([False, True], 20))
        assert 0 < error_costs.chosen(nothing, Costs(1, 9)).level < 1
    same = Part(np.full(40, 0.5, np.float32), np.repeat([False, True], 20))
    assert (
        same.at(error_costs.chosen(same, Costs(1, 9)).level)[2] == 0
    )  # all are answered with the dear class
    assert same.at(error_costs.chosen(same, Costs(9, 1)).level)[1] == 0
    few = Part(np.zeros(30, np.float32), np.arange(30) < 9)
    with pytest.raises(
        UserError, match=r"at least 10 validation rows are of either class; here they are 21 and 9\."
    ):
        error_costs.chosen(few, Costs())


def test_what_is_kept_is_what_was_said_and_damage_is_a_sentence(tmp_path: Path) -> None:
    assert error_costs.kept(tmp_path) is None
    both = TwoClasses(rows(20), rows(30))
    both.save(tmp_path)
    again = error_costs.kept(tmp_path)
    assert again is not None
    np.testing.assert_array_equal(again.measured.chances, both.measured.chances)
    assert again.validation.at(0.3) == both.validation.at(0.3)
    (tmp_path / error_costs.FILE).write_bytes(b"PK")
    with pytest.raises(UserError, match=r"probabilities of this run's rows .* are damaged"):
        error_costs.kept(tmp_path)


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
    for level in (0.0, 1.0, float("nan")):
        with pytest.raises(UserError, match=r"^A threshold must be above 0 and below 1\."):
            thresholds.keep(tmp_path, Threshold(level))
        assert thresholds.kept(tmp_path) is None


@pytest.mark.parametrize("paid", [Costs(1e9, 1e-9), Costs(1e-9, 1e12), Costs(1e12, 1e-9)])
def test_costs_that_are_far_apart_leave_a_model_that_opens(paid: Costs, tmp_path: Path) -> None:
    one = Threshold(paid.level)
    thresholds.keep(tmp_path, one)
    assert thresholds.kept(tmp_path) == one


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("level", [0.005, 0.4, 0.995])
def test_a_threshold_by_hand_gives_the_same_answers_at_a_temperature(
    level: float, temperature: float
) -> None:
    logits = np.linspace(-20, 20, 402)
    before = 1 / (1 + np.exp(-logits)) > level
    after = 1 / (1 + np.exp(-logits / temperature)) > Threshold(level).tempered(temperature).level
    np.testing.assert_array_equal(after, before)
