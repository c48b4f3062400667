"""Rows of a text table, none lost: clean stretches go to a fast reader whole, the rest is repaired row by row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from lrapp.errors import UserError
from lrapp.records import Records, Text, split_cells

LISTED_REPAIRS = 1000
"""Repairs that are listed one by one; beyond that they are only counted."""

_FORMERLY = "\x1e"
_OTHER_DELIMITERS = (";", ",", "\t", "|")


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
class Mended:
    """What a repair made of one row: its cells, or None when it is left out; ``what`` is empty when nothing was wrong."""

    cells: list[str] | None
    what: str = ""
    left_out: str = ""


@dataclass
class Body:
    """The rows of a table as text.

    Args:
        columns: One array of strings a column, null where the cell is empty.
        repairs: The first repaired rows.
        repaired_rows: How many rows were repaired.
        left_out: Reasons for which records were left out -> their lines.
        padded: Whether cells may have spaces around them.
    """

    columns: list[pa.ChunkedArray]
    repairs: list[Repair] = field(default_factory=list)
    repaired_rows: int = 0
    left_out: dict[str, list[int]] = field(default_factory=dict)
    padded: bool = False


def read_body(
    records: Records,
    first: int,
    width: int,
    mend: Callable[[list[str], str], Mended],
    header: Sequence[str] | None,
) -> Body:
    """Read the rows from one record on.

    Args:
        records: The records of the file.
        first: Index of the first row.
        width: Cells that a row must have.
        mend: Makes a row of ``width`` cells of any others, given its cells and its text.
        header: Names, to know them again when they are repeated, or None.
    """
    text = records.text
    data = text.data
    start = int(records.starts[first]) if first < len(records.starts) else len(data)
    padded = _may_be_padded(data, text)
    body = None
    if not len(records.odd[records.odd >= first]):
        columns = _fast(memoryview(data)[start:], text, width, bool(len(records.toggles)))
        if columns is not None:
            body = Body(columns=columns, padded=padded)
            missed = len(records.starts) - first - len(columns[0])
            if missed > 0:
                body.left_out["empty"] = [0] * missed
    if body is None:
        body = _mend_body(records, first, width, mend, header, padded)
    if text.escaped or text.delimiter != text.written:
        body.columns = [text.restored(column) for column in body.columns]
    if width > 1:
        _leave_out_names(body, header)
        _leave_out_empty_end(body)
    return body


def _leave_out_names(body: Body, header: Sequence[str] | None) -> None:
    """Rows that repeat the names, as in files that were put together from several."""
    if not header or not header[0].strip() or len(header) != len(body.columns):
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


def _leave_out_empty_end(body: Body) -> None:
    rows = len(body.columns[0])
    last = rows
    while last and not any(column[last - 1].is_valid for column in body.columns):
        last -= 1
    if last < rows:
        body.columns = [column.slice(0, last) for column in body.columns]
        body.left_out.setdefault("empty row at the end", []).extend([0] * (rows - last))


def _may_be_padded(data: bytes, text: Text) -> bool:
    d, q = text.delimiter.encode(), text.quote.encode()
    marks = [b" " + d, d + b" ", b" \n", b"\n ", b" \r", b"\t\n", b"\n\t", b"\xc2\xa0", b"\xe3\x80\x80"]
    if d != b"\t":
        marks += [b"\t" + d, d + b"\t"]
    if q and q in data:
        marks += [q + b" ", b" " + q, q + b"\n", b"\n" + q, q + b"\t"]
    return any(mark in data for mark in marks) or data[:1] == b" " or data[-1:] == b" "


def _mend_body(
    records: Records,
    first: int,
    width: int,
    mend: Callable[[list[str], str], Mended],
    header: Sequence[str] | None,
    padded: bool,
) -> Body:
    text, data = records.text, records.text.data
    body = Body(columns=[], padded=padded)
    bad = _uneven(records, first, width)
    good = np.setdiff1d(np.arange(first, len(records.starts)), bad, assume_unique=True)
    last_good = int(good[-1]) if len(good) else -1
    quote = text.quote or _FORMERLY
    pieces: list[bytes | memoryview] = []
    view = memoryview(data)
    position = int(records.starts[first]) if first < len(records.starts) else len(data)
    names = [name.strip() for name in header] if header else None
    for place in bad.tolist():
        start, end = int(records.starts[place]), int(records.ends[place])
        raw = records.raw(place)
        pieces.append(view[position:start])
        position = end
        if not raw.strip():
            body.left_out.setdefault("empty", []).append(records.line(place))
            continue
        cells = split_cells(raw, text.delimiter, text.quote)
        mended = _mend_one(cells, raw, width, mend, names, place > last_good >= 0)
        if mended.left_out:
            body.left_out.setdefault(mended.left_out, []).append(records.line(place))
        if mended.cells is None:
            continue
        if mended.what:
            body.repaired_rows += 1
            if len(body.repairs) < LISTED_REPAIRS:
                body.repairs.append(Repair(records.line(place), mended.what))
        row = text.delimiter.join(quote + cell.replace(quote, quote + quote) + quote for cell in mended.cells)
        pieces.append(row.encode("utf-8", errors="replace"))
    pieces.append(view[position:])
    joined = b"".join(pieces)
    columns = _fast(memoryview(joined), Text(joined, text.delimiter, quote), width, True)
    if columns is None:
        raise UserError(
            "The rows of the file could not be told apart. Save the table as CSV anew and upload that."
        )
    body.columns = columns
    return body


def _mend_one(
    cells: list[str],
    raw: str,
    width: int,
    mend: Callable[[list[str], str], Mended],
    names: list[str] | None,
    at_end: bool,
) -> Mended:
    filled = [cell for cell in cells if cell.strip()]
    if names is not None and [cell.strip() for cell in cells] == names:
        return Mended(None, left_out="header again")
    if width > 1 and raw.lstrip()[:1] == "#" and len(cells) != width:
        return Mended(None, left_out="comment")
    if len(cells) == 1 and width > 1:
        for other in _OTHER_DELIMITERS:
            parts = raw.split(other)
            if len(parts) == width:
                return Mended(parts, f"delimited by {other!r}")
        if at_end and width > 2:
            return Mended(None, left_out="footer")
    if not filled and width > 1:
        return Mended(None, left_out="empty")
    return mend(cells, raw)


def _uneven(records: Records, first: int, width: int) -> np.ndarray:
    """Indices of records that do not have the right number of delimiters or whose quotes are odd."""
    buffer = np.frombuffer(records.text.data, dtype=np.uint8)
    delimiters = np.flatnonzero(buffer == ord(records.text.delimiter))
    if len(records.toggles):
        delimiters = delimiters[np.searchsorted(records.toggles, delimiters) % 2 == 0]
    counts = np.searchsorted(delimiters, records.ends) - np.searchsorted(delimiters, records.starts)
    uneven = counts != width - 1
    uneven[records.odd] = True
    if width > 1:
        uneven &= records.ends > records.starts
    uneven[:first] = False
    return np.flatnonzero(uneven)


def _fast(data: memoryview, text: Text, width: int, quoted: bool) -> list[pa.ChunkedArray] | None:
    """Read rows that are whole; None when one of them is not."""
    names = [f"c{place}" for place in range(width)]
    if not len(data):
        return [pa.chunked_array([pa.array([], pa.string())]) for _ in names]
    # Blocks hold many rows even when the table is wide; a row must fit into one.
    block = min(max(1 << 20, len(data) // 16 if width > 200 else 0, 1 << 20), 1 << 30)
    while True:
        try:
            table = pacsv.read_csv(
                pa.py_buffer(data),
                read_options=pacsv.ReadOptions(column_names=names, block_size=block),
                parse_options=pacsv.ParseOptions(
                    delimiter=text.delimiter,
                    quote_char=text.quote if text.quote and quoted else False,
                    newlines_in_values=quoted,
                    ignore_empty_lines=width > 1,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types={name: pa.string() for name in names},
                    null_values=[""],
                    strings_can_be_null=True,
                    check_utf8=False,
                ),
            )
        except pa.ArrowInvalid as error:
            if "straddling" in str(error) and block < len(data):
                block = min(len(data) + 1, block * 32, (1 << 31) - 1)
                continue
            return None
        return table.columns
