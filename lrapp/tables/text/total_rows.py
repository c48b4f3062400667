"""A last row of totals, as in spreadsheets and accounts, which is not part of the table."""

import re
from collections.abc import Sequence

import numpy as np

from lrapp.tables.columns.conversion import read_column
from lrapp.tables.columns.kinds import Context
from lrapp.tables.columns.number_formats import looks_numeric
from lrapp.tables.columns.packed import Packed

_MANY = 5000
_TOTAL = re.compile(
    r"((grand |sub)?(totals?|sum|average|mean)|summe|gesamt(summe)?|insgesamt|mittelwert|durchschnitt|somme|moyenne|"
    r"total général|suma|promedio|total general|totale|media|somma|média|totaal|gemiddelde|итого|всего|среднее|"
    r"合計|合计|总计|平均)\s*:?",
    re.IGNORECASE,
)


def ends_in_total(columns: Sequence[Packed], names: Sequence[str], decimal: str, thousands: str) -> bool:
    """Whether the last row is called a total and holds the sum or mean of a column.

    Args:
        columns: The columns.
        names: Their names.
        decimal, thousands: Marks that the file uses.
    """
    if len(columns) < 2 or len(columns[0]) < 4 or len(columns) > _MANY:
        return False
    ending = [str(column.slice(len(column) - 1, 1).to_pylist()[0] or "").strip() for column in columns]
    if not any(_TOTAL.fullmatch(cell) for cell in ending[:3]):
        return False
    for place, cell in enumerate(ending):
        if not looks_numeric(cell):
            continue
        read = read_column(columns[place], Context(names[place], place, len(names), decimal, thousands))
        if read.values.dtype.kind in "if":
            above, last = read.values.iloc[:-1], read.values.iloc[-1]
            if np.isclose(above.sum(), last, rtol=1e-6) or np.isclose(above.mean(), last, rtol=1e-3):
                return True
    return False
