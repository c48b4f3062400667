"""Two small scikit-learn transformers that keep absurd numbers from ruling a column.

Imports scikit-learn, so only ``preprocessing`` imports this room, and only when it fits or loads.
"""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

# After UnitScale the training values lie within ±1; 2**60 still has a finite square in float64.
_FAR = 2.0**60


class QuantileClip(TransformerMixin, BaseEstimator):
    """Moves values beyond a quantile of the training rows to that quantile.

    The quantiles are values of the column, never between two of them, so that a single 1e308 cannot pull one
    along. A column that would be left with one value is not clipped.

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
    """Divides each column by a power of two, so that its largest training value lies between 0.5 and 1.

    What comes after it may square and add: neither 1e308 nor 1e-300 leaves the range of float64 any more.
    A power of two changes no digit.
    """

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Find the power of two of each column; NaN is passed over."""
        largest = np.fmax.reduce(np.abs(X), axis=0, initial=0.0)
        self.exponent_ = np.frexp(largest)[1].astype(np.int64)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the values at unit size; NaN stays."""
        with np.errstate(over="ignore", under="ignore"):
            return np.clip(np.ldexp(X, -self.exponent_), -_FAR, _FAR)
