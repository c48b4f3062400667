"""Numbers in the cells of tables, written as sentences write them; the table still sorts by the numbers."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

from lrapp.phrasing import measured, number

# Writing a cell takes some 20 µs; a longer table is shown as Streamlit shows numbers.
_MOST_CELLS = 6_000


def written(
    frame: pd.DataFrame,
    columns: Mapping[str, Callable[[Any], str]],
    measures: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame | Styler:
    """Return a table with some of its numbers written out.

    Args:
        frame: The table; its index and its columns must have no name twice.
        columns: How a column's numbers are written; a column that is not there is passed over.
        measures: Columns with values of metrics, and which metric in each row, such as accuracy.
    """
    if frame.size > _MOST_CELLS or frame.empty:
        return frame
    styler = frame.style.format(precision=4, thousands=",", na_rep="")
    for name, write in columns.items():
        if name in frame.columns:
            styler = styler.format(write, subset=[name], na_rep="")
    for name, metrics in (measures or {}).items():
        for metric in dict.fromkeys(metrics):
            rows = frame.index[[one == metric for one in metrics]]
            styler = styler.format(partial(measured, metric), subset=pd.IndexSlice[rows, [name]], na_rep="")
    return styler


def rounded(value: float) -> str:
    """Return a number with three digits, as rates and other settings are shown."""
    return number(value, 3)
