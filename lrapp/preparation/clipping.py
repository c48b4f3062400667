"""Two small scikit-learn transformers that keep extreme numbers from dominating a column.

Imports scikit-learn, so it is imported only when a preprocessor is fitted or loaded.
"""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

_FAR = 2.0**400  # about 10^120: the sum of the squares of all rows is finite
_SAMPLE = 10_000


class QuantileClip(TransformerMixin, BaseEstimator):
    """Moves values beyond a quantile of the training rows to that quantile.

    The quantiles are values of the column, never between two of them, so that a single extreme one cannot pull
    another along. A column that would be left with one value is not clipped.

    Args:
        quantile: Lower quantile, 0 < quantile < 0.5; the upper one is its mirror.
    """

    def __init__(self, quantile: float = 0.005) -> None:
        self.quantile = quantile

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Find the bounds of each column; NaN is passed over."""
        ordered = np.sort(X, axis=0)  # NaN last
        last = np.maximum(np.count_nonzero(~np.isnan(X), axis=0) - 1, 0)
        low = np.ceil(self.quantile * last).astype(np.int64)
        columns = np.arange(X.shape[1])
        self.low_, self.high_ = ordered[low, columns], ordered[last - low, columns]
        single = ~(self.low_ < self.high_)
        self.low_[single], self.high_[single] = ordered[0, single], ordered[last[single], single]
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the values moved between the bounds; NaN stays."""
        return np.clip(X, self.low_, self.high_)


class UnitScale(TransformerMixin, BaseEstimator):
    """Divides each column by a power of two, so that its usual value is about 1.

    What comes after it may square and add: neither 1e100 nor 1e-300 leaves the range of float64 any more. A power
    of two changes no digit; only what is 10^120 times the usual is moved there, and what is as much smaller is 0.
    """

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Find the power of two of each column; NaN and zero are passed over."""
        some = np.abs(X[:: max(1, len(X) // _SAMPLE)])  # the size of a value is known from a few
        some[some == 0] = np.nan
        some.sort(axis=0)  # NaN last
        middle = np.maximum(np.count_nonzero(~np.isnan(some), axis=0) - 1, 0) // 2
        usual = some[middle, np.arange(X.shape[1])]
        self.exponent_ = np.frexp(np.nan_to_num(usual, nan=1.0))[1].astype(np.int64)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the values at unit size; NaN stays."""
        with np.errstate(over="ignore", under="ignore"):
            scaled = np.clip(np.ldexp(X, -self.exponent_), -_FAR, _FAR)
        scaled[np.abs(scaled) < 1 / _FAR] = 0.0
        return scaled
