"""Clipping to quantiles and scaling by powers of two."""

import numpy as np
import pytest

from lrapp.preparation.clipping import QuantileClip, UnitScale


def test_the_outer_values_move_to_the_quantiles() -> None:
    column = np.arange(1001.0)[:, None]

    clipped = QuantileClip(0.005).fit_transform(column)

    assert clipped.min() == 5
    assert clipped.max() == 995
    assert (clipped[5:996] == column[5:996]).all()


def test_the_bounds_are_numpys_quantiles_between_the_values(subtests: pytest.Subtests) -> None:
    for rows in [5, 37, 400, 1234]:
        with subtests.test(f"{rows!r}"):
            column = np.random.default_rng(rows).normal(size=(rows, 1))
            holed = np.insert(column, [1, 3], np.nan, axis=0)

            clip = QuantileClip(0.02).fit(holed)

            assert clip.low_[0] == np.quantile(column, 0.02, method="higher")
            assert clip.high_[0] == np.quantile(column, 0.98, method="lower")


def test_one_absurd_value_in_a_small_column_is_moved() -> None:
    column = np.array([[1.0], [2.0], [3.0], [4.0], [1e100]])

    assert QuantileClip(0.005).fit_transform(column).max() == 4


def test_a_column_that_clipping_would_make_constant_is_left_alone() -> None:
    column = np.zeros((500, 1))
    column[7] = 1

    assert QuantileClip(0.005).fit_transform(column).sum() == 1


def test_gaps_stay_gaps() -> None:
    column = np.array([[1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])

    np.testing.assert_array_equal(np.isnan(QuantileClip().fit_transform(column)), np.isnan(column))
    np.testing.assert_array_equal(np.isnan(UnitScale().fit_transform(column)), np.isnan(column))


def test_a_column_of_any_size_is_about_one_and_keeps_its_digits(subtests: pytest.Subtests) -> None:
    for size in [1e-310, 1e-300, 1e-5, 1.0, 3.0, 1e18, 1e100]:
        with subtests.test(f"{size!r}"):
            column = np.linspace(-1, 1, 21)[:, None] * size

            scaled = UnitScale().fit_transform(column)

            assert 0.5 <= np.abs(scaled).max() <= 4
            np.testing.assert_array_equal(np.frexp(scaled)[0], np.frexp(column)[0])


def test_squares_are_finite_whatever_comes_later() -> None:
    scale = UnitScale().fit(np.full((10, 1), 1e-300))

    later = scale.transform(np.array([[1e100], [-1e100], [5e-324]]))

    assert np.isfinite(np.square(later) * 1e9).all()
