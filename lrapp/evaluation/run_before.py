"""Whether a run does better than the one before it, on the same rows: one sentence, and how far chance reaches."""

from collections.abc import Sequence
from math import sqrt

from lrapp.evaluation.counts_and_curves import ClassFigures
from lrapp.evaluation.judging import SURE
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.phrasing import measured


def sentence(scores: Scores, before: Scores, classes: Sequence[ClassFigures] = ()) -> str:
    """Return how the leading figure has changed; empty where the runs have no figure in common.

    Args:
        scores: Of the run.
        before: Of the run before, on the same rows.
        classes: The figures of each class, which say how many rows of each there are.
    """
    metric = scores.leading
    old = next((one for one in before.metrics if one.name == metric.name), None)
    if old is None or old.value is None or metric.value is None or before.part != scores.part:
        return ""
    now, then = measured(metric.name, metric.value), measured(metric.name, old.value)
    figures = f"{metric.name} {now}, before {then}"
    if now == then:
        return f"As good as the run before: {figures}."
    gain = metric.value - old.value if metric.higher_is_better else old.value - metric.value
    told = f"{'Better' if gain > 0 else 'Worse'} than the run before: {figures}"
    error = _error(metric, old.value, scores.rows, [one.rows for one in classes])
    if error is None:
        return f"{told}; whether that is chance was not measured."
    return f"{told}; a difference this small can be chance." if abs(gain) < SURE * error else f"{told}."


def _error(metric: Metric, before: float, rows: int, of_classes: Sequence[int]) -> float | None:
    """The standard error of the difference of two such figures, as if on different rows; None where it is not known."""
    assert metric.value is not None
    if metric.name == "accuracy":
        return sqrt(sum(value * (1 - value) for value in (metric.value, before)) / max(1, rows))
    if metric.name == "ROC AUC" and len(of_classes) == 2 and min(of_classes) > 0:
        return sqrt(sum(_error_of_area(value, *of_classes) ** 2 for value in (metric.value, before)))
    return None


def _error_of_area(area: float, one: int, other: int) -> float:
    """The standard error of an area under the ROC curve (Hanley and McNeil 1982), with so many rows of each class."""
    by_one, by_other = area / (2 - area), 2 * area**2 / (1 + area)
    spread = (one - 1) * (by_one - area**2) + (other - 1) * (by_other - area**2)
    return sqrt(max(0.0, area * (1 - area) + spread) / (one * other))
