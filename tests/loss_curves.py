"""Curves of a range test whose answer is known."""

import numpy as np

from lrapp.policies.schedules import FloatArray

STEPS = 100
RATES = np.geomspace(1e-7, 10, STEPS)
START, DEPTH = 0.7, 0.3


def descent(centre: float, width: float = 0.25, start: float = START, depth: float = DEPTH) -> FloatArray:
    """A fall in the form of an S over decades, steepest at a rate."""
    decades = np.log10(RATES / centre)
    return start - depth / (1 + np.exp(-decades / width))


def diverging(losses: FloatArray, from_rate: float, slope: float = 2.0) -> FloatArray:
    """The curve with a rise by so much per decade from a rate on."""
    return losses + slope * np.maximum(np.log10(RATES / from_rate), 0)


def noisy(losses: FloatArray, seed: int, noise: float = 0.01) -> FloatArray:
    return losses + noise * np.random.default_rng(seed).normal(size=len(losses))
