"""The cells of one column -> numbers, in the same way in training and for new files.

The text of a value is what two files have in common: 1, 1.0 and "1" are one category. Nothing here is fitted.
"""

import math
import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from lrapp.tables.columns.number_formats import LARGEST
from lrapp.tables.columns.yes_no_words import NO, YES

UNKNOWN = -1.0  # the code of a category that training never saw
MISSING = ""  # the text of a missing value; a cell of a table is never an empty text

DATE_PARTS = (
    "days since 1970",
    "year",
    "day of month",
    "time of year, sine",
    "time of year, cosine",
    "weekday, sine",
    "weekday, cosine",
    "time of day, sine",
    "time of day, cosine",
)

_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d*)?([eE][+-]?\d+)?")


def text_of(value: object) -> str:
    """Return the text by which a value is known: 1.0 is "1", midnight leaves only the date."""
    match value:
        case bool() | np.bool_():
            return "true" if value else "false"
        case pd.Timestamp():
            return str(value.date() if value == value.normalize() else value)
        case float() | np.floating():
            number = float(value)
            return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
        case _:
            return str(value).strip()


def texts(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Return each row's code, and the text of each code; a missing value has the code -1.

    Returns:
        Codes, int64, shape (rows,), and distinct texts.
    """
    codes, found = pd.factorize(column)
    names: dict[str, int] = {}
    renamed = np.full(len(found) + 1, -1, np.int64)  # the last is for code -1
    for code, value in enumerate(found):
        name = text_of(value)
        if name != MISSING:
            renamed[code] = names.setdefault(name, len(names))
    return renamed[codes], list(names)


def natural(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names as a person sorts them: 2 before 10, no before yes."""
    ordered = sorted(names, key=_natural_key)
    if len(ordered) == 2 and is_yes(ordered[0]) and is_no(ordered[1]):
        ordered.reverse()
    return tuple(ordered)


def is_yes(name: str) -> bool:
    """Return whether a text means yes."""
    return name.casefold() in YES


def is_no(name: str) -> bool:
    """Return whether a text means no."""
    return name.casefold() in NO


def codes_of(column: pd.Series, known: Sequence[str]) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """Return the place of each row's text among the known texts, and what is not among them.

    Args:
        known: Texts that training saw; ``MISSING`` may be one of them.

    Returns:
        Codes as float64, shape (rows,): ``UNKNOWN`` for a text that is not known, NaN for a missing value
        unless ``MISSING`` is known. And the unknown texts, each with its number of rows.
    """
    codes, names = texts(column)
    places = {name: float(place) for place, name in enumerate(known)}
    canonical: dict[str, float] = {}
    for name, place in places.items():
        canonical.setdefault(_canonical(name), place)
    table = np.full(len(names) + 1, np.nan)
    table[-1] = places.get(MISSING, np.nan)
    for code, name in enumerate(names):
        table[code] = places.get(name, canonical.get(_canonical(name), UNKNOWN))
    strange = np.flatnonzero(table[:-1] == UNKNOWN)
    rows = np.bincount(codes[codes >= 0], minlength=len(names))
    return table[codes], [(names[code], int(rows[code])) for code in strange]


def yes_no_codes(column: pd.Series, pair: Sequence[str]) -> tuple[np.ndarray, list[tuple[str, int]]]:
    """Return 0, 1 or NaN for each row, and the texts that are neither.

    Args:
        pair: The two texts of training, the one that is 1 last. Where they mean no and yes, other words
            that mean no and yes are taken too.
    """
    codes, names = texts(column)
    places = {name.casefold(): float(place) for place, name in enumerate(pair)}
    means = is_no(pair[0]) and is_yes(pair[1])
    table = np.full(len(names) + 1, np.nan)
    strange = []
    rows = np.bincount(codes[codes >= 0], minlength=len(names))
    for code, name in enumerate(names):
        plain = _canonical(name).casefold()
        if plain in places:
            table[code] = places[plain]
        elif means and (is_yes(plain) or is_no(plain)):
            table[code] = float(is_yes(plain))
        else:
            strange.append((name, int(rows[code])))
    return table[codes], strange


def date_parts(column: pd.Series) -> np.ndarray:
    """Return the numbers that ``DATE_PARTS`` names, NaN where the date is missing.

    Args:
        column: Dates (datetime64); a zone is turned into UTC.

    Returns:
        float64, shape (rows, parts).
    """
    dates = column.dt.tz_convert("UTC").dt.tz_localize(None) if column.dt.tz is not None else column
    # Seconds have a larger range than a Timestamp's nanoseconds: the years 1 and 9999 are in many tables.
    seconds = dates.to_numpy().astype("datetime64[s]")
    day = seconds.astype("datetime64[D]")
    days = np.where(np.isnat(day), np.nan, day.astype(np.int64))
    time = (seconds - day.astype("datetime64[s]")) / np.timedelta64(1, "D")
    turns = np.stack([(dates.dt.day_of_year - 1) / 366, dates.dt.day_of_week / 7, time], axis=1) * (
        2 * math.pi
    )
    plain = np.stack([days + time, dates.dt.year, dates.dt.day], axis=1)
    # Equal sines could differ in the last digit, which scaling by quantiles would exaggerate.
    circles = np.stack([np.sin(turns), np.cos(turns)], axis=2).reshape(len(column), 6).round(9)
    return np.concatenate([plain, circles], axis=1).astype(np.float64)


def numbers(frame: pd.DataFrame) -> np.ndarray:
    """Return number columns as float64, shape (rows, columns); what is missing, infinite or beyond 1e100 is NaN."""
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    values[np.abs(values) > LARGEST] = np.nan
    return values


def _canonical(name: str) -> str:
    """A number's text without zeros that mean nothing: "1.0" is "1", "007" stays."""
    return text_of(float(name)) if _NUMBER.fullmatch(name) and math.isfinite(float(name)) else name


def _natural_key(name: str) -> tuple[object, ...]:
    if _NUMBER.fullmatch(name):
        return (0, float(name), name)
    pieces = re.split(r"(\d+)", name.casefold())
    return (1, [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces if piece], name)
