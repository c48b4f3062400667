"""Dates as people write them: which order a column uses is decided over the whole column."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lrapp.reading.words import Words

_ZONE = r"(?P<zone>Z| ?UTC| ?[+-]\d{2}:?\d{2})?"
_TIME = r"(?P<time>[T ]+\d{1,2}:\d{2}(:\d{2}([.,]\d{1,9})?)?( ?[AaPp]\.?[Mm]\.?|[+-]\d{2}(?=$))?)?" + _ZONE
_YEAR = r"(?P<year>\d{4}|\d{2})"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,? )?"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*\.?"
_SHAPES = {
    "ymd": re.compile(rf"\d{{4}}(?P<mark>[-/.])\d{{1,2}}(?P=mark)\d{{1,2}}{_TIME}"),
    "numbers": re.compile(rf"(?P<a>\d{{1,2}})(?P<mark>[-/.])(?P<b>\d{{1,2}})(?P=mark){_YEAR}{_TIME}"),
    "day_month": re.compile(
        rf"{_WEEKDAY}\d{{1,2}}(st|nd|rd|th)?[ ./-]+{_MONTH}[ ,./-]+{_YEAR}{_TIME}", re.IGNORECASE
    ),
    "month_day": re.compile(rf"{_WEEKDAY}{_MONTH} \d{{1,2}}(st|nd|rd|th)?,? \d{{4}}{_TIME}", re.IGNORECASE),
    "year_month": re.compile(r"(19|20)\d{2}[-/](0[1-9]|1[0-2])"),
    "compact": re.compile(r"(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
}
_CLOCK = r"([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?$"
_EVEN = {
    "ymd": r"^[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}" + _CLOCK,
    "numbers": r"^[0-9]{2}[-/.][0-9]{2}[-/.][0-9]{4}" + _CLOCK,
}
_ZONED = r"(?:Z|UTC|:\d\d[^-+]*[+-]\d\d(?::?\d\d)?)$"
_FIRST_YEAR = 1969
_SHORT_YEAR = re.compile(r"\D*\d{1,2}\D+(?:\d{1,2}\D+)?\d{2}(?!\d)")
_EMPTY_DATES = ("0000-00-00", "00.00.0000", "00/00/0000", "0000-00-00 00:00:00")


@dataclass(frozen=True)
class Dates:
    """A column of text read as dates.

    Args:
        values: datetime64 without time zone; NaT where missing.
        lost: Cells that are no dates, with how often each appears.
        note: Sentence part on what had to be decided, or ``""``.
        days: The different values, not all of them once only, where they are known apart.
        shape: What ``date_shape`` said.
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


def date_shape(cells: Sequence[str]) -> str | None:
    """Name of the shape that nearly all cells have, or None when they are no dates.

    Args:
        cells: A sample of the column without surrounding spaces and missing words.
    """
    if not cells:
        return None
    for name, pattern in _SHAPES.items():
        # Eight digits are a date only when every one of them is.
        allowed = 0 if name == "compact" else len(cells) - math.ceil(0.9 * len(cells))
        unfit = (cell for cell in cells if pattern.fullmatch(cell) is None)
        if len(list(islice(unfit, allowed + 1))) <= allowed:
            return name
    return None


def parse_dates(words: Words, shape: str, *, day_first_hint: bool) -> Dates | None:
    """Read a whole column of text as dates; None when too few of them are.

    Args:
        words: The column, without words that stand for a missing value.
        shape: What ``date_shape`` said.
        day_first_hint: Whether 1/2/2020 with nothing else to go by is the first of February.
    """
    pattern = _SHAPES[shape]
    texts = words.texts
    fitting = [pattern.fullmatch(text) is not None and text not in _EMPTY_DATES for text in texts]
    notes: list[str] = []
    whole = texts
    if "year" in pattern.groupindex and any(map(_SHORT_YEAR.match, texts)):
        whole = _with_centuries(texts, pattern)
    if whole != texts:
        notes.append(f"years of two digits were taken as {_FIRST_YEAR} to {_FIRST_YEAR + 99}")
    series = pd.Series(whole, dtype="str").where(pd.Series(fitting, dtype=bool))
    day_first, seen = False, False
    if shape == "numbers":
        day_first, order_note, seen = _order(texts, fitting, day_first_hint)
        notes.append(order_note)
    parsed, zoned = _convert(series, shape, day_first)
    if zoned.any():
        bare = ", those without a zone were taken as UTC" if (fitting & ~zoned).any() else ""
        notes.append("times were moved to UTC" + bare)
    lost_mask = parsed.isna().to_numpy()
    lost = {texts[place]: int(words.counts[place]) for place in np.flatnonzero(lost_mask)}
    if not words.filled or sum(lost.values()) > 0.1 * words.filled:
        return None
    values = words.spread(parsed.to_numpy(), np.datetime64("NaT", "ns"))
    note = ", ".join(note for note in notes if note)
    return Dates(
        pd.Series(values, copy=False), lost, note, parsed, shape, _order_name(shape, day_first), seen
    )


def parse_even_dates(column: pa.ChunkedArray, shape: str, *, day_first_hint: bool) -> Dates | None:
    """Read a long column in which every cell is written to the same length; None when one is not.

    Args:
        column: Strings without surrounding spaces, null where the cell is empty.
        shape: What ``date_shape`` said.
        day_first_hint: As for ``parse_dates``.
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
    iso, note, day_first, seen = cells.copy(), "", False, False
    if shape == "numbers":
        one, two = _pair(cells, 0), _pair(cells, 3)
        day_first, note, seen = _decided(
            int((one > 12).sum()), int((two > 12).sum()), chr(marks[0]), day_first_hint
        )
        iso[:, :4] = cells[:, 6:10]
        iso[:, 5:7], iso[:, 8:10] = (
            (cells[:, 3:5], cells[:, :2]) if day_first else (cells[:, :2], cells[:, 3:5])
        )
    iso[:, [4, 7]] = ord("-")
    ends = np.arange(0, size + 1, lengths["max"], dtype=np.int32)
    text = pa.StringArray.from_buffers(len(filled), pa.py_buffer(ends), pa.py_buffer(iso))
    try:
        days = pc.cast(text, pa.timestamp("us")).to_numpy()
    except pa.ArrowInvalid:
        return None
    values = np.full(len(column), np.datetime64("NaT"), dtype="datetime64[us]")
    values[column.is_valid().to_numpy()] = days
    order = _order_name(shape, day_first)
    return Dates(pd.Series(values, copy=False), {}, note, shape=shape, order=order, order_seen=seen)


def _order_name(shape: str, day_first: bool) -> str:
    if shape == "numbers":
        return "dmy" if day_first else "mdy"
    return "ymd" if shape in ("ymd", "year_month", "compact") else ""


def _pair(cells: np.ndarray, place: int) -> np.ndarray:
    """The number that two digits make, in every row."""
    return (cells[:, place] - ord("0")) * 10 + cells[:, place + 1] - ord("0")


def _with_centuries(texts: list[str], pattern: re.Pattern[str]) -> list[str]:
    """Dates with the century that their year lacks; left to pandas, it would depend on the day of reading."""
    whole = list(texts)
    for place, text in enumerate(texts):
        match = pattern.fullmatch(text)
        if match is not None and len(match["year"]) == 2:
            year = _FIRST_YEAR + (int(match["year"]) - _FIRST_YEAR) % 100
            whole[place] = f"{text[: match.start('year')]}{year}{text[match.end('year') :]}"
    return whole


def _convert(series: pd.Series, shape: str, day_first: bool) -> tuple[pd.Series, np.ndarray]:
    """Points in time, and which of them were written with a zone."""
    formats = {"year_month": "%Y-%m", "compact": "%Y%m%d"}
    if shape in ("day_month", "month_day"):
        series = series.str.replace(r"(?i)(\d)(st|nd|rd|th)\b", r"\1", regex=True)
        series = series.str.replace(r"(?i)\b(sept)\b", "Sep", regex=True).str.replace(
            r"(?<=[A-Za-z])\.", "", regex=True
        )
    if shape == "year_month":
        series = series.str.replace("/", "-")
    if shape in formats:
        return pd.to_datetime(series, format=formats[shape], errors="coerce"), np.zeros(len(series), bool)
    zoned = series.str.contains(_ZONED, regex=True, na=False).to_numpy(bool)
    parsed = pd.to_datetime(
        series, format="mixed", dayfirst=day_first, errors="coerce", utc=bool(zoned.any())
    )
    return (parsed.dt.tz_localize(None) if zoned.any() else parsed), zoned


def _order(texts: Sequence[str], fitting: Sequence[bool], day_first_hint: bool) -> tuple[bool, str, bool]:
    first = second = 0
    mark = "/"
    for text, fits in zip(texts, fitting, strict=True):
        match = _SHAPES["numbers"].fullmatch(text) if fits else None
        if match is None:
            continue
        mark = match["mark"]
        first += int(match["a"]) > 12
        second += int(match["b"]) > 12
    return _decided(first, second, mark, day_first_hint)


def _decided(first: int, second: int, mark: str, day_first_hint: bool) -> tuple[bool, str, bool]:
    """Whether days stand first, given how often the first and the second number can only be a day."""
    day_first = first >= second if first or second else mark != "/" or day_first_hint
    taken = "day before month" if day_first else "month before day"
    if first and second:
        return day_first, f"day and month stand in both orders, and {taken} was taken where both fit", False
    if first or second:
        return day_first, "", True
    return day_first, f"every date could be read both ways and {taken} was taken", False
