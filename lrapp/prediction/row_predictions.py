"""A saved preprocessor, a network and the rows of a table -> a prediction, or a reason, for each row."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import pandas as pd

from lrapp.errors import UserError
from lrapp.phrasing import quoted
from lrapp.prediction import disagreement
from lrapp.preparation.preprocessor import Decoded, InputColumn, Preprocessor, Strange, raw_slots
from lrapp.tables import cell_values
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table

REASON = "no prediction because"
# With more classes, a column for each would be too many.
MOST_PROBABILITIES = 100
EMPTY_ROW = "all columns that the model needs are empty"
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, eq=False)
class Answers:
    """Predictions for some rows of a table; arrays have an entry for each row unless stated otherwise.

    Args:
        added: ``prediction``; for classes ``confidence``; of an ensemble ``spread``; for classes
            ``probability of ...``; ``no prediction because``.
        good: Places of the rows that have a prediction, int64.
        values: Of the rows in ``good``: places of the classes (int64), or numbers as the network gives them
            (float64, standardised).
        probabilities: Of the rows in ``good``: float64, shape (rows, classes); None for a regression.
        truth: The true value in the table: place of the class or number in the target's units, float64; NaN
            where it is missing, -1 for a class that training never saw; None without the target's column.
        reasons: Why a row has no prediction; "" where it has one.
        culprits: The column that a reason is about, else "".
        strange: For each column the texts that training never saw, each with its rows.
    """

    frame: pd.DataFrame
    added: pd.DataFrame
    good: np.ndarray
    values: np.ndarray
    probabilities: np.ndarray | None
    truth: np.ndarray | None
    reasons: np.ndarray
    culprits: np.ndarray
    strange: Strange


Predict = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]


def answers(preprocessor: Preprocessor, predict_batch: Predict, table: Table) -> Iterator[Answers]:
    """Yield the predictions for a table's rows, some tens of thousands at a time, in its order.

    Columns are found by name and read as the kinds that training saw, whatever they look like in this table. A missing
    value is treated as in training; a row with a cell that cannot be read as its column's kind gets no prediction
    but a reason.

    Args:
        predict_batch: Inputs, float32, shape (rows, inputs) -> outputs as in ``scores.evaluate``, and how far the
            networks of an ensemble are apart, shape (rows,); None of a single one.
        table: New rows; the target need not be there.

    Raises:
        UserError: If a column is missing.
    """
    columns = preprocessor.columns
    check_columns([column.name for column in columns], list(table.frame.columns))
    frame, lost = _as_trained(columns, table)
    shown = _as_written(table)
    truth = _truth(preprocessor, table)
    for start in range(0, len(table.frame), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        here = frame.iloc[rows]
        slots, strange = raw_slots(here, columns)
        unreadable = {name: wrong[rows] for name, wrong in lost.items() if wrong[rows].any()}
        for column in columns:
            if column.kind is ColumnKind.YES_NO and column.name in strange:
                wrong = {text for text, _ in strange.pop(column.name)}
                unreadable[column.name] = _rows_with(here[column.name], wrong)
        reasons, culprits = _reasons(columns, shown.iloc[rows], unreadable)
        empty = _empty(columns, slots) & (reasons == "")
        reasons[empty] = EMPTY_ROW
        good = np.flatnonzero(reasons == "")
        outputs, spread = predict_batch(preprocessor.transform_slots(slots[good]))
        yield _answered(
            preprocessor,
            table.frame.iloc[rows],
            (np.asarray(outputs), spread),
            good,
            None if truth is None else truth[rows],
            (reasons, culprits),
            strange,
        )


def check_columns(needed: list[str], found: list[str]) -> None:
    """Raise the ``UserError`` that names the columns which the model learned from and a table lacks, if any."""
    there = set(found)
    gone = [name for name in needed if name not in there]
    if not gone:
        return
    word = "column" if len(gone) == 1 else "columns"
    free = {name.casefold(): name for name in map(str, found) if name not in set(needed)}
    hints = []
    for name in gone[:20]:
        near = get_close_matches(name.casefold(), free, n=1, cutoff=0.75) or _with_its_words(name, free)
        if near:
            hints.append(f"{quoted([name])} may be what the table calls {quoted([free[near[0]]])}")
    them = "it" if len(hints) == 1 else "them"
    hint = f" {'; '.join(hints)}: rename {them} in the table." if hints else ""
    has = "" if len(hints) == len(gone) else f" The table has: {quoted(map(str, found), 10)}."
    raise UserError(
        f"The table must hold every column that the model learned from, under the same name. "
        f"Missing {word}: {quoted(gone, 20)}.{hint}{has}"
    )


def _with_its_words(name: str, free: Iterable[str]) -> list[str]:
    """The names with all words of one and more, such as a unit, or with some of its words alone, if only one is so."""
    words = set(_words(name))
    found = [one for one in free if (own := set(_words(one))) and words and (own <= words or words <= own)]
    return found if len(found) == 1 else []


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name.casefold())


def free_names(taken: list[str], names: list[str]) -> list[str]:
    """Return names for new columns, each with `` (model)`` behind it while a column of that name is there."""
    used = set(taken)
    made = []
    for name in names:
        free = name
        while free in used:
            free += " (model)"
        used.add(free)
        made.append(free)
    return made


def _as_trained(columns: tuple[InputColumn, ...], table: Table) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The columns as the kinds that training saw, and the rows whose cell could not be read so."""
    misfits = {column.name for column in table.columns if column.misfits}
    unreadable: dict[str, np.ndarray] = {}
    series: dict[str, pd.Series] = {}
    for column in columns:
        before = table.frame[column.name]
        after = _converted(column, table)
        series[column.name] = after
        lost = (before.notna() & after.isna()).to_numpy()
        if column.name in misfits:
            lost = lost | table.unread(column.name)
        if lost.any():
            unreadable[column.name] = lost
    return pd.DataFrame(series, copy=False), unreadable


def _as_written(table: Table) -> pd.DataFrame:
    """The table with the text of columns in which some cells do not fit what the model learned."""
    misfits = {column.name: ColumnKind.TEXT for column in table.columns if column.misfits}
    return table.with_kinds(misfits).frame if misfits else table.frame


def _converted(column: InputColumn, table: Table) -> pd.Series:
    values = table.frame[column.name]
    if column.kind not in (ColumnKind.NUMBER, ColumnKind.DATE):
        return _as_known(column, table)
    number = column.kind is ColumnKind.NUMBER
    fits = pd.api.types.is_numeric_dtype if number else pd.api.types.is_datetime64_any_dtype
    if fits(values.dtype):
        return values
    nothing = np.nan if number else np.datetime64("NaT", "s")
    empty: pd.Series = pd.Series(np.full(len(values), nothing), index=values.index)
    if values.isna().all():
        return empty
    try:
        # A few rows may look like another kind; their text is still known.
        return table.with_kinds({column.name: column.kind}).frame[column.name]
    except UserError:
        # Dates may be among so many other words that the column is not read as dates.
        return empty if number else table.dates_in(column.name)


def _as_known(column: InputColumn, table: Table) -> pd.Series:
    """A column of words as it was read, or as it is written, whichever training has seen more of.

    A column that had words for once, and so stayed as it is written ("1,5", "31.12.2024"), may hold nothing but
    numbers or dates in a new table.
    """
    values = table.frame[column.name]
    if pd.api.types.is_string_dtype(values.dtype) or not (unknown := _strangers(column, values)):
        return values
    written = table.with_kinds({column.name: ColumnKind.CATEGORY}).frame[column.name]
    return written if _strangers(column, written) < unknown else values


def _strangers(column: InputColumn, values: pd.Series) -> int:
    codes = cell_values.yes_no_codes if column.kind is ColumnKind.YES_NO else cell_values.codes_of
    return sum(rows for _, rows in codes(values, column.values)[1])


def _truth(preprocessor: Preprocessor, table: Table) -> np.ndarray | None:
    name = preprocessor.target
    if name not in table.frame.columns:
        return None
    if preprocessor.task == "regression":
        values = _converted(InputColumn(name, ColumnKind.NUMBER), table)
        return cell_values.numbers(values.to_frame())[:, 0]
    values = _as_known(InputColumn(name, ColumnKind.CATEGORY, preprocessor.classes), table)
    codes, strange = cell_values.codes_of(values, preprocessor.classes)
    if strange and preprocessor.task == "binary":  # other words for yes and no
        meant, _ = cell_values.yes_no_codes(values, preprocessor.classes)
        codes = np.where((codes == cell_values.UNKNOWN) & ~np.isnan(meant), meant, codes)
    return codes


def _rows_with(values: pd.Series, wrong: set[str]) -> np.ndarray:
    codes, names = cell_values.texts(values)
    return np.array([*(name in wrong for name in names), False])[codes]


def _reasons(
    columns: tuple[InputColumn, ...], frame: pd.DataFrame, unreadable: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Why each row cannot be predicted, "" where it can, and the column that is the reason."""
    reasons = np.full(len(frame), "", dtype=object)
    culprits = np.full(len(frame), "", dtype=object)
    for column in reversed(columns):  # so that the first column's reason stands
        if column.name in unreadable:
            what = {ColumnKind.NUMBER: "a number", ColumnKind.DATE: "a date"}.get(
                column.kind,
                f"{quoted(column.values[:1])} or {quoted(column.values[1:])}" if column.values else "",
            )
            rows = np.flatnonzero(unreadable[column.name])
            held = frame[column.name].iloc[rows]
            name = quoted([column.name])
            reasons[rows] = [
                f"{name} must be {what} and is {quoted([cell_values.text_of(value)])}" for value in held
            ]
            culprits[rows] = column.name
    return reasons, culprits


def _empty(columns: tuple[InputColumn, ...], slots: np.ndarray) -> np.ndarray:
    """Rows in which every column is missing."""
    missing = np.isnan(slots)
    start = 0
    for column in columns:
        if cell_values.MISSING in column.values:
            missing[:, start] |= slots[:, start] == column.values.index(cell_values.MISSING)
        start += len(column.slots)
    return missing.all(axis=1)


def _answered(
    preprocessor: Preprocessor,
    frame: pd.DataFrame,
    said: tuple[np.ndarray, np.ndarray | None],
    good: np.ndarray,
    truth: np.ndarray | None,
    why: tuple[np.ndarray, np.ndarray],
    strange: Strange,
) -> Answers:
    rows, (outputs, spread) = len(frame), said
    decoded = preprocessor.decode(outputs) if len(good) else _nothing(preprocessor)
    added: dict[str, np.ndarray] = {}
    if decoded.probabilities is None:
        values = outputs.reshape(len(good), -1)[:, 0].astype(np.float64) if len(good) else np.zeros(0)
        added["prediction"] = np.full(rows, np.nan)
        added["prediction"][good] = decoded.values
        if spread is not None:
            added[disagreement.COLUMN] = np.full(rows, np.nan)
            added[disagreement.COLUMN][good] = spread
    else:
        assert decoded.places is not None
        values = decoded.places
        added["prediction"] = np.full(rows, None, dtype=object)
        added["prediction"][good] = decoded.values
        # With the network's precision: more digits would mean nothing.
        chances = np.full((rows, len(preprocessor.classes)), np.nan, np.float32)
        chances[good] = decoded.probabilities
        added["confidence"] = np.full(rows, np.nan, np.float32)
        added["confidence"][good] = decoded.confidence
        if spread is not None:
            added[disagreement.COLUMN] = np.full(rows, np.nan, np.float32)
            added[disagreement.COLUMN][good] = spread
        if len(preprocessor.classes) <= MOST_PROBABILITIES:
            added |= {f"probability of {name}": chances[:, n] for n, name in enumerate(preprocessor.classes)}
    reasons, culprits = why
    added[REASON] = np.array([reason or None for reason in reasons], dtype=object)
    series = {
        name: pd.Series(column, index=frame.index, dtype="str" if column.dtype == object else None)
        for name, column in added.items()
    }
    return Answers(
        frame,
        pd.DataFrame(series, index=frame.index, copy=False),
        good,
        values,
        decoded.probabilities,
        truth,
        reasons,
        culprits,
        strange,
    )


def _nothing(preprocessor: Preprocessor) -> Decoded:
    if preprocessor.task == "regression":
        return Decoded(np.zeros(0), None)
    return Decoded(np.zeros(0, object), np.zeros((0, len(preprocessor.classes))), np.zeros(0, np.int64))
