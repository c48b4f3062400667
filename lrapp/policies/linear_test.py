"""The range test as Smith drew it: rates that rise evenly over some epochs, read off the accuracy. Numpy only.

Smith 2017, arXiv 1506.01186, section 3.3: where the accuracy starts to rise is a good ``base_lr``; where it becomes
ragged or starts to fall, a good ``max_lr``. The accuracy is that of rows which the network does not learn from; for
numbers it is R2, which no paper names, but which rises and falls alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lrapp.errors import UserError
from lrapp.phrasing import counted, number
from lrapp.policies.lr_range import RatesFound
from lrapp.policies.schedules import FloatArray, Policy

# How often the accuracy is measured in a test, and what a test must have at least.
POINTS, LEAST_EPOCHS, LEAST_STEPS = 50, 2, 40
# R2 has no least value.
LEAST_FIGURE = -1.0
_LEAST_RISE = 0.02
# From this share of measurements on that are as good as before, the figure is ragged, and has not fallen.
_OFTEN_BACK = 0.25
End = Literal["falls", "ragged", "diverged", "nothing"]


@dataclass(frozen=True)
class LinearSweep(Policy):
    """A range test whose rate rises by the same amount in every step.

    Smith 2017, arXiv 1506.01186, section 3.3.

    Args:
        start_lr: The first rate, zero or more.
        end_lr: The last rate, above start_lr.
        total_steps: Steps from the first to the last; later steps keep the last rate.
        steps_per_epoch: At least 1.
    """

    start_lr: float
    end_lr: float
    total_steps: int
    steps_per_epoch: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.start_lr < self.end_lr < np.inf:
            raise UserError(
                "A range test must end above where it starts; lower the start or raise the end. Received: start "
                f"{number(self.start_lr, 6)}, end {number(self.end_lr, 6)}."
            )
        epochs = self.total_steps // self.steps_per_epoch
        if epochs < LEAST_EPOCHS or self.total_steps < LEAST_STEPS:
            needed = max(LEAST_EPOCHS, -(-LEAST_STEPS // self.steps_per_epoch))
            raise UserError(
                f"A linear range test needs at least {LEAST_EPOCHS} epochs and {LEAST_STEPS} steps: give it "
                f"{needed:,} epochs or more. Received: {counted(epochs, 'epoch')} of "
                f"{counted(self.steps_per_epoch, 'step')}."
            )

    @property
    def bounds(self) -> tuple[float, float]:
        return self.start_lr, self.end_lr

    def _rates(self, step: FloatArray) -> FloatArray:
        done = np.minimum(step / (self.total_steps - 1), 1.0)
        return self.start_lr + (self.end_lr - self.start_lr) * done


@dataclass(frozen=True, eq=False)
class FigureCurve:
    """One seed's test: the figure that is watched, measured now and then while the rate rises.

    Args:
        learning_rates: The rate at each measurement, rising; the first before any training, float64, shape (points,).
        figures: Accuracy or R2, higher is better, float64, shape (points,).
        diverged: Whether the loss became infinite behind the last.
    """

    learning_rates: FloatArray
    figures: FloatArray
    diverged: bool = False


@dataclass(frozen=True)
class Reading:
    """What one curve says.

    Args:
        base_lr: The first rate at which the figure has risen.
        max_lr: The last before it becomes ragged or falls; the last of all where it does not.
        best: The rate at which it is highest.
        end: Why the range ends there.
    """

    base_lr: float
    max_lr: float
    best: float
    end: End


def read(curve: FigureCurve, rows: int, trivial: float = LEAST_FIGURE) -> Reading | None:
    """Return what a curve says; None if its figure never rises.

    A rise begins at the untrained network's figure, or at that of always giving the same answer where this is higher:
    to learn that answer is no sign of a rate that learns the task.

    A figure has risen, or fallen, where it is apart by a tenth of its whole rise, or by the standard error that a share
    of so many rows may have. It counts as ragged from the first of at least two falls within five measurements on.

    Args:
        curve: Of one seed.
        rows: How many the figure is measured on, at least 1.
        trivial: What the best answer that is always the same reaches: the share of the largest class, or an R2 of 0.
    """
    rates, figures = curve.learning_rates, np.maximum(curve.figures, LEAST_FIGURE)
    if len(figures) < 3:
        return None
    # The median of three: no single lucky measurement is the height that others are held against.
    typical = np.median([figures[:-2], figures[1:-1], figures[2:]], axis=0)
    typical = np.concatenate([figures[:1], typical, typical[-1:]])
    least = max(figures[0], trivial)
    whole = float(typical.max() - least)
    chance = 0.5 / np.sqrt(rows)
    if whole < max(_LEAST_RISE, 2 * chance):
        return None
    apart = max(whole / 10, chance)
    risen = typical >= least + apart
    base = float(rates[int(np.argmax(risen))])
    height = np.maximum.accumulate(typical)
    fallen = (figures < height - apart) & (height >= least + whole / 2)
    best = float(rates[int(np.argmax(typical))])
    for place in np.flatnonzero(fallen):
        ahead = fallen[place : place + 5]
        if ahead.sum() >= 2 or len(ahead) == 1:
            back = float(np.mean(figures[place:] >= height[place] - apart))
            return Reading(base, float(rates[place - 1]), best, "falls" if back < _OFTEN_BACK else "ragged")
    return Reading(base, float(rates[-1]), best, "diverged" if curve.diverged else "nothing")


def advise(
    curves: Sequence[FigureCurve], watched: str, rows: int, trivial: float = LEAST_FIGURE
) -> RatesFound:
    """Return the range that the curves of all seeds suggest, or why there is none.

    Args:
        curves: One of each seed, at least one.
        watched: What the figure is called, for example ``validation accuracy``.
        rows: How many it is measured on, at least 1.
        trivial: As for ``read``.
    """
    readings = [one for one in (read(curve, rows, trivial) for curve in curves) if one is not None]
    if 2 * len(readings) <= len(curves):
        above = (
            "" if trivial == LEAST_FIGURE else f" above {number(trivial)}, which one and the same answer has"
        )
        sentence = (
            f"At no rate did the {watched} rise by more than chance{above}. Raise the last rate, take more epochs, and "
            "check that the inputs have any relation to the target."
        )
        return RatesFound(sentence, refusal="flat", watched=watched)
    bases, ends = ([getattr(one, name) for one in readings] for name in ("base_lr", "max_lr"))
    base_lr, max_lr = float(np.median(bases)), float(min(ends))
    suggestions = tuple(
        (name, float(np.median(rates)), float(min(rates)), float(max(rates)))
        for name, rates in (("rise", bases), ("fall", ends))
    )
    sentence = f"The {watched} starts to rise at {number(base_lr, 2)} and {_end(readings, max_lr)}."
    if base_lr > max_lr / 2:
        base_lr = max_lr / 4
        sentence += (
            f" That is too narrow for a cycle, so it begins at a quarter of its top, {number(base_lr, 2)}."
        )
    sentence += _certainty(ends, len(curves))
    best = float(np.median([one.best for one in readings]))
    return RatesFound(sentence, base_lr, max_lr, best, suggestions, watched=watched)


def _end(readings: Sequence[Reading], max_lr: float) -> str:
    first = min(readings, key=lambda one: one.max_lr)
    rate = number(max_lr, 2)
    return {
        "falls": f"starts to fall above {rate}",
        "ragged": f"becomes ragged above {rate}",
        "diverged": f"is lost above {rate}, where the loss becomes infinite",
        "nothing": f"neither becomes ragged nor falls up to the last rate, {rate}: raise that to see where it does",
    }[first.end]


def _certainty(ends: Sequence[float], curves: int) -> str:
    if curves == 1:
        return " One seed cannot say how sure this is; take three."
    left_out = f" {curves - len(ends)} of {curves} seeds showed no rise and were left out."
    left_out = left_out if len(ends) < curves else ""
    spread = max(ends) / min(ends) if min(ends) > 0 else np.inf
    if spread <= 1.005:
        return f" The seeds agree.{left_out}"
    sure = "agree" if spread <= 3 else "disagree"
    more = "" if spread <= 3 else ", so this is a guess: take more epochs"
    return f" The seeds {sure} on the upper end within a factor of {number(spread, 2)}{more}.{left_out}"
