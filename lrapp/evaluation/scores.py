"""Scores of a finished network, on unseen rows and beside a baseline."""

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from lrapp.errors import UserError
from lrapp.evaluation.metrics import Metric, of_classes, of_numbers
from lrapp.phrasing import measured, number
from lrapp.settings import DATA_KINDS, Task

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

# Where the most frequent class has more than this share of the rows, accuracy says little.
_UNEQUAL = 0.7


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
        trivial, metrics = of_numbers(prepared, part, table[:, 0])
    else:
        trivial, metrics = of_classes(prepared, part, table)
    return Scores(prepared.task, name, len(part.y), trivial, metrics, prepared.unit)


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "not defined"
    return measured(name, value)
