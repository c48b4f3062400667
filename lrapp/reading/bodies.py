"""The rows of a table as text, without those that are no rows: names again, comments, nothing at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from lrapp.reading.numerals import FAILED_FORMULAS


@dataclass(frozen=True)
class Repair:
    """A row that could not be taken as it stood.

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
        columns: One array of strings a column, null where the cell is empty.
        repairs: The first repaired rows.
        repaired_rows: How many rows were repaired.
        left_out: Reasons for which records were left out -> their lines.
    """

    columns: list[pa.ChunkedArray]
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


def leave_out(body: Body, header: Sequence[str] | None) -> None:
    """Leave out what is no row of a table with several columns.

    Args:
        body: The rows, which are changed.
        header: Names, to know them again when they are repeated, or None.
    """
    _leave_out_names(body, header)
    _leave_out_comments(body)
    leave_out_empty_end(body)
    _leave_out_empty(body)


def _leave_out_names(body: Body, header: Sequence[str] | None) -> None:
    """Rows that repeat the names, as in files that were put together from several."""
    if not header or not header[0].strip() or len(header) != len(body.columns):
        return
    if any(pa.types.is_floating(column.type) for column in body.columns):
        return
    same = pc.equal(body.columns[0], header[0])
    for name, column in zip(header[1:], body.columns[1:], strict=True):
        if not pc.any(same).as_py():
            return
        same = pc.and_(same, pc.equal(column, name) if name else pc.is_null(column))
    if again := pc.sum(same).as_py():
        keep = pc.invert(pc.fill_null(same, False))
        body.columns = [column.filter(keep) for column in body.columns]
        body.left_out.setdefault("header again", []).extend([0] * again)


def _leave_out_comments(body: Body) -> None:
    """Rows of a table whose first column holds numbers, but that begin with the sign of a comment."""
    first = body.columns[0]
    if pa.types.is_floating(first.type):
        return
    # What a spreadsheet writes where a formula failed begins like a comment, and its row is one of the table.
    failed = pc.is_in(pc.utf8_trim_whitespace(first), value_set=pa.array(FAILED_FORMULAS))
    marked = pc.and_not(pc.fill_null(pc.starts_with(first, "#"), False), failed)
    if not (number := pc.sum(marked).as_py()) or number > 0.5 * len(first):
        return
    keep = pc.invert(marked)
    try:
        pc.cast(pc.utf8_trim_whitespace(first.filter(pc.and_not(keep, failed))), pa.float64())
    except pa.ArrowInvalid:
        return
    body.columns = [column.filter(keep) for column in body.columns]
    body.left_out.setdefault("comment", []).extend([0] * number)


def _leave_out_empty(body: Body) -> None:
    """Rows of delimiters only."""
    if any(column.null_count == 0 for column in body.columns):
        return
    empty = pc.is_null(body.columns[0])
    for column in body.columns[1:]:
        if not pc.any(empty).as_py():
            return
        empty = pc.and_(empty, pc.is_null(column))
    if number := pc.sum(empty).as_py():
        body.columns = [column.filter(pc.invert(empty)) for column in body.columns]
        body.left_out.setdefault("empty row", []).extend([0] * number)


def leave_out_empty_end(body: Body) -> None:
    """Leave out the last rows while they have no value.

    Args:
        body: The rows, which are changed.
    """
    rows = len(body.columns[0])
    last = rows
    while last and not any(column[last - 1].is_valid for column in body.columns):
        last -= 1
    if last < rows:
        body.columns = [column.slice(0, last) for column in body.columns]
        body.left_out.setdefault("empty row at the end", []).extend([0] * (rows - last))
