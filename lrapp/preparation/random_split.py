"""Rows -> training, validation and test: disjoint, exhaustive, each with the same mix."""

from collections.abc import Callable

import numpy as np

from lrapp.errors import UserError
from lrapp.phrasing import number
from lrapp.settings import DataSettings

_BINS = 10


# Returns the error for too few rows: how many are needed, how many there are, of how many classes, for which parts.
TooFew = Callable[[int, int, int, str], str]


def _too_few_rows(least: int, rows: int, classes: int, parts: str) -> str:
    why = f" with {classes:,} classes" if classes > 1 else ""
    return (
        f"A table{why} needs at least {least:,} rows with a known target, to fill {parts}. "
        f"Received: {rows:,}. Add rows{' or choose another target' if classes > 1 else ''}."
    )


def words_of_parts(*, crossed: bool, tested: bool) -> str:
    """Return which parts rows are divided into, in words; with folds, nothing is held back to validate."""
    if crossed:
        return "folds and test" if tested else "folds"
    return "training, validation and test" if tested else "training and validation"


def part_sizes(
    rows: int, classes: int, settings: DataSettings, too_few: TooFew = _too_few_rows
) -> tuple[int, int, int]:
    """Return how many rows train, validate and test; with folds, all that do not test train.

    Args:
        rows: Rows with a known target.
        classes: Different classes among them, 1 for a regression; training gets a row of each.
        too_few: Says that there are too few, where the rows are not those of a table.

    Raises:
        UserError: If the shares leave nothing to train on, or there are too few rows.
    """
    crossed = settings.folds > 1
    shares = (0.0 if crossed else settings.validation_share) + settings.test_share
    if shares >= 1:
        raise UserError(
            "Validation and test share must leave rows to train on, so together they must be below 1. "
            f"Received: {number(shares)}."
        )
    tested = settings.test_share > 0
    least = max(classes, 1) + (not crossed) + tested
    if rows < least:
        parts = words_of_parts(crossed=crossed, tested=tested)
        raise UserError(too_few(least, rows, classes, parts))
    test = max(1, round(rows * settings.test_share)) if tested else 0
    validation = 0 if crossed else max(1, round(rows * settings.validation_share))
    while validation + test > rows - max(classes, 1):  # one of each class has to train
        if test > validation:
            test -= 1
        else:
            validation -= 1
    return rows - validation - test, validation, test


def split(
    strata: np.ndarray, reserve: bool, settings: DataSettings, too_few: TooFew = _too_few_rows
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the positions of training, validation and test rows, each in ascending order.

    Rows are shuffled, put in order of their strata, and taken from there at even distances, so that each part
    holds each stratum's share to within a row or two. The result depends on strata, shares and seed alone.

    Args:
        strata: Class or bin of each row, int64 from 0, shape (rows,).
        reserve: Whether training gets at least one row of each stratum; so a class with one member trains.
        settings: Shares, seed, and whether to stratify.
        too_few: As for ``part_sizes``.

    Raises:
        UserError: As ``part_sizes``.
    """
    classes = int(strata.max(initial=0)) + 1 if reserve else 1
    _, validation, test = part_sizes(len(strata), classes, settings, too_few)
    rng = np.random.default_rng(settings.split_seed)
    order = rng.permutation(len(strata))
    kept = np.empty(0, np.int64)
    if reserve:
        kept = order[np.unique(strata[order], return_index=True)[1]]
        order = order[~np.isin(order, kept)]
    if settings.stratify:
        order = order[np.argsort(strata[order], kind="stable")]
    tested = _evenly(len(order), test, rng)
    rest = order[~tested]
    validated = _evenly(len(rest), validation, rng)
    return np.sort(np.concatenate([kept, rest[~validated]])), np.sort(rest[validated]), np.sort(order[tested])


def drawn(strata: np.ndarray, most: int, settings: DataSettings) -> np.ndarray:
    """Return the positions of at most ``most`` rows, ascending, at least one of each stratum; drawn as ``split`` does.

    Args:
        strata: Class of each row, int64, shape (rows,).
        most: Rows to draw, at least as many as there are strata.
        settings: Seed, and whether to stratify.
    """
    if len(strata) <= most:
        return np.arange(len(strata))
    rng = np.random.default_rng((settings.split_seed, 1))
    order = rng.permutation(len(strata))
    if settings.stratify:
        order = order[np.argsort(strata[order], kind="stable")]
    chosen = order[_evenly(len(order), most, rng)]
    first = order[np.unique(strata[order], return_index=True)[1]]
    absent = first[~np.isin(strata[first], strata[chosen])]
    for _ in absent:  # each takes the place of one of the stratum that has most
        largest = np.bincount(strata[chosen]).argmax()
        chosen = np.delete(chosen, np.flatnonzero(strata[chosen] == largest)[-1])
    return np.sort(np.concatenate([chosen, absent]))


def bins(values: np.ndarray) -> np.ndarray:
    """Return the tenth of the order that each number lies in, int64: the strata of a regression."""
    rank = np.empty(len(values), np.int64)
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    return rank * min(_BINS, len(values)) // max(len(values), 1)


def _evenly(rows: int, picks: int, rng: np.random.Generator) -> np.ndarray:
    """True at exactly ``picks`` places, at even distances from a random start."""
    if not rows:
        return np.zeros(0, bool)
    steps = (np.arange(rows + 1) * picks + int(rng.integers(rows))) // rows
    return np.diff(steps) > 0
