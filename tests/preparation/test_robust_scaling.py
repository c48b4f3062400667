"""Median, quartiles and a smooth bound, against numbers worked out by hand and plain loops."""

import statistics

import numpy as np
import pytest

from lrapp.preparation.robust_scaling import RobustScale


def test_scaled_by_hand() -> None:
    column = np.array([0.0, 1, 2, 3, 4])[:, None]  # median 2, quartiles 1 and 3
    z = [-1, -0.5, 0, 0.5, 1]
    expected = [value / (1 + value**2 / 9) ** 0.5 for value in z]
    scale = RobustScale().fit(column)
    assert scale.transform(column)[:, 0] == pytest.approx(expected, rel=1e-12)
    assert expected[4] == pytest.approx(0.9486833)
    assert scale.transform(np.array([[2 + 2 * 3.0]]))[0, 0] == pytest.approx(3 / 2**0.5)


def test_it_is_the_formula_of_the_paper(subtests: pytest.Subtests) -> None:
    for rows in [4, 5, 37, 400]:
        with subtests.test(f"{rows!r}"):
            column = np.random.default_rng(rows).lognormal(size=rows).tolist()
            low, middle, high = statistics.quantiles(column, n=4, method="inclusive")
            expected = []
            for value in column:
                z = (value - middle) / (high - low)
                expected.append(z / (1 + (z / 3) ** 2) ** 0.5)
            assert RobustScale().fit_transform(np.array(column)[:, None])[:, 0] == pytest.approx(
                expected, rel=1e-9
            )


def test_where_the_quartiles_are_equal_the_range_scales() -> None:
    column = np.zeros((100, 1))
    column[:3, 0] = [-2, 6, 6]  # the range is 8, so twice 6 / 8
    scaled = RobustScale().fit_transform(column)[:, 0]
    assert scaled[:3] == pytest.approx([-0.5 / (1 + 0.25 / 9) ** 0.5, *[1.5 / 1.25**0.5] * 2])
    assert not scaled[3:].any()


def test_a_column_of_one_value_is_0_whatever_comes_later() -> None:
    scale = RobustScale().fit(np.full((9, 1), 7.0))
    assert scale.transform(np.array([[7.0], [8.0], [-1e100]]))[:, 0] == pytest.approx([0, 0, 0], abs=1e-200)


def test_order_is_kept_and_nothing_passes_the_bound() -> None:
    scale = RobustScale().fit(np.random.default_rng(0).normal(size=(50, 1)))
    ordered = scale.transform(np.array([-1e300, -1e6, -30.0, -3, 0, 3, 30, 1e6, 1e300])[:, None])[:, 0]
    assert (np.diff(ordered) >= 0).all()
    assert (np.diff(ordered[1:-1]) > 0).all()
    assert np.abs(ordered).max() <= 3


def test_what_was_scaled_comes_back() -> None:
    column = np.random.default_rng(1).normal(5, 3, size=(60, 2))
    scale = RobustScale().fit(column)
    np.testing.assert_allclose(scale.inverse_transform(scale.transform(column)), column, rtol=1e-9)
    assert np.isfinite(scale.inverse_transform(np.array([[3.0, -3.0]]))).all()
