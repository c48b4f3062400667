"""The rows of a table as text, without repeated names, comments and empty rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from lrapp.errors import UserError
from lrapp.tables.columns.number_formats import FAILED_FORMULAS
from lrapp.tables.columns.packed import Packed
from lrapp.tables.text.dialects import Dialect
from lrapp.tables.text.header_rows import Said

CELL_LIMIT = 150_000_000
COLUMN_LIMIT = 50_000
HEAD_RECORDS = 500
"""Rows by which a table's place in a file, its header and its marks are detected."""


@dataclass(frozen=True)
class Repair:
    """A repaired row.

    Args:
        line: Its first line in the file, counted from 1.
        what: What was done, as one short phrase.
    """

    line: int
    what: str


@dataclass
class Body:
    """The rows of a table as text.

    Args:
        columns: The cells of each column, null where one is empty.
        repairs: The first repaired rows.
        repaired_rows: How many rows were repaired.
        left_out: Reasons for which records were left out -> their lines.
    """

    columns: list[Packed]
    repairs: list[Repair] = field(default_factory=list)
    repaired_rows: int = 0
    left_out: dict[str, list[int]] = field(default_factory=dict)

    def renumber(self, line: Callable[[int], int]) -> None:
        """Give lines the numbers that they have in the file.

        Args:
            line: Number in the text that was read -> number in the file.
        """
        self.repairs = [replace(repair, line=line(repair.line)) for repair in self.repairs]
        self.left_out = {
            why: [place and line(place) for place in lines] for why, lines in self.left_out.items()
        }


@dataclass(frozen=True)
class Rows:
    """The rows of a table before its columns are read.

    Args:
        body: The rows.
        names: Of the columns.
        unnamed: Places of columns to which the file gives no name.
        dialect: How the file was written, None for a spreadsheet.
        said: Kinds, roles and units in the header.
        na_in_numbers: As in ``kinds.Context``.
    """

    body: Body
    names: list[str]
    unnamed: set[int]
    dialect: Dialect | None
    said: Said = field(default_factory=Said)
    na_in_numbers: bool = False


def no_rows(*, only_names: bool) -> UserError:
    """Return the error for a file without rows.

    Args:
        only_names: Whether it has a header.
    """
    if only_names:
        return UserError(
            "The file must have rows below its column names, and this one has none. Upload one with rows."
        )
    return UserError("The file must hold a table, and this one is empty. Upload another one.")


def check_size(rows: int, width: int) -> None:
    """Refuse a table that is too large.

    Args:
        rows: How many there are.
        width: Cells in each.

    Raises:
        UserError: If it is.
    """
    if width > COLUMN_LIMIT:
        raise UserError(
            f"A table may have at most {COLUMN_LIMIT:,} columns. Received: {width:,}. Leave some out."
        )
    if rows * width > CELL_LIMIT:
        raise UserError(
            f"A table may have at most {CELL_LIMIT:,} cells. Received: {rows:,} rows of {width:,}. Leave some out."
        )


def leave_out(body: Body, header: Sequence[str] | None) -> None:
    """Leave out rows that are not part of a table with several columns.

    Args:
        body: The rows, which are changed.
        header: Names, to recognise repeated ones, or None.
    """
    _leave_out_names(body, header)
    _leave_out_comments(body)
    leave_out_empty_end(body)
    _leave_out_empty(body)


def _leave_out_names(body: Body, header: Sequence[str] | None) -> None:
    """Rows that repeat the names, as in files joined from several."""
    if not header or not header[0].strip() or len(header) != len(body.columns):
        return
    if any(column.floating for column in body.columns):
        return
    same: list[pa.Array] = []
    for name, column in zip(header, body.columns, strict=True):
        here = column.holds(name) if name else [pc.is_null(piece) for piece in column.pieces]
        same = [pc.and_(one, two) for one, two in zip(same, here, strict=True)] if same else here
        if not _any(same):
            return
    same = [pc.fill_null(mask, False) for mask in same]
    _keep(body, [pc.invert(mask) for mask in same])
    body.left_out.setdefault("header again", []).extend([0] * sum(mask.true_count for mask in same))


def _leave_out_comments(body: Body) -> None:
    """Rows of a table whose first column holds numbers, but that begin with the sign of a comment."""
    first = body.columns[0]
    if first.floating:
        return
    marked = [
        pc.fill_null(mask, False) for mask in first.masks(lambda cells: pc.starts_with(cells, "#"), bare=True)
    ]
    if not _any(marked):
        return
    # A spreadsheet's formula error begins like a comment, but its row belongs to the table.
    formulas = pa.array(FAILED_FORMULAS)
    failed = [
        pc.fill_null(mask, False)
        for mask in first.masks(lambda cells: pc.is_in(pc.utf8_trim_whitespace(cells), value_set=formulas))
    ]
    marked = [pc.and_not(mark, fail) for mark, fail in zip(marked, failed, strict=True)]
    number = sum(mask.true_count for mask in marked)
    if not number or number > 0.5 * len(first):
        return
    keep = [pc.invert(mask) for mask in marked]
    others = first.filter([pc.and_not(kept, fail) for kept, fail in zip(keep, failed, strict=True)])
    if others.map(pc.utf8_trim_whitespace).numbers(pa.float64()) is None:
        return
    _keep(body, keep)
    body.left_out.setdefault("comment", []).extend([0] * number)


def _leave_out_empty(body: Body) -> None:
    """Rows of delimiters only."""
    if any(column.null_count == 0 for column in body.columns):
        return
    empty: list[pa.Array] = []
    for column in body.columns:
        here = [pc.is_null(piece) for piece in column.pieces]
        empty = [pc.and_(one, two) for one, two in zip(empty, here, strict=True)] if empty else here
        if not _any(empty):
            return
    _keep(body, [pc.invert(mask) for mask in empty])
    body.left_out.setdefault("empty row", []).extend([0] * sum(mask.true_count for mask in empty))


def _any(masks: Iterable[pa.Array]) -> bool:
    return any(mask.true_count for mask in masks)


def _keep(body: Body, masks: Sequence[pa.Array]) -> None:
    body.columns = [column.filter(masks) for column in body.columns]


def leave_out_empty_end(body: Body) -> None:
    """Leave out the last rows while they have no value.

    Args:
        body: The rows, which are changed.
    """
    rows = len(body.columns[0])
    last = rows
    while last and not any(column.is_filled(last - 1) for column in body.columns):
        last -= 1
    if last < rows:
        body.columns = [column.slice(0, last) for column in body.columns]
        body.left_out.setdefault("empty row at the end", []).extend([0] * (rows - last))
