"""Finds the records of a text, whatever its quotes and line ends."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from lrapp.tables.text.csv_rows import split_lines, split_text
from lrapp.tables.text.delimited_text import Text
from lrapp.tables.text.line_scan import even_lines

_QUOTED_NEWLINES_CHECKED = 100_000
_LONGEST_RECORD_LINES = 50
_BLOCK = 1 << 20
_FOUR_BYTES = 1 << 31
_NOWHERE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Marks:
    """Byte positions in a text, in four bytes each where they fit.

    Args:
        breaks: Of the line ends that part records.
        newlines: Of all line ends, to count lines.
        toggles: Of quotes that open or close.
        size: Bytes of the text.
    """

    breaks: np.ndarray
    newlines: np.ndarray
    toggles: np.ndarray
    size: int

    @property
    def count(self) -> int:
        """How many records there are."""
        last = int(self.breaks[-1]) + 1 if len(self.breaks) else 0
        return len(self.breaks) + (last < self.size)

    def starts(self, first: int, end: int) -> np.ndarray:
        """Byte positions of some records."""
        if first == 0:
            return np.append(self.breaks.dtype.type(0), self.breaks[: end - 1] + 1) if end else _NOWHERE
        return self.breaks[first - 1 : end - 1] + 1

    def ends(self, first: int, end: int) -> np.ndarray:
        """Byte positions of the ends of some records, without their line ends."""
        known = self.breaks[first:end]
        return known if len(known) == end - first else np.append(known, known.dtype.type(self.size))


@dataclass
class Records:
    """Where the records of a text lie.

    Args:
        text: The text.
        count: How many there are.
        odd: Indices of records whose quotes do not add up.
        lines_in_cells: Whether some cell has a line end in it.
        quoted: Whether quotes stand in the text.
        marks: Its marks; None where every line is a record: then found when needed.
    """

    text: Text
    count: int
    odd: np.ndarray
    lines_in_cells: bool
    quoted: bool
    marks: Marks | None = None

    @cached_property
    def known(self) -> Marks:
        """Where the marks of the text stand."""
        if self.marks is not None:
            return self.marks
        buffer = np.frombuffer(self.text.data, dtype=np.uint8)
        newlines = _places(buffer, "\n")
        toggles = _places(buffer, self.text.quote) if self.quoted and self.text.quote else _NOWHERE
        return Marks(newlines, newlines, toggles, len(buffer))

    @cached_property
    def _beginning(self) -> Marks:
        """The same for the beginning of the text, which is asked for most."""
        if self.marks is not None:
            return self.marks
        newlines = _places(np.frombuffer(self.text.data[:_BLOCK], dtype=np.uint8), "\n")
        return Marks(newlines, newlines, _NOWHERE, min(_BLOCK, len(self.text.data)))

    def span(self, place: int) -> tuple[int, int]:
        """Byte positions of the start and the end of one record."""
        marks = self._beginning
        if place >= marks.count - 1:
            marks = self.known
        return int(marks.starts(place, place + 1)[0]), int(marks.ends(place, place + 1)[0])

    def raw(self, place: int) -> str:
        """Text of one record."""
        start, end = self.span(place)
        return self.text.data[start:end].decode("utf-8", errors="replace").rstrip("\r")

    def line(self, place: int) -> int:
        """Line of the file, from 1, on which a record starts."""
        if self.marks is None:
            return place + 1
        return before(self.marks.newlines, self.span(place)[0]) + 1

    def cells(self, place: int) -> list[str]:
        """One record split leniently."""
        return split_cells(self.raw(place), self.text.delimiter, self.text.quote)

    def all_cells(self) -> list[list[str]]:
        """All records that are not blank, split leniently."""
        if self.marks is not None:
            return [self.cells(place) for place in range(self.count) if self.raw(place).strip()]
        lines = self.text.data.decode("utf-8", errors="replace").replace("\r\n", "\n").split("\n")
        return split_lines([line for line in lines if line.strip()], self.text.delimiter, self.text.quote)


def split_cells(raw: str, delimiter: str, quote: str) -> list[str]:
    """Split one record; a stray quote stays a character.

    Args:
        raw: The record without its line end.
        delimiter, quote: One character each; the quote may be ``""``.
    """
    if not quote or quote not in raw:
        return raw.split(delimiter)
    rows = split_text(raw, delimiter, quote)
    return rows[0] if len(rows) == 1 else raw.split(delimiter)


def find_records(text: Text, width: int) -> Records:
    """Find where records start and end, whatever the quotes do.

    Args:
        text: The prepared text.
        width: Cells that a row should have.
    """
    lines = even_lines(text.data, text.delimiter, text.quote)
    if lines is not None:
        quoted = bool(text.quote) and text.quote.encode() in text.data
        return Records(text, lines, _NOWHERE, lines_in_cells=False, quoted=quoted)
    buffer = np.frombuffer(text.data, dtype=np.uint8)
    newlines = _places(buffer, "\n", lone="\r" if b"\r" in text.data else "")
    toggles = _NOWHERE
    bad: list[tuple[int, int]] = []
    breaks, lines_in_cells = newlines, False
    if text.quote and text.quote.encode() in text.data:
        toggles = quotes = _places(buffer, text.quote)
        inside = _odd_before(quotes, newlines)
        if not _is_clean(text, buffer, quotes, newlines, inside, width):
            bad = _bad_stretches(text, buffer, quotes, newlines, width)
        if bad:
            toggles = quotes[~_inside(quotes, bad)]
            inside = _odd_before(toggles, newlines) | _inside(newlines, bad)
        lines_in_cells = bool(inside.any())
        breaks = newlines[~inside] if lines_in_cells else newlines
    marks = Marks(breaks, newlines, toggles, len(buffer))
    odd = np.array([before(breaks, start) for start, _ in bad], dtype=np.int64)
    return Records(text, marks.count, odd, lines_in_cells, len(toggles) > 0, marks)


def _places(buffer: np.ndarray, mark: str, lone: str = "") -> np.ndarray:
    """Where a byte stands, or another one that it does not follow; block by block, to stay in the processor's cache."""
    blocks = range(0, len(buffer), _BLOCK)

    def found(start: int) -> np.ndarray:
        block = buffer[start : start + _BLOCK]
        here = block == ord(mark)
        if lone:
            follows = np.append(here[1:], buffer[start + _BLOCK : start + _BLOCK + 1] == ord(mark))
            alone = block == ord(lone)
            alone[: len(follows)] &= ~follows
            here |= alone
        return here

    # Counted first, to avoid a second copy of all places.
    kind = np.int32 if len(buffer) < _FOUR_BYTES else np.int64
    places = np.empty(sum(int(np.count_nonzero(found(start))) for start in blocks), dtype=kind)
    done = 0
    for start in blocks:
        here = np.flatnonzero(found(start))
        np.add(here, start, out=places[done : done + len(here)], casting="unsafe")
        done += len(here)
    return places


def before(places: np.ndarray, position: int) -> int:
    """How many of some sorted places are before a position.

    Args:
        places: Of an integer type; a position of another type would copy them all.
        position: A byte position.
    """
    return int(np.searchsorted(places, places.dtype.type(position)))


def _odd_before(quotes: np.ndarray, places: np.ndarray) -> np.ndarray:
    """For each of some places, whether an odd number of quotes stands before it."""
    odd = np.empty(len(places), dtype=bool)
    for start in range(0, len(places), _BLOCK):
        part = places[start : start + _BLOCK].astype(quotes.dtype)
        odd[start : start + _BLOCK] = np.searchsorted(quotes, part) & 1
    return odd


def _inside(positions: np.ndarray, stretches: Sequence[tuple[int, int]]) -> np.ndarray:
    """For each of some sorted positions, whether it lies in one of some sorted stretches."""
    inside = np.zeros(len(positions), dtype=bool)
    for start, end in stretches:
        inside[before(positions, start) : before(positions, end)] = True
    return inside


def _edges(text: Text) -> np.ndarray:
    """For each byte, whether a cell may end before it or begin after it."""
    edge = np.zeros(256, dtype=bool)
    edge[[ord("\n"), ord("\r"), ord(text.delimiter)]] = True
    return edge


def _is_clean(
    text: Text, buffer: np.ndarray, quotes: np.ndarray, newlines: np.ndarray, inside: np.ndarray, width: int
) -> bool:
    """Whether every quote opens or closes a cell or is doubled, and no cell swallows rows: the common case."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    edge = _edges(text)
    may_open = edge[buffer[opening - 1]]
    may_open[0] |= opening[0] == 0
    may_close = edge[buffer[np.minimum(closing + 1, len(buffer) - 1)]]
    may_close[-1] |= closing[-1] == len(buffer) - 1
    if not (may_open.all() and may_close.all()):
        doubled = closing[:-1] + 1 == opening[1:]
        may_open[1:] |= doubled
        may_close[:-1] |= doubled
        if not (may_open.all() and may_close.all()):
            return False
    spans: dict[int, None] = {}
    for start in range(0, len(newlines), _BLOCK):
        here = slice(start, start + _BLOCK)
        found = np.searchsorted(quotes, newlines[here][inside[here]]) // 2
        spans |= dict.fromkeys(np.unique(found).tolist())
        if len(spans) >= _QUOTED_NEWLINES_CHECKED:
            break
    return not any(
        _swallows_rows(text, newlines, int(opening[span]), int(closing[span]), width)
        for span in islice(spans, _QUOTED_NEWLINES_CHECKED)
    )


def _bad_stretches(
    text: Text, buffer: np.ndarray, quotes: np.ndarray, newlines: np.ndarray, width: int
) -> list[tuple[int, int]]:
    """Byte ranges of records whose quotes do not open and close where they may."""
    size = len(buffer)
    edge = _edges(text)
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
    # Blocks that overlap by one, so that each pair of neighbours is in one of them.
    spanning = np.concatenate(
        [
            np.flatnonzero(np.diff(np.searchsorted(newlines, quotes[start : start + _BLOCK + 1])) > 0) + start
            for start in range(0, len(quotes), _BLOCK)
        ]
    )
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
        sync = before(quotes, end)
    return stretches


def _line_end(newlines: np.ndarray, position: int, size: int) -> int:
    place = before(newlines, position)
    return int(newlines[place]) if place < len(newlines) else size


def _record_start(quotes: np.ndarray, newlines: np.ndarray, sync: int, opened: int, floor: int) -> int:
    """Start of the record that holds a quote, outside of which an even number of quotes lies."""
    place = before(newlines, int(quotes[opened])) - 1
    while place >= 0 and newlines[place] >= floor:
        if (before(quotes, int(newlines[place])) - sync) % 2 == 0:
            return int(newlines[place]) + 1
        place -= 1
    return floor + 1 if floor else 0


def _swallows_rows(text: Text, newlines: np.ndarray, opened: int, closed: int, width: int) -> bool:
    """Whether a quoted cell over several lines is in fact whole rows between two stray quotes."""
    if width < 2:
        return False
    first = before(newlines, opened)
    start = int(newlines[first - 1]) + 1 if first else 0
    end = _line_end(newlines, closed, len(text.data))
    lines = text.data[start : min(end, start + (1 << 20))].split(b"\n")
    return all(line.count(text.delimiter.encode()) == width - 1 for line in lines)


def _bad_end(text: Text, newlines: np.ndarray, start: int, opened: int, culprit: int, width: int) -> int:
    """End of a record with bad quotes: its first line, or as many lines as make a whole row."""
    size = len(text.data)
    end = single = _line_end(newlines, opened, size)
    if text.data.count(text.delimiter.encode(), start, single) == width - 1:
        return single
    for _ in range(_LONGEST_RECORD_LINES):
        raw = text.data[start:end].decode("utf-8", errors="replace").rstrip("\r")
        rows = split_text(raw, text.delimiter, text.quote)
        if len(rows) == 1 and len(rows[0]) == width:
            return end
        if len(rows) != 1 or len(rows[0]) > width or end >= size or (end > culprit and end != single):
            return single
        end = _line_end(newlines, end + 1, size)
    return single


def read_sample(text: Text) -> list[list[str]]:
    """Split a small text leniently; empty lines are left out.

    Args:
        text: The prepared text.
    """
    delimiter = text.delimiter.encode()
    counts = Counter(line.count(delimiter) for line in re.split(rb"[\r\n]+", text.data) if line.strip())
    width = counts.most_common(1)[0][0] + 1 if counts else 1
    return find_records(text, width).all_cells()
