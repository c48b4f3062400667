"""The rows of a spreadsheet -> a table's columns and their names."""

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from lrapp.tables.columns.kinds import count
from lrapp.tables.columns.number_formats import looks_numeric
from lrapp.tables.columns.packed import Packed, packed
from lrapp.tables.text.column_names import column_names, said_of
from lrapp.tables.text.dialects import has_na_in_numbers
from lrapp.tables.text.known_before import Given
from lrapp.tables.text.layouts import layout
from lrapp.tables.text.table_body import HEAD_RECORDS, Body, Rows, check_size, no_rows


def read_sheet(sheet: Sequence[Sequence[str]], notes: list[str], given: Given) -> Rows:
    """Find the table in a sheet, which has cells already.

    Args:
        sheet: Rows of cells.
        notes: Plain sentences; more are added.
        given: What is known before reading.

    Raises:
        UserError: If there is no table in it, or more than fits.
    """
    end = _end_of_table(sheet)
    filled = [row for row in sheet[:end] if any(cell.strip() for cell in row)]
    below = sum(any(cell.strip() for cell in row) for row in sheet[end:])
    width = max(max(place for place, cell in enumerate(row) if cell.strip()) + 1 for row in filled)
    plan = layout([_cut(row) for row in filled[:HEAD_RECORDS]], given.chosen.header, given.names)
    plan = replace(plan, width=max(plan.width, width))
    check_size(len(filled), plan.width)
    first = plan.skip + plan.header_rows
    top = [_padded(row, plan.width) for row in filled[plan.skip : first]]
    names, unnamed = column_names(top, plan, notes, given.names)
    if plan.skip:
        verb = "was" if plan.skip == 1 else "were"
        notes.append(f"{count(plan.skip, 'row')} before the table {verb} left out.")
    blank = len(sheet) - len(filled) - below
    rows = filled[first:]
    del sheet, filled
    if not rows:
        raise no_rows(only_names=True)
    body = Body(columns=[Packed([_column(rows, place)]) for place in range(plan.width)])
    if below:
        body.left_out["footer"] = [0] * below
    if blank > 0:
        body.left_out["empty"] = [0] * blank
    na = has_na_in_numbers([_padded(row, plan.width) for row in rows[:HEAD_RECORDS]])
    return Rows(body, names, unnamed, None, said_of(plan, top, names, given.names), na)


def _padded(row: Sequence[str], width: int) -> list[str]:
    return [*row[:width], *[""] * (width - len(row))]


def _column(rows: Sequence[Sequence[str]], place: int) -> pa.Array:
    """One column of the rows; repeated texts are stored once."""
    texts: dict[str, int] = {}
    codes = [
        texts.setdefault(row[place], len(texts)) if place < len(row) and row[place] else None for row in rows
    ]
    column = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(list(texts), pa.string()))
    return packed(column.dictionary_decode()) if len(texts) > len(rows) // 2 else column


def _end_of_table(sheet: Sequence[Sequence[str]]) -> int:
    """Where rows of one cell of words each begin at the end of a spreadsheet, parted from the table by an empty row."""
    filled = [[cell for cell in row if cell.strip()] for row in sheet]
    last = len(filled)
    while last and (
        not filled[last - 1] or (len(filled[last - 1]) == 1 and not looks_numeric(filled[last - 1][0]))
    ):
        last -= 1
    wide = max(map(len, filled[:last]), default=0) > 1
    return next((place for place in range(last, len(sheet)) if wide and not filled[place]), len(sheet))


def _cut(row: Sequence[str]) -> list[str]:
    """A row without its empty end, so that lines above a table look as short as they are."""
    last = max((place for place, cell in enumerate(row) if cell.strip()), default=-1)
    return list(row[: last + 1])
