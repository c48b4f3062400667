"""Signs around the digits of numbers, which are removed: currencies, percent, accounting negatives."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import ColumnKind, listed
from lrapp.tables.columns.number_formats import NumberFormat, written_number


@dataclass(frozen=True)
class Signs:
    """Signs around numbers.

    Args:
        currencies: Marks that were found before or after them, sorted.
        notes: Sentence parts on all that is removed.
    """

    currencies: tuple[str, ...]
    notes: tuple[str, ...]


def signs_in(cells: Iterable[str]) -> Signs:
    """Find the signs around numbers in cells without surrounding spaces; those that are no numbers are ignored."""
    currencies: set[str] = set()
    found: set[str] = set()
    for cell in cells:
        if (match := written_number(cell)) is None:
            continue
        suffix = match["suffix"] or ""
        currencies |= {mark for mark in (match["prefix"], suffix) if mark and mark not in "%‰"}
        # A zero may have no percent sign.
        found.add(suffix if suffix in ("%", "‰") else "bare" if match["body"].strip("0.,") else "")
        found |= {part for part in ("close", "trail") if match[part]}
    return Signs(tuple(sorted(currencies)), tuple(_notes(sorted(currencies), found)))


def number_format(form: NumberFormat, cells: Iterable[str], missing_words: Iterable[str]) -> ColumnFormat:
    """How a column of numbers is written, by a sample of it without surrounding spaces."""
    seen: Counter[str] = Counter()
    before: Counter[str] = Counter()
    behind: Counter[str] = Counter()
    for cell in cells:
        if (match := written_number(cell)) is None:
            continue
        before[match["prefix"] or ""] += 1
        behind[match["suffix"] or ""] += 1
        for sign in set(match["body"]):
            seen["decimal"] += sign == form.decimal
            seen["thousands"] += bool(form.thousands) and spaceless(sign) == spaceless(form.thousands)
    percent = 2 * behind["%"] > behind.total() - behind[""]
    suffix = _most(behind) if not percent else ""
    return ColumnFormat(
        ColumnKind.NUMBER,
        form.decimal,
        form.thousands,
        decimal_seen=seen["decimal"] > 0,
        thousands_seen=seen["thousands"] > 0,
        prefix=_most(before),
        suffix=form.unit or suffix,
        percent=percent,
        missing_words=tuple(missing_words),
    )


def spaceless(mark: str) -> str:
    """A thousands mark, with all kinds of spaces as one, and of apostrophes."""
    return " " if mark.isspace() else "'" if mark == "’" else mark


def _most(signs: Counter[str]) -> str:
    return max((sign for sign in signs if sign), key=lambda sign: signs[sign], default="")


def _notes(currencies: list[str], found: set[str]) -> Iterable[str]:
    names = listed(dict.fromkeys(currencies, 1))
    if len(currencies) == 1:
        yield f"the currency {names} was taken off"
    elif currencies:
        yield f"the currencies {names} were taken off, although they may not be worth the same"
    for sign, name in (("%", "percent"), ("‰", "per mille")):
        if sign in found:
            others = found & {"%", "‰", "bare"} - {sign}
            rest = ", and numbers without one stayed as they were" if others else ""
            yield f"{name} signs were taken off, so that 12{sign} is 12{rest}"
    if "close" in found:
        yield "numbers in parentheses were read as negative"
    if "trail" in found:
        yield "numbers with a minus behind them were read as negative"
