"""Columns that alone predict the target too well: a copy of it, or what is known only once the answer is.

Each column is cut into at most 32 ranges or categories. What a column gives alone is the share of the target's
variance that the means of its ranges explain on rows that did not make them; what all others give together is the same
for a sum of such steps, fitted by boosting. Numbers to predict are replaced by their ranks, so that a long tail does
not decide, and any rising function of the target counts as a copy.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lrapp.tables import cell_values
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table

_ROWS = 5_000
_LEAST_ROWS = 60
# Of a wide table fewer rows are looked at: a page waits.
_FEWEST_ROWS, _CELLS = 500, 1_000_000
_BINS = 32
_FOLDS = 3
_MOST_CLASSES = 5
_MOST_COLUMNS = 1_000
_ROUNDS, _RATE, _SHRINK = 60, 0.3, 5.0
_SEARCHED = 40
# A column that explains this much alone is the answer in other words.
_COPY = 0.97
# One that explains this much is suspicious where all others together give far less.
_TOO_WELL, _TIMES = 0.8, 2.5
# Names of what is known once the answer is. Such a column is suspicious where it alone gives what all others do.
_NOTABLE = 0.1
_AFTERWARDS = re.compile(
    r"(?i)(?<![a-z])(duration|elapsed|time[_ ]?spent|ended?|end[_ ]date|closed|finished|final|actual|outcome|results?|"
    r"resolved|discharged?|cancell?ed|refund(ed)?|settled|recovered|recoveries|collected|paid|payout|after)(?![a-z])"
)
_LEARNT = (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.YES_NO, ColumnKind.DATE)


@dataclass(frozen=True)
class Leak:
    """A column that predicts the target too well.

    Args:
        alone: Share of the target's variance that it explains alone, 0 to 1.
        others: Share that all others explain together.
        copy: Whether it is all but the target in other words.
    """

    column: str
    alone: float
    others: float
    copy: bool


def binned(table: Table, columns: list[str], rows: np.ndarray) -> np.ndarray:
    """Return each column's ranges or categories by number, int64, shape (rows, columns); 0 is a missing value."""
    codes = np.zeros((len(rows), len(columns)), np.int64)
    kinds: Mapping[str, ColumnKind] = table.kinds
    for place, name in enumerate(columns):
        values = table.frame[name].iloc[rows]
        if kinds[name] in (ColumnKind.NUMBER, ColumnKind.DATE) and not pd.api.types.is_string_dtype(
            values.dtype
        ):
            codes[:, place] = _ranges(_numbers(values))
        else:
            found = pd.factorize(values, use_na_sentinel=True)[0]
            counts = np.bincount(found[found >= 0], minlength=1)
            kept = np.argsort(-counts, kind="stable")[: _BINS - 2]
            number = np.full(len(counts) + 1, _BINS - 1)
            number[kept] = np.arange(1, len(kept) + 1)
            number[-1] = 0
            codes[:, place] = number[found]
    return codes


def _numbers(values: pd.Series) -> np.ndarray:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return np.where(values.isna(), np.nan, values.astype("int64").to_numpy(np.float64))
    return cell_values.numbers(values.to_frame())[:, 0]


def _ranges(numbers: np.ndarray) -> np.ndarray:
    there = np.isfinite(numbers)
    found = np.zeros(len(numbers), np.int64)
    if there.any():
        distinct = np.unique(numbers[there])
        edges = (
            distinct[1:]
            if len(distinct) < _BINS
            else np.unique(np.quantile(numbers[there], np.linspace(0, 1, _BINS)[1:-1]))
        )
        found[there] = 1 + np.searchsorted(edges, numbers[there], side="right")
    return found


def _answers(values: pd.Series, *, classes: bool) -> np.ndarray:
    """The target as numbers whose variance is to be explained, float64, shape (rows, outputs), centred."""
    if classes:
        codes = pd.factorize(values)[0]
        kept = np.argsort(-np.bincount(codes), kind="stable")[:_MOST_CLASSES]
        answers = (codes[:, None] == kept[None, :]).astype(np.float64)
    else:
        answers = values.rank().to_numpy(np.float64, copy=True)[:, None]
    answers = answers - answers.mean(axis=0)
    return answers / max(1e-12, float(np.sqrt((answers**2).sum() / len(answers))))


def _means(codes: np.ndarray, residual: np.ndarray, shrink: float) -> np.ndarray:
    """Shrunken means of the residuals in each range, shape (ranges, outputs)."""
    rows = np.bincount(codes, minlength=_BINS + 1)
    sums = np.stack([np.bincount(codes, one, minlength=_BINS + 1) for one in residual.T], axis=1)
    return sums / (rows + shrink)[:, None]


def _explained(truth: np.ndarray, answer: np.ndarray) -> float:
    return float(1 - ((truth - answer) ** 2).sum() / max(1e-12, (truth**2).sum()))


def _alone(codes: np.ndarray, answers: np.ndarray, fold: np.ndarray) -> np.ndarray:
    found = np.zeros(codes.shape[1])
    for place in range(codes.shape[1]):
        guess = np.zeros_like(answers)
        for number in range(_FOLDS):
            held = fold == number
            guess[held] = _means(codes[~held, place], answers[~held], 1.0)[codes[held, place]]
        found[place] = _explained(answers, guess)
    return found


def _together(codes: np.ndarray, answers: np.ndarray, fold: np.ndarray) -> float:
    """What the columns explain in a sum of steps, each the best of its round."""
    if not codes.shape[1]:
        return 0.0
    guess = np.zeros_like(answers)
    for number in range(_FOLDS):
        held = fold == number
        known, residual = codes[~held], answers[~held].copy()
        for _ in range(_ROUNDS):
            steps = [_means(known[:, place], residual, _SHRINK) for place in range(codes.shape[1])]
            gains = [
                float((_RATE * step[known[:, place]] * residual).sum()) for place, step in enumerate(steps)
            ]
            best = int(np.argmax(gains))
            step = _RATE * steps[best]
            residual -= step[known[:, best]]
            guess[held] += step[codes[held, best]]
    return _explained(answers, guess)


def suspects(
    table: Table,
    target: str,
    *,
    classes: bool,
    inputs: Collection[str] | None = None,
) -> tuple[Leak, ...]:
    """Return the columns, of all inputs by default, that predict the target too well, the surest first."""
    kinds = table.kinds
    columns = [
        name
        for name, kind in kinds.items()
        if name != target and kind in _LEARNT and (inputs is None or name in inputs)
    ][:_MOST_COLUMNS]
    known = np.flatnonzero(table.frame[target].notna())
    if not columns or len(known) < _LEAST_ROWS:
        return ()
    random = np.random.default_rng(0)
    most = min(_ROWS, max(_FEWEST_ROWS, _CELLS // len(columns)))
    rows = known if len(known) <= most else np.sort(random.choice(known, most, replace=False))
    codes = binned(table, columns, rows)
    answers = _answers(table.frame[target].iloc[rows], classes=classes)
    if not answers.any():
        return ()
    fold = random.integers(0, _FOLDS, len(rows))
    alone = _alone(codes, answers, fold)
    order = np.argsort(-alone, kind="stable")
    found = []
    for place in order[:_SEARCHED]:
        named = _AFTERWARDS.search(columns[place]) is not None and alone[place] >= _NOTABLE
        if alone[place] < _TOO_WELL and not named:
            continue
        others = _together(codes[:, [one for one in order[:_SEARCHED] if one != place]], answers, fold)
        copy = bool(alone[place] >= _COPY)
        far = 1 - others >= _TIMES * (1 - alone[place])
        if copy or (far and alone[place] >= _TOO_WELL) or (named and alone[place] >= others):
            found.append(Leak(columns[place], float(alone[place]), others, copy))
    return tuple(found)
