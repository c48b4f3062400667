"""Which of two models does better on the same rows, by the metric that fits the task, and how certain that is.

Numbers are judged by their mean absolute error. Two classes are judged by the area under the ROC curve, which neither a
rare class nor a shifted threshold moves; several classes by the log loss, and where training weighed classes alike, by
the log loss with classes weighed alike. Both models answer the same rows, so the difference is measured row by row.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrapp.evaluation.explanations import error_of, log_loss_of
from lrapp.phrasing import measured

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared, Split

Floats = NDArray[np.float64]
# A difference of less than two standard errors may be chance.
SURE = 2.0
# With fewer rows of a class, its ranking cannot be judged.
_LEAST_OF_CLASS = 2
OFF, AREA, LOSS, BALANCED = (
    "mean absolute error",
    "ROC AUC",
    "log loss",
    "log loss with classes weighed alike",
)


@dataclass(frozen=True)
class Contrast:
    """Two models on the same rows.

    Args:
        gain: How much better the first one is; below zero where it is worse.
        chance: Standard error of that; infinite where a single row was measured.
    """

    figure: str
    first: float
    second: float
    gain: float
    chance: float

    @property
    def sure(self) -> bool:
        """Whether the difference is more than chance explains."""
        return abs(self.gain) > SURE * self.chance

    @property
    def level(self) -> bool:
        """Whether they are equal on every row."""
        return self.gain == 0 and self.chance == 0


def contrast(prepared: "Prepared", part: "Split", first: NDArray[Any], second: NDArray[Any]) -> Contrast:
    """Return how two models compare.

    Args:
        part: The rows that they predicted, at least one.
        first, second: The outputs of each, as for ``scores.evaluate``.
    """
    if prepared.task == "regression":
        return _of_rows(OFF, error_of(prepared, part.y, first), error_of(prepared, part.y, second))
    if (
        prepared.task == "binary"
        and np.bincount(part.y.astype(np.int64), minlength=2).min() >= _LEAST_OF_CLASS
    ):
        return _of_areas(part.y > 0.5, _chances(prepared, first)[:, 1], _chances(prepared, second)[:, 1])
    figure, weights = LOSS, np.ones(len(part.y))
    if prepared.train.weight is not None:
        figure, weights = BALANCED, _alike(part.y.astype(np.int64))
    return _of_rows(
        figure,
        weights * log_loss_of(prepared, part.y, first),
        weights * log_loss_of(prepared, part.y, second),
    )


def beside_baseline(prepared: "Prepared", part: "Split", outputs: NDArray[Any]) -> Contrast:
    """Return how a model compares with the baseline; arguments as for ``contrast``.

    The baseline knows how frequent classes are among training rows, or the mean. Where training weighed classes alike,
    all are equally likely to it.
    """
    if prepared.task == "regression":
        mean = np.abs(prepared.tabular.linear(part.y)) * prepared.metric_scale
        return _of_rows(OFF, error_of(prepared, part.y, outputs), mean)
    count = len(prepared.classes)
    shares = np.bincount(prepared.train.y.astype(np.int64), minlength=count) / len(prepared.train.y)
    if prepared.train.weight is not None:
        shares = np.full(count, 1 / count)
    trivial = np.tile(shares[1:] if prepared.task == "binary" else shares, (len(part.y), 1))
    return contrast(prepared, part, outputs, trivial)


def words(found: Contrast, second: str, *, second_first: bool = False) -> str:
    """Return both figures in words, such as "ROC AUC 0.928, a linear model 0.909".

    Args:
        second: What to call the second model; the first is the network.
    """
    values = [measured(found.figure, found.first), measured(found.figure, found.second)]
    other = "the network" if second_first else second
    if second_first:
        values.reverse()
    if found.figure == OFF:
        return f"off by {values[0]} on average, {other} by {values[1]}"
    lower = "" if found.figure == AREA else " (lower is better)"
    return f"{found.figure} {values[0]}, {other} {values[1]}{lower}"


def _chances(prepared: "Prepared", outputs: NDArray[Any]) -> Floats:
    chances = prepared.preprocessor.decode(outputs).probabilities
    assert chances is not None
    return chances


def _alike(y: NDArray[np.int64]) -> Floats:
    """Weights with which every class that is there counts the same; their mean is 1."""
    rows = np.bincount(y)
    weights: Floats = (len(y) / (np.count_nonzero(rows) * np.maximum(rows, 1)))[y]
    return weights


def _of_rows(figure: str, first: Floats, second: Floats) -> Contrast:
    gains = second - first
    chance = float(gains.std(ddof=1)) / len(gains) ** 0.5 if len(gains) > 1 else float("inf")
    return Contrast(figure, float(first.mean()), float(second.mean()), float(gains.mean()), chance)


def _of_areas(positive: NDArray[np.bool_], first: Floats, second: Floats) -> Contrast:
    """Areas under two ROC curves and the error of their difference (DeLong et al. 1988, Sun and Xu 2014)."""
    above, below = _placements(positive, first)
    other_above, other_below = _placements(positive, second)
    gains, losses = above - other_above, below - other_below
    variance = gains.var(ddof=1) / len(gains) + losses.var(ddof=1) / len(losses)
    area, other = float(above.mean()), float(other_above.mean())
    return Contrast(AREA, area, other, float(gains.mean()), float(variance) ** 0.5)


def _placements(positive: NDArray[np.bool_], chances: Floats) -> tuple[Floats, Floats]:
    """For each row of either class, the share of the other class that it is ranked rightly against; a tie is half."""
    from scipy.stats import rankdata

    ours, theirs = chances[positive], chances[~positive]
    ranks = rankdata(chances)
    above = (ranks[positive] - rankdata(ours)) / len(theirs)
    below = 1 - (ranks[~positive] - rankdata(theirs)) / len(ours)
    return above, below
