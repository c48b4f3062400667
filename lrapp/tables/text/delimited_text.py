"""A decoded file, normalised to one-byte delimiters and doubled quotes."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

WIDE_GAP = "  "
"""The delimiter that stands for any run of spaces and tabs but a single space."""

TAB_RUN = "\t\t"
"""The delimiter that stands for any run of tabs."""

_RUNS = {" ": rb"[ \t]+", WIDE_GAP: rb"[ \t]{2,}|\t", TAB_RUN: rb"\t+"}
_INNER_DELIMITER = "\x1f"
_ESCAPED_QUOTE = "\x1d"
_ESCAPED_DELIMITER = "\x1c"
_LOOK_AHEAD = 1 << 18
_LINES = 1 << 19


@dataclass(frozen=True)
class Text:
    """A decoded file prepared for splitting.

    Args:
        data: UTF-8 bytes in which one byte delimits cells.
        delimiter: That byte as a character.
        quote: Quote character, or ``""``.
        escaped: Whether quotes and delimiters inside cells were written with a backslash, and stand as placeholders
            now.
        written: The delimiter as the file writes it.
    """

    data: bytes
    delimiter: str
    quote: str
    escaped: bool = False
    written: str = ""

    def restored(self, column: pa.Array) -> pa.Array:
        """Cells of a column without the placeholders that ``prepare_text`` put in."""
        if self.escaped:
            column = pc.replace_substring(column, _ESCAPED_QUOTE, self.quote)
            column = pc.replace_substring(column, _ESCAPED_DELIMITER, self.delimiter)
            column = pc.replace_substring(column, "\\\\", "\\")
        if self.delimiter != self.written:
            written = self.written[0] if self.written in _RUNS else self.written
            column = pc.replace_substring(column, self.delimiter, written)
        return column


def prepare_text(data: bytes, delimiter: str, quote: str, escape: str = "") -> Text:
    """Normalise a text to one-byte delimiters and doubled quotes.

    Args:
        data: UTF-8 bytes.
        delimiter, quote, escape: As in ``dialects.Dialect``.
    """
    q, written = quote.encode(), delimiter
    if escape:
        data = _without_escapes(data, quote, _ESCAPED_QUOTE)
        data = _without_escapes(data, escape[1:], _ESCAPED_DELIMITER)
    if run := _RUNS.get(delimiter):
        if delimiter != TAB_RUN:
            data = by_lines(data, lambda lines: re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", lines))
        cell = rb"(" + q + rb"[^" + q + rb"\n]*" + q + rb")|" if quote and q in data else rb"()"
        spaces = cell + rb"(?:" + run + rb")"
        inner = _INNER_DELIMITER.encode()
        data = by_lines(data, lambda lines: re.sub(spaces, lambda match: match[1] or inner, lines))
        delimiter = _INNER_DELIMITER
    elif len(delimiter.encode()) > 1:
        data = data.replace(delimiter.encode(), _INNER_DELIMITER.encode())
        delimiter = _INNER_DELIMITER
    d = delimiter.encode()
    if quote and d + b" " + q in data[:_LOOK_AHEAD]:
        # Quotes after a delimiter and a space open a cell, unless they are inside a text.
        spaced, ends = re.escape(d) + rb" +" + q, re.escape(d) + rb"\r\n"
        text, edge = spaced + rb"(?=[^" + q + ends + rb"])", spaced + rb"(?=" + q + rb"?[" + ends + rb"])"
        data = by_lines(data, lambda lines: re.sub(text, d + q, lines))
        data = by_lines(
            data,
            lambda lines: re.sub(edge, lambda match: match[0] if _is_within(match, q) else d + q, lines),
        )
    return Text(data=data, delimiter=delimiter, quote=quote, escaped=bool(escape), written=written)


def by_lines(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Change a text a block of lines at a time, as each match of a pattern takes memory.

    Args:
        data: UTF-8 bytes.
        change: Changes some lines as it would the whole text.
    """
    if len(data) <= _LINES:
        return change(data)
    parts: list[bytes] = []
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + _LINES) + 1 or len(data)
        parts.append(change(data[start:end]))
        start = end
    return b"".join(parts)


def _without_escapes(data: bytes, sign: str, placeholder: str) -> bytes:
    """A text with a placeholder for each backslash with a sign behind it."""
    if not sign or b"\\" + sign.encode() not in data:
        return data
    escaped = rb"(?<!\\)((?:\\\\)*)\\" + re.escape(sign.encode())
    return by_lines(data, lambda lines: re.sub(escaped, rb"\1" + placeholder.encode(), lines))


def _is_within(match: re.Match[bytes], quote: bytes) -> bool:
    """Whether a quoted cell is open where a match starts, by its line."""
    line = match.string.rfind(b"\n", 0, match.start()) + 1
    return match.string.count(quote, line, match.start()) % 2 == 1
