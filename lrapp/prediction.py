"""A saved preprocessor, a network and a new table -> a prediction for each row."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lrapp import cells
from lrapp.errors import UserError
from lrapp.preprocessing import InputColumn, Preprocessor, Strange, quoted, raw_slots
from lrapp.reading.columns import Kind
from lrapp.tables import Table

_ROWS_AT_ONCE = 65_536
# What a spreadsheet may take for the start of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, eq=False)
class Predictions:
    """What the network answers for each row of a table.

    Args:
        frame: The table's own columns; then ``prediction``; for classes ``confidence`` (probability of the
            prediction) and ``probability of ...`` for each class; and ``no prediction because`` where some rows
            have none. Rows in the table's order.
        notes: Plain sentences on what was passed over, unknown or impossible.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]


def predict(
    preprocessor: Preprocessor, predict_batch: Callable[[np.ndarray], np.ndarray], table: Table
) -> Predictions:
    """Return a prediction for each row of a table.

    Columns are found by name and read as the kinds that training saw, whatever they look like now. A missing
    value is treated as in training; a row with a cell that cannot be read as its column's kind gets no prediction
    but a reason.

    Args:
        preprocessor: Saved with the network.
        predict_batch: Inputs, float32, shape (rows, inputs) -> outputs as in ``evaluation.evaluate``.
        table: New rows; the target need not be there.

    Raises:
        UserError: If a column is missing, or no row can be predicted.
    """
    _check_columns(preprocessor, table)
    frame, unreadable = _as_trained(preprocessor.columns, table)
    slots, strange = raw_slots(frame, preprocessor.columns)
    for column in preprocessor.columns:
        if column.kind is Kind.YES_NO and column.name in strange:
            unreadable[column.name] = _rows_with(
                frame[column.name], {text for text, _ in strange[column.name]}
            )
    reasons = _reasons(preprocessor.columns, table, unreadable)
    reasons[_empty(preprocessor.columns, slots)] = "all columns that the model needs are empty"
    good = np.flatnonzero(reasons == "")
    if not len(good):
        raise UserError(f"At least one row must hold what the model needs. In the first row, {reasons[0]}.")
    outputs = _outputs(preprocessor, predict_batch, slots, good)
    notes = [
        *_passed_over(preprocessor, table),
        *_unseen(preprocessor.columns, strange),
        *_impossible(reasons),
    ]
    return Predictions(_answer(preprocessor, table.frame, outputs, good, reasons), tuple(notes))


def to_csv_bytes(frame: pd.DataFrame) -> bytes:
    """Return a frame as CSV (UTF-8 with a byte-order mark, as spreadsheets want it) that can start no formula.

    A cell of text that a spreadsheet could take for a formula gets an apostrophe in front.
    """
    safe = frame.copy(deep=False)
    safe.columns = pd.Index([_harmless(str(name)) for name in frame.columns], dtype=object)
    for place, dtype in enumerate(frame.dtypes):
        if not pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_datetime64_any_dtype(dtype):
            column = frame.iloc[:, place]
            codes, found = pd.factorize(column)
            texts = np.array([*(_harmless(str(value)) for value in found), None], dtype=object)
            safe.isetitem(place, pd.Series(texts[codes], index=frame.index, dtype=object))
    text = io.StringIO()
    safe.to_csv(text, index=False, lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    return text.getvalue().encode("utf-8-sig", "replace")


def _harmless(text: str) -> str:
    if not text.lstrip(" ").startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return "'" + text
    return text  # -5 is a number


def _check_columns(preprocessor: Preprocessor, table: Table) -> None:
    gone = [column.name for column in preprocessor.columns if column.name not in table.frame.columns]
    if gone:
        word = "column" if len(gone) == 1 else "columns"
        raise UserError(
            f"The table must hold every column that the model learned from, under the same name. "
            f"Missing {word}: {quoted(gone, 20)}. The table has: {quoted(map(str, table.frame.columns), 10)}."
        )


def _as_trained(columns: tuple[InputColumn, ...], table: Table) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The columns as the kinds that training saw, and the rows whose cell could not be read so."""
    unreadable: dict[str, np.ndarray] = {}
    series: dict[str, pd.Series] = {}
    for column in columns:
        before = table.frame[column.name]
        after = _converted(column, table)
        series[column.name] = after
        lost = (before.notna() & after.isna()).to_numpy()
        if lost.any():
            unreadable[column.name] = lost
    return pd.DataFrame(series, copy=False), unreadable


def _converted(column: InputColumn, table: Table) -> pd.Series:
    values = table.frame[column.name]
    match column.kind:
        case Kind.NUMBER:
            fits = pd.api.types.is_numeric_dtype(values.dtype)
            empty: pd.Series = pd.Series(np.full(len(values), np.nan), index=values.index)
        case Kind.DATE:
            fits = pd.api.types.is_datetime64_any_dtype(values.dtype)
            empty = pd.Series(np.full(len(values), np.datetime64("NaT", "s")), index=values.index)
        case _:
            return values  # known by its text, whatever it is
    if fits:
        return values
    if values.isna().all():
        return empty
    try:
        # A few rows may look like another kind; the room that reads tables has their text still.
        return table.with_kinds({column.name: column.kind}).frame[column.name]
    except UserError:
        return empty


def _rows_with(values: pd.Series, wrong: set[str]) -> np.ndarray:
    codes, names = cells.texts(values)
    return np.array([*(name in wrong for name in names), False])[codes]


def _reasons(columns: tuple[InputColumn, ...], table: Table, unreadable: dict[str, np.ndarray]) -> np.ndarray:
    """Why each row cannot be predicted, "" where it can."""
    reasons = np.full(len(table.frame), "", dtype=object)
    for column in reversed(columns):  # so that the first column's reason stands
        if column.name in unreadable:
            what = {Kind.NUMBER: "a number", Kind.DATE: "a date"}.get(
                column.kind,
                f"{quoted(column.values[:1])} or {quoted(column.values[1:])}" if column.values else "",
            )
            rows = np.flatnonzero(unreadable[column.name])
            held = table.frame[column.name].iloc[rows]
            for row, value in zip(rows, held, strict=True):
                reasons[row] = (
                    f"{quoted([column.name])} must be {what} and is {quoted([cells.text_of(value)])}"
                )
    return reasons


def _empty(columns: tuple[InputColumn, ...], slots: np.ndarray) -> np.ndarray:
    """Rows in which every column is missing."""
    missing = np.isnan(slots)
    start = 0
    for column in columns:
        if cells.MISSING in column.values:
            missing[:, start] |= slots[:, start] == column.values.index(cells.MISSING)
        start += len(column.slots)
    return missing.all(axis=1)


def _outputs(
    preprocessor: Preprocessor,
    predict_batch: Callable[[np.ndarray], np.ndarray],
    slots: np.ndarray,
    rows: np.ndarray,
) -> np.ndarray:
    parts = [
        np.asarray(predict_batch(preprocessor.transform_slots(slots[rows[start : start + _ROWS_AT_ONCE]])))
        for start in range(0, len(rows), _ROWS_AT_ONCE)
    ]
    return np.concatenate(parts)


def _answer(
    preprocessor: Preprocessor,
    table: pd.DataFrame,
    outputs: np.ndarray,
    good: np.ndarray,
    reasons: np.ndarray,
) -> pd.DataFrame:
    """The table with the answers beside it."""
    decoded = preprocessor.decode(outputs)
    added: dict[str, np.ndarray] = {}
    if decoded.probabilities is None:
        added["prediction"] = np.full(len(table), np.nan)
        added["prediction"][good] = decoded.values
    else:
        added["prediction"] = np.full(len(table), None, dtype=object)
        added["prediction"][good] = decoded.values
        chances = np.full((len(table), len(preprocessor.classes)), np.nan)
        chances[good] = decoded.probabilities
        added["confidence"] = np.fmax.reduce(chances, axis=1)
        added |= {
            f"probability of {name}": chances[:, place] for place, name in enumerate(preprocessor.classes)
        }
    if (reasons != "").any():
        added["no prediction because"] = np.array([reason or None for reason in reasons], dtype=object)
    taken = set(table.columns)
    columns = {}
    for name, values in added.items():
        free = name
        while free in taken:
            free += " (model)"
        taken.add(free)
        columns[free] = pd.Series(values, index=table.index, dtype="str" if values.dtype == object else None)
    return pd.concat([table, pd.DataFrame(columns, index=table.index)], axis=1)


def _passed_over(preprocessor: Preprocessor, table: Table) -> Iterator[str]:
    needed = {column.name for column in preprocessor.columns}
    extra = [name for name in table.frame.columns if name not in needed and name != preprocessor.target]
    if extra:
        word, them = ("column was", "it") if len(extra) == 1 else ("columns were", "them")
        yield f"{len(extra):,} {word} not used, because the model does not need {them}: {quoted(extra)}."
    if preprocessor.target in table.frame.columns:
        yield f"The column {quoted([preprocessor.target])} is what the model predicts; its values were not used."


def _unseen(columns: tuple[InputColumn, ...], strange: Strange) -> Iterator[str]:
    for column in columns:
        if column.kind is Kind.CATEGORY and column.name in strange:
            found = sorted(strange[column.name], key=lambda item: -item[1])
            rows = sum(count for _, count in found)
            word = "category" if len(found) == 1 else "categories"
            yield (
                f"{quoted([column.name])} holds {len(found):,} {word} that training never saw, in {rows:,} "
                f"row{'' if rows == 1 else 's'}: {quoted([name for name, _ in found])}."
            )


def _impossible(reasons: np.ndarray) -> Iterator[str]:
    without = reasons[reasons != ""]
    if len(without):
        most, count = Counter(without.tolist()).most_common(1)[0]
        word = "row has" if len(without) == 1 else "rows have"
        example = "" if count == len(without) else "for example, "
        yield f"{len(without):,} {word} no prediction: {example}{most}."
