"""Cross-validation: which rows each of many networks learns from, and which it answers without having seen them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrapp.errors import UserError
from lrapp.phrasing import counted, quoted


@dataclass(frozen=True, eq=False)
class Folds:
    """Which fold each training row is in; network k does not learn from fold k.

    Args:
        of: Fold of each row, from 0, int64, shape (rows,); -1 for a row that is only learned from, as the earliest are
            where folds are times.
        in_order: Whether folds are times: then network k learns from what came before fold k only.
    """

    of: NDArray[np.int64]
    count: int
    in_order: bool = False

    def held(self, fold: int) -> NDArray[np.bool_]:
        """Return which rows are in a fold."""
        return np.asarray(self.of == fold)

    def learned(self, fold: int) -> NDArray[np.bool_]:
        """Return which rows the network of a fold learns from."""
        return np.asarray(self.of < fold if self.in_order else self.of != fold)


def dealt(strata: np.ndarray, count: int, seed: int, stratify: bool) -> Folds:
    """Return folds at random, equally large to a row, each with the same mix of strata to a row.

    Args:
        strata: Class or bin of each row, int64, shape (rows,).
        count: Folds, at most as many as rows.
    """
    order = np.random.default_rng((seed, 2)).permutation(len(strata))
    if stratify:
        order = order[np.argsort(strata[order], kind="stable")]
    of = np.empty(len(strata), np.int64)
    of[order] = np.arange(len(strata)) % count
    return Folds(of, count)


def require_rows(rows: int, count: int) -> None:
    """Do nothing where there are enough rows for so many folds.

    Raises:
        UserError: If there are fewer rows than folds.
    """
    if rows < count:
        raise UserError(
            f"Each fold needs a row at least: {count:,} folds, and {counted(rows, 'row')} that no test part holds. "
            "Lower the folds, or add rows."
        )


def require_classes(numbers: np.ndarray, classes: tuple[str, ...], count: int) -> None:
    """Do nothing where each fold can have a row of each class.

    Raises:
        UserError: If a class has fewer rows than there are folds.
    """
    rows = np.bincount(numbers, minlength=len(classes))
    small = [name for name, number in zip(classes, rows, strict=True) if number < count]
    if small:
        least = int(rows.min())
        raise UserError(
            f"Each class needs a row in each of the {count:,} folds, and beside the test part {quoted(small)} "
            f"{'has' if len(small) == 1 else 'have'} {least:,}{'' if len(small) == 1 else ' or a few'}: lower the "
            "folds, add rows, or turn “Keep class shares” off."
        )


def require_keys(found: int, count: int, in_order: bool, name: str) -> None:
    """Do nothing where there are enough groups, or times, for so many folds.

    Args:
        found: Different groups or times beside the test part.
        count: Folds; of times, what comes before the first fold needs one, too.

    Raises:
        UserError: If there are too few.
    """
    needed, what = (count + 1, "different times") if in_order else (count, "groups")
    if found < needed:
        raise UserError(
            f"{count:,} folds need at least {needed:,} {what} beside the test part, and {quoted([name])} has "
            f"{found:,}: lower the folds, or split at random."
        )
