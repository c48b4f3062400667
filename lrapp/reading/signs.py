"""Signs around the digits of numbers, which are taken off: currencies, percent, accounting negatives."""

from collections.abc import Iterable
from dataclasses import dataclass

from lrapp.reading.kinds import listed
from lrapp.reading.numerals import written_number


@dataclass(frozen=True)
class Signs:
    """Signs around numbers.

    Args:
        currencies: Marks that were found before or after them, sorted.
        notes: Sentence parts on all that is taken off.
    """

    currencies: tuple[str, ...]
    notes: tuple[str, ...]


def signs_in(cells: Iterable[str]) -> Signs:
    """Find the signs around numbers.

    Args:
        cells: Cells without surrounding spaces; those that are no numbers are ignored.
    """
    currencies: set[str] = set()
    found: set[str] = set()
    for cell in cells:
        if (match := written_number(cell)) is None:
            continue
        suffix = match["suffix"] or ""
        currencies |= {mark for mark in (match["prefix"], suffix) if mark and mark not in "%‰"}
        # A zero is one with a percent sign and without.
        found.add(suffix if suffix in ("%", "‰") else "bare" if match["body"].strip("0.,") else "")
        found |= {part for part in ("close", "trail") if match[part]}
    return Signs(tuple(sorted(currencies)), tuple(_notes(sorted(currencies), found)))


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
