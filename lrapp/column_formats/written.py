"""How the cells of one column are written, and what stays unclear."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lrapp.tables.columns.dates import date_shape
from lrapp.tables.columns.number_formats import (
    MISSING_WORDS,
    NumberFormat,
    column_format,
    parse_number,
    vote_decimal,
    written_number,
)

# Different cells to inspect; more would give the same.
MOST_CELLS = 4_000
_MISSING = frozenset(MISSING_WORDS)
_MOST_WORDS = 8
_DIGITS = re.compile(r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](\d{4}|\d{2})(?!\d).*")


@dataclass(frozen=True)
class Written:
    """How the cells of a column are written, as far as they show it.

    Args:
        decimal: ``"."`` or ``","`` where some number can have no other decimal mark, else ``""``.
        thousands: What groups digits, where that is certain, else ``""``.
        unclear: The mark of numbers such as 3.125, which may start decimals or group thousands, else ``""``.
        example: A number that shows it: the decimal mark where there is one, else the unclear mark.
        unit: Letters behind most of the numbers, ``"%"`` and ``"‰"`` among them, or ``""``.
        currency: The sign or code of a currency, or ``""``.
        most: The greatest number without its sign, read as the column itself seems to want; None without numbers.
        order: Of dates in digits: ``"day"`` or ``"month"`` for what stands first, ``"both"``, ``"unclear"``; ``""``
            for all else.
        date: A date that shows it.
        words: The different cells, where they are few.
    """

    decimal: str = ""
    thousands: str = ""
    unclear: str = ""
    example: str = ""
    unit: str = ""
    currency: str = ""
    most: float | None = None
    order: str = ""
    date: str = ""
    words: tuple[str, ...] = ()


def look(cells: Iterable[str]) -> Written:
    """Return how cells are written."""
    stripped = (cell.strip() for cell in cells)
    known = [cell for cell in stripped if cell and cell not in _MISSING]
    known = known[:: max(1, -(-len(known) // MOST_CELLS))]
    words = tuple(known) if len(known) <= _MOST_WORDS else ()
    if date_shape(known) == "numbers":
        order, date = _order(known)
        return Written(order=order, date=date, words=words)
    decimal, thousands, unclear, example = _marks(known)
    unit, currency = _signs(known)
    return Written(
        decimal, thousands, unclear, example, unit, currency, _most(known, decimal or ".", unit), words=words
    )


def _order(cells: Sequence[str]) -> tuple[str, str]:
    """What comes first in dates of digits, and a date that shows it."""
    shows: dict[str, str] = {}
    for cell in cells:
        if (match := _DIGITS.fullmatch(cell)) is not None:
            days = int(match["a"]) > 12, int(match["b"]) > 12
            shows.setdefault({(True, False): "day", (False, True): "month"}.get(days, "unclear"), cell)
    clear = [order for order in ("day", "month") if order in shows]
    order = "both" if len(clear) > 1 else (*clear, "unclear")[0]
    return order, shows.get(order) or shows.get("unclear") or next(iter(shows.values()))


def _marks(cells: Sequence[str]) -> tuple[str, str, str, str]:
    votes = vote_decimal(cells)
    clear: Counter[str] = Counter()
    spacers: Counter[str] = Counter()
    unclear: Counter[str] = Counter()
    for (mark, other), count in votes.items():
        if mark == "?":
            unclear[other] += count
            continue
        clear[mark] += count if mark else 0
        spacers[other] += count if other else 0
    decimal = _top(clear)
    thousands = next((mark for mark, _ in spacers.most_common() if mark != decimal), "")
    mark = _top(unclear)
    if decimal:
        wanted = next(one for one in votes if one[0] == decimal)
    elif mark:
        wanted = ("?", mark)
    else:
        return decimal, thousands, mark, ""
    return decimal, thousands, mark, next(cell for cell in cells if wanted in vote_decimal([cell]))


def _top(counts: Counter[str]) -> str:
    return next((mark for mark, count in counts.most_common(1) if count), "")


def _signs(cells: Sequence[str]) -> tuple[str, str]:
    """The most frequent unit, and the most frequent currency."""
    units: Counter[str] = Counter()
    currencies: Counter[str] = Counter()
    for cell in cells:
        match = written_number(cell)
        if match is None:
            continue
        suffix = match["suffix"] or ""
        percent = suffix if suffix in ("%", "‰") else ""
        # A zero may have no unit.
        if (unit := percent or (match["unit"] or "").strip()) or match["body"].strip("0.,"):
            units[unit] += 1
        currencies.update(mark for mark in (match["prefix"], suffix) if mark and mark not in "%‰")
    return _top(units), _top(currencies)


def _most(cells: Sequence[str], decimal: str, unit: str) -> float | None:
    own = column_format(cells, decimal, "")
    form = NumberFormat(own.decimal, own.thousands, "" if unit in ("%", "‰") else unit)
    found = [abs(value) for cell in cells if (value := parse_number(cell, form)) is not None]
    return max((value for value in found if value != float("inf")), default=None)


def is_currency(word: str) -> bool:
    """Return whether a word that stands beside numbers is a currency, not a unit."""
    match = written_number(f"1 {word}") if word and word not in ("%", "‰") else None
    return match is not None and bool(match["suffix"])
