"""Rows of a text table, none lost: clean stretches go to a fast reader whole, the rest is repaired row by row."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from lrapp.dialects import Dialect
from lrapp.errors import UserError

LISTED_REPAIRS = 1000
"""Repairs that are listed one by one; beyond that they are only counted."""

_QUOTED_NEWLINES_CHECKED = 100_000
_LONGEST_RECORD_LINES = 50
_FORMERLY = "\x1e"
_INNER_DELIMITER = "\x1f"
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


@dataclass(frozen=True)
class Text:
    """A decoded file prepared for splitting.

    Args:
        data: UTF-8 bytes in which one byte delimits cells.
        delimiter: That byte as a character.
        quote: Quote character, or ``""``.
    """

    data: bytes
    delimiter: str
    quote: str


@dataclass
class Records:
    """Where the records of a text lie.

    Args:
        text: The text.
        starts, ends: Byte positions of each record, without its line end.
        odd: Indices of records whose quotes do not add up.
        newlines: Byte positions of all line ends, to count lines.
        toggles: Byte positions of quotes that open or close.
    """

    text: Text
    starts: np.ndarray
    ends: np.ndarray
    odd: np.ndarray
    newlines: np.ndarray
    toggles: np.ndarray

    def raw(self, place: int) -> str:
        """Text of one record."""
        return (
            self.text.data[self.starts[place] : self.ends[place]]
            .decode("utf-8", errors="replace")
            .rstrip("\r")
        )

    def line(self, place: int) -> int:
        """Line of the file, from 1, on which a record starts."""
        return int(np.searchsorted(self.newlines, self.starts[place])) + 1

    def cells(self, place: int) -> list[str]:
        """One record split leniently."""
        return split_cells(self.raw(place), self.text.delimiter, self.text.quote)


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


def prepare_text(data: bytes, dialect: Dialect) -> Text:
    """Bring a text into the form with one-byte delimiters and doubled quotes.

    Args:
        data: UTF-8 bytes.
        dialect: How they are written.
    """
    delimiter, quote = dialect.delimiter, dialect.quote
    q = quote.encode()
    if quote and dialect.escape:
        data = re.sub(rb"(?<!\\)((?:\\\\)*)\\" + q, rb"\1" + q + q, data)
    if delimiter == " ":
        data = re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", data)
        spaces = (
            (rb"(" + q + rb"[^" + q + rb"\n]*" + q + rb")|[ \t]+") if quote and q in data else rb"()[ \t]+"
        )
        inner = _INNER_DELIMITER.encode()
        data = re.sub(spaces, lambda match: match[1] or inner, data)
        delimiter = _INNER_DELIMITER
    elif len(delimiter.encode()) > 1:
        data = data.replace(delimiter.encode(), _INNER_DELIMITER.encode())
        delimiter = _INNER_DELIMITER
    d = delimiter.encode()
    if quote and d + b" " + q in data:
        # Quotes after a delimiter and a space are meant as quotes, unless they are inside a text.
        data = re.sub(
            re.escape(d) + rb" +" + q + rb"(?=[^" + q + rb"]|" + q + rb"[" + re.escape(d) + rb"\r\n])",
            d + q,
            data,
        )
    return Text(data=data, delimiter=delimiter, quote=quote)


def split_cells(raw: str, delimiter: str, quote: str) -> list[str]:
    """Split one record; a quote that does not belong stays as a character.

    Args:
        raw: The record without its line end.
        delimiter, quote: One character each; the quote may be ``""``.
    """
    if not quote or quote not in raw:
        return raw.split(delimiter)
    previous = csv.field_size_limit(max(csv.field_size_limit(), len(raw) + 1))
    try:
        source = io.StringIO(raw, newline="")
        rows = list(csv.reader(source, delimiter=delimiter, quotechar=quote))
    except csv.Error:
        return raw.split(delimiter)
    finally:
        csv.field_size_limit(previous)
    return rows[0] if len(rows) == 1 else raw.split(delimiter)


def find_records(text: Text, width: int) -> Records:
    """Find where records start and end, whatever the quotes do.

    Args:
        text: The prepared text.
        width: Cells that a row should have.
    """
    buffer = np.frombuffer(text.data, dtype=np.uint8)
    newlines = np.flatnonzero(buffer == ord("\n"))
    if b"\r" in text.data:
        returns = np.flatnonzero(buffer == ord("\r"))
        following = np.minimum(returns + 1, len(buffer) - 1)
        lone = returns[(buffer[following] != ord("\n")) | (returns + 1 >= len(buffer))]
        if len(lone):
            newlines = np.sort(np.concatenate([newlines, lone]))
    toggles = np.empty(0, dtype=np.int64)
    bad: list[tuple[int, int]] = []
    breaks = newlines
    if text.quote and text.quote.encode() in text.data:
        quotes = np.flatnonzero(buffer == ord(text.quote))
        bad = _bad_stretches(text, buffer, quotes, newlines, width)
        toggles = quotes
        for start, end in bad[:0]:
            toggles = toggles[(toggles < start) | (toggles >= end)]
        if bad:
            toggles = toggles[~_inside(toggles, bad)]
        breaks = newlines[np.searchsorted(toggles, newlines) % 2 == 0]
        if bad:
            breaks = breaks[~_inside(breaks, bad)]
    starts = np.concatenate([[0], breaks + 1])
    ends = np.concatenate([breaks, [len(buffer)]])
    if starts[-1] >= len(buffer):
        starts, ends = starts[:-1], ends[:-1]
    odd = (
        np.searchsorted(starts, [start for start, _ in bad], side="right") - 1
        if bad
        else np.empty(0, np.int64)
    )
    return Records(text, starts, ends, np.asarray(odd, dtype=np.int64), newlines, toggles)


def _inside(positions: np.ndarray, stretches: Sequence[tuple[int, int]]) -> np.ndarray:
    first = np.array([start for start, _ in stretches])
    last = np.array([end for _, end in stretches])
    place = np.searchsorted(first, positions, side="right") - 1
    return (place >= 0) & (positions < last[np.maximum(place, 0)])


def _bad_stretches(
    text: Text, buffer: np.ndarray, quotes: np.ndarray, newlines: np.ndarray, width: int
) -> list[tuple[int, int]]:
    """Byte ranges of records whose quotes do not open and close where they may."""
    size = len(buffer)
    edge = np.zeros(256, dtype=bool)
    edge[[ord("\n"), ord("\r"), ord(text.delimiter)]] = True
    doubled = np.diff(quotes) == 1
    may_open = edge[buffer[np.maximum(quotes - 1, 0)]] | (quotes == 0)
    may_open[1:] |= doubled
    may_close = edge[buffer[np.minimum(quotes + 1, size - 1)]] | (quotes == size - 1)
    may_close[:-1] |= doubled
    even = np.arange(len(quotes)) % 2 == 0
    broken = [
        np.flatnonzero(np.where(even, ~may_open, ~may_close)),
        np.flatnonzero(np.where(even, ~may_close, ~may_open)),
    ]
    lines_before = np.searchsorted(newlines, quotes)
    spanning = np.flatnonzero(np.diff(lines_before) > 0)
    spans = [spanning[spanning % 2 == 0], spanning[spanning % 2 == 1]]
    stretches: list[tuple[int, int]] = []
    checks = 0
    sync = 0
    while sync < len(quotes):
        side = sync % 2
        place = np.searchsorted(broken[side], sync)
        if place < len(broken[side]):
            culprit = int(broken[side][place])
        else:
            culprit = len(quotes) - 1 if (len(quotes) - sync) % 2 else len(quotes)
        opened = culprit - 1 if (culprit - sync) % 2 else culprit
        for span in spans[side][np.searchsorted(spans[side], sync) :]:
            if span >= opened or checks > _QUOTED_NEWLINES_CHECKED:
                break
            checks += 1
            if _swallows_rows(text, newlines, int(quotes[span]), int(quotes[span + 1]), width):
                culprit = opened = int(span)
                break
        if culprit >= len(quotes):
            break
        start = _record_start(quotes, newlines, sync, opened, stretches[-1][1] if stretches else 0)
        end = _bad_end(text, newlines, start, int(quotes[opened]), int(quotes[culprit]), width)
        stretches.append((start, end))
        sync = int(np.searchsorted(quotes, end))
    return stretches


def _line_end(newlines: np.ndarray, position: int, size: int) -> int:
    place = int(np.searchsorted(newlines, position))
    return int(newlines[place]) if place < len(newlines) else size


def _record_start(quotes: np.ndarray, newlines: np.ndarray, sync: int, opened: int, floor: int) -> int:
    """Start of the record that holds a quote, outside of which an even number of quotes lies."""
    place = int(np.searchsorted(newlines, quotes[opened])) - 1
    while place >= 0 and newlines[place] >= floor:
        if (int(np.searchsorted(quotes, newlines[place])) - sync) % 2 == 0:
            return int(newlines[place]) + 1
        place -= 1
    return floor + 1 if floor else 0


def _swallows_rows(text: Text, newlines: np.ndarray, opened: int, closed: int, width: int) -> bool:
    """Whether a quoted cell over several lines is rather whole rows between two stray quotes."""
    if width < 2:
        return False
    first = int(np.searchsorted(newlines, opened))
    start = int(newlines[first - 1]) + 1 if first else 0
    end = _line_end(newlines, closed, len(text.data))
    lines = text.data[start : min(end, start + (1 << 20))].split(b"\n")
    return all(line.count(text.delimiter.encode()) == width - 1 for line in lines)


def _bad_end(text: Text, newlines: np.ndarray, start: int, opened: int, culprit: int, width: int) -> int:
    """End of a record with bad quotes: its first line, or as many lines as make a whole row."""
    size = len(text.data)
    end = single = _line_end(newlines, opened, size)
    for _ in range(_LONGEST_RECORD_LINES):
        raw = text.data[start:end].decode("utf-8", errors="replace")
        if len(split_cells(raw.rstrip("\r"), text.delimiter, text.quote)) >= width or end >= size:
            break
        if end > culprit and end != single:
            break
        end = _line_end(newlines, end + 1, size)
    else:
        return single
    raw = text.data[start:end].decode("utf-8", errors="replace")
    return end if len(split_cells(raw.rstrip("\r"), text.delimiter, text.quote)) == width else single


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
    if not len(records.odd[records.odd >= first]):
        columns = _fast(memoryview(data)[start:], text, width, bool(len(records.toggles)))
        if columns is not None:
            body = Body(columns=columns, padded=padded)
            missed = len(records.starts) - first - (len(columns[0]) if columns else 0)
            if missed > 0:
                body.left_out["empty"] = [0] * missed
            return body
    return _mend_body(records, first, width, mend, header, padded)


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
