"""A logarithm for targets that are never negative and have a long tail: prices, counts, durations."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from lrapp.errors import UserError
from lrapp.phrasing import number, quoted
from lrapp.tables.columns.number_formats import LARGEST

# Skewness from which a logarithm is worth trying: a normal distribution has 0, an exponential one 2.
_SKEWED = 1.5
_LEAST_ROWS = 20


@dataclass(frozen=True)
class LogTarget:
    """What a network learns instead of y: ``log(1 + y / unit)``, standardised.

    Up to the unit this is nearly a straight line, and far above it a logarithm, so that zeros do no harm and dollars
    give the same as cents. Box and Cox 1964 call it a shifted logarithm.

    Args:
        unit: Median of the training rows' values above 0.
        mean, scale: Mean and standard deviation of the logarithms of the training rows.
    """

    unit: float
    mean: float
    scale: float

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Return what is learned from the training rows' values, float64, zero or more."""
        above = values[values > 0]
        unit = float(np.median(above)) if len(above) else 1.0
        logs = np.log1p(values / unit)
        return cls(unit, float(logs.mean()), float(logs.std()) or 1.0)

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """Return numbers as the network learns them; below minus the unit, where there is no logarithm, the least."""
        with np.errstate(divide="ignore", over="ignore"):
            return (np.log1p(np.maximum(values / self.unit, -1.0)) - self.mean) / self.scale

    def numbers(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs in the target's units, at most 1e100."""
        with np.errstate(over="ignore"):
            found = self.unit * np.expm1(np.asarray(outputs, np.float64) * self.scale + self.mean)
        return np.minimum(found, LARGEST)


def require(values: np.ndarray, target: str) -> None:
    """Check that numbers have a logarithm.

    Raises:
        UserError: If one is below zero.
    """
    least = float(values.min())
    if least < 0:
        raise UserError(
            f"A logarithm needs a target that is never below zero, and {quoted([target])} goes down to "
            f"{number(least, 6)}: set “Target (of numbers)” to “Standardise”."
        )


def suits(values: np.ndarray) -> bool:
    """Return whether float64 without gaps is never negative and so skewed that a logarithm is worth trying."""
    if len(values) < _LEAST_ROWS or values.min() < 0:
        return False
    unit = values.max()
    off = values / unit - (values / unit).mean() if unit > 0 else np.zeros_like(values)
    spread = float(np.sqrt((off**2).mean()))
    return spread > 0 and float((off**3).mean()) / spread**3 > _SKEWED
