"""Scaling by quantiles, as scikit-learn does it."""

from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import QuantileTransformer

from lrapp.prediction import quantiles


class _Numpy:
    """A runtime of that precision."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind

    def constant(self, values: np.ndarray) -> Any:
        return values.astype(self.kind)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return np.where(condition, x, y)

    def less(self, x: Any, y: Any) -> Any:
        return np.less(x, y)

    def log(self, x: Any) -> Any:
        return np.log(x)

    def root(self, x: Any) -> Any:
        return np.sqrt(x)

    def take(self, table: np.ndarray, places: Any) -> Any:
        return table.astype(self.kind)[places.astype(np.int64)]


def _table() -> np.ndarray:
    """Columns of all kinds: smooth, few values, skewed, one value, mostly one value."""
    rng = np.random.default_rng(0)
    few = np.where(rng.random(1_500) < 0.8, 7.0, rng.normal(7, 2, 1_500))
    return np.column_stack(
        [
            rng.normal(size=1_500),
            rng.integers(0, 5, 1_500),
            rng.exponential(size=1_500),
            np.full(1_500, 0.5),
            few,
        ]
    )


@pytest.mark.parametrize("rows", [1, 2, 3, 400, 1_500])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_values_become_what_scikit_learn_makes_of_them(rows: int, kind: Any) -> None:
    table = _table()
    oracle = QuantileTransformer(
        n_quantiles=min(1_000, rows), output_distribution="normal", subsample=100_000, random_state=0
    ).fit(table[:rows])
    ends = oracle.quantiles_[[0, -1]]
    new = np.vstack([table, ends, ends[:1] - 3, ends[1:] + 3, np.full((1, 5), 1e30), np.full((1, 5), -1e30)])
    learned = quantiles.Quantiles(oracle.quantiles_, oracle.references_, np.zeros(5))
    ops: Any = _Numpy(kind)
    with np.errstate(over="ignore"):
        found = quantiles.scaled(new.astype(kind), learned, ops)
    assert found.dtype == kind
    # Float32 moves values by a digit, which counts where rows lie close together.
    np.testing.assert_allclose(
        found, oracle.transform(new), rtol=0, atol=1e-6 if kind is np.float64 else 1e-3
    )


def test_a_value_near_a_quantile_that_many_rows_share_is_that_value() -> None:
    values = np.array([0.0, 1.0, 1.0, 1.0, 2.0])[:, None]
    shares = np.linspace(0, 1, 5)
    off = np.array([[1.0 - 1e-8], [1.0], [1.0 + 1e-8], [1.0 - 1e-3], [1.0 + 1e-3]])
    ops: Any = _Numpy(np.float64)
    exact, near = (
        quantiles.scaled(off, quantiles.Quantiles(values, shares, np.array([width])), ops).ravel()
        for width in (0.0, 1e-6)
    )
    np.testing.assert_allclose(near[:3], 0.0, atol=1e-7)
    np.testing.assert_allclose(exact[[0, 2]], [-0.674490, 0.674490], atol=1e-5)
    np.testing.assert_allclose(near[3:], exact[3:])


@pytest.mark.parametrize("noise", [-3e-16, 3e-16])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_a_quantile_that_was_interpolated_between_equal_rows_is_no_value_of_its_own(
    noise: float, kind: Any
) -> None:
    row = 0.926323968
    values = np.sort([0.0, 0.5, row, row + noise, 1.0])[:, None]
    oracle = QuantileTransformer(n_quantiles=5, output_distribution="normal").fit(np.eye(5)[:, :1])
    oracle.quantiles_ = values
    expected = oracle.transform(np.array([[row]]))[0, 0]
    learned = quantiles.Quantiles(values, np.linspace(0, 1, 5), np.array([1e-6]))
    # The row as other runtimes compute it.
    new = np.array([[row - 1e-8], [row - 2e-16], [row], [row + 2e-16], [row + 1e-8]])
    ops: Any = _Numpy(kind)
    found = quantiles.scaled(new.astype(kind), learned, ops)
    np.testing.assert_allclose(found[:, 0], expected, rtol=0, atol=2e-6)
