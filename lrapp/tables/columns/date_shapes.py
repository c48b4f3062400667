"""The shapes in which people and programs write points in time, and the parts of each: year, month, day, time, zone."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lrapp.tables.columns.month_names import is_month

TIME = "time"
"""The shape of times of day alone."""

FIRST_YEAR = 1969
"""Years of two digits are this one or one of the 99 after it."""

_WORD = r"[^\s\d,.:;/()-]+"
_AFTERNOON = frozenset(("p", "下", "後", "후"))
_HOUR = r"(?P<early>上午|下午|午前|午後|오전|오후)?\s?(?P<h>[01]?\d|2[0-4])"
_HALF = r"\s?(?P<half>[AaPp]\.?\s?[Mm]\.?)"
_CLOCK = (
    rf"{_HOUR}(?:[:hH時时시]\s?(?P<mi>[0-5]\d|\d(?=[分분]))(?:[:分분]\s?(?P<s>[0-5]\d|60|\d(?=[秒초]))(?:[.,](?P<f>\d{{1,9}}))?)?[分분秒초]?)?"
    rf"(?:{_HALF})?(?:\sUhr|\so'clock)?"
)
_OFFSET = r"[+−-]\d{1,2}(?::?\d{2})?"
_ZONE = rf"(?:\s?(?P<zone>Z|[A-Z]{{3,5}}(?:{_OFFSET})?|[+-](?:0\d|1[0-4])(?::?\d{{2}})?)(?:\s?\([^()]*\))?)?"
_AFTER = rf"(?:(?:T|,?\s+|,?\sat\s|,?\sum\s|,?\sà\s){_CLOCK}{_ZONE})?"
_AFTER_WORDS = _AFTER.replace("(?:T|", "(?:T|:|", 1)
_YEAR = r"(?P<y>\d{4}|\d{2})"
_LONG_YEAR = r"(?P<y>\d{4})"
_DAY = r"(?P<d>[0-3]?\d)"
_WEEKDAY = r"(?:(?P<weekday>[^\s\d,.:;/()-]{2,14})\.?,?\s+)?"
_NAMED = rf"(?P<word>{_WORD})\.?"

_PATTERNS = {
    "ymd": rf"{_LONG_YEAR}(?P<mark>[-/.]|\.\s)(?P<mo>\d{{1,2}})(?P=mark){_DAY}\.?(?:{_AFTER}|Z|[+-]\d\d:\d\d)",
    "numbers": rf"{_WEEKDAY}(?P<a>\d{{1,2}})(?P<mark>[-/.]|\.\s)(?P<b>\d{{1,2}})(?P=mark){_YEAR}{_AFTER}",
    "day_month": (
        rf"{_WEEKDAY}{_DAY}(?:st|nd|rd|th|er|º|ª)?(?:\sde\s|\s(?:of\s)?|[ ./-]+)?{_NAMED}"
        rf"(?:\sde\s|\sdel\s|[ ,./-]*){_YEAR}(?:\s?[гр]\.)?{_AFTER_WORDS}"
    ),
    "month_day": rf"{_WEEKDAY}{_NAMED}\s{_DAY}(?:st|nd|rd|th)?,?\s{_LONG_YEAR}{_AFTER}",
    "clock_year": rf"{_WEEKDAY}{_NAMED}\s+{_DAY},?\s{_CLOCK}{_ZONE}\s{_LONG_YEAR}",
    "year_named": rf"{_LONG_YEAR}(?:\.\s|[-/ .]){_NAMED}[-/ .]\s?{_DAY}\.?{_AFTER_WORDS}",
    "year_month": r"(?P<y>(?:19|20)\d{2})(?:[-/]|[年년]\s?)(?P<mo>0[1-9]|1[0-2]|[1-9](?=[月월]))[月월]?",
    "named_year": rf"{_NAMED}(?:[ -]|\sde\s){_LONG_YEAR}",
    "month_year": r"(?P<mo>0?[1-9]|1[0-2])/(?P<y>(?:19|20)\d{2})",
    "signs": rf"{_LONG_YEAR}\s?[年년]\s?(?P<mo>\d{{1,2}})\s?[月월]\s?{_DAY}\s?[日일号號]?(?:\s?{_CLOCK})?{_ZONE}",
    "vietnamese": (
        rf"(?:ngày\s)?{_DAY}\s(?:tháng|thg)\s(?P<mo>\d{{1,2}})(?:,\s?|\snăm\s|\s){_LONG_YEAR}{_AFTER}"
    ),
    "week_day": rf"{_LONG_YEAR}-?W(?P<week>[0-5]\d)-?(?P<weekday_number>[1-7])",
    "compact": r"(?P<y>(?:19|20)\d{2})(?P<mo>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])",
    "compact_time": (
        r"(?P<y>(?:19|20)\d{2})(?P<mo>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])[T _-]?"
        rf"(?P<h>[01]\d|2[0-3])(?P<mi>[0-5]\d)(?:(?P<s>[0-5]\d)(?:[.,](?P<f>\d{{1,9}}))?)?{_ZONE}"
    ),
    TIME: _CLOCK,
}  # fmt: skip
_BY_HAND = {
    "named_short_year": rf"{_NAMED}[ '’-]+(?P<y>\d{{2}})",
    "week": rf"{_LONG_YEAR}-?\s?W(?P<week>[0-5]\d)",
    "quarter": r"(?P<y>(?:19|20)\d{2})[-/ ]?Q(?P<quarter>[1-4])",
    "quarter_first": r"Q(?P<quarter>[1-4])[-/ ]?(?P<y>(?:19|20)\d{2})",
    "year": r"(?P<y>1[5-9]\d{2}|20\d{2}|21\d{2})(?:\.0*)?",
    "serial": r"(?P<days>[1-7]\d{4}(?:\.\d+)?)",
    "epoch": r"(?P<epoch>\d{9,10}(?:\.\d+)?|\d{12,13}|\d{15,16}|\d{18,19})(?:\.0*)?",
}
SHAPES = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _PATTERNS.items()}
"""Shapes that are dates by themselves, by name; the first that fits a cell is its shape."""

BY_HAND = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _BY_HAND.items()}
"""Shapes that are dates only if a person says so, since they could also be numbers or names."""

ALL_DIGITS = ("compact", "compact_time")
"""Shapes that are dates only if every cell has them, as any number may have them by chance."""

_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 60, "BST": 60, "CET": 60, "MEZ": 60, "CEST": 120, "MESZ": 120,
    "EET": 120, "EEST": 180, "MSK": 180, "JST": 540, "KST": 540, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780,
    "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
}  # fmt: skip
_ZONE_PARTS = re.compile(r"([A-Z]*)(?:([+−-])(\d{1,2}):?(\d{2})?)?", re.IGNORECASE)
_EPOCHS = {9: 0, 10: 0, 12: 3, 13: 3, 15: 6, 16: 6, 18: 9, 19: 9}
_SERIAL_START = (date(1899, 12, 30) - date(1970, 1, 1)).days
_WEEKDAYS = 7


@dataclass(frozen=True)
class Parts:
    """The parts of one point in time.

    Args:
        first, second: Day and month in a shape that leaves their order open, else month and day.
        clock: Microseconds since midnight; where they are more than a day, the days beyond it count.
        offset: Minutes by which the clock is ahead of UTC, None where no zone is written.
    """

    year: int
    first: int
    second: int
    clock: int
    offset: int | None
    short_year: bool = False


def pattern_of(shape: str) -> re.Pattern[str]:
    """The pattern of a shape by its name."""
    return SHAPES.get(shape) or BY_HAND[shape]


def shape_of(cells: Sequence[str], shapes: Iterable[str], share: float) -> str | None:
    """Name of the first of some shapes that a share of all cells has, None where none is.

    Args:
        cells: Cells without surrounding spaces and missing words.
        share: Part of the cells that must have it, 0 < share <= 1.
    """
    for shape in shapes:
        pattern = pattern_of(shape)
        left = 0 if shape in ALL_DIGITS else len(cells) - int(-(-share * len(cells) // 1))
        weekdays: set[str] = set()
        for cell in cells:
            match = pattern.fullmatch(cell)
            if match is None or not _is_whole(match):
                left -= 1
                if left < 0:
                    break
            elif weekday := match.groupdict().get("weekday"):
                weekdays.add(weekday.casefold())
        if left >= 0 and len(weekdays) <= _WEEKDAYS:
            return shape
    return None


def _is_whole(match: re.Match[str]) -> bool:
    """Whether the words in a match are the names of a month and of a zone, and an hour says which."""
    found = match.groupdict()
    if (word := found.get("word")) and not is_month(word):
        return False
    if found.get("h") and not (found.get("mi") or found.get("half")):
        return False
    return not (zone := found.get("zone")) or _offset(zone) is not None


def parts_of(text: str, shape: str, months: Mapping[str, int]) -> Parts | None:
    """The parts of a cell, None if it does not have the shape.

    Args:
        text: The cell without surrounding spaces.
        months: Meaning of the column's words, as ``month_names.months_of`` says.
    """
    match = pattern_of(shape).fullmatch(text)
    if match is None or not _is_whole(match):
        return None
    found = match.groupdict()
    if special := _SPECIAL.get(shape):
        return special(found)
    year = _whole_year(found["y"]) if "y" in found else 1970
    clock = _clock(found) if found.get("h") else 0
    offset = _offset(found["zone"]) if found.get("zone") else None
    short = "y" in found and len(found["y"]) == 2
    if "a" in found:
        return Parts(year, int(found["a"]), int(found["b"]), clock, offset, short)
    month = months.get(found["word"], 0) if "word" in found else int(found.get("mo") or 1)
    return Parts(year, month, int(found.get("d") or 1), clock, offset, short)


def _whole_year(digits: str) -> int:
    return int(digits) if len(digits) > 2 else FIRST_YEAR + (int(digits) - FIRST_YEAR) % 100


def _clock(found: Mapping[str, str | None]) -> int:
    hour = int(found["h"] or 0)
    half = (found.get("half") or found.get("early") or "").lower()
    if half and hour <= 12:
        hour = hour % 12 + 12 * (half[0] in _AFTERNOON or half[-1] in _AFTERNOON)
    seconds = (hour * 60 + int(found["mi"] or 0)) * 60 + int(found.get("s") or 0)
    return seconds * 1_000_000 + int((found.get("f") or "0").ljust(6, "0")[:6])


def _offset(zone: str) -> int | None:
    """Minutes that a zone is ahead of UTC, None where it is not known."""
    match = _ZONE_PARTS.fullmatch(zone)
    if match is None or (match[1] and match[1].upper() not in _ZONES):
        return None
    minutes = _ZONES[match[1].upper()] if match[1] else 0
    shift = int(match[3] or 0) * 60 + int(match[4] or 0)
    return minutes + (shift if match[2] == "+" else -shift)


def _of_week(found: Mapping[str, str | None]) -> Parts | None:
    try:
        day = date.fromisocalendar(
            int(found["y"] or 0), int(found["week"] or 0), int(found.get("weekday_number") or 1)
        )
    except ValueError:
        return None
    return Parts(day.year, day.month, day.day, 0, None)


def _of_quarter(found: Mapping[str, str | None]) -> Parts:
    return Parts(int(found["y"] or 0), 3 * int(found["quarter"] or 1) - 2, 1, 0, None)


def _of_epoch(found: Mapping[str, str | None]) -> Parts:
    digits, _, decimals = (found["epoch"] or "").partition(".")
    power = 6 - _EPOCHS[len(digits)]
    micro = int(digits) * 10**power if power >= 0 else int(digits) // 10**-power
    return Parts(1970, 1, 1, micro + int(decimals.ljust(6, "0")[:6] or 0), 0)


def _of_serial(found: Mapping[str, str | None]) -> Parts:
    days = float(found["days"] or 0) + _SERIAL_START
    return Parts(1970, 1, 1, round(days * 86_400) * 1_000_000, None)


_SPECIAL: dict[str, Callable[[Mapping[str, str | None]], Parts | None]] = {
    "week": _of_week,
    "week_day": _of_week,
    "quarter": _of_quarter,
    "quarter_first": _of_quarter,
    "epoch": _of_epoch,
    "serial": _of_serial,
}
