"""Whether a change helped: in words, with chance."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lrapp.evaluation import run_before
from lrapp.evaluation.counts_and_curves import ClassFigures
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores


def scores(
    name: str, value: float | None, *, up: bool = True, part: str = "test", rows: int = 1_000
) -> Scores:
    # The baseline is far below, so that the figure itself is the leading one.
    return Scores("binary" if up else "regression", part, rows, "no", (Metric(name, value, 0.2, up),))


def classes(*rows: int) -> list[ClassFigures]:
    return [ClassFigures(str(place), count, None, None, 0.0) for place, count in enumerate(rows)]


def test_a_clear_gain_and_one_that_can_be_chance() -> None:
    found = run_before.sentence(scores("accuracy", 0.9), scores("accuracy", 0.8))
    assert found == "Better than the run before: accuracy 90.0 %, before 80.0 %."
    found = run_before.sentence(scores("accuracy", 0.801), scores("accuracy", 0.8))
    assert (
        found
        == "Better than the run before: accuracy 80.1 %, before 80.0 %; a difference this small can be chance."
    )
    # Of a hundred times the rows, one percent is no chance.
    many = run_before.sentence(scores("accuracy", 0.81, rows=100_000), scores("accuracy", 0.8, rows=100_000))
    assert many.endswith("before 80.0 %.")


def test_less_error_is_better() -> None:
    found = run_before.sentence(
        scores("mean absolute error", 3.0, up=False), scores("mean absolute error", 2.0, up=False)
    )
    assert found == (
        "Worse than the run before: mean absolute error 3, before 2; whether that is chance was not measured."
    )
    # What reads the same is not said to differ.
    hardly = (
        scores("mean absolute error", 2.310_400_1, up=False),
        scores("mean absolute error", 2.3104, up=False),
    )
    assert run_before.sentence(*hardly).startswith("As good as the run before")


def test_equal_and_other_figures() -> None:
    same = scores("accuracy", 0.8)
    assert run_before.sentence(same, same) == "As good as the run before: accuracy 80.0 %, before 80.0 %."
    assert run_before.sentence(same, scores("accuracy", 0.7, part="validation")) == ""
    assert run_before.sentence(same, scores("log loss", 0.7)) == ""
    assert run_before.sentence(same, scores("accuracy", None)) == ""


@pytest.mark.parametrize(("ones", "zeros", "shift"), [(60, 140, 1.0), (200, 200, 2.0), (30, 400, 0.5)])
def test_the_error_of_an_area_is_what_repeated_draws_show(ones: int, zeros: int, shift: float) -> None:
    random = np.random.default_rng(3)
    y = np.r_[np.ones(ones), np.zeros(zeros)]
    # Exponential scores, for which the formula is exact.
    draws = [
        roc_auc_score(y, np.r_[random.exponential(1 + shift, ones), random.exponential(1, zeros)])
        for _ in range(600)
    ]
    area = float(np.mean(draws))
    error = run_before._error(Metric("ROC AUC", area, 0.5, True), area, ones + zeros, [ones, zeros])
    assert error == pytest.approx(np.std(draws) * 2**0.5, rel=0.12)


def test_an_area_is_judged_by_the_rows_of_its_classes() -> None:
    now, before = scores("ROC AUC", 0.845), scores("ROC AUC", 0.8427)
    assert "can be chance" in run_before.sentence(now, before, classes(374, 1_035))
    assert "can be chance" not in run_before.sentence(now, before, classes(374_000, 1_035_000))
