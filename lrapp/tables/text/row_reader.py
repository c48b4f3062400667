"""Rows of a text table, none lost: a fast reader takes clean stretches, the rest is repaired row by row."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from lrapp.errors import UserError
from lrapp.tables.columns.number_formats import is_plain, looks_numeric, only_unclear_commas
from lrapp.tables.columns.packed import Packed, packed
from lrapp.tables.text.delimited_text import Text
from lrapp.tables.text.dialects import Dialect
from lrapp.tables.text.records import Records, before, split_cells
from lrapp.tables.text.table_body import Body, Repair, leave_out

LISTED_REPAIRS = 1000
"""Repairs that are listed one by one; beyond that they are only counted."""

_BLOCK = 1 << 20
_COUNTED = 1 << 17
_READ_AGAIN = 3
_STRAY_QUOTES = 25
_STRETCH, _LONG_STRETCH = 4 << 20, 64 << 20
_LONG_PIECE = 8000
_SHORT_CELL, _PROBED = 6, 1 << 18
_TYPE_CELLS = 200_000
_FORMERLY = "\x1e"
_OTHER_DELIMITERS = (";", ",", "\t", "|")
_SURPRISE = re.compile(r"column #(\d+): CSV conversion error to double: invalid value '(.*)'", re.DOTALL)


@dataclass
class Mended:
    """A repaired row: its cells, or None if it is left out, and what was done."""

    cells: list[str] | None
    what: str = ""
    left_out: str = ""


@dataclass(frozen=True)
class Types:
    """Types to read columns as: text, or float64 where the sample has only numbers.

    Args:
        columns: One Arrow type a column.
        decimal: Decimal mark of the float64 columns.
    """

    columns: list[pa.DataType]
    decimal: str = "."


def choose_types(rows: Sequence[Sequence[str]], width: int, dialect: Dialect) -> Types:
    """Decide the type of each column by a sample; if it turns out wrong, the column is read as text.

    Args:
        rows: Sample rows.
        width: Cells in a row.
        dialect: How numbers are written.
    """
    whole = [row for row in rows if len(row) == width]
    whole = whole[: max(20, _TYPE_CELLS // width)]
    simple = dialect.thousands != "." or dialect.decimal != "."
    columns = [_type_of([row[place] for row in whole], dialect.decimal, simple) for place in range(width)]
    return Types(columns, dialect.decimal)


def _type_of(cells: Sequence[str], decimal: str, simple: bool) -> pa.DataType:
    filled = [cell for cell in cells if cell]
    if filled and simple and any(decimal in cell for cell in filled):
        other = "," if decimal == "." else "."
        plain = all(other not in cell and is_plain(cell.replace(decimal, ".")) for cell in filled)
        if plain and (decimal == "." or not only_unclear_commas(filled)):
            return pa.float64()
    return pa.string()


@dataclass(frozen=True)
class Plan:
    """What is known before the rows are read.

    Args:
        records: The records of the file.
        first: Index of the first row among them.
        types: What to read the columns as.
        header: Names, to recognise repeated ones, or None.
        mend: Repairs a row to the right width, given its cells.
        join: Joins two short rows, if one was broken in two, else returns None.
    """

    records: Records
    first: int
    types: Types
    header: Sequence[str] | None
    mend: Callable[[list[str]], Mended]
    join: Callable[[list[str], list[str]], Mended | None]

    @property
    def width(self) -> int:
        """Cells that a row must have."""
        return len(self.types.columns)


def read_body(plan: Plan) -> Body:
    """Read the rows from one record on.

    Args:
        plan: What is known about them.
    """
    records, text, first = plan.records, plan.records.text, plan.first
    start = records.span(first)[0] if first < records.count else len(text.data)
    body = None
    if not len(records.odd[records.odd >= first]):
        columns = _fast(text.data, start, text, plan, records.quoted, records.lines_in_cells)
        if columns is not None:
            body = Body(columns=columns)
            missed = records.count - first - len(columns[0])
            if missed > 0:
                body.left_out["empty"] = [0] * missed
    if body is None:
        body = _mend_body(plan)
    if plan.width > 1:
        leave_out(body, plan.header)
    return body


def _mend_body(plan: Plan) -> Body:
    records, first, width = plan.records, plan.first, plan.width
    data = records.text.data
    body = Body(columns=[])
    bad = _uneven(records, first, width)
    odd = set(bad.tolist())
    last_good = next((place for place in range(records.count - 1, first - 1, -1) if place not in odd), -1)
    pieces: list[bytes | memoryview] = []
    rows: dict[int, list[str]] = {}
    view = memoryview(data)
    position = records.span(first)[0] if first < records.count else len(data)
    names = [name.strip() for name in plan.header] if plan.header else None
    halves: set[int] = set()
    below: set[int] = set()
    for place in bad.tolist():
        start, end = records.span(place)
        raw = records.raw(place)
        pieces.append(view[position:start])
        position = end
        if place in halves:
            continue
        if not raw.strip():
            body.left_out.setdefault("empty", []).append(records.line(place))
            continue
        cells = _cells(records, place, width)
        mended = None
        if place + 1 in odd:
            mended = _joined(records, place, width)
            if mended is None and len(cells) < width:
                mended = plan.join(cells, _cells(records, place + 1, width))
        if mended is not None:
            halves.add(place + 1)
        else:
            at_end = 0 <= last_good < place
            apart = at_end and (not records.raw(place - 1).strip() or place - 1 in below)
            mended = _mend_one(plan, cells, raw, names, at_end=at_end, apart=apart)
        if mended.left_out == "footer":
            below.add(place)
        if mended.left_out:
            body.left_out.setdefault(mended.left_out, []).append(records.line(place))
        if mended.cells is None:
            continue
        if mended.what:
            body.repaired_rows += 1
            if len(body.repairs) < LISTED_REPAIRS:
                body.repairs.append(Repair(records.line(place), mended.what))
        rows[len(pieces)] = mended.cells
        pieces.append(b"")
    pieces.append(view[position:])
    body.columns = _put_together(plan, pieces, rows)
    return body


def _put_together(plan: Plan, pieces: list[bytes | memoryview], rows: dict[int, list[str]]) -> list[Packed]:
    """Read whole stretches of the file with the repaired rows in their places among them."""
    records, text = plan.records, plan.records.text
    quote = text.quote or _FORMERLY
    special = re.compile(f"[{re.escape(text.delimiter + quote)}\r\n]")
    cells_quoted = any(special.search(cell) for row in rows.values() for cell in row)
    quoted = records.quoted or cells_quoted
    for piece, row in rows.items():
        written = [quote + cell.replace(quote, quote + quote) + quote for cell in row] if quoted else row
        pieces[piece] = text.delimiter.join(written).encode("utf-8", errors="replace")
    joined = b"".join(pieces)
    columns = _fast(
        joined,
        0,
        replace(text, data=b"", quote=quote),
        replace(plan, types=_types_for(rows.values(), plan.types)),
        quoted,
        records.lines_in_cells or cells_quoted,
    )
    if columns is None:
        raise UserError(
            "The rows of the file could not be separated. Save the table as CSV anew and upload that."
        )
    return columns


def _types_for(rows: Collection[Sequence[str]], types: Types) -> Types:
    """The types without those that some repaired row would not fit."""
    columns = list(types.columns)
    for place, kind in enumerate(columns):
        if kind != pa.string() and not all(
            is_plain(row[place].replace(types.decimal, ".")) for row in rows if row[place]
        ):
            columns[place] = pa.string()
    return replace(types, columns=columns)


def _cells(records: Records, place: int, width: int) -> list[str]:
    """Cells of a record, with its quotes as characters where only that gives a whole row."""
    raw, delimiter = records.raw(place), records.text.delimiter
    cells = split_cells(raw, delimiter, records.text.quote)
    if len(cells) == width and not ("\n" in raw and raw.count(records.text.quote or "\n") % 2):
        return cells
    return _whole(raw, delimiter, records.text.quote, width) or cells


def _whole(raw: str, delimiter: str, quote: str, width: int) -> list[str] | None:
    """A record split so that it has the right number of cells, with all its quotes as characters or without one."""
    if raw.count(delimiter) == width - 1 and "\n" not in raw:
        return raw.split(delimiter)
    places = [place for place, sign in enumerate(raw) if sign == quote][:_STRAY_QUOTES] if quote else []
    if len(places) % 2 == 0:
        return None
    for place in places:
        cells = split_cells(raw[:place] + raw[place + 1 :], delimiter, quote)
        if len(cells) == width and not any(cell.count(quote) % 2 for cell in cells):
            return cells
    return None


def _joined(records: Records, place: int, width: int) -> Mended | None:
    """A record and the next one, where a quoted cell goes on there but a stray quote or delimiter has hidden that."""
    text, following = records.text, records.raw(place + 1)
    if (
        not text.quote
        or following.count(text.quote) != 1
        or text.delimiter in following.partition(text.quote)[0]
    ):
        return None
    raw = records.raw(place) + "\n" + following
    for delimiter in (text.delimiter, *_OTHER_DELIMITERS):
        cells = _whole(raw, delimiter, text.quote, width)
        if cells is None:
            plain = split_cells(raw, delimiter, text.quote)
            cells = plain if len(plain) == width else None
        if cells is not None and any("\n" in cell for cell in cells):
            other = delimiter != text.delimiter
            return Mended(
                cells, f"delimited by {delimiter!r}" if other else "a stray quote was kept as a character"
            )
    return None


def _mend_one(
    plan: Plan, cells: list[str], raw: str, names: list[str] | None, *, at_end: bool, apart: bool
) -> Mended:
    width = plan.width
    filled = [cell for cell in cells if cell.strip()]
    if names is not None and [cell.strip() for cell in cells] == names:
        return Mended(None, left_out="header again")
    if width > 1 and raw.lstrip()[:1] == "#" and len(cells) != width:
        return Mended(None, left_out="comment")
    if len(cells) < width:
        for other in _OTHER_DELIMITERS:
            if other not in raw:
                continue
            parts = split_cells(raw, other, plan.records.text.quote)
            if len(parts) == width:
                return Mended(parts, f"delimited by {other!r}")
        # Lines after an empty one may have other delimiters, as "Source: Eurostat, 2020" has.
        worded = cells[0].strip() and not looks_numeric(cells[0].strip())
        if at_end and worded and (apart or (len(cells) == 1 and width > 2)):
            return Mended(None, left_out="footer")
    if not filled and width > 1:
        return Mended(None, left_out="empty")
    return plan.mend(cells)


def _uneven(records: Records, first: int, width: int) -> np.ndarray:
    """Indices of records that do not have the right number of delimiters or whose quotes are odd."""
    parts = [records.odd[records.odd >= first]]
    if width > 1:
        # An odd record that is empty has nothing to repair.
        parts = [
            np.array([place for place in parts[0].tolist() if len(set(records.span(place))) > 1], np.int64)
        ]
    for start in range(first, records.count, _COUNTED):
        parts.append(start + _uneven_among(records, start, min(start + _COUNTED, records.count), width))
    return np.unique(np.concatenate(parts))


def _uneven_among(records: Records, first: int, end: int, width: int) -> np.ndarray:
    """The same among some records, counted from the first of them."""
    marks = records.known
    starts = marks.starts(first, end)
    base, stop = int(starts[0]), marks.size if end == records.count else records.span(end)[0]
    data = np.frombuffer(records.text.data, dtype=np.uint8)[base:stop]
    toggles = marks.toggles[before(marks.toggles, base) : before(marks.toggles, stop)].astype(np.int64) - base
    opening, closing = toggles[0::2], toggles[1::2]
    if len(closing) < len(opening):
        closing = np.append(closing, len(data))
    bounds = np.append(starts.astype(np.int64) - base, len(data))
    passed, opened, closed = _counts_before(data, records.text.delimiter, (bounds, opening, closing))
    quoted = np.append(0, np.cumsum(closed - opened))
    counts = np.diff(passed) - np.diff(quoted[np.searchsorted(opening, bounds)])
    uneven = counts != width - 1
    if width > 1:
        uneven &= marks.ends(first, end) > starts
    return np.flatnonzero(uneven)


def _counts_before(data: np.ndarray, mark: str, positions: Sequence[np.ndarray]) -> list[np.ndarray]:
    """How often a byte stands before each of some sorted positions; block by block, to stay in the cache."""
    starts = np.arange(0, len(data) + 1, _COUNTED)
    cuts = [np.append(np.searchsorted(places, starts), len(places)) for places in positions]
    counts = [np.zeros(len(places), dtype=np.int64) for places in positions]
    total = 0
    for block, start in enumerate(starts.tolist()):
        running = np.append(0, np.cumsum(data[start : start + _COUNTED] == ord(mark), dtype=np.int32))
        for places, cut, count in zip(positions, cuts, counts, strict=True):
            here = slice(cut[block], cut[block + 1])
            count[here] = total + running[places[here] - start]
        total += int(running[-1])
    return counts


def _fast(
    data: bytes, start: int, text: Text, plan: Plan, quoted: bool, lines_in_cells: bool
) -> list[Packed] | None:
    """Read rows that are whole; None when one of them is not."""
    columns, surprises = list(plan.types.columns), 0
    quote = text.quote if text.quote and quoted else ""
    while True:
        pieces: list[list[pa.Array]] = [[] for _ in columns]
        try:
            for first, end in _stretches(data, start, quote if lines_in_cells else "", plan.width):
                stretch = memoryview(data)[first:end]
                table = _read_stretch(stretch, text, columns, plan.types.decimal, quote, lines_in_cells)
                if table is None:
                    continue
                read = table.columns
                del table
                short = _short_cells(data, first, end, plan.width)
                for own in pieces:  # of a long stretch, one column at a time is in memory twice
                    joined = read.pop(0).combine_chunks()
                    chunks = joined.chunks if isinstance(joined, pa.ChunkedArray) else [joined]
                    own.extend(packed(text.restored(one)) if short else text.restored(one) for one in chunks)
        except pa.ArrowInvalid as error:
            surprise = _SURPRISE.search(str(error))
            if surprise is None:
                return None
            # A later cell does not fit the sample's type; as text every cell fits.
            surprises += 1
            place, cell = int(surprise[1]), surprise[2].strip()
            if surprises > _READ_AGAIN or (
                plan.header and cell in [name.strip() for name in plan.header[place : place + 1]]
            ):
                columns = [pa.string()] * plan.width
            else:
                columns[place] = pa.string()
            continue
        return [Packed(own) for own in pieces]


def _short_cells(data: bytes, start: int, end: int, width: int) -> bool:
    """Whether cells somewhere in a stretch are so short that many times the file's memory would be needed unpacked."""
    for place in np.linspace(start, max(start, end - _PROBED), 5).astype(int).tolist():
        until = min(end, place + _PROBED)
        lines = data.count(b"\n", place, until) or data.count(b"\r", place, until)
        if until - place < _SHORT_CELL * width * max(1, lines):
            return True
    return False


def _stretches(data: bytes, start: int, quote: str, width: int) -> Iterator[tuple[int, int]]:
    """Where to cut a text, always between two records, so that a part's intermediate arrays are small.

    Args:
        data: UTF-8 bytes.
        start: Where the first record begins.
        quote: Quote character where line ends may stand within quotes, else ``""``.
        width: Cells in a row.
    """
    end_of_line = b"\n" if data.find(b"\n", start) >= 0 else b"\r"
    while start < len(data):
        step = _LONG_STRETCH
        if _short_cells(data, start, min(len(data), start + step), width):
            # Short pieces of many columns would cost as much as long ones.
            step = max(_STRETCH, 2 * width * _LONG_PIECE)
        end = data.find(end_of_line, start + step) + 1 or len(data)
        counted, quotes = start, 0
        while quote and end < len(data):
            quotes += data.count(quote.encode(), counted, end)
            if quotes % 2 == 0:
                break
            counted = end
            end = data.find(end_of_line, end) + 1 or len(data)
        yield start, end
        start = end


def _read_stretch(
    data: memoryview, text: Text, columns: list[pa.DataType], decimal: str, quote: str, lines_in_cells: bool
) -> pa.Table | None:
    """Read whole records; None where there are only empty lines between several columns."""
    names = [f"c{place}" for place in range(len(columns))]
    block = _BLOCK
    while True:
        try:
            return pacsv.read_csv(
                pa.py_buffer(data),
                read_options=pacsv.ReadOptions(column_names=names, block_size=block),
                parse_options=pacsv.ParseOptions(
                    delimiter=text.delimiter,
                    quote_char=quote or False,
                    newlines_in_values=lines_in_cells,
                    ignore_empty_lines=len(names) > 1,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict(zip(names, columns, strict=True)),
                    null_values=[""],
                    strings_can_be_null=True,
                    check_utf8=False,
                    decimal_point=decimal,
                ),
            )
        except pa.ArrowInvalid as error:
            if "straddling" in str(error) and block < len(data):
                block = min(len(data) + 1, block * 32, (1 << 31) - 1)
            elif len(names) > 1 and not bytes(data).strip(b"\r\n"):
                return None
            else:
                raise
