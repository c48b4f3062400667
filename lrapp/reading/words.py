"""A column of text as its different cells and where each stands: what is asked of a cell is asked once."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_FOREIGN_DIGIT = re.compile(r"(?![0-9])\d")
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_MARKS = {"٫": ".", "٬": ",", "．": ".", "，": ",", "－": "-", "％": "%"}
_PIECE_LIMIT = 1 << 30


@dataclass(frozen=True)
class Words:
    """A column of text.

    Args:
        texts: Its different cells, without surrounding spaces and without the empty one.
        codes: For each row the place in ``texts``, -1 where the cell is empty.
        column: The column itself where its cells are the texts to the letter, so that it need not be made again.
        respaced: Different texts that became one when the spaces around them were removed, less that one.
    """

    texts: list[str]
    codes: np.ndarray
    column: pa.ChunkedArray | None = None
    respaced: int = 0

    @cached_property
    def counts(self) -> np.ndarray:
        """How often each text appears; most columns never ask."""
        return np.bincount(self.codes.astype(np.int64) + 1, minlength=len(self.texts) + 1)[1:]

    @cached_property
    def filled(self) -> int:
        """Rows that are not empty."""
        return int(np.count_nonzero(self.codes >= 0))

    def without(self, places: Iterable[int]) -> "Words":
        """The column with some texts counted as empty cells."""
        gone = np.zeros(len(self.texts) + 1, dtype=bool)
        gone[list(places)] = True
        keep = ~gone[:-1]
        renumbered = np.full(len(self.texts) + 1, -1, dtype=np.int64)
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
        indices = pa.array(np.where(self.codes < 0, 0, self.codes), mask=self.codes < 0, type=pa.int64())
        column = pa.array(self.texts, pa.large_string()).take(indices)
        return as_series(pa.chunked_array([column]))


def words_of(column: pa.ChunkedArray) -> Words:
    """Find the different cells of a column of strings.

    Args:
        column: Strings, null where the cell is empty.
    """
    coded = pc.dictionary_encode(column if column.nbytes < _PIECE_LIMIT else column.cast(pa.large_string()))
    if not coded.num_chunks:
        return Words([], np.empty(0, np.int32))
    # All pieces share one list of different texts, the same that each of them brings along.
    texts: list[str] = coded.chunk(0).dictionary.to_pylist()
    codes = np.concatenate([_codes(piece) for piece in coded.chunks])
    respaced = 0
    exact: pa.ChunkedArray | None = column
    trimmed = [text.strip() for text in texts]
    if trimmed != texts or "" in trimmed:
        places: dict[str, int] = {}
        renumbered = [places.setdefault(text, len(places)) if text else -1 for text in trimmed]
        codes = np.array([*renumbered, -1], dtype=np.int64)[codes]
        respaced = sum(text != "" for text in trimmed) - len(places)
        texts = list(places)
        exact = None
    return Words(texts, codes, exact, respaced)


def _codes(piece: pa.DictionaryArray) -> np.ndarray:
    indices = piece.indices.fill_null(-1) if piece.indices.null_count else piece.indices
    return indices.to_numpy(zero_copy_only=False)


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
    return pd.Series(pd.StringDtype(na_value=np.nan).__from_arrow__(column))
