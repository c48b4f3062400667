"""Where the records of a text lie, whatever its quotes and line ends do."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lrapp.reading.csv_rows import split_lines, split_text
from lrapp.reading.lines import even_lines
from lrapp.reading.texts import Text

_QUOTED_NEWLINES_CHECKED = 100_000
_LONGEST_RECORD_LINES = 50
_BLOCK = 1 << 20
_NOWHERE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Marks:
    """Byte positions in a text.

    Args:
        starts, ends: Of each record, without its line end.
        newlines: Of all line ends, to count lines.
        toggles: Of quotes that open or close.
    """

    starts: np.ndarray
    ends: np.ndarray
    newlines: np.ndarray
    toggles: np.ndarray


def _between(breaks: np.ndarray, newlines: np.ndarray, toggles: np.ndarray, size: int) -> Marks:
    """Records between the line ends that part them."""
    starts, ends = np.append(0, breaks + 1), np.append(breaks, size)
    if starts[-1] >= size:
        starts, ends = starts[:-1], ends[:-1]
    return Marks(starts, ends, newlines, toggles)


@dataclass
class Records:
    """Where the records of a text lie.

    Args:
        text: The text.
        count: How many there are.
        odd: Indices of records whose quotes do not add up.
        lines_in_cells: Whether some cell has a line end in it.
        quoted: Whether quotes stand in the text.
        marks: Where its marks stand, None where every line is a record, so that it can be told when it is asked.
    """

    text: Text
    count: int
    odd: np.ndarray
    lines_in_cells: bool
    quoted: bool
    marks: Marks | None = None

    @property
    def starts(self) -> np.ndarray:
        """Byte position of each record."""
        return self._marks.starts

    @property
    def ends(self) -> np.ndarray:
        """Byte position of the end of each record, without its line end."""
        return self._marks.ends

    @property
    def toggles(self) -> np.ndarray:
        """Byte positions of quotes that open or close."""
        return self._marks.toggles

    @cached_property
    def _marks(self) -> Marks:
        if self.marks is not None:
            return self.marks
        newlines = _places(np.frombuffer(self.text.data, dtype=np.uint8), "\n")
        quote = self.text.quote if self.quoted else ""
        toggles = _places(np.frombuffer(self.text.data, dtype=np.uint8), quote) if quote else _NOWHERE
        return _between(newlines, newlines, toggles, len(self.text.data))

    @cached_property
    def _beginning(self) -> Marks:
        """The same for the beginning of the text, which is asked for most."""
        if self.marks is not None:
            return self.marks
        newlines = _places(np.frombuffer(self.text.data[:_BLOCK], dtype=np.uint8), "\n")
        return _between(newlines, newlines, _NOWHERE, min(_BLOCK, len(self.text.data)))

    def span(self, place: int) -> tuple[int, int]:
        """Byte positions of the start and the end of one record."""
        marks = self._beginning
        if place >= len(marks.starts) - 1:
            marks = self._marks
        return int(marks.starts[place]), int(marks.ends[place])

    def raw(self, place: int) -> str:
        """Text of one record."""
        start, end = self.span(place)
        return self.text.data[start:end].decode("utf-8", errors="replace").rstrip("\r")

    def line(self, place: int) -> int:
        """Line of the file, from 1, on which a record starts."""
        if self.marks is None:
            return place + 1
        return int(np.searchsorted(self.marks.newlines, self.marks.starts[place])) + 1

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
    """Split one record; a quote that does not belong stays as a character.

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
    newlines = _places(buffer, "\n")
    if b"\r" in text.data:
        returns = _places(buffer, "\r")
        following = np.minimum(returns + 1, len(buffer) - 1)
        lone = returns[(buffer[following] != ord("\n")) | (returns + 1 >= len(buffer))]
        if len(lone):
            newlines = np.sort(np.concatenate([newlines, lone]))
    toggles = _NOWHERE
    bad: list[tuple[int, int]] = []
    breaks, lines_in_cells = newlines, False
    if text.quote and text.quote.encode() in text.data:
        toggles = quotes = _places(buffer, text.quote)
        inside = np.searchsorted(quotes, newlines) % 2 == 1
        if not _is_clean(text, buffer, quotes, newlines, inside, width):
            bad = _bad_stretches(text, buffer, quotes, newlines, width)
        if bad:
            toggles = quotes[~_inside(quotes, bad)]
            inside = (np.searchsorted(toggles, newlines) % 2 == 1) | _inside(newlines, bad)
        lines_in_cells = bool(inside.any())
        breaks = newlines[~inside] if lines_in_cells else newlines
    marks = _between(breaks, newlines, toggles, len(buffer))
    odd = np.searchsorted(marks.starts, [start for start, _ in bad], side="right") - 1
    return Records(text, len(marks.starts), odd, lines_in_cells, len(toggles) > 0, marks)


def _places(buffer: np.ndarray, mark: str) -> np.ndarray:
    """Where a byte stands; block by block, so that the work stays in the processor's cache."""
    code = ord(mark)
    found = [
        np.flatnonzero(buffer[start : start + _BLOCK] == code) + start
        for start in range(0, len(buffer), _BLOCK)
    ]
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _inside(positions: np.ndarray, stretches: Sequence[tuple[int, int]]) -> np.ndarray:
    first = np.array([start for start, _ in stretches])
    last = np.array([end for _, end in stretches])
    place = np.searchsorted(first, positions, side="right") - 1
    return (place >= 0) & (positions < last[np.maximum(place, 0)])


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
    spans = np.unique(np.searchsorted(opening, newlines[inside]) - 1)
    return not any(
        _swallows_rows(text, newlines, int(opening[span]), int(closing[span]), width)
        for span in spans[:_QUOTED_NEWLINES_CHECKED].tolist()
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
