"""Scores of predictions where a table holds the target, added up part by part, so that no row is kept."""

import math

import numpy as np

from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.phrasing import number, percent
from lrapp.prediction.row_predictions import Answers
from lrapp.preparation.preprocessor import Preprocessor, standardised

# Up to here a ROC AUC is exact; beyond, probabilities are counted in bins this fine on the scale of log odds.
EXACT_ROWS = 200_000
_BINS, _FARTHEST = 1 << 16, 25.0
_FEW = 50


class Scorer:
    """Adds up the figures that ``evaluation`` gives, over any number of parts."""

    def __init__(self, preprocessor: Preprocessor) -> None:
        self._preprocessor = preprocessor
        classes = len(preprocessor.classes)
        self.rows = 0
        self.absent = 0
        self.strange = 0
        self._hits, self._said, self._are = (np.zeros(classes, np.int64) for _ in range(3))
        self._log_loss = 0.0
        self._area = _Area()
        self._errors = np.zeros(2)
        self._trivial = np.zeros(2)
        self._mean, self._spread = 0.0, 0.0

    def add(self, answers: Answers) -> None:
        """Count the rows of a part that have both a prediction and the truth."""
        if answers.truth is None:
            return
        truth = answers.truth[answers.good]
        regression = answers.probabilities is None
        known = ~np.isnan(truth)
        strange = np.zeros_like(known) if regression else truth == -1
        self.absent += int(np.count_nonzero(~known))
        self.strange += int(np.count_nonzero(strange))
        use = known & ~strange
        self.rows += int(np.count_nonzero(use))
        if not use.any():
            return
        if answers.probabilities is None:
            self._add_numbers(truth[use], answers.values[use])
        else:
            self._add_classes(truth[use].astype(np.int64), answers.values[use], answers.probabilities[use])

    def metrics(self, trained: Scores | None) -> tuple[Metric, ...]:
        """Return the metrics, the main one first; empty without a row that has the target.

        Args:
            trained: The run's own scores; they name the baseline.
        """
        if not self.rows:
            return ()
        if self._preprocessor.task == "regression":
            return self._of_numbers()
        return self._of_classes(trained)

    def _add_classes(self, truth: np.ndarray, answered: np.ndarray, chances: np.ndarray) -> None:
        classes = len(self._hits)
        self._hits += np.bincount(truth[truth == answered], minlength=classes)
        self._said += np.bincount(answered, minlength=classes)
        self._are += np.bincount(truth, minlength=classes)
        if self._preprocessor.task == "binary":
            self._area.add(chances[:, 1], truth == 1)
        chances = np.clip(chances, 0.0, None)
        tiny = np.finfo(np.float64)
        given = chances[np.arange(len(truth)), truth] / np.maximum(chances.sum(axis=1), tiny.tiny)
        self._log_loss -= float(np.log(np.clip(given, tiny.eps, 1 - tiny.eps)).sum())

    def _add_numbers(self, truth: np.ndarray, answered: np.ndarray) -> None:
        preprocessor = self._preprocessor
        y = standardised(truth, preprocessor.target_mean, preprocessor.target_scale).astype(np.float64)
        error = np.abs(y - preprocessor.linear(answered))
        before = self.rows - len(y)
        # Chan et al. 1983: combines means and squares of two parts without cancellation.
        mean = float(y.mean())
        step = mean - self._mean
        self._spread += float(((y - mean) ** 2).sum()) + step**2 * before * len(y) / self.rows
        self._mean += step * len(y) / self.rows
        self._errors += error.sum(), (error**2).sum()
        self._trivial += np.abs(y).sum(), (y**2).sum()

    def _of_numbers(self) -> tuple[Metric, ...]:
        both = self._errors, self._trivial
        scale, n = self._preprocessor.target_scale, self.rows
        off = [float(total / n * scale) for total, _ in both]
        roots = [math.sqrt(squares / n) * scale for _, squares in both]
        explained = [1.0 - float(squares) / self._spread if self._spread > 0 else None for _, squares in both]
        return (
            Metric("mean absolute error", off[0], off[1], False),
            Metric("root mean squared error", roots[0], roots[1], False),
            Metric("R²", explained[0], explained[1], True),
        )

    def _of_classes(self, trained: Scores | None) -> tuple[Metric, ...]:
        preprocessor, n = self._preprocessor, self.rows
        usual = trained.trivial if trained is not None else None
        place = preprocessor.classes.index(usual) if usual in preprocessor.classes else None
        share = None if place is None else float(self._are[place] / n)
        accuracy = Metric("accuracy", float(self._hits.sum() / n), share, True)
        loss = Metric("log loss", self._log_loss / n, None, False)
        there = self._are > 0
        several = np.count_nonzero(there) > 1
        recall = float((self._hits[there] / self._are[there]).mean()) if several else None
        guessed = float(1 / np.count_nonzero(there)) if several else None
        balanced = Metric("balanced accuracy", recall, guessed, True)
        if preprocessor.task == "binary":
            area, precision = self._area.values()
            return (
                accuracy,
                Metric("ROC AUC", area, None if area is None else 0.5, True),
                loss,
                balanced,
                Metric(
                    "average precision", precision, None if area is None else float(self._are[1] / n), True
                ),
            )
        met = (self._said + self._are) > 0
        f1 = 2 * self._hits[met] / (self._said + self._are)[met]
        trivial = None
        if place is not None:
            # Every row is predicted as one class: the F1 of all others is 0.
            seen = np.count_nonzero(self._are) + (self._are[place] == 0)
            trivial = float(2 * self._are[place] / (n + self._are[place]) / seen)
        return accuracy, Metric("macro F1", float(f1.mean()), trivial, True), loss, balanced


class _Area:
    """The area under the ROC curve of rows that come in parts."""

    def __init__(self) -> None:
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []
        self._rows = 0
        self._counts: np.ndarray | None = None

    def add(self, chances: np.ndarray, positive: np.ndarray) -> None:
        """Count rows: their probability of the second class, and whether they are of it."""
        self._rows += len(chances)
        self._parts.append((chances, positive))
        if self._rows > EXACT_ROWS:
            if self._counts is None:
                self._counts = np.zeros((2, _BINS), np.int64)
            for some, of_class in self._parts:
                places = _bins(some)
                self._counts[0] += np.bincount(places[~of_class], minlength=_BINS)
                self._counts[1] += np.bincount(places[of_class], minlength=_BINS)
            self._parts.clear()

    def values(self) -> tuple[float | None, float | None]:
        """Return how often a row of the second class is given more than one of the first, and the average precision.

        A tie counts half; both are None where all rows are of one class.
        """
        from sklearn.metrics import average_precision_score, roc_auc_score

        if self._counts is None:
            chances = np.concatenate([some for some, _ in self._parts])
            positive = np.concatenate([of_class for _, of_class in self._parts])
            rows = None
        else:
            chances, positive = np.tile(np.arange(_BINS), 2), np.repeat([False, True], _BINS)
            rows = self._counts.ravel()
        of_class = np.bincount(positive, rows, 2)
        if not of_class.all():
            return None, None
        return (
            float(roc_auc_score(positive, chances, sample_weight=rows)),
            float(average_precision_score(positive, chances, sample_weight=rows)),
        )


def _bins(chances: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        odds = np.log(chances) - np.log1p(-chances)
    scaled = (np.clip(odds, -_FARTHEST, _FARTHEST) + _FARTHEST) * ((_BINS - 1) / (2 * _FARTHEST))
    return np.asarray(scaled).astype(np.int64)


def sentence(metrics: tuple[Metric, ...], rows: int, target: str, trained: Scores | None) -> str:
    """Return a sentence on the main metric, beside the run's own score, and whether the two are far apart.

    Args:
        metrics: As ``Scorer.metrics`` gives them; not empty.
    """
    first = metrics[0]
    assert first.value is not None
    before = trained.metrics[0].value if trained is not None else None
    where = f"In the {rows:,} rows" if rows != 1 else "In the only row"
    beside = f"on the run's own {trained.part} rows it was" if trained is not None else ""
    if first.name == "accuracy":
        said = (
            f"{where} that hold{'' if rows != 1 else 's'} “{target}”, the network is right in "
            f"{percent(first.value)}"
        )
        if trained is None or before is None:
            return f"{said}."
        # Three standard errors of the difference of two shares.
        share = (first.value * rows + before * trained.rows) / (rows + trained.rows)
        chance = 3 * math.sqrt(share * (1 - share) * (1 / rows + 1 / trained.rows))
        worse, better = before - first.value > chance, first.value - before > chance
        said = f"{said}; {beside} {percent(before)}."
    else:
        said = f"{where} that hold{'' if rows != 1 else 's'} “{target}”, the network is off by {number(first.value)}"
        if trained is None or before is None:
            return f"{said} on average."
        many = rows >= _FEW and trained.rows >= _FEW
        worse, better = many and first.value > 1.25 * before, many and before > 1.25 * first.value
        said = f"{said} on average; {beside} {number(before)}."
    if worse:
        return f"{said} That is more than chance explains: these rows may differ from those it learned from."
    if better:
        return f"{said} That is better than chance explains: it may have learned from some of these rows."
    return said
