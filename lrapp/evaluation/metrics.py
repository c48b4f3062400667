"""The metrics of a network and of its baseline; a new one is added here.

A table that is predicted in portions has the same ones in ``prediction.scoring``, which never holds all of its rows.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrapp.phrasing import number

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared, Split


@dataclass(frozen=True)
class Metric:
    """One figure of merit.

    Args:
        name: What it is called; errors of a regression are in the target's units.
        value: Of the network; None where it is not defined, as the ROC AUC of rows of one class.
        baseline: Of the baseline, on the same rows.
    """

    name: str
    value: float | None
    baseline: float | None
    higher_is_better: bool


def of_numbers(prepared: "Prepared", part: "Split", outputs: NDArray[Any]) -> tuple[str, tuple[Metric, ...]]:
    """Return the baseline's answer and the metrics of a regression, computed on standardised values and scaled.

    Args:
        part: The rows, at least 1.
        outputs: The network's, standardised; shape (rows,).
    """
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    preprocessor = prepared.preprocessor
    y, outputs = preprocessor.linear(part.y), preprocessor.linear(outputs)
    mean = np.zeros_like(y)  # of the training rows

    def error(name: str, figure: Callable[..., float]) -> Metric:
        network, baseline = (float(figure(y, answers)) * prepared.metric_scale for answers in (outputs, mean))
        return Metric(name, network, baseline, False)

    def r2(answers: np.ndarray) -> float | None:
        return float(r2_score(y, answers)) if np.ptp(y) > 0 else None

    metrics = (
        error("mean absolute error", mean_absolute_error),
        error("root mean squared error", root_mean_squared_error),
        Metric("R²", r2(outputs), r2(mean), True),
    )
    return number(prepared.preprocessor.target_mean), metrics


def of_classes(prepared: "Prepared", part: "Split", outputs: NDArray[Any]) -> tuple[str, tuple[Metric, ...]]:
    """Return the baseline's answer and the metrics of two or more classes.

    Args:
        part: The rows, at least 1.
        outputs: The network's; shape (rows, 1), the probability of the second class, or (rows, classes).
    """
    from sklearn.metrics import accuracy_score, average_precision_score, f1_score, log_loss, roc_auc_score

    names = np.array(prepared.classes, dtype=object)
    labels = np.arange(len(names))
    y = part.y.astype(np.int64)
    decoded = prepared.preprocessor.decode(outputs)
    answers = decoded.places
    assert answers is not None
    assert decoded.probabilities is not None
    chances = np.clip(decoded.probabilities, 0.0, None)
    chances = chances / np.maximum(chances.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    shares = np.bincount(prepared.train.y.astype(np.int64), minlength=len(names)) / len(prepared.train.y)
    majority = np.full_like(y, int(shares.argmax()))
    accuracy = Metric("accuracy", float(accuracy_score(y, answers)), float(accuracy_score(y, majority)), True)
    seen = np.bincount(y, minlength=len(names))
    recalls = np.bincount(y[answers == y], minlength=len(names))[seen > 0] / seen[seen > 0]
    several = np.count_nonzero(seen) > 1
    balanced = Metric(
        "balanced accuracy",
        float(recalls.mean()) if several else None,
        1 / np.count_nonzero(seen) if several else None,
        True,
    )
    loss = Metric(
        "log loss",
        float(log_loss(y, chances, labels=labels)),
        float(log_loss(y, np.tile(shares, (len(y), 1)), labels=labels)),
        False,
    )
    if prepared.task == "binary":
        area, precision = Metric("ROC AUC", None, None, True), Metric("average precision", None, None, True)
        if several:
            second = decoded.probabilities[:, 1]
            area = replace(area, value=float(roc_auc_score(y, second)), baseline=0.5)
            found = float(average_precision_score(y, second))
            precision = replace(precision, value=found, baseline=float(y.mean()))
        return str(names[majority[0]]), (accuracy, area, loss, balanced, precision)
    macro = Metric(
        "macro F1",
        float(f1_score(y, answers, average="macro", zero_division=0)),
        float(f1_score(y, majority, average="macro", zero_division=0)),
        True,
    )
    return str(names[majority[0]]), (accuracy, macro, loss, balanced)
