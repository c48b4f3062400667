"""Dates and times as people write them: which order a column uses is decided over the whole column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lrapp.tables.columns.date_orders import Order, day_month_order
from lrapp.tables.columns.date_shapes import (
    BY_HAND,
    FIRST_YEAR,
    SHAPES,
    TIME,
    Parts,
    parts_of,
    pattern_of,
    shape_of,
)
from lrapp.tables.columns.distinct_values import Words
from lrapp.tables.columns.month_names import months_of

MIXED = "mixed"
"""In place of a shape: each cell has its own."""

_SHARE = 0.9
_CLOCK = r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?$"
_EVEN = {
    "ymd": r"^[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}" + _CLOCK,
    "numbers": r"^[0-9]{2}[-/.][0-9]{2}[-/.][0-9]{4}" + _CLOCK,
}
_MANY = 1000
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
_ZONED = r":[^-+Z]*[-+Z]"
_YEAR_FIRST = frozenset(("ymd", "year_month", "compact", "compact_time", "week_day", "year_named", "signs"))
_SAID = {
    TIME: "times of day were read as times of 1 January 1970",
    "epoch": "numbers were read as the time since 1970 began, in UTC",
    "serial": "numbers were read as days as spreadsheets count them",
    "week": "weeks were read as their Mondays",
    "quarter": "quarters were read as their first days",
    "quarter_first": "quarters were read as their first days",
    "year": "years were read as their first days",
}
_NOTHING = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class Dates:
    """A column of text read as dates.

    Args:
        values: datetime64 without time zone; NaT where missing.
        lost: Cells that are no dates, with how often each appears.
        note: Sentence part on what had to be decided, or ``""``.
        days: The different values, not all of them once only, where they are known apart.
        order: ``"dmy"``, ``"mdy"`` or ``"ymd"``, ``""`` where a month is a word.
        order_seen: Whether the cells allow no other order.
    """

    values: pd.Series
    lost: dict[str, int]
    note: str
    days: pd.Series | None = None
    shape: str = ""
    order: str = ""
    order_seen: bool = False


def date_shape(cells: Sequence[str], *, by_hand: bool = False) -> str | None:
    """Name of the shape that nearly all cells have, or None when they are no dates.

    Args:
        cells: A sample of the column without surrounding spaces and missing words.
        by_hand: Whether a person says that they are dates: then numbers and names may be dates, too, and each cell may
            have a shape of its own.
    """
    if not cells:
        return None
    shape = shape_of(cells, SHAPES, _SHARE)
    if shape is not None or not by_hand:
        return shape
    shape = shape_of(cells, BY_HAND, _SHARE)
    if shape is None and sum(shape_of([cell], SHAPES, 1) is not None for cell in cells) >= _SHARE * len(
        cells
    ):
        return MIXED
    return shape


def parse_dates(words: Words, shape: str, *, day_first_hint: bool, chosen: str = "") -> Dates | None:
    """Read a whole column of text as dates; None when too few of them are.

    Args:
        words: The column, without words that stand for a missing value.
        day_first_hint: Whether 1/2/2020 is the first of February if nothing else decides.
        chosen: ``"dmy"`` or ``"mdy"`` where a person chose the order, else ``""``.
    """

    def order_of(first: np.ndarray, second: np.ndarray, year: np.ndarray, marks: set[str]) -> Order:
        return day_month_order(first, second, year, usual=marks != {"/"} or day_first_hint, chosen=chosen)

    dates = _read(words, shape, (shape,) if shape != MIXED else tuple(SHAPES), order_of)
    return dates if words.filled and sum(dates.lost.values()) <= 0.1 * words.filled else None


def dates_as_written(words: Words, shape: str, order: str) -> Dates:
    """Read a whole column of text as dates in the format of another one; ambiguous cells become missing.

    Args:
        words: The column, without words that stand for a missing value.
        shape: The shape of the other one. Other unambiguous shapes are read, too.
        order: Its order of day and month, ``""`` or ``"ymd"`` where it had no dates that depend on one.
    """
    if shape == TIME:
        shapes: tuple[str, ...] = (TIME,)
    else:
        others = (name for name in SHAPES if name not in (TIME, shape))
        shapes = (shape, *others) if shape in SHAPES or shape in BY_HAND else tuple(others)

    def order_of(first: np.ndarray, second: np.ndarray, year: np.ndarray, marks: set[str]) -> Order | None:
        return Order(order == "dmy", True, "", strict=True) if order in ("dmy", "mdy") else None

    return _read(words, shape, shapes, order_of)


def _read(words: Words, shape: str, shapes: Sequence[str], order_of: "_OrderOf") -> Dates:
    """Read each cell by the first of some shapes that it has."""
    texts = words.texts
    table = np.full(len(texts), _NOTHING)
    zoned = np.zeros(len(texts), dtype=bool)
    places = np.arange(len(texts))
    if shape == "ymd" and len(texts) > _MANY:
        places, zoned = _read_iso(texts, table)
    found = _parts([texts[place] for place in places.tolist()], shapes)
    places = places[[part is not None for part, _ in found]]
    parts = [part for part, _ in found if part is not None]
    year, first, second, clock, offset = _columns(parts)
    unordered = np.array([name == "numbers" for part, name in found if part is not None], dtype=bool)
    order = None
    if unordered.any():
        rows = _in_rows(words, places[unordered])
        marks = {
            match["mark"]
            for place in places[unordered][:_MANY]
            if (match := _NUMBERS.fullmatch(texts[place]))
        }
        order = order_of(first[unordered][rows], second[unordered][rows], year[unordered][rows], marks)
        first, second = _ordered(first, second, unordered, order)
    table[places] = _moments(year, first, second, clock) - offset * np.timedelta64(60_000_000, "us")
    zoned[places] = [part.offset is not None for part in parts]
    notes = [_SAID.get(shape, "")]
    if any(part.short_year for part in parts):
        notes.append(f"years of two digits were taken as {FIRST_YEAR} to {FIRST_YEAR + 99}")
    notes.append(order.note if order else "")
    there = ~np.isnat(table)
    if (zoned & there).any() and shape != "epoch":
        bare = ", those without a zone were taken as UTC" if (~zoned & there).any() else ""
        notes.append("times were moved to UTC" + bare)
    return Dates(
        pd.Series(words.spread(table, _NOTHING), copy=False),
        {texts[place]: int(words.counts[place]) for place in np.flatnonzero(~there)},
        ", ".join(note for note in notes if note),
        pd.Series(table),
        shape,
        order.name if order else "ymd" if shape in _YEAR_FIRST else "",
        order.seen if order else False,
    )


_OrderOf = Callable[[np.ndarray, np.ndarray, np.ndarray, set[str]], Order | None]
_NUMBERS = SHAPES["numbers"]


def _parts(texts: Sequence[str], shapes: Sequence[str]) -> list[tuple[Parts | None, str]]:
    """The parts of each cell, and the shape that it has."""
    matches = (
        match
        for shape in shapes
        if "word" in (pattern := pattern_of(shape)).groupindex
        for text in texts
        if (match := pattern.fullmatch(text))
    )
    months = months_of({match["word"] for match in matches})
    return [
        next(((parts, shape) for shape in shapes if (parts := parts_of(text, shape, months))), (None, ""))
        for text in texts
    ]


def _columns(parts: Sequence[Parts]) -> np.ndarray:
    """Year, first and second number, clock and offset as rows of one array."""
    fields = [(part.year, part.first, part.second, part.clock, part.offset or 0) for part in parts]
    return np.array(fields, dtype=np.int64).reshape(-1, 5).T


def _ordered(
    first: np.ndarray, second: np.ndarray, unordered: np.ndarray, order: Order | None
) -> tuple[np.ndarray, np.ndarray]:
    """Months and days, from numbers of which some are in the order of their column."""
    if order is None:  # the order is unknown, and only numbers from 13 on can show it
        month, day = np.where(first > 12, second, first), np.where(first > 12, first, second)
        month = np.where((first <= 12) & (second <= 12) & (first != second), 0, month)
    else:
        month, day = (second, first) if order.day_first else (first, second)
        other = ~order.strict & (month > 12) & (day <= 12)
        month, day = np.where(other, day, month), np.where(other, month, day)
    return np.where(unordered, month, first), np.where(unordered, day, second)


def _moments(year: np.ndarray, month: np.ndarray, day: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """Points in time; NaT where there is no such day."""
    start = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = start.astype("datetime64[D]") + (day - 1)
    known = (year > 0) & (month >= 1) & (month <= 12) & (day >= 1) & (days.astype("datetime64[M]") == start)
    return np.where(known, days.astype("datetime64[us]") + clock.astype("timedelta64[us]"), _NOTHING)


def _in_rows(words: Words, places: np.ndarray) -> np.ndarray:
    """For each row with one of some texts, which of them it is."""
    numbers = np.full(len(words.texts) + 1, -1, dtype=np.int64)
    numbers[places] = np.arange(len(places))
    rows = numbers[words.codes]
    return rows[rows >= 0]


def _read_iso(texts: Sequence[str], table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read ISO dates into a table; return the places of all other cells, and which have a zone."""
    column = pa.array(texts, pa.string())
    plain = pc.match_substring_regex(column, _ISO).to_numpy(zero_copy_only=False)
    zoned = plain & pc.match_substring_regex(column, _ZONED).to_numpy(zero_copy_only=False)
    written = column.filter(pa.array(plain)).to_pylist()
    read = pd.to_datetime(pd.Series(written, dtype="str"), format="ISO8601", utc=True, errors="coerce")
    table[plain] = read.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return np.flatnonzero(~plain), zoned


def parse_even_dates(
    column: pa.ChunkedArray, shape: str, *, day_first_hint: bool, chosen: str = ""
) -> Dates | None:
    """Read a long column in which every cell is written to the same length; None when one is not.

    Args:
        column: Strings without surrounding spaces, null where the cell is empty.
        day_first_hint, chosen: As for ``parse_dates``.
    """
    if shape not in _EVEN:
        return None
    filled = column.drop_null().combine_chunks()
    if not pc.all(pc.match_substring_regex(filled, _EVEN[shape])).as_py():
        return None
    lengths = pc.min_max(pc.binary_length(filled)).as_py()
    if lengths["min"] != lengths["max"]:
        return None
    first = int(np.frombuffer(filled.buffers()[1], dtype=np.int32)[filled.offset])
    size = len(filled) * lengths["max"]
    cells = np.frombuffer(filled.buffers()[2], dtype=np.uint8)[first : first + size].reshape(len(filled), -1)
    marks = np.unique(cells[:, [2, 5] if shape == "numbers" else [4, 7]])
    if len(marks) > 1:
        return None
    iso, order = cells.copy(), None
    if shape == "numbers":
        one, two, year = _pair(cells, 0), _pair(cells, 3), 100 * _pair(cells, 6) + _pair(cells, 8)
        usual = chr(marks[0]) != "/" or day_first_hint
        order = day_month_order(one, two, year, usual=usual, chosen=chosen)
        iso[:, :4] = cells[:, 6:10]
        iso[:, 5:7], iso[:, 8:10] = (
            (cells[:, 3:5], cells[:, :2]) if order.day_first else (cells[:, :2], cells[:, 3:5])
        )
    iso[:, [4, 7]] = ord("-")
    ends = np.arange(0, size + 1, lengths["max"], dtype=np.int32)
    text = pa.StringArray.from_buffers(len(filled), pa.py_buffer(ends), pa.py_buffer(iso))
    try:
        days = pc.cast(text, pa.timestamp("us")).to_numpy()
    except pa.ArrowInvalid:
        return None
    values = np.full(len(column), _NOTHING)
    values[column.is_valid().to_numpy()] = days
    return Dates(
        pd.Series(values, copy=False),
        {},
        order.note if order else "",
        shape=shape,
        order=order.name if order else "ymd",
        order_seen=order.seen if order else False,
    )


def _pair(cells: np.ndarray, place: int) -> np.ndarray:
    """The number that two digits make, in every row."""
    return (cells[:, place] - ord("0")).astype(np.int64) * 10 + cells[:, place + 1] - ord("0")
