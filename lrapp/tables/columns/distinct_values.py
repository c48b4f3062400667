"""A column of text as its different cells and their rows, so that each different cell is parsed once."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lrapp.tables.columns.packed import Packed, by_rows, codes_of, narrowest

_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_MARKS = {"٫": ".", "٬": ",", "．": ".", "，": ",", "－": "-", "％": "%"}
_PIECE_LIMIT = 1 << 30
_CODES = (np.int8, np.int16, np.int32, np.int64)


@dataclass(frozen=True)
class Words:
    """A column of text.

    Args:
        texts: Its different cells, without surrounding spaces and without the empty one.
        codes: For each row the place in ``texts``, -1 where the cell is empty.
        column: The column itself where its cells are exactly the texts, so that it need not be built again.
        respaced: Different texts that became one when the spaces around them were removed, less that one.
    """

    texts: list[str]
    codes: np.ndarray
    column: pa.ChunkedArray | None = None
    respaced: int = 0

    @cached_property
    def counts(self) -> np.ndarray:
        """How often each text appears; computed only if needed."""
        counts = np.zeros(len(self.texts) + 1, np.int64)
        for rows in by_rows(len(self.codes)):
            counts += np.bincount(self.codes[rows].astype(np.int64) + 1, minlength=len(counts))
        return counts[1:]

    @cached_property
    def filled(self) -> int:
        """Rows that are not empty."""
        return int(np.count_nonzero(self.codes >= 0))

    def without(self, places: Iterable[int]) -> "Words":
        """The column with some texts counted as empty cells."""
        gone = np.zeros(len(self.texts) + 1, dtype=bool)
        gone[list(places)] = True
        keep = ~gone[:-1]
        renumbered = np.full(len(self.texts) + 1, -1, dtype=self.codes.dtype)
        renumbered[:-1][keep] = np.arange(int(keep.sum()))
        texts = [text for text, kept in zip(self.texts, keep.tolist(), strict=True) if kept]
        return Words(texts, renumbered[self.codes])

    def spread(self, values: np.ndarray, empty: object) -> np.ndarray:
        """One value a text -> one value a row."""
        table = np.empty(len(values) + 1, dtype=values.dtype)
        table[:-1] = values
        table[-1] = empty
        return table[self.codes]

    def series(self) -> pd.Series:
        """The column in pandas' ``str`` dtype."""
        if self.column is not None:
            return as_series(self.column)
        texts = pa.array(self.texts, pa.large_string())
        pieces = [
            texts.take(pa.array(self.codes[rows], mask=self.codes[rows] < 0))
            for rows in by_rows(len(self.codes))
        ]
        return as_series(pa.chunked_array(pieces, pa.large_string()))


def words_of(column: pa.ChunkedArray | Packed) -> Words:
    """Find the different cells of a column of strings, null where the cell is empty."""
    exact: pa.ChunkedArray | None = None
    if isinstance(column, Packed) and column.coded:
        texts, codes = _of_pieces(column)
    else:
        exact = column.text() if isinstance(column, Packed) else column
        texts, codes = _of_text(exact)
    respaced = 0
    trimmed = [text.strip() for text in texts]
    if trimmed != texts or "" in trimmed:
        places: dict[str, int] = {}
        renumbered = [places.setdefault(text, len(places)) if text else -1 for text in trimmed]
        codes = np.array([*renumbered, -1], dtype=_CODES[narrowest(len(places))])[codes]
        respaced = sum(text != "" for text in trimmed) - len(places)
        texts = list(places)
        exact = None
    return Words(texts, codes, exact, respaced)


def _of_text(column: pa.ChunkedArray) -> tuple[list[str], np.ndarray]:
    """The different cells of a column, and which of them each row holds."""
    coded = pc.dictionary_encode(column if column.nbytes < _PIECE_LIMIT else column.cast(pa.large_string()))
    if not coded.num_chunks:
        return [], np.empty(0, np.int32)
    # All pieces share one dictionary.
    texts: list[str] = coded.chunk(0).dictionary.to_pylist()
    return texts, np.concatenate([codes_of(piece)[1] for piece in coded.chunks])


def _of_pieces(column: Packed) -> tuple[list[str], np.ndarray]:
    """The same for a column whose pieces have dictionaries, which become one."""
    pieces = [codes_of(piece) for piece in column.pieces]
    texts, joint = _of_text(pa.chunked_array([texts for texts, _ in pieces], pa.string()))
    codes = np.empty(len(column), _CODES[narrowest(len(texts))])
    start = first = 0
    for own_texts, own in pieces:
        table = np.append(joint[first : first + len(own_texts)], -1).astype(codes.dtype)
        codes[start : start + len(own)] = table[own]
        start, first = start + len(own), first + len(own_texts)
    if not column.whole:
        column.recode(texts, codes)
    return texts, codes


def has_foreign_digits(cells: Iterable[str]) -> bool:
    """Whether some cell has a digit that is none of 0 to 9."""
    return any(not cell.isascii() and _FOREIGN_DIGIT.search(cell) is not None for cell in cells)


def with_own_digits(words: Words) -> Words:
    """A column with the digits and marks of other scripts written as 0 to 9, point and comma."""
    return Words([_FOREIGN.sub(_own_digit, text) for text in words.texts], words.codes)


def _own_digit(match: re.Match[str]) -> str:
    return _MARKS.get(match[0]) or str(unicodedata.decimal(match[0], match[0]))


def as_series(column: pa.ChunkedArray) -> pd.Series:
    """A column of strings in pandas' ``str`` dtype, NaN where null."""
    return pd.Series(pd.StringDtype(na_value=np.nan).__from_arrow__(column))  # type: ignore[attr-defined]
