"""Losses of single batches -> a quiet curve over the rates. Numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrapp.policies.schedules import FloatArray

# Width of the smoothing, as a share of the test's steps: about a quarter of a decade in the default test.
WIDTH = 0.03
# Share of the steps that count as its start.
EDGE = 0.03


@dataclass(frozen=True, eq=False)
class LossCurve:
    """One seed's test.

    Args:
        learning_rates: Rate of each step, rising, float64, shape (steps,).
        losses: Batch loss of each step, float64, shape (steps,), without what makes batches differ where that is
            known; steps after the first that is not finite are left out.
        smoothed: The losses, smoothed around each step, float64, shape (steps,).
        ended_early: Whether the test stopped because the loss exploded.
    """

    learning_rates: FloatArray
    losses: FloatArray
    smoothed: FloatArray
    ended_early: bool


def curve(
    learning_rates: Sequence[float] | FloatArray,
    losses: Sequence[float] | FloatArray,
    planned: int,
    untrained: Sequence[float] | FloatArray = (),
) -> LossCurve:
    """Return one seed's curve.

    Args:
        learning_rates: Rate of each step that ran, rising, above 0.
        losses: Loss of each step that ran.
        planned: Steps that the test would have had.
        untrained: What the batch of each step costs before anything is learned, at least as many; none if unknown.
    """
    values = np.asarray(losses, np.float64)
    finite = np.isfinite(values)
    count = len(values) if finite.all() else int(np.argmin(finite))
    rates = np.asarray(learning_rates, np.float64)[:count]
    values = values[:count]
    if len(untrained) >= count > 0:
        values = quieted(values, np.asarray(untrained, np.float64)[:count], WIDTH * planned)
    return LossCurve(rates, values, smooth(values, WIDTH * planned), ended_early=count < planned)


def quieted(losses: FloatArray, untrained: FloatArray, width: float) -> FloatArray:
    """Return losses without what makes one batch dearer than another whatever the network has learned.

    A batch that the untrained network finds dear, because it holds more rows of a class that counts for more, or
    numbers far from the mean, the half-trained one finds dear too. How much of that is left is the slope of the losses
    over the untrained ones near each step, at least 0 and at most 1; that much of a batch's distance from the mean
    batch is taken off (a control variate).

    Args:
        losses: Loss of each step, shape (steps,), finite.
        untrained: Loss of the same batches before anything was learned, shape (steps,).
        width: What counts as near: standard deviation of a Gaussian window, in steps.
    """
    if not np.isfinite(untrained).all():
        return losses
    # What exploded is no slope; a batch that was dear before has not exploded.
    capped = np.minimum(losses, np.maximum(_cap(losses), 2 * untrained))

    def mean(values: FloatArray) -> FloatArray:
        return averaged(values, width)

    here, there = mean(capped), mean(untrained)
    together = mean(capped * untrained) - here * there
    spread = mean(untrained**2) - there**2
    certain = spread > 1e-12 * (there**2 + 1e-300)
    slope = np.clip(np.divide(together, spread, out=np.zeros_like(spread), where=certain), 0, 1)
    return np.asarray(losses - slope * (untrained - untrained.mean()))


def smooth(losses: FloatArray, width: float) -> FloatArray:
    """Return losses smoothed around each step by a Gaussian of that standard deviation, in steps.

    Centred, so that nothing is moved towards higher rates, as a running mean does. A loss of more than twice the
    first ones counts as twice: that it exploded must not reach back to where it had not.
    """
    return averaged(np.minimum(losses, _cap(losses)), width) if len(losses) else losses


def _cap(losses: FloatArray) -> float:
    start = float(np.median(losses[: max(1, len(losses) // 10)]))
    return 2 * start if start > 0 else np.inf


def averaged(values: FloatArray, width: float) -> FloatArray:
    """Return the means around each step, by a Gaussian of that standard deviation, in steps."""
    # What lies further away weighs less than 1e-7; a table of all pairs of steps would not fit into memory.
    reach = min(len(values) - 1, int(6 * width) + 1)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(width, 1e-9)) ** 2)
    inside = slice(reach, reach + len(values))
    total = np.convolve(np.ones(len(values)), weights)[inside]
    return np.asarray(np.convolve(values, weights)[inside] / total)
