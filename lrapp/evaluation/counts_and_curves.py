"""Truth and predictions -> the counts and curves behind a metric.

What scikit-learn computes is imported where it is asked for: the page only reads what was computed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# More classes than this are not readable in one matrix; the smaller ones share a row and a column.
MOST_CLASSES = 30
# More points than pixels only make the file larger.
MOST_POINTS = 200
MOST_ROWS = 1_500
_BINS = 10
THRESHOLDS = 201


@dataclass(frozen=True)
class Confusion:
    """How often a class was answered where another was true.

    Args:
        names: The classes; the last is "others" where small classes were joined.
        counts: Rows of the table: true class in rows, answered class in columns.
        joined: How many classes "others" stands for, else 0.
    """

    names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    joined: int = 0


@dataclass(frozen=True)
class ClassFigures:
    """One class's figures, each 0 to 1.

    Args:
        precision: Share of its answers that are right; None if it was never answered.
        recall: Share of its rows that are found; None without rows.
        f1: Harmonic mean of both, counting "never" as 0.
    """

    name: str
    rows: int
    precision: float | None
    recall: float | None
    f1: float


@dataclass(frozen=True)
class Curve:
    """A curve through all thresholds.

    Args:
        x, y: Its points; false and true positive rate, or recall and precision.
        area: Area under it, of all points; for precision and recall the average precision.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    area: float


@dataclass(frozen=True)
class Calibration:
    """Predicted and observed shares in ten bins of equal width; empty ones are left out.

    Args:
        predicted: Mean probability in each bin.
        observed: Share of rows in each bin for which the answer was true.
        rows: Rows in each bin.
        error: Mean distance of both, weighted by rows.
    """

    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    rows: tuple[int, ...]
    error: float


@dataclass(frozen=True)
class Thresholds:
    """What a threshold does to the counts: a row is called positive where its probability is above.

    Args:
        positives, negatives: Rows that truly are.
        true_positives, false_positives: For each of ``THRESHOLDS`` thresholds from 0 to 1, at equal distances.
    """

    positives: int
    negatives: int
    true_positives: tuple[int, ...]
    false_positives: tuple[int, ...]

    def at(self, threshold: float) -> tuple[int, int, int, int]:
        """Return true positives, false positives, false negatives and true negatives at a threshold of 0 to 1."""
        place = round(threshold * (THRESHOLDS - 1))
        right, wrong = self.true_positives[place], self.false_positives[place]
        return right, wrong, self.positives - right, self.negatives - wrong


@dataclass(frozen=True)
class Residuals:
    """Predicted beside true numbers, in the target's units.

    Args:
        truth, predicted: A sample of the rows.
        edges, counts: Histogram of predicted minus true over all rows; one edge more than counts.
        median, ninety: Half (nine in ten) of all rows are off by no more.
    """

    truth: tuple[float, ...]
    predicted: tuple[float, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    median: float
    ninety: float


def confusion(truth: NDArray[np.int64], answers: NDArray[np.int64], names: tuple[str, ...]) -> Confusion:
    """Return the confusion matrix; of many classes only the ``MOST_CLASSES`` with most rows stay apart.

    Args:
        truth, answers: Class numbers, shape (rows,).
    """
    joined = 0
    if len(names) > MOST_CLASSES:
        sizes = np.bincount(truth, minlength=len(names))
        kept = np.sort(np.argsort(-sizes, kind="stable")[:MOST_CLASSES])
        place = np.full(len(names), MOST_CLASSES)
        place[kept] = np.arange(MOST_CLASSES)
        truth, answers = place[truth], place[answers]
        joined = len(names) - MOST_CLASSES
        names = (*(names[number] for number in kept), f"{joined:,} others")
    from sklearn.metrics import confusion_matrix

    table = confusion_matrix(truth, answers, labels=range(len(names)))
    return Confusion(names, tuple(map(tuple, table.tolist())), joined)


def class_figures(
    truth: NDArray[np.int64], answers: NDArray[np.int64], names: tuple[str, ...]
) -> tuple[ClassFigures, ...]:
    """Return precision, recall and F1 of each class, from class numbers of shape (rows,)."""
    from sklearn.metrics import precision_recall_fscore_support

    figures = precision_recall_fscore_support(truth, answers, labels=range(len(names)), zero_division=np.nan)
    of_classes = np.array(figures, np.float64).T
    return tuple(
        ClassFigures(name, int(rows), _defined(precision), _defined(recall), _defined(f1) or 0.0)
        for name, (precision, recall, f1, rows) in zip(names, of_classes, strict=True)
    )


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def roc(positive: NDArray[np.bool_], chances: Floats) -> Curve | None:
    """Return the ROC curve and its area; None where all rows are of one kind.

    Args:
        positive: Whether each row is, shape (rows,).
        chances: The probability that it is, shape (rows,).
    """
    if positive.all() or not positive.any():
        return None
    from sklearn.metrics import auc, roc_curve

    x, y, _ = roc_curve(positive, chances, drop_intermediate=False)
    kept = _spread_out(x + y)
    return Curve(_tuple(x[kept]), _tuple(y[kept]), float(auc(x, y)))


def precision_recall(positive: NDArray[np.bool_], chances: Floats) -> Curve | None:
    """Return precision over recall and the average precision; None where all rows are of one kind.

    Args:
        positive: Whether each row is, shape (rows,).
        chances: The probability that it is, shape (rows,).
    """
    if positive.all() or not positive.any():
        return None
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, _ = precision_recall_curve(positive, chances)
    precision, recall = precision[-2::-1], recall[-2::-1]  # rising, without the point of no threshold
    kept = _spread_out(recall)
    area = float(average_precision_score(positive, chances))
    return Curve(_tuple(recall[kept]), _tuple(precision[kept]), area)


def _spread_out(rising: Floats) -> NDArray[np.int64]:
    """Places of at most ``MOST_POINTS`` values at about equal distances, both ends included."""
    if len(rising) <= MOST_POINTS:
        return np.arange(len(rising))
    wanted = np.linspace(rising[0], rising[-1], MOST_POINTS - 1)
    return np.unique(np.r_[np.searchsorted(rising, wanted).clip(0, len(rising) - 1), len(rising) - 1])


def calibration(happened: NDArray[np.bool_], chances: Floats) -> Calibration:
    """Return predicted and observed shares.

    Args:
        happened: Whether it did, shape (rows,).
        chances: The probability that was predicted for it, 0 to 1, shape (rows,).
    """
    bins = np.clip((chances * _BINS).astype(np.int64), 0, _BINS - 1)
    rows = np.bincount(bins, minlength=_BINS)
    used = rows > 0
    predicted = np.bincount(bins, chances, _BINS)[used] / rows[used]
    observed = np.bincount(bins, happened, _BINS)[used] / rows[used]
    error = float(np.abs(predicted - observed) @ rows[used] / len(chances))
    return Calibration(_tuple(predicted), _tuple(observed), tuple(rows[used].tolist()), error)


def thresholds(positive: NDArray[np.bool_], chances: Floats) -> Thresholds:
    """Return the counts at thresholds from 0 to 1.

    Args:
        positive: Whether each row is, shape (rows,).
        chances: The probability that it is, 0 to 1, shape (rows,).
    """
    levels = np.linspace(0, 1, THRESHOLDS)

    def above(values: Floats) -> tuple[int, ...]:
        counts = len(values) - np.searchsorted(np.sort(values), levels, side="right")
        return tuple(counts.tolist())

    count = int(np.count_nonzero(positive))
    return Thresholds(count, len(positive) - count, above(chances[positive]), above(chances[~positive]))


def residuals(truth: Floats, predicted: Floats) -> Residuals:
    """Return the errors of a regression, from finite values in the target's units, shape (rows,)."""
    rows = np.arange(len(truth))
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(len(truth), MOST_ROWS, replace=False))
    errors = predicted - truth
    low, high = np.quantile(errors, [0.005, 0.995])
    if not low < high:
        low, high = errors.min(), errors.max()
    if high - low <= 2e-9 * max(abs(low), abs(high)):  # one value, or so near that no bins fit between
        low, high = low - (abs(low) / 2 or 1.0), high + (abs(high) / 2 or 1.0)
    span = (low, high)
    counts, edges = np.histogram(np.clip(errors, *span), bins=min(40, max(8, len(errors) // 10)), range=span)
    middle, most = np.quantile(np.abs(errors), [0.5, 0.9])
    return Residuals(
        _tuple(truth[rows]),
        _tuple(predicted[rows]),
        _tuple(edges),
        tuple(counts.tolist()),
        float(middle),
        float(most),
    )


def _tuple(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{value:.7g}") for value in values.tolist())
