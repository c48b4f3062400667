"""Counts and curves, beside scikit-learn's."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from lrapp.evaluation import metrics as measures

RNG = np.random.default_rng(5)
ROWS = 3_000
POSITIVE = RNG.random(ROWS) < 0.3
# Rounded, so that many rows share a probability.
CHANCES = np.clip(0.25 + 0.3 * POSITIVE + RNG.normal(0, 0.2, ROWS), 0, 1).round(3)


def farthest(found: measures.Curve, x: NDArray[Any], y: NDArray[Any]) -> float:
    """How far the farthest point of a curve is from the nearest of all points."""
    points = np.column_stack([found.x, found.y])[:, None] - np.column_stack([x, y])[None]
    return float(np.abs(points).max(axis=2).min(axis=1).max())


def test_roc_equals_scikit_learns() -> None:
    found = measures.roc(POSITIVE, CHANCES)
    assert found is not None
    assert found.area == pytest.approx(metrics.roc_auc_score(POSITIVE, CHANCES))
    assert (found.x[0], found.y[0], found.x[-1], found.y[-1]) == (0, 0, 1, 1)
    assert len(found.x) <= measures.MOST_POINTS
    x, y, _ = metrics.roc_curve(POSITIVE, CHANCES, drop_intermediate=False)
    assert farthest(found, x, y) < 1e-6
    # Thinning moves the drawn curve by less than a line's width.
    assert np.trapezoid(found.y, found.x) == pytest.approx(found.area, abs=2e-3)


def test_precision_and_recall_equal_scikit_learns() -> None:
    found = measures.precision_recall(POSITIVE, CHANCES)
    assert found is not None
    assert found.area == pytest.approx(metrics.average_precision_score(POSITIVE, CHANCES))
    precision, recall, _ = metrics.precision_recall_curve(POSITIVE, CHANCES)
    assert farthest(found, recall, precision) < 1e-6
    assert found.x[-1] == 1


@pytest.mark.parametrize("kind", [True, False])
def test_rows_of_one_kind_have_no_curve(kind: bool) -> None:
    one = np.full(5, kind)
    assert measures.roc(one, np.linspace(0, 1, 5)) is None
    assert measures.precision_recall(one, np.linspace(0, 1, 5)) is None


def test_classes_equal_scikit_learns() -> None:
    truth, answers = RNG.integers(0, 4, 500), RNG.integers(0, 3, 500)
    names = ("a", "b", "c", "d")
    precision, recall, f1, rows = metrics.precision_recall_fscore_support(
        truth, answers, labels=range(4), zero_division=0
    )
    found = measures.class_figures(truth, answers, names)
    assert [one.rows for one in found] == rows.tolist()
    assert [one.precision or 0 for one in found] == pytest.approx(precision)
    assert [one.recall for one in found] == pytest.approx(recall)
    assert [one.f1 for one in found] == pytest.approx(f1)
    assert found[3].precision is None, "never answered"
    matrix = metrics.confusion_matrix(truth, answers, labels=range(4))
    assert np.array_equal(measures.confusion(truth, answers, names).counts, matrix)


def test_small_classes_share_a_row() -> None:
    sizes = np.r_[np.full(5, 1), np.full(measures.MOST_CLASSES, 3)]
    truth = np.repeat(np.arange(len(sizes)), sizes)
    found = measures.confusion(truth, truth, tuple(f"class {k}" for k in range(len(sizes))))
    assert found.joined == 5
    assert found.names[0] == "class 5"
    assert found.names[-1] == "5 others"
    counts = np.array(found.counts)
    assert counts.sum() == len(truth)
    assert np.diag(counts).tolist() == [3] * measures.MOST_CLASSES + [5]


def test_calibration_by_hand() -> None:
    found = measures.calibration(np.array([True, False, True, True]), np.array([0.05, 0.05, 0.95, 1.0]))
    assert found.predicted == (0.05, 0.975)
    assert found.observed == (0.5, 1.0)
    assert found.rows == (2, 2)
    assert found.error == pytest.approx((0.45 * 2 + 0.025 * 2) / 4)


@pytest.mark.parametrize("level", [0.0, 0.005, 0.3, 0.5, 0.995, 1.0])
def test_counts_at_a_threshold(level: float) -> None:
    found = measures.thresholds(POSITIVE, CHANCES).at(level)
    right, wrong, missed, rest = 0, 0, 0, 0
    for chance, positive in zip(CHANCES, POSITIVE, strict=True):
        if chance > level + 1e-12:
            right, wrong = right + positive, wrong + (not positive)
        else:
            missed, rest = missed + positive, rest + (not positive)
    assert found == (right, wrong, missed, rest)


def test_residuals_are_counted_whole_and_drawn_in_part() -> None:
    truth = RNG.normal(size=4_000)
    found = measures.residuals(truth, truth + 1)
    assert sum(found.counts) == 4_000
    assert [found.median, found.ninety] == pytest.approx([1, 1])
    assert len(found.truth) == measures.MOST_ROWS
    assert found.edges[0] <= 1 <= found.edges[-1]


def test_residuals_of_huge_and_of_equal_numbers_are_finite() -> None:
    found = measures.residuals(np.array([-1.7e308, 1.7e308]), np.array([1.7e308, -1.7e308]))
    assert np.isfinite(found.edges).all()
    exact = measures.residuals(np.ones(3), np.ones(3))
    assert sum(exact.counts) == 3
    assert exact.ninety == 0
