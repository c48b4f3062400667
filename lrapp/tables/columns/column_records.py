"""The record of one column: its name, its kind and why, its format, missing values, examples."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lrapp.tables.columns.date_shapes import TIME
from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import ColumnKind, Read
from lrapp.tables.columns.packed import by_rows

_EXAMPLES = 3
_LOOKED_AT = 200


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: Its name, different from all others.
        reason: Why it has that kind, as one short phrase.
        missing: Rows without a value.
        distinct: Different values, counted up to ``columns.DISTINCT_CAP``.
        examples: Up to three values as text.
        format: How its cells are written, so that a later file can be read by that.
        misfits: Cells that did not fit the given format, and so have no value.
    """

    name: str
    kind: ColumnKind
    reason: str
    missing: int
    distinct: int
    examples: tuple[str, ...]
    format: ColumnFormat = field(default_factory=lambda: ColumnFormat(ColumnKind.CATEGORY))
    misfits: int = 0


def described(name: str, read: Read) -> Column:
    """Return the record of a column."""
    values = read.values
    missing = 0
    seen = values.iloc[:_LOOKED_AT].dropna()
    for rows in by_rows(len(values)):
        absent = values.iloc[rows].isna().to_numpy()
        missing += int(absent.sum())
        if not len(seen):
            seen = values.iloc[rows].iloc[np.flatnonzero(~absent)[:_EXAMPLES]]
    examples: dict[str, None] = {}
    for value in dict.fromkeys(seen.tolist()):
        examples[_shown(value, alone=read.written.date_shape == TIME)] = None
        if len(examples) == _EXAMPLES:
            break
    shown = tuple(examples)
    return Column(name, read.kind, read.reason, missing, read.distinct, shown, read.written, read.misfits)


def _shown(value: object, *, alone: bool) -> str:
    if isinstance(value, pd.Timestamp):
        if alone:  # a time of day has no date
            return str(value.time())
        return str(value.date()) if value == value.normalize() else str(value)
    text = f"{value:.12g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 80 else text[:79] + "…"
