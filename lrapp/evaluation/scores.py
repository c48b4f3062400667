"""Scores of a finished network, on unseen rows and beside a baseline."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from lrapp.errors import UserError
from lrapp.phrasing import measured, number
from lrapp.settings import DATA_KINDS, Task

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared, Split

# Where the most frequent class has more than this share of the rows, accuracy says little.
_UNEQUAL = 0.7


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


@dataclass(frozen=True)
class FoldFigure:
    """One figure of merit in a cross-validation.

    Args:
        mean: Over the folds; None where it is not defined in any.
        spread: Standard deviation over the folds; None of a single one.
        each: Of each fold; None where it is not defined, or the fold's network was left out.
    """

    name: str
    mean: float | None
    spread: float | None
    each: tuple[float | None, ...]
    higher_is_better: bool

    @property
    def shown(self) -> str:
        """Mean and spread as text."""
        if self.mean is None:
            return "not defined"
        if self.spread is None:
            return _shown(self.name, self.mean)
        spread = measured(self.name, self.spread)
        return f"{_shown(self.name, self.mean)} ± {spread if '%' in spread else number(self.spread, 2)}"


@dataclass(frozen=True)
class OutOfFold:
    """What the networks of a cross-validation are worth, each on rows that it never saw.

    Args:
        figures: The task's usual figures, the one to look at first.
        left_out: Numbers, from 1, of folds whose network diverged.
        keeps_best: Whether each network kept the weights of the epoch that did best on its fold.
        unit: What the rows are called.
    """

    rows: int
    folds: int
    figures: tuple[FoldFigure, ...]
    left_out: tuple[int, ...] = ()
    keeps_best: bool = True
    unit: str = "rows"

    @property
    def sentence(self) -> str:
        """The figures to look at first with their spread, in words."""
        first, *others = self.figures
        beside = next((one for one in others if one.name in ("log loss", "root mean squared error")), None)
        told = f"{first.name} {first.shown}" + (f", {beside.name} {beside.shown}" if beside else "")
        folds = "1 fold" if self.folds == 1 else f"{self.folds:,} folds"
        text = f"Out-of-fold: {told} over {folds}, {self.rows:,} {self.unit} in all, each answered by a network that "
        text += "never learned from it."
        if self.keeps_best:
            text += " The same rows chose each network's epoch, so new rows may do a little worse."
        if self.left_out:
            which = ", ".join(f"{fold:,}" for fold in self.left_out)
            one = len(self.left_out) == 1
            text += f" Fold{'' if one else 's'} {which} {'is' if one else 'are'} not counted: the network diverged."
        return text

    def frame(self) -> pd.DataFrame:
        """Return a row per fold and one for mean and spread, as text to show: ``fold`` and a column per figure."""
        rows: list[dict[str, str]] = [
            {"fold": f"{fold + 1:,}"} | {one.name: _shown(one.name, one.each[fold]) for one in self.figures}
            for fold in range(len(self.figures[0].each))
            if fold + 1 not in self.left_out
        ]
        return pd.DataFrame(
            [*rows, {"fold": "mean ± spread"} | {one.name: one.shown for one in self.figures}]
        )


@dataclass(frozen=True)
class Scores:
    """The scores of a network.

    Args:
        part: ``test``, or ``validation`` where there are no test rows; then, with folds, ``out-of-fold``.
        trivial: The baseline: the most frequent class of the training rows, or their mean.
        metrics: The task's usual figures, the one to look at first.
        unit: What the rows are called.
    """

    task: Task
    part: str
    rows: int
    trivial: str
    metrics: tuple[Metric, ...]
    unit: str = "rows"
    out_of_fold: OutOfFold | None = None

    @property
    def summary(self) -> str:
        """A plain sentence on the first figure beside the baseline, and others where that is not enough."""
        crossed = f" {self.out_of_fold.sentence}" if self.out_of_fold is not None else ""
        return f"{self._measured}{crossed}"

    @property
    def _measured(self) -> str:
        metric = self.metrics[0]
        value, baseline = _shown(metric.name, metric.value), _shown(metric.name, metric.baseline)
        unit = self.unit
        rows = f"{self.rows:,} {self.part} {unit}" if self.rows != 1 else f"only {self.part} {unit[:-1]}"
        if self.task == "regression":
            sentence = (
                f"The network is off by {value} on average in the {rows}; "
                f"always answering the mean, {self.trivial}, would be off by {baseline}."
            )
        else:
            sentence = (
                f"The network is right in {value} of the {rows}; "
                f"always answering “{self.trivial}” would be right in {baseline}."
            )
            sentence += self._fairer
        if self.part == "test":
            return sentence
        if self.part == "out-of-fold":
            return f"{sentence} There are no test {unit}."
        return (
            f"{sentence} There are no test {unit}, and the validation {unit} also chose the epoch: "
            "expect a little less on new data."
        )

    @property
    def leading(self) -> Metric:
        """The figure to look at: the first, unless one class is so frequent that accuracy says little."""
        return self._fair or self.metrics[0]

    @property
    def listed(self) -> Metric:
        """The figure for lists: as ``leading``, but the same for all runs on the same rows."""
        baseline = self.metrics[0].baseline
        frequent = self.task != "regression" and baseline is not None and baseline > _UNEQUAL
        return (self._of_unequal if frequent else None) or self.metrics[0]

    @property
    def _of_unequal(self) -> Metric | None:
        wanted = "ROC AUC" if self.task == "binary" else "balanced accuracy"
        return next((one for one in self.metrics if one.name == wanted and one.value is not None), None)

    @property
    def _fair(self) -> Metric | None:
        accuracy = self.metrics[0]
        if self.task == "regression" or accuracy.value is None or accuracy.baseline is None:
            return None
        if accuracy.baseline <= _UNEQUAL and accuracy.value > accuracy.baseline:
            return None
        return self._of_unequal

    @property
    def _fairer(self) -> str:
        fair = self._fair
        if fair is None:
            return ""
        return (
            f" “{self.trivial}” is frequent, so the {fair.name} tells more: {_shown(fair.name, fair.value)}; "
            f"guessing has {_shown(fair.name, fair.baseline)}."
        )

    def frame(self) -> pd.DataFrame:
        """Return a row per figure, as text to show: ``metric``, ``network``, ``baseline``, ``better``."""
        return pd.DataFrame(
            [
                {
                    "metric": metric.name,
                    "network": _shown(metric.name, metric.value),
                    "baseline": _shown(metric.name, metric.baseline),
                    "better": "higher" if metric.higher_is_better else "lower",
                }
                for metric in self.metrics
            ]
        )

    def to_json(self) -> str:
        """Return the scores as indented JSON."""
        return json.dumps(asdict(self), indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Scores":
        """Return the scores that a JSON text holds.

        Raises:
            UserError: If it holds none.
        """
        try:
            scores = _adapter().validate_json(text)
            crossed = scores.out_of_fold
            if (
                scores.frame().empty
                or not scores.summary
                or scores.unit not in {facts.units for facts in DATA_KINDS.values()}
                or (crossed is not None and (not crossed.figures or crossed.frame().empty))
            ):
                raise ValueError("no metric, or of something else")
        except (ValueError, IndexError) as error:
            raise UserError("The scores of this run are damaged: train it again to have new ones.") from error
        return scores


@cache
def _adapter() -> TypeAdapter[Scores]:
    return TypeAdapter(Scores)


def kept(path: Path) -> Scores | None:
    """Return the scores in a file; None where there are none, or they cannot be read."""
    try:
        return Scores.from_json(path.read_bytes())
    except (OSError, UserError):
        return None


def evaluate(prepared: "Prepared", outputs: np.ndarray) -> Scores:
    """Return the scores of a network on the test rows; where there are none, on the validation rows.

    Args:
        outputs: Its outputs for those rows: shape (rows,) or (rows, 1) for binary (probability of the second
            class) and regression (standardised), (rows, classes) for multi-class (probabilities).

    Raises:
        UserError: If an output is not finite.
    """
    name, part = ("test", prepared.test) if len(prepared.test.y) else ("validation", prepared.validation)
    table = np.asarray(outputs, np.float64).reshape(len(outputs), -1)
    if len(table) != len(part.y):
        raise ValueError(
            f"There must be an output for each {name} row ({len(part.y)}). Received: {len(table)}."
        )
    if not np.isfinite(table).all():
        raise UserError(
            "The network must answer with finite numbers, and this one does not: train it again with a lower "
            "learning rate."
        )
    if prepared.task == "regression":
        trivial, metrics = _of_numbers(prepared, part, table[:, 0])
    else:
        trivial, metrics = _of_classes(prepared, part, table)
    return Scores(prepared.task, name, len(part.y), trivial, metrics, prepared.unit)


def _of_numbers(prepared: "Prepared", part: "Split", outputs: np.ndarray) -> tuple[str, tuple[Metric, ...]]:
    """Computed on standardised values, and scaled afterwards."""
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


def _of_classes(prepared: "Prepared", part: "Split", outputs: np.ndarray) -> tuple[str, tuple[Metric, ...]]:
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


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "not defined"
    return measured(name, value)
