"""A network's detailed evaluation -> the sentences and tables that page and report share."""

from typing import Literal, get_args

import numpy as np
import pandas as pd

from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.boosted_trees import BesideTrees
from lrapp.evaluation.counts_and_curves import THRESHOLDS, Thresholds
from lrapp.evaluation.scores import Scores
from lrapp.phrasing import counted, number, percent
from lrapp.preparation.threshold import Costs

View = Literal["Confusion", "ROC", "Calibration", "Threshold", "Residuals", "What matters"]
IMPORTANCE = (
    "Each column was shuffled among the rows, five times: how much worse the network answers without it, and the "
    "spread. Columns that repeat another look less important than they are."
)
DEPENDENCE = "The mean answer when the column is set to one value in all rows, everything else as it is."


def views(insight: Insight) -> list[View]:
    """Return the names of the views."""
    there: dict[View, object] = {
        "Confusion": insight.confusion,
        "ROC": insight.curves,
        "Calibration": insight.calibration,
        "Threshold": insight.thresholds,
        "Residuals": insight.residuals,
        "What matters": insight.importance,
    }
    return [view for view in get_args(View) if there[view]]


def score_frame(scores: Scores, insight: Insight | None, beside: BesideTrees | None = None) -> pd.DataFrame:
    """Return the scores' frame, with a column for the linear model and for boosted trees where there are some."""
    frame = scores.frame()
    linear = insight.linear if insight is not None else ()
    trees = beside.metrics if beside is not None and beside.part == scores.part else ()
    for place, (name, metrics) in enumerate((("linear model", linear), ("boosted trees", trees))):
        if metrics:
            other = Scores(scores.task, scores.part, scores.rows, scores.trivial, metrics).frame()
            values = dict(zip(other["metric"], other["network"], strict=True))
            frame.insert(2 + place * bool(linear), name, [values.get(one, "") for one in frame["metric"]])
    return frame


def area_sentence(insight: Insight) -> str:
    """Return the areas under the curves, of the first classes."""
    by_class = {(one.name, one.model): one for one in insight.curves}
    shown = [one for one in insight.curves if one.model == "network"][:4]
    parts = []
    for one in shown:
        text = f"“{one.name}”: ROC area {one.roc.area:.3f}, average precision {one.pr.area:.3f}"
        other = by_class.get((one.name, "linear model"))
        if other is not None:
            text += f" (linear model {other.roc.area:.3f}, {other.pr.area:.3f})"
        parts.append(text)
    return "Each class against the rest; the grey diagonal is guessing. " + "; ".join(parts) + "."


def calibration_sentence(insight: Insight) -> str:
    """Return how far probabilities are from observed shares."""
    found = insight.calibration
    assert found is not None
    what = (
        f"the probability of “{insight.confusion.names[1]}”"
        if insight.thresholds is not None and insight.confusion is not None
        else "the probability of the answer that was given"
    )
    lean = float(np.average(np.subtract(found.predicted, found.observed), weights=found.rows))
    side = "too sure" if lean > 0.02 else "too modest" if lean < -0.02 else "neither too high nor too low"
    if insight.thresholds is not None:
        side = "too high" if lean > 0.02 else "too low" if lean < -0.02 else side
    return (
        f"Shown is {what}: where it says 80 %, eight in ten should be so. It is off by "
        f"{100 * found.error:.1f} points on average, and on the whole {side}."
    )


def temperature_sentence(insight: Insight) -> str:
    """Return how a temperature would change the probabilities; empty where that was not measured."""
    found, before = insight.tempered, insight.calibration
    if found is None or before is None:
        return ""
    applied = ""
    if found.applied != 1:
        fitted = "fitted on the validation rows, is part of the model"
        applied = f"Calibrated: a temperature of {found.applied:.2f}, {fitted}. "
    if not found.needed:
        return f"{applied}On these rows the probabilities need no {'further ' if applied else ''}calibration."
    sure = "less" if found.temperature > 1 else "more"
    return (
        f"{applied}A temperature of {found.temperature:.2f}, fitted on the validation rows, would make the network "
        f"{sure} sure: log loss {number(found.log_loss_after)} instead of {number(found.log_loss)}, off by "
        f"{100 * found.calibration.error:.1f} points instead of {100 * before.error:.1f}."
    )


def threshold_sentence(insight: Insight, level: float) -> str:
    """Return the effect of a threshold on the rows, in words.

    Args:
        insight: Of a network for two classes.
        level: The threshold, 0 to 1.
    """
    found = insight.thresholds
    assert found is not None
    assert insight.confusion is not None
    hits, false, missed, right = at(insight, level)
    positive, negative = insight.confusion.names[1], insight.confusion.names[0]
    recall = percent(hits / (hits + missed)) if hits + missed else "not defined"
    precision = percent(hits / (hits + false)) if hits + false else "not defined"
    accuracy = (hits + right) / max(1, hits + false + missed + right)
    there, others = counted(hits + missed, "row that is", "rows that are"), _are(false + right)
    return (
        f"Of {there} “{positive}”, {hits:,} {_are(hits)} found (recall {recall}); of {false + right:,} that {others} "
        f"“{negative}”, {false:,} {_are(false)} called “{positive}” by mistake (precision {precision}). "
        f"Accuracy {percent(accuracy)}."
    )


def costs_sentence(costs: Costs) -> str:
    """Return which threshold follows from costs alone, and when to trust it."""
    false_alarm, miss = number(costs.false_alarm), number(costs.miss)
    return (
        f"Where probabilities are right, the threshold follows from the costs alone: {false_alarm} / ({false_alarm} + "
        f"{miss}) = {number(costs.level)} (Elkan 2001). The validation rows say how far off they are, and so where "
        "that threshold lies in this network's own probabilities (Platt 1999). Probabilities stay as they are."
    )


def at(insight: Insight, level: float) -> tuple[int, int, int, int]:
    """Return true positives, false positives, false negatives and true negatives at a threshold.

    Args:
        insight: Of a network for two classes.
        level: The threshold, 0 to 1; only the model's own need not be one of the counted ones.
    """
    if insight.threshold is not None and insight.confusion is not None and level == insight.threshold.level:
        (right, false), (missed, hits) = insight.confusion.counts
        return hits, false, missed, right
    assert insight.thresholds is not None
    return insight.thresholds.at(level)


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def threshold_frame(found: Thresholds) -> pd.DataFrame:
    """Return a row per threshold with its four counts."""
    hits, false = np.array(found.true_positives), np.array(found.false_positives)
    return pd.DataFrame(
        {
            "threshold": np.linspace(0, 1, THRESHOLDS).round(4),
            "true positives": hits,
            "false positives": false,
            "false negatives": found.positives - hits,
            "true negatives": found.negatives - false,
        }
    )


def residual_sentence(insight: Insight) -> str:
    """Return how large errors are."""
    found = insight.residuals
    assert found is not None
    return (
        f"Half of the {insight.part} rows are off by no more than {number(found.median)}, nine in ten by no more "
        f"than {number(found.ninety)}. On the diagonal, the prediction is right."
    )


def worse(insight: Insight) -> str:
    """Return what grows when a column is shuffled."""
    if insight.task == "regression":
        return "rise in mean absolute error"
    return "rise in log loss" if insight.by_log_loss else "fall in accuracy"


def answer(insight: Insight, target: str) -> str:
    """Return what partial dependence shows."""
    if insight.task == "regression":
        return f"mean predicted {target}"
    if insight.thresholds is not None and insight.confusion is not None:
        return f"probability of {insight.confusion.names[1]}"
    return "mean probability"
