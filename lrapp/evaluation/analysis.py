"""A detailed evaluation of a finished network: the contents of ``insight.json`` in a run's folder, and their making."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lrapp.evaluation import counts_and_curves, explanations, judging, kinds
from lrapp.evaluation.counts_and_curves import (
    MOST_CLASSES,
    MOST_ROWS,
    Calibration,
    ClassFigures,
    Confusion,
    Curve,
    Residuals,
    Thresholds,
)
from lrapp.evaluation.explanations import Answer, Dependence, Importance
from lrapp.evaluation.kept_json import KeptAsJson
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores, evaluate
from lrapp.evaluation.temperature import Tempered
from lrapp.phrasing import measured
from lrapp.preparation.threshold import Threshold
from lrapp.settings import Task

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared, Split

_MOST_CURVES = 8

Model = Literal["network", "linear model"]


@dataclass(frozen=True)
class ClassCurves:
    """One class against the rest."""

    name: str
    model: Model
    roc: Curve
    pr: Curve


@dataclass(frozen=True)
class Insight(KeptAsJson):
    """The detailed evaluation of one finished network.

    Args:
        part, rows: The rows that it was measured on, and their number.
        verdict: One sentence on whether the network clearly beats it; empty without a linear model.
        linear: The figures of a linear model on the same rows; empty without one.
        confusion, classes, curves, calibration: Of classes.
        tempered: What a temperature would change about the probabilities; None where that was not measured.
        thresholds: Of two classes.
        threshold: The one that the model answers by; None for the usual half.
        importance: Columns, those first that matter most.
        by_log_loss: Whether importance is the rise in log loss, and not the fall in accuracy.
        notes: Plain sentences on what was sampled or left out.
    """

    task: Task
    part: str
    rows: int
    verdict: str = ""
    linear: tuple[Metric, ...] = ()
    confusion: Confusion | None = None
    classes: tuple[ClassFigures, ...] = ()
    curves: tuple[ClassCurves, ...] = ()
    calibration: Calibration | None = None
    thresholds: Thresholds | None = None
    residuals: Residuals | None = None
    importance: tuple[Importance, ...] = ()
    by_log_loss: bool = False
    dependence: tuple[Dependence, ...] = ()
    notes: tuple[str, ...] = ()
    tempered: Tempered | None = None
    threshold: Threshold | None = None

    DAMAGED = (
        "The closer look at this run is damaged or from another version: train it again to have a new one."
    )

    def require_whole(self) -> None:
        """Check that arrays that belong together have one length.

        Raises:
            ValueError: If it has not.
        """
        lists: list[tuple[Any, ...]] = []
        if self.confusion is not None:
            lists += [(self.confusion.names, row) for row in self.confusion.counts]
            lists.append((self.confusion.names, self.confusion.counts))
        lists += [(curve.x, curve.y) for one in self.curves for curve in (one.roc, one.pr)]
        if self.thresholds is not None:
            levels = range(counts_and_curves.THRESHOLDS)
            lists.append((levels, self.thresholds.true_positives, self.thresholds.false_positives))
        for found in (self.calibration, self.tempered.calibration if self.tempered is not None else None):
            if found is not None:
                lists.append((found.predicted, found.observed, found.rows))
        if self.residuals is not None:
            lists.append((self.residuals.truth, self.residuals.predicted))
            lists.append((self.residuals.edges, (*self.residuals.counts, 0)))
        lists += [
            (one.numbers or one.labels, series.values) for one in self.dependence for series in one.series
        ]
        if any(len({len(values) for values in together}) > 1 for together in lists):
            raise ValueError("lengths differ")


def look(
    prepared: "Prepared",
    outputs: NDArray[Any],
    own: Scores,
    answer: Answer,
    parameters: int,
) -> Insight:
    """Return a detailed evaluation of a network on the test rows; where there are none, on the validation rows.

    Args:
        outputs: Its outputs for those rows, as for ``scores.evaluate``.
        own: What ``scores.evaluate`` made of them.
        answer: The network itself, inputs -> outputs.
        parameters: Parameters of the network, which decide the cost of a prediction.
    """
    kind = kinds.of(prepared.kind)
    name, part = ("test", prepared.test) if len(prepared.test.y) else ("validation", prepared.validation)
    notes: list[str] = []
    found: dict[str, Any] = {}
    fitted = explanations.linear_outputs(prepared, part.x)
    if fitted is None:
        notes.append(f"There is no linear model to compare with: {kind.too_few}.")
    else:
        linear, learned = fitted
        found["linear"] = evaluate(prepared, linear).metrics
        if learned < len(prepared.train.y):
            notes.append(
                f"The linear model learned from {learned:,} of {len(prepared.train.y):,} training {prepared.unit}."
            )
        notes.extend(kind.linear_notes(prepared.shape))
        model = "linear model"
        if learned < len(prepared.train.y):
            model += f" that learned from {learned:,} {prepared.unit}"
        found["verdict"] = _verdict(prepared, part, outputs, linear, model)
    if prepared.task == "regression":
        values = prepared.preprocessor.decode(outputs).values
        truth = prepared.preprocessor.decode(part.y).values
        found["residuals"] = counts_and_curves.residuals(truth, values)
        if len(truth) > MOST_ROWS:
            notes.append(f"{MOST_ROWS:,} of {len(truth):,} {name} rows are drawn as points.")
    else:
        found |= _of_classes(prepared, part, outputs, fitted, notes)
    found |= kind.further(prepared, part, name, own, answer, parameters, notes)
    return Insight(task=prepared.task, part=name, rows=len(part.y), notes=tuple(notes), **found)


def _verdict(
    prepared: "Prepared", part: "Split", outputs: NDArray[Any], linear: NDArray[Any], model: str
) -> str:
    """Whether the network beats the linear model (as it is called there) by more than chance, in a sentence."""
    found = judging.contrast(prepared, part, outputs, linear)
    figures = judging.words(found, f"a {model}")
    if found.level:
        return f"The network and a linear model answer equally well: {figures}."
    if not found.sure:
        rows = f"{len(part.y):,} {prepared.unit}" if len(part.y) != 1 else f"one {prepared.unit[:-1]}"
        return f"The network and a linear model are about as good: {figures}; with {rows} that much can be chance."
    if found.gain < 0:
        reversed_words = judging.words(found, f"a {model}", second_first=True)
        return f"A {model} does better, with less effort: {reversed_words}."
    trivial = judging.beside_baseline(prepared, part, outputs)
    if trivial.gain <= judging.SURE * trivial.chance:
        baseline = measured(trivial.figure, trivial.second)
        return (
            "The network does better than a linear model, but not clearly better than the baseline: "
            f"{figures}, the baseline {'by ' if trivial.figure == judging.OFF else ''}{baseline}."
        )
    return f"The network clearly beats a linear model: {figures}."


def _of_classes(
    prepared: "Prepared",
    part: "Split",
    outputs: NDArray[Any],
    fitted: tuple[NDArray[Any], int] | None,
    notes: list[str],
) -> dict[str, Any]:
    truth = part.y.astype(np.int64)
    decoded = prepared.preprocessor.decode(outputs)
    chances, answers = decoded.probabilities, decoded.places
    assert chances is not None
    assert answers is not None
    binary = prepared.task == "binary"
    confusion = counts_and_curves.confusion(truth, answers, prepared.classes)
    if confusion.joined:
        notes.append(
            f"The matrix shows the {MOST_CLASSES} largest of {len(prepared.classes):,} classes; the others "
            "share its last row and column."
        )
    shown = [1] if binary else np.argsort(-np.bincount(truth), kind="stable")[:_MOST_CURVES].tolist()
    if not binary and len(prepared.classes) > _MOST_CURVES:
        notes.append(f"Curves are drawn for the {_MOST_CURVES} largest of {len(prepared.classes):,} classes.")
    by_model: list[tuple[Model, NDArray[Any]]] = [("network", chances)]
    if fitted is not None:
        linear = prepared.preprocessor.decode(fitted[0]).probabilities
        assert linear is not None
        by_model.append(("linear model", linear))
    curves = tuple(
        curve for model, table in by_model for curve in _curves(prepared.classes, truth, table, model, shown)
    )
    happened, predicted = (truth == 1, chances[:, 1]) if binary else (answers == truth, chances.max(axis=1))
    return {
        "confusion": confusion,
        "classes": counts_and_curves.class_figures(truth, answers, prepared.classes),
        "curves": curves,
        "calibration": counts_and_curves.calibration(happened, predicted),
        "thresholds": counts_and_curves.thresholds(truth == 1, chances[:, 1]) if binary else None,
        "threshold": prepared.preprocessor.threshold,
    }


def _curves(
    names: tuple[str, ...], truth: NDArray[np.int64], chances: NDArray[Any], model: Model, shown: list[int]
) -> Iterator[ClassCurves]:
    for place in shown:
        roc = counts_and_curves.roc(truth == place, chances[:, place])
        pr = counts_and_curves.precision_recall(truth == place, chances[:, place])
        if roc is not None and pr is not None:
            yield ClassCurves(names[place], model, roc, pr)
