"""Momentum that moves against the learning rate: highest where the rate is lowest.

High rates and high momentum together make steps too long; where the rate comes down, more momentum keeps the weights
moving. Smith 2018, arXiv 1803.09820, section 4.3; Smith and Topin 2018, arXiv 1708.07120.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lrapp.errors import UserError
from lrapp.phrasing import number
from lrapp.policies.schedules import FloatArray, Policy


@dataclass(frozen=True)
class CyclicalMomentum:
    """A momentum for every step: ``max_momentum - (max_momentum - base_momentum) * height``.

    The height of the rate is 0 at its lower bound and below, as in a warm-up, and 1 at its upper; so straight lines of
    the rate give straight lines, cosines cosines, and peaks that shrink dips that shrink. This is what PyTorch's
    ``CyclicLR`` and ``OneCycleLR`` do.

    Args:
        policy: What moves the rate.
        base_momentum: At the highest rate, from 0 on.
        max_momentum: At the lowest rate, at least base_momentum and below 1.

    Example:
        With ``CLR(1, 5, step_size=4)`` and 0.8 to 1 it would be ``[1, .95, .9, .85, .8, .85, .9, .95, 1]``.
    """

    policy: Policy
    base_momentum: float = 0.85
    max_momentum: float = 0.95

    def __post_init__(self) -> None:
        low, high = self.base_momentum, self.max_momentum
        both = f"base_momentum {number(low, 6)}, max_momentum {number(high, 6)}"
        if not (0 <= low < 1 and 0 <= high < 1):
            raise UserError(f"Momentum must be at least 0 and below 1. Received: {both}.")
        if low > high:
            raise UserError(
                "max_momentum must be at least base_momentum; raise max_momentum or lower base_momentum. "
                f"Received: {both}."
            )
        if self.policy.bounds[0] == self.policy.bounds[1]:
            raise UserError(
                "Cyclical momentum needs a learning rate that moves, and this one stays the same: choose another "
                "policy or rates that differ, or switch cyclical momentum off."
            )

    def plan(self, steps: int | ArrayLike) -> FloatArray:
        """Return the momentum of the given steps; arguments as for ``Policy.plan``."""
        heights = self.policy.heights(steps)
        # Rounding must not leave the bounds.
        spread = self.max_momentum - self.base_momentum
        return np.clip(self.max_momentum - spread * heights, self.base_momentum, self.max_momentum)
