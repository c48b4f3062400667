"""Rows of a table -> training, validation and test: at random, by groups, or by time."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lrapp.errors import UserError
from lrapp.phrasing import counted, quoted
from lrapp.preparation import folds
from lrapp.preparation.folds import Folds
from lrapp.preparation.random_split import bins, part_sizes, split, words_of_parts
from lrapp.settings import DataSettings, Task
from lrapp.tables import cell_values
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table


@dataclass(frozen=True, eq=False)
class Division:
    """Which rows do what.

    Args:
        numbers: Each row's target: a number, or the number of its class.
        classes: Names of the classes in their order; none for a regression.
        training, validation, test: Positions among the rows with a target, int64, ascending.
        folds: With cross-validation, the fold of each training row; then no rows validate.
    """

    numbers: np.ndarray
    classes: tuple[str, ...]
    training: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    folds: Folds | None = None
    notes: tuple[str, ...] = ()


def no_inputs(target: str, settings: DataSettings) -> list[str]:
    """Return the columns that the network is not given: the target, what only splits the rows, and what is left out."""
    splits = settings.split != "random" and not settings.split_column_input
    column = [settings.split_column] if splits and settings.split_column is not None else []
    return list(dict.fromkeys([target, *column, *settings.left_out]))


def divide(table: Table, known: np.ndarray, target: str, task: Task, settings: DataSettings) -> Division:
    """Return each row's target, and which rows train, validate and test.

    Args:
        table: Its kinds as the user wants them.
        known: Positions of the rows that have a target.

    Raises:
        UserError: If there are too few rows, groups or times to fill the parts, or the split column cannot be used.
    """
    column = table.frame[target].iloc[known]
    classes: tuple[str, ...] = ()
    if task == "regression":
        numbers = cell_values.numbers(column.to_frame())[:, 0]
    else:
        codes, names = cell_values.texts(column)
        classes = cell_values.natural(names)
        place = {text: number for number, text in enumerate(classes)}
        numbers = np.array([place[text] for text in names])[codes]
    if settings.all_rows:
        none = np.empty(0, np.int64)
        return Division(
            numbers, classes, np.arange(len(known)), none, none, notes=("All rows are trained on.",)
        )
    strata = bins(numbers) if task == "regression" else numbers
    if settings.split == "random":
        divided = Division(numbers, classes, *split(strata, task != "regression", settings))
        return divided if settings.folds == 1 else _crossed(divided, strata, settings)
    # Here training need not have a row of each class, as groups and times stay whole.
    sizes = part_sizes(len(known), 1, settings)
    name = _split_column(table, target, settings)
    values = table.frame[name].iloc[known]
    if settings.split == "time":
        keys = _times(values, table.kinds[name], name, sizes)
        part = by_time(keys, sizes)
        notes = _time_notes(values, part, name, crossed=settings.folds > 1)
    else:
        keys, gaps = _groups(values, name, sizes)
        part = by_groups(
            keys, strata if settings.stratify else np.zeros_like(strata), sizes, settings.split_seed
        )
        notes = _group_notes(gaps, part, keys, name, crossed=settings.folds > 1)
    if task != "regression" and len(np.unique(numbers[part == 0])) < 2:
        only = quoted([classes[int(numbers[part == 0][0])]])
        raise UserError(
            f"The training rows must hold at least two classes, and split by {quoted([name])} all of them are {only}: "
            "choose another column, or split at random."
        )
    training, validation, test = (np.flatnonzero(part == number) for number in range(3))
    if not settings.split_column_input:
        notes = (*notes, f"{quoted([name])} only splits the rows; it is no input.")
    divided = Division(numbers, classes, training, validation, test, notes=notes)
    return divided if settings.folds == 1 else _crossed(divided, strata, settings, name, keys)


def _crossed(
    divided: Division,
    strata: np.ndarray,
    settings: DataSettings,
    name: str = "",
    keys: np.ndarray | None = None,
) -> Division:
    """The same with all rows that do not test in folds; by groups or times where the split is."""
    pool = np.sort(np.concatenate([divided.training, divided.validation]))
    count, in_order = settings.folds, settings.split == "time"
    folds.require_rows(len(pool), count)
    if keys is None:
        if settings.stratify and divided.classes:
            folds.require_classes(divided.numbers[pool], divided.classes, count)
        made = folds.dealt(strata[pool], count, settings.split_seed, settings.stratify)
    else:
        own = np.unique(keys[pool], return_inverse=True)[1]
        folds.require_keys(int(own.max()) + 1, count, in_order, name)
        parts = count + in_order
        sizes = tuple(len(pool) * (part + 1) // parts - len(pool) * part // parts for part in range(parts))
        if in_order:
            made = Folds(by_time(own, sizes) - 1, count, in_order=True)
        else:
            held = strata[pool] if settings.stratify else np.zeros(len(pool), np.int64)
            made = Folds(by_groups(own, held, sizes, settings.split_seed), count)
    rows = [int(made.held(fold).sum()) for fold in range(count)]
    told = f"Cross-validation: {count:,} folds of {min(rows):,} to {max(rows):,} rows."
    if min(rows) == max(rows):
        told = f"Cross-validation: {count:,} folds of {counted(rows[0], 'row')} each."
    if in_order:
        told += " Each network learns from what came before its fold, and the last one is the model."
    told += (
        " How inputs are scaled, which categories are rare, and the mean of a number to predict are learned once from "
        "all of these rows, those of a network's own fold among them."
    )
    return replace(
        divided, training=pool, validation=np.empty(0, np.int64), folds=made, notes=(*divided.notes, told)
    )


def by_groups(groups: np.ndarray, strata: np.ndarray, sizes: tuple[int, ...], seed: int) -> np.ndarray:
    """Return the part of each row, such that no group is in two parts.

    Large groups come first, each into the part that lacks most of what it holds; so parts come near their sizes, and
    each near the shares of the strata, as far as whole groups allow.

    Args:
        groups: Group of each row, int64 from 0, shape (rows,); at least as many groups as parts with a size.
        strata: Class or bin of each row, int64 from 0.
        sizes: Rows that each part should have; of 0, it has none.
        seed: Decides the order of groups of one size.

    Returns:
        Numbers of parts, int64, shape (rows,).
    """
    order = np.argsort(groups, kind="stable")
    counts = np.bincount(groups)
    starts = np.cumsum(counts) - counts
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    shares = 1 / np.maximum(np.bincount(strata), 1)
    wanted = np.array(sizes, np.float64) / len(groups)
    lacks = np.repeat(wanted[:, None], len(shares), axis=1)  # of each stratum, in shares of it
    empty = set(np.flatnonzero(wanted > 0).tolist())
    lacks[wanted == 0] = -np.inf
    part = np.empty(len(groups), np.int64)
    todo = len(counts)
    for group in shuffled[np.argsort(-counts[shuffled], kind="stable")]:
        rows = order[starts[group] : starts[group] + counts[group]]
        held = strata[rows]
        need = (lacks[:, held] * shares[held]).sum(axis=1) if len(shares) > 1 else lacks[:, 0].copy()
        if todo <= len(empty):  # each part gets one at least
            need[[place for place in range(len(sizes)) if place not in empty]] = -np.inf
        chosen = int(need.argmax())
        part[rows] = chosen
        np.subtract.at(lacks[chosen], held, shares[held])
        empty.discard(chosen)
        todo -= 1
    return part


def by_time(ranks: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Return the part of each row: the earliest rows are the first part's, and no time is in two parts.

    Args:
        ranks: Number of each row's time among the different times, int64 from 0, shape (rows,); at least as many times
            as parts with a size.
        sizes: Rows that each part should have; of 0, it has none.

    Returns:
        Numbers of parts, int64, shape (rows,).
    """
    done = np.cumsum(np.bincount(ranks))  # rows up to each time
    filled = [place for place, size in enumerate(sizes) if size]
    part = np.full(len(done), filled[-1], np.int64)
    start = 0
    for number, place in enumerate(filled[:-1]):
        wanted = sum(sizes[: place + 1])
        last = len(done) - len(filled) + number  # later parts need a time each
        end = start + int(np.abs(done[start : last + 1] - wanted).argmin()) + 1
        part[start:end] = place
        start = end
    return part[ranks]


def _split_column(table: Table, target: str, settings: DataSettings) -> str:
    name, by = settings.split_column, "groups" if settings.split == "groups" else "times"
    if name is None:
        raise UserError(f"Choose the column that holds the {by}, or split at random.")
    if name not in table.kinds:
        raise UserError(
            f"The split column must be a column of the table. Received: {quoted([name])}. Choose one of its columns."
        )
    if name == target:
        raise UserError(
            f"The target cannot split the rows, too: choose another column than {quoted([name])}, or split at random."
        )
    return name


def _times(values: pd.Series, kind: ColumnKind, name: str, sizes: tuple[int, int, int]) -> np.ndarray:
    """The number of each row's time among the different times."""
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        values = pd.Series(cell_values.numbers(values.to_frame())[:, 0])
    elif kind is not ColumnKind.DATE:
        raise UserError(
            f"A split by time needs a column of dates or numbers, and {quoted([name])} holds words: choose another "
            "column, or make it a date under “Columns”."
        )
    ranks, different = pd.factorize(values, sort=True)
    if gaps := int((ranks < 0).sum()):
        raise UserError(
            f"A split by time needs a time in every row, and {quoted([name])} has none in {gaps:,} of "
            f"{counted(len(values), 'row')}: fill them in, take those rows out, or split at random."
        )
    _require("different times", name, len(different), sizes)
    return np.asarray(ranks, np.int64)


def _groups(values: pd.Series, name: str, sizes: tuple[int, int, int]) -> tuple[np.ndarray, int]:
    """The group of each row, those without one together, and how many these are."""
    codes, names = cell_values.texts(values)
    gaps = codes < 0
    codes = np.where(gaps, len(names), codes)
    groups = len(names) + bool(gaps.any())
    _require("groups", name, groups, sizes)
    return codes, int(gaps.sum())


def _require(what: str, name: str, found: int, sizes: tuple[int, int, int]) -> None:
    """Do nothing where there are enough groups or times to fill the parts that have a size."""
    parts = sum(size > 0 for size in sizes)
    if found >= parts:
        return
    filled = words_of_parts(crossed=not sizes[1], tested=sizes[2] > 0)
    raise UserError(
        f"The split needs at least {parts} {what}, to fill {filled}, and {quoted([name])} has {found:,}: choose "
        "another column, or split at random."
    )


def _time_notes(values: pd.Series, part: np.ndarray, name: str, *, crossed: bool) -> tuple[str, ...]:
    ends = [cell_values.text_of(values[part == number].max()) for number in np.unique(part)]
    tested = bool((part == 2).any())
    if crossed:
        later = f": tested on rows after {ends[0]}" if tested else ""
    else:
        later = f": trained on rows up to {ends[0]}, validated "
        later += f"up to {ends[1]}, tested on what came later" if tested else "on later ones"
    return (f"Split by {quoted([name])}{later}.",)


def _group_notes(
    gaps: int, part: np.ndarray, groups: np.ndarray, name: str, *, crossed: bool
) -> tuple[str, ...]:
    names = ("folds" if crossed else "training", "validation", "test")
    each = {names[number]: len(np.unique(groups[part == number])) for number in np.unique(part)}
    listed = ", ".join(f"{count:,} in {where}" for where, count in each.items())
    apart = "no two parts or folds share one" if crossed else "none is in two parts"
    told = f"Split by the groups of {quoted([name])}: {listed}; {apart}."
    if not gaps:
        return (told,)
    rows = counted(gaps, "row has", "rows have")
    return (told, f"{rows} no value in {quoted([name])} and count as one group.")
