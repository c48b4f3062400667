"""Counts and curves, beside what is worked out by hand."""

import numpy as np
import pytest

from lrapp.evaluation import counts_and_curves as measures

RNG = np.random.default_rng(5)
ROWS = 3_000
POSITIVE = RNG.random(ROWS) < 0.3
# Rounded, so that many rows share a probability.
CHANCES = np.clip(0.25 + 0.3 * POSITIVE + RNG.normal(0, 0.2, ROWS), 0, 1).round(3)


def test_curves_of_a_few_rows_by_hand() -> None:
    positive = np.array([True, False, True, False, True])
    chances = np.array([0.9, 0.8, 0.8, 0.3, 0.1])
    roc = measures.roc(positive, chances)
    assert roc is not None
    assert roc.x == (0, 0, 0.5, 1, 1)
    assert roc.y == pytest.approx((0, 1 / 3, 2 / 3, 2 / 3, 1), abs=1e-6)
    # Of the six pairs the first row wins both and the third one and a half; the last loses both.
    assert roc.area == pytest.approx(3.5 / 6)
    pr = measures.precision_recall(positive, chances)
    assert pr is not None
    assert pr.x == pytest.approx((1 / 3, 2 / 3, 2 / 3, 1), abs=1e-6)
    assert pr.y == pytest.approx((1, 2 / 3, 0.5, 0.6), abs=1e-6)
    assert pr.area == pytest.approx(1 / 3 + 2 / 9 + 0.6 / 3)


def test_many_points_are_thinned_by_less_than_a_line() -> None:
    for found in (measures.roc(POSITIVE, CHANCES), measures.precision_recall(POSITIVE, CHANCES)):
        assert found is not None
        assert len(found.x) <= measures.MOST_POINTS
        assert found.x[-1] == 1
        assert list(found.x) == sorted(found.x)
        assert np.trapezoid(found.y, found.x) == pytest.approx(found.area, abs=1e-2)


@pytest.mark.parametrize("kind", [True, False])
def test_rows_of_one_kind_have_no_curve(kind: bool) -> None:
    one = np.full(5, kind)
    assert measures.roc(one, np.linspace(0, 1, 5)) is None
    assert measures.precision_recall(one, np.linspace(0, 1, 5)) is None


def test_classes_by_hand() -> None:
    truth, answers = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 1])
    found = measures.class_figures(truth, answers, ("a", "b", "c", "d"))
    assert found == (
        measures.ClassFigures("a", 3, 2 / 3, 2 / 3, 2 / 3),
        measures.ClassFigures("b", 2, 1 / 3, 0.5, 0.4),
        measures.ClassFigures("c", 1, None, 0.0, 0.0),  # never answered
        measures.ClassFigures("d", 0, None, None, 0.0),  # nor there
    )
    matrix = measures.confusion(truth, answers, ("a", "b", "c"))
    assert matrix.counts == ((2, 1, 0), (1, 1, 0), (0, 1, 0))


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


def test_counts_at_a_threshold(subtests: pytest.Subtests) -> None:
    for level in [0.0, 0.005, 0.3, 0.5, 0.995, 1.0]:
        with subtests.test(f"{level!r}"):
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


def test_residuals_of_equal_numbers_are_counted() -> None:
    exact = measures.residuals(np.ones(3), np.ones(3))
    assert sum(exact.counts) == 3
    assert exact.ninety == 0
