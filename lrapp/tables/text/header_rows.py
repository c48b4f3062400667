"""Rows below the names of columns that say more of them: their kinds, their roles, their units."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lrapp.tables.columns.number_formats import MISSING_WORDS, looks_numeric


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NUMERIC = _words(
    "c continuous n numeric number num int integer int8 int16 int32 int64 bigint smallint long float float32 float64 "
    "double real decimal"
)
_KINDS = _NUMERIC | _words(
    "d discrete s string t time nominal ordinal categorical category factor text str char varchar object bool boolean "
    "logical date datetime timestamp datetime64 enum"
)
_ROLES = _words(
    "class meta ignore i weight w target y label output input x feature attribute predictor id skip class=true "
    "meta=true"
)
_TARGETS = _words("class target label output class=true")
_UNITS = _words(
    "kg g mg µg ug t lb lbs oz m cm mm µm nm km mi ft in inch inches s sec ms min h hr hrs hour hours d day days week "
    "weeks month months year years yr yrs k degc degf deg ° °c °f % ‰ usd eur gbp chf jpy € $ £ ¥ kwh kw w mw mwh wh "
    "v a ma ω ohm hz khz mhz ghz pa hpa kpa mpa bar mbar psi l ml cl mol mmol ppm ppb db j kj cal kcal n nm rpm pcs "
    "pieces mph kmh"
)
_SIZE = re.compile(r"\s*(\(\s*\d+(\s*,\s*\d+)?\s*\)|\[\w+\])$")
_BRACKETS = re.compile(r"[\[(][^\d()\[\]][^()\[\]]{0,20}[\])]")
_POWER = re.compile(r"(\^?-?\d|[²³⁻¹]+)$")
_BELOW, _LOOKED_AT = 5, 60


@dataclass(frozen=True)
class Below:
    """Rows below the names.

    Args:
        rows: How many there are.
        what: What they say, ``"kinds"`` or ``"units"``; ``""`` where there are none.
    """

    rows: int = 0
    what: str = ""


def rows_below(rows: Sequence[Sequence[str]]) -> Below:
    """Find rows of kinds, roles or units below the names.

    Args:
        rows: The first rows of a table, from that of the names on.
    """
    if len(rows) < 4:
        return Below()
    names, second, third = ([cell.strip() for cell in row] for row in rows[:3])
    if len(second) > len(names):
        return Below()
    later = rows[2 : 2 + _BELOW]
    if _are(_KINDS, second) and not any(_are(_KINDS, row) for row in later):
        roles = len(rows) > 4 and len(third) <= len(names) and _are(_ROLES, third)
        below = rows[3 if roles else 2 : _LOOKED_AT]
        counted = [place for place, kind in enumerate(second) if _SIZE.sub("", kind.casefold()) in _NUMERIC]
        if all(_is_numeric(below, place) for place in counted) and (counted or roles):
            return Below(2 if roles else 1, "kinds")
    if _distinct(names) and _are_units(second) and not any(_are_units(row) for row in later):
        filled = [place for place, unit in enumerate(second) if unit]
        if 2 * sum(_is_numeric(rows[2:_LOOKED_AT], place) for place in filled) >= len(filled):
            return Below(1, "units")
    return Below()


def place_of_target(header: Sequence[Sequence[str]]) -> int | None:
    """Place of the one column whose role is to be predicted, None where no row says so.

    Args:
        header: The rows of names, of kinds and of roles.
    """
    for row in header[2:]:
        places = [place for place, cell in enumerate(row) if cell.strip().casefold() in _TARGETS]
        if len(places) == 1:
            return places[0]
    return None


def _are(words: frozenset[str], row: Sequence[str]) -> bool:
    filled = [_SIZE.sub("", cell.strip().casefold()) for cell in row if cell.strip()]
    known = sum(cell in words for cell in filled)
    # A kind may be spelt out as the list of its values, as in "low medium high".
    listed = sum(cell not in words and " " in cell for cell in filled)
    return known > 0 and known + listed == len(filled) and known >= listed


def _is_numeric(rows: Sequence[Sequence[str]], place: int) -> bool:
    cells = [row[place].strip() for row in rows if place < len(row)]
    filled = [cell for cell in cells if cell and cell not in MISSING_WORDS]
    return sum(map(looks_numeric, filled)) >= 0.8 * len(filled)


def _are_units(row: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in row if cell.strip() not in ("", "-", "–", "—")]
    # Letters alone could be anything, such as the answers a and d.
    return any(len(cell) > 1 for cell in filled) and 5 * sum(map(_is_unit, filled)) >= 3 * len(filled)


def _is_unit(cell: str) -> bool:
    if _BRACKETS.fullmatch(cell):
        return True
    parts = [part for part in re.split(r"[/·* ]|per", cell.casefold()) if part]
    return 1 <= len(parts) <= 3 and all(part in _UNITS or _POWER.sub("", part) in _UNITS for part in parts)


def _distinct(names: Sequence[str]) -> bool:
    return all(names) and len(set(names)) == len(names)
