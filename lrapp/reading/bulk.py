"""Long columns whose cells hardly repeat: whole pieces are read in a few steps, and only what is left cell by cell."""

import re
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lrapp.reading.numerals import PLAIN_NUMBER, SPACES, NumberFormat, Parsed, parse_column
from lrapp.reading.words import words_of

_DIGITS = b"0123456789"


def strange_cells(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells that are no numbers as programs write them.

    Args:
        column: Strings, null where the cell is empty.
    """
    return column.filter(pc.invert(pc.match_substring_regex(column, f"^(?:{PLAIN_NUMBER})$")))


def parse_long(column: pa.ChunkedArray, form: NumberFormat, signs: Iterable[str]) -> Parsed:
    """Read a long column of text as numbers, as ``numerals.parse_column`` does.

    Args:
        column: Strings without surrounding spaces, null where the cell is empty.
        form: How the column writes its numbers.
        signs: Currency marks that stand before or after them.
    """
    plain = form.decimal == "." and form.thousands != "."
    patterns = [f"^(?:{PLAIN_NUMBER})$"] if plain else []
    patterns.append(_pattern(form, tuple(signs)))
    tables = [None, _kept(form)] if plain else [_kept(form)]
    values = np.full(len(column), np.nan)
    left = np.ones(len(column), dtype=bool)
    places = np.arange(len(column))
    rest, whole = column, True
    for pattern, table in zip(patterns, tables, strict=True):
        fits = pc.fill_null(pc.match_substring_regex(rest, pattern), False)
        found = _numbers(rest.filter(fits), table, [*signs, form.unit])
        here = fits.to_numpy()
        values[places[here]] = found
        left[places[here]] = False
        marked = pc.any(pc.match_substring(rest.filter(fits), form.decimal)).as_py()
        whole = (
            whole and not marked and bool((found == np.floor(found)).all() and (np.abs(found) < 2**53).all())
        )
        rest, places = rest.filter(pc.invert(fits)), places[~here]
        if not len(rest):
            break
    others = parse_column(words_of(rest), form)
    values[left] = others.values
    infinite = np.isinf(values)
    values[infinite] = np.nan
    if whole and others.values.dtype.kind in ("i" if len(rest) else "if"):
        values = values.astype(np.int64)
    return Parsed(values, others.words, others.infinite + int(infinite.sum()), others.markers)


def _pattern(form: NumberFormat, signs: tuple[str, ...]) -> str:
    """The plainest ways to write a number in a format; whatever else there is, the slower way knows."""
    spaces = f"[{SPACES}]"
    marks = {" ": spaces, "'": "['’]", "": ""}
    mark = spaces if form.thousands and form.thousands in SPACES else form.thousands.replace("’", "'")
    mark = marks.get(mark, mark if mark == spaces else re.escape(mark))
    grouped = f"[0-9]{{1,3}}(?:{mark}[0-9]{{2,3}})*{mark}[0-9]{{3}}|" if mark else ""
    body = rf"(?:{grouped}[0-9]+)(?:{re.escape(form.decimal)}[0-9]*)?"
    longest = sorted(signs, key=len, reverse=True)
    before = "|".join(map(re.escape, longest))
    after = "|".join(map(re.escape, [*longest, "%", "‰", *([form.unit] if form.unit else [])]))
    prefix = f"(?:(?:{before}){spaces}?)?" if before else ""
    number = f"{prefix}{body}(?:{spaces}?(?:{after}))?"
    return rf"^(?:-?{number}|\({number}\))$"


def _kept(form: NumberFormat) -> np.ndarray:
    """What each byte of a written number becomes, 0 where it is dropped."""
    table = np.zeros(256, dtype=np.uint8)
    table[list(_DIGITS)] = list(_DIGITS)
    table[[ord("-"), ord("("), ord(form.decimal)]] = [ord("-"), ord("-"), ord(".")]
    return table


def _numbers(column: pa.ChunkedArray, table: np.ndarray | None, words: Iterable[str]) -> np.ndarray:
    """The values of cells that are known to be numbers."""
    for word in words:
        if table is not None and set(word) & set(".,-"):
            column = pc.replace_substring(column, word, "")
    pieces = [chunk if table is None else _rewritten(chunk, table) for chunk in column.chunks]
    if not pieces:
        return np.empty(0)
    return pc.cast(pa.chunked_array(pieces), pa.float64()).to_numpy()


def _rewritten(piece: pa.StringArray, table: np.ndarray) -> pa.StringArray:
    """Strings with every byte replaced as a table says."""
    offsets = np.frombuffer(piece.buffers()[1], dtype=np.int32)[piece.offset : piece.offset + len(piece) + 1]
    data = np.frombuffer(piece.buffers()[2] or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    mapped = table[data]
    kept = mapped != 0
    ends = np.append(np.int32(0), np.cumsum(kept, dtype=np.int32))[offsets - offsets[0]]
    return pa.StringArray.from_buffers(len(piece), pa.py_buffer(ends), pa.py_buffer(mapped[kept]))
