"""Text with quotes -> rows of cells, as the csv module splits it, but whatever a cell's length.

The csv module has one limit on the length of a cell for the whole process. It is not changed: where a cell is longer,
the text is split here by the same rules.
"""

import csv
import io
import re
from collections.abc import Sequence

_LINE_END = re.compile(r"\r\n|\r|\n")


def split_text(raw: str, delimiter: str, quote: str) -> list[list[str]]:
    """Split a text into rows; none where the csv module refuses it.

    Args:
        raw: The text, with line ends between rows and within quoted cells.
        delimiter, quote: One character each.
    """
    if len(raw) > csv.field_size_limit():
        return _split_long(raw, delimiter, quote)
    try:
        return list(csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter, quotechar=quote))
    except csv.Error:
        return []


def split_lines(lines: Sequence[str], delimiter: str, quote: str) -> list[list[str]]:
    """Split lines of which every one is a record with nothing to repair.

    Args:
        lines: Records without their line ends.
        delimiter: One character.
        quote: One character, or ``""``.
    """
    if not quote:
        return [line.split(delimiter) for line in lines]
    if max(map(len, lines), default=0) <= csv.field_size_limit():
        return list(csv.reader(lines, delimiter=delimiter, quotechar=quote))
    return [row for line in lines for row in _split_long(line, delimiter, quote)]


def _split_long(text: str, delimiter: str, quote: str) -> list[list[str]]:
    """Split by the rules of the non-strict csv module: quotes count only at the start of a cell."""
    ends = re.compile(f"{re.escape(delimiter)}|{_LINE_END.pattern}")
    rows: list[list[str]] = []
    row: list[str] = []
    position, size = 0, len(text)
    while position < size:
        if not row and (blank := _LINE_END.match(text, position)):
            rows.append([])
            position = blank.end()
            continue
        cell, position = _quoted(text, position + 1, quote) if text[position] == quote else ("", position)
        end = ends.search(text, position)
        row.append(cell + text[position : end.start() if end else size])
        position = end.end() if end else size
        if end is None or end[0] != delimiter:
            rows.append(row)
            row = []
        elif position == size:
            rows.append([*row, ""])
            row = []
    return rows


def _quoted(text: str, start: int, quote: str) -> tuple[str, int]:
    """The text in quotes, with doubled quotes once, and the position behind the closing one."""
    parts: list[str] = []
    while True:
        end = text.find(quote, start)
        if end < 0:
            return "".join([*parts, text[start:]]), len(text)
        parts.append(text[start:end])
        if text[end + 1 : end + 2] != quote:
            return "".join(parts), end + 1
        parts.append(quote)
        start = end + 2
