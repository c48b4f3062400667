"""Numbers that stand for gaps, such as -200 or 999: their cells count as empty ones."""

from collections.abc import Collection

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lrapp.tables.columns.distinct_values import words_of
from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.number_formats import NumberFormat, is_plain, parse_number
from lrapp.tables.columns.packed import Packed, as_text, packed


def without_codes(column: Packed, codes: Collection[float], written: ColumnFormat) -> tuple[Packed, int]:
    """Return a column with the cells empty that hold a code, and how many these are.

    Args:
        column: Text, or float64 where the file was read as that.
    """
    if column.floating:
        pieces = [_emptied(piece, pa.array(codes, pa.float64())) for piece in column.pieces]
    else:
        form = NumberFormat(written.decimal, written.thousands, written.suffix)
        texts = [text for text in words_of(column).texts if _number(text, form) in codes]
        if not texts:
            return column, 0
        known = pa.array(texts, pa.string())
        pieces = [packed(_emptied(as_text(piece), known)) for piece in column.pieces]
    made = Packed(pieces)
    return made, made.null_count - column.null_count


def gaps_in(values: pd.Series, codes: Collection[float]) -> np.ndarray:
    """Return which rows of a column hold a code, bool, shape (rows,); a text counts as the number that it writes.

    Args:
        values: Numbers, or texts as a column of categories has them.
    """
    if pd.api.types.is_numeric_dtype(values.dtype):
        return np.isin(values.to_numpy(dtype=np.float64, na_value=np.nan), list(codes))
    texts = [text for text in values.dropna().unique() if _number(str(text).strip(), NumberFormat()) in codes]
    return values.isin(texts).to_numpy()


def as_written(code: float) -> str:
    """Return a code as tables write it: ``-200`` or ``-99.9``."""
    return str(float(code)).removesuffix(".0")


def _number(text: str, form: NumberFormat) -> float | None:
    return float(text) if is_plain(text) and form.decimal == "." else parse_number(text, form)


def _emptied(cells: pa.Array, known: pa.Array) -> pa.Array:
    if cells.type == pa.string():
        cells_bare = pc.utf8_trim_whitespace(cells)
    else:
        cells_bare = cells
    return pc.if_else(pc.is_in(cells_bare, value_set=known), pa.scalar(None, cells.type), cells)
