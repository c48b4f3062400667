"""What the networks of a cross-validation are worth: each on the rows of its own fold, which it never saw."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrapp.evaluation.scores import FoldFigure, OutOfFold, Scores, evaluate
from lrapp.phrasing import counted

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared, Split


def measure(
    prepared: "Prepared", answers: Sequence[NDArray[Any] | None], keeps_best: bool
) -> OutOfFold | None:
    """Return the figures of each fold, their mean and their spread; None where no network ended.

    Args:
        prepared: With folds.
        answers: For each fold what its network answers to the fold's rows, in their order, as for
            ``scores.evaluate``; None for a network that was left out.
        keeps_best: Whether each network kept the weights of the epoch that did best on its fold.
    """
    each = [
        _scores(prepared, fold, found) if found is not None else None for fold, found in enumerate(answers)
    ]
    known = [scores for scores in each if scores is not None]
    if not known:
        return None
    figures = []
    for place, metric in enumerate(known[0].metrics):
        values = tuple(None if one is None else one.metrics[place].value for one in each)
        told = np.array([value for value in values if value is not None], np.float64)
        mean = float(told.mean()) if len(told) else None
        spread = float(told.std(ddof=1)) if len(told) > 1 else None
        figures.append(FoldFigure(metric.name, mean, spread, values, metric.higher_is_better))
    out = [fold + 1 for fold, scores in enumerate(each) if scores is None]
    return OutOfFold(
        sum(scores.rows for scores in known),
        len(known),
        tuple(figures),
        tuple(out),
        keeps_best,
        prepared.unit,
    )


def losses(prepared: "Prepared", answers: Sequence[NDArray[Any] | None]) -> tuple[float, ...]:
    """Return the mean loss of each network on its own fold; NaN for one that was left out. Arguments as ``measure``."""
    from lrapp.evaluation import selection

    found = []
    for fold, answer in enumerate(answers):
        if answer is None:
            found.append(math.nan)
            continue
        part = _answers(prepared.train, held(prepared, fold))
        table = np.asarray(answer, np.float64).reshape(len(part.y), -1)
        found.append(float(selection.losses(table, part.y, prepared.task).mean()))
    return tuple(found)


def scores_without_test(prepared: "Prepared", answers: Sequence[NDArray[Any] | None]) -> Scores | None:
    """Return the scores of all folds' rows together, for a run without test rows. Arguments as for ``measure``."""
    assert prepared.folds is not None
    folds = [fold for fold, found in enumerate(answers) if found is not None]
    if not folds:
        return None
    rows = np.concatenate([held(prepared, fold) for fold in folds])
    given = [np.asarray(found).reshape(len(found), -1) for found in answers if found is not None]
    whole = _evaluated(prepared, _answers(prepared.train, rows), np.concatenate(given))
    return replace(whole, part="out-of-fold")


def held(prepared: "Prepared", fold: int) -> NDArray[np.int64]:
    """Return the positions of a fold's rows among the training rows, ascending."""
    assert prepared.folds is not None
    return np.flatnonzero(prepared.folds.held(fold))


def of_fold(prepared: "Prepared", fold: int) -> "Split":
    """Return the rows of a fold."""
    return _rows(prepared.train, held(prepared, fold))


def one_held_out(prepared: "Prepared") -> "Prepared":
    """Return the data with the last fold to watch and what its network learned from to train on, without folds."""
    if prepared.folds is None:
        return prepared
    last = prepared.folds.count - 1
    learned = np.flatnonzero(prepared.folds.learned(last))
    return replace(
        prepared, train=_rows(prepared.train, learned), validation=of_fold(prepared, last), folds=None
    )


def sentence_of_networks(count: int, left_out: int, *, in_order: bool) -> str:
    """Return in words which networks make up the model of a cross-validation, and which became infinite."""
    if in_order:
        told = (
            f"Each of {counted(count, 'network')} learned from what came before its fold; the model is the last of "
            "them, which learned from most rows."
        )
    else:
        told = (
            f"The model is the mean of {counted(count - left_out, 'network')}, each trained without one of "
            f"{counted(count, 'fold')}."
        )
    if left_out:
        verb = "is" if left_out == 1 else "are"
        told += f" {counted(left_out, 'network')} diverged and {verb} not part of it."
    return told


def _scores(prepared: "Prepared", fold: int, answers: NDArray[Any]) -> Scores:
    return _evaluated(prepared, _answers(prepared.train, held(prepared, fold)), answers)


def _evaluated(prepared: "Prepared", part: "Split", answers: NDArray[Any]) -> Scores:
    return evaluate(replace(prepared, test=part), answers)


def _answers(part: "Split", rows: NDArray[np.int64]) -> "Split":
    """Some rows without their inputs, which may be more than memory holds, and are of no use to a score."""
    return _rows(replace(part, x=part.x[:, :0]), rows)


def _rows(part: "Split", rows: NDArray[np.int64]) -> "Split":
    weight = None if part.weight is None else part.weight[rows]
    return replace(part, x=part.x[rows], y=part.y[rows], weight=weight, rows=part.rows[rows])
