"""Kinds, roles and units of columns in a header, below or before the names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from lrapp.tables.columns.kinds import ColumnKind
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
_CATEGORIES = _words("d discrete nominal ordinal categorical category factor enum")
_TIMES = _words("t time date datetime timestamp datetime64")
_LEFT_OUT = _words("m meta meta=true i ignore skip w weight id")
# As Orange writes them before a name: cD#species is a class that is discrete, mS#note a text that is no feature.
_MARKED = re.compile(r"(?P<marks>[cmiw][CDNST]?|[CDNST][cmiw]?)#(?P<name>[^\W\d_].*)")
_SIZE = re.compile(r"\s*(\(\s*\d+(\s*,\s*\d+)?\s*\)|\[\w+\])$")
_BRACKETS = re.compile(r"[\[(][^\d()\[\]][^()\[\]]{0,20}[\])]")
_POWER = re.compile(r"(\^?-?\d|[²³⁻¹]+)$")
_BELOW, _LOOKED_AT = 5, 60


@dataclass(frozen=True)
class Below:
    """Rows below the names.

    Args:
        rows: How many there are.
        what: Their content, ``"kinds"`` or ``"units"``; ``""`` where there are none.
    """

    rows: int = 0
    what: str = ""


@dataclass(frozen=True)
class Said:
    """Roles and kinds of columns, from the header.

    Args:
        to_predict: Name of the one column that is the class or target, else ``""``.
        kinds: Kinds of columns, by their places.
    """

    to_predict: str = ""
    kinds: Mapping[int, ColumnKind] = field(default_factory=dict)


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


def marked_names(row: Sequence[str]) -> list[tuple[str, str]] | None:
    """Split names from marks of roles (c, m, i, w) and kinds (C, D, N, S, T) before them, with a # between.

    Args:
        row: The names.

    Returns:
        Marks and name of each column; None where a # means something else.
    """
    names = [cell.strip() for cell in row]
    found = [_MARKED.fullmatch(name) for name in names]
    if any("#" in name and match is None for name, match in zip(names, found, strict=True)):
        return None
    marks = [match["marks"] if match else "" for match in found]
    bare = [match["name"] if match else name for name, match in zip(names, found, strict=True)]
    # Among other names, a single letter before a # may be a part of the name.
    sure = any(re.search("[cmiw]", one) for one in marks) or (all(marks) and len(marks) > 1)
    return list(zip(marks, bare, strict=True)) if sure and _distinct(bare) else None


def said_of_columns(rows: Sequence[Sequence[str]]) -> dict[int, ColumnKind]:
    """Return the kinds of columns that the header sets, by their places.

    Args:
        rows: A row of kinds and one of roles, in Orange's words or letters; cells without one are empty.
    """
    kinds, roles = ([cell.strip().casefold() for cell in row] for row in rows)
    said = {}
    for place, (kind, role) in enumerate(zip_longest(kinds, roles, fillvalue="")):
        if role in _LEFT_OUT:
            said[place] = ColumnKind.IDENTIFIER
        elif _SIZE.sub("", kind) in _CATEGORIES:
            said[place] = ColumnKind.CATEGORY
        elif kind in _TIMES:
            said[place] = ColumnKind.DATE
    return said


def place_of_target(header: Sequence[Sequence[str]]) -> int | None:
    """Place of the one column with the role of target, None where there is none.

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
    # A kind may be given as the list of its values, as in "low medium high".
    listed = sum(cell not in words and " " in cell for cell in filled)
    return known > 0 and known + listed == len(filled) and known >= listed


def _is_numeric(rows: Sequence[Sequence[str]], place: int) -> bool:
    cells = [row[place].strip() for row in rows if place < len(row)]
    filled = [cell for cell in cells if cell and cell not in MISSING_WORDS]
    return sum(map(looks_numeric, filled)) >= 0.8 * len(filled)


def _are_units(row: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in row if cell.strip() not in ("", "-", "–", "—")]
    # Letters alone can mean anything, such as the answers a and d.
    return any(len(cell) > 1 for cell in filled) and 5 * sum(map(_is_unit, filled)) >= 3 * len(filled)


def _is_unit(cell: str) -> bool:
    if _BRACKETS.fullmatch(cell):
        return True
    parts = [part for part in re.split(r"[/·* ]|per", cell.casefold()) if part]
    return 1 <= len(parts) <= 3 and all(part in _UNITS or _POWER.sub("", part) in _UNITS for part in parts)


def _distinct(names: Sequence[str]) -> bool:
    return all(names) and len(set(names)) == len(names)
