"""A small scikit-learn transformer: robust scaling with smooth clipping.

Imports scikit-learn, so ``fitting`` imports it only where it is needed.
"""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

_FARTHEST = 1e6  # as for all inputs; the square of what is further may not be finite


class RobustScale(TransformerMixin, BaseEstimator):
    """Centres each column at its median, scales it by its quartiles, and bends outliers towards a bound.

    ``z = (x - median) / (q75 - q25)``; where the quartiles are equal, ``z = 2 (x - median) / (max - min)``; where all
    values are equal, 0. The result is ``z / sqrt(1 + (z / bound)^2)``, which leaves small values nearly as they are,
    keeps their order, and never reaches the bound.

    Holzmüller, Grinsztajn and Steinwart, "Better by Default" (RealMLP), 2024, arXiv 2407.04491.

    Args:
        bound: What no value goes beyond, above 0.
    """

    def __init__(self, bound: float = 3.0) -> None:
        self.bound = bound

    def fit(self, X: np.ndarray, y: Any = None) -> Self:
        """Find median and scale of each column, none of whose values is missing."""
        least, low, self.center_, high, greatest = np.quantile(X, [0, 0.25, 0.5, 0.75, 1], axis=0)
        scale = np.where(high > low, high - low, (greatest - least) / 2)
        self.scale_ = np.where(scale > 0, scale, np.finfo(np.float64).max)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the values scaled, between minus the bound and the bound."""
        with np.errstate(over="ignore"):
            scaled = np.clip((X - self.center_) / self.scale_, -_FARTHEST, _FARTHEST)
        return scaled / np.sqrt(1 + np.square(scaled / self.bound))

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Return the values that are scaled to these; at the bound itself, what is a million scales away."""
        share = np.clip(np.asarray(X, np.float64) / self.bound, -1.0, 1.0)
        with np.errstate(divide="ignore", over="ignore"):
            scaled = np.clip(self.bound * share / np.sqrt(1 - np.square(share)), -_FARTHEST, _FARTHEST)
            return scaled * self.scale_ + self.center_
