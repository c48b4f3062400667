"""Numbers that stand for a gap: -1, -200, 999 and the like, which are frequent and far from all others."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lrapp.tables import cell_values
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table

_ROWS = 50_000
_MOST_COLUMNS = 1_000
_CODES = 3
# A code is in that many rows at least, and in that share of all; fewer where another column has the same.
_LEAST, _SHARE, _AGAIN = 5, 0.005, 3
_OTHERS = 5
# How often a code is there, compared with the usual other value: far from all, or the only one below zero.
_TIMES, _TIMES_BELOW = 1.0, 1.5
_NINES = re.compile(r"-?(9{2,}(\.9+)?|8{3,}|7{3,}|[1-9]0{2,})")
# Distance to the nearest other number, in ranges of the others: of one that looks like a code, and of any.
_FAR, _VERY_FAR = 1.0, 5.0


@dataclass(frozen=True)
class GapCode:
    """A number that seems to stand for a gap, and the share of the rows that have it, 0 to 1."""

    column: str
    code: float
    share: float


def suspects(table: Table) -> tuple[GapCode, ...]:
    """Return the codes of a table's columns of numbers, the target's included, in the order of the columns."""
    found: list[GapCode] = []
    shy: list[GapCode] = []
    for name in [name for name, kind in table.kinds.items() if kind is ColumnKind.NUMBER][:_MOST_COLUMNS]:
        values = table.frame[name]
        if len(values) > _ROWS:
            values = values.iloc[:: -(-len(values) // _ROWS)]
        for code, sure in _of_column(name, values):
            (found if sure else shy).append(code)
    certain = {code.code for code in found}
    twice = {one.code for one in shy if sum(other.code == one.code for other in shy) > 1}
    found += [code for code in shy if code.code in certain | twice]
    places = {name: place for place, name in enumerate(table.kinds)}
    return tuple(sorted(found, key=lambda code: (places[code.column], code.code)))


def _of_column(name: str, values: pd.Series) -> list[tuple[GapCode, bool]]:
    """The codes of one column, and whether each is frequent enough by itself."""
    numbers = cell_values.numbers(values.to_frame())[:, 0]
    distinct, counts = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
    found: list[tuple[GapCode, bool]] = []
    while len(found) < _CODES and len(distinct) > _OTHERS:
        ends = [
            (place, rest)
            for place, rest in ((0, slice(1, None)), (-1, slice(None, -1)))
            if _is_code(distinct[place], distinct[rest], counts[place], counts[rest])
        ]
        if not ends:
            break
        place, rest = ends[0]
        code, count = float(distinct[place]), int(counts[place])
        distinct, counts = distinct[rest], counts[rest]
        enough = count >= max(_LEAST, _SHARE * len(numbers))
        found.append((GapCode(name, code, count / len(numbers)), enough))
    return found


def _is_code(code: float, others: np.ndarray, count: int, counts: np.ndarray) -> bool:
    usual = float(np.mean(counts))
    if code == 0 or count < max(_AGAIN, _TIMES * usual):
        return False
    if code < 0 <= others[0] and float(code).is_integer():
        # Nothing else is negative: no measure but a mark. Counts begin at 0, and -1 is next to it.
        return count >= _TIMES_BELOW * usual
    spread = float(others[-1] - others[0])
    distance = float(min(abs(others[0] - code), abs(others[-1] - code)))
    return distance > (_FAR if _NINES.fullmatch(f"{code:.12g}") else _VERY_FAR) * spread
