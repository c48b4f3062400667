"""The cells of a column as the file writes them, kept small: piece by piece as whole numbers, different words, or text.

A cell of one digit takes two bytes in a file, five as Arrow's text and eight as a number; a hundred million of them are
too many to have in all of these forms at once. So a column is packed as it is read, a stretch of the file at a time,
and unpacked only where that is needed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_PROBE = 20
_PROBED_WORDS = 1000
_ROWS = 1 << 20
_WHOLE = (pa.int8(), pa.int16(), pa.int32(), pa.int64())


class Packed:
    """A column of cells: text, or float64 where the file was read as that.

    Args:
        pieces: Its parts from the top: float64; strings; what ``packed`` makes of strings. Null where a cell is empty.
    """

    def __init__(self, pieces: Iterable[pa.Array]) -> None:
        self.pieces = [piece for piece in pieces if len(piece)]

    @classmethod
    def of(cls, column: "pa.ChunkedArray | Packed") -> "Packed":
        """The same column, packed if it is not."""
        if isinstance(column, Packed):
            return column
        return cls(map(packed, column.chunks))

    def __len__(self) -> int:
        """Rows."""
        return sum(map(len, self.pieces))

    @property
    def null_count(self) -> int:
        """Empty cells."""
        return sum(piece.null_count for piece in self.pieces)

    @property
    def floating(self) -> bool:
        """Whether the cells are float64, and their text is not known."""
        return any(pa.types.is_floating(piece.type) for piece in self.pieces)

    @property
    def whole(self) -> bool:
        """Whether every cell is a whole number as programs write it, or empty."""
        return bool(self.pieces) and all(pa.types.is_integer(piece.type) for piece in self.pieces)

    @property
    def coded(self) -> bool:
        """Whether each piece has a dictionary."""
        return bool(self.pieces) and all(
            pa.types.is_integer(piece.type) or pa.types.is_dictionary(piece.type) for piece in self.pieces
        )

    def text(self) -> pa.ChunkedArray:
        """All cells as strings."""
        return pa.chunked_array([as_text(piece) for piece in self.pieces], pa.string())

    def kept(self) -> pa.ChunkedArray:
        """The column as one Arrow column: whole numbers, words with a dictionary, or strings."""
        if self.whole:
            widest = max((piece.type for piece in self.pieces), key=lambda kind: kind.bit_width)
            return pa.chunked_array([piece.cast(widest) for piece in self.pieces])
        if self.coded and all(pa.types.is_dictionary(piece.type) for piece in self.pieces):
            for kind in _WHOLE:
                with suppress(pa.ArrowInvalid):  # then all different words of all pieces can be counted
                    return pa.chunked_array(
                        [
                            pa.DictionaryArray.from_arrays(piece.indices.cast(kind), piece.dictionary)
                            for piece in self.pieces
                        ]
                    ).unify_dictionaries()
        return self.text()

    def to_pylist(self) -> list[object]:
        """All cells, as text or numbers."""
        return [cell for piece in self.pieces for cell in (_cells(piece))]

    def head(self, rows: int) -> "Packed":
        """The first rows."""
        return self.slice(0, rows)

    def filled_head(self, rows: int) -> list[str]:
        """The texts in the first rows, without empty cells."""
        return [str(cell) for cell in self.head(rows).to_pylist() if cell is not None]

    def first_filled(self, cells: int) -> list[str]:
        """The first texts, without empty cells."""
        found: list[str] = []
        for piece in self.pieces:
            found += as_text(piece.drop_null().slice(0, cells - len(found))).to_pylist()
            if len(found) >= cells:
                break
        return found

    def slice(self, first: int, rows: int) -> "Packed":
        """Some rows that follow each other."""
        pieces: list[pa.Array] = []
        for piece in self.pieces:
            if first < len(piece) and rows > 0:
                part = piece.slice(first, rows)
                pieces.append(part if len(part) == len(piece) else _tidy(part))
                rows -= len(part)
            first = max(0, first - len(piece))
        return Packed(pieces)

    def is_filled(self, place: int) -> bool:
        """Whether a cell is not empty."""
        for piece in self.pieces:
            if place < len(piece):
                return bool(piece[place].is_valid)
            place -= len(piece)
        raise IndexError(place)

    def masks(self, predicate: Callable[[pa.Array], pa.Array], *, bare: bool = False) -> list[pa.Array]:
        """For each piece, a mask of the cells for which a predicate holds.

        Args:
            predicate: Strings -> booleans, null for null.
            bare: Whether it holds for no number as programs write it.
        """
        return [_mask(piece, predicate, bare) for piece in self.pieces]

    def holds(self, text: str) -> list[pa.Array]:
        """For each piece, which cells are exactly a text."""
        number = text.isascii() and text.removeprefix("-").isdigit()
        return self.masks(lambda cells: pc.equal(cells, text), bare=not number)

    def filter(self, masks: Sequence[pa.Array]) -> "Packed":
        """The rows for which the masks, one a piece, are true."""
        return Packed(
            piece if keep.true_count == len(piece) else _tidy(piece.filter(keep))
            for piece, keep in zip(self.pieces, masks, strict=True)
        )

    def map(self, change: Callable[[pa.Array], pa.Array]) -> "Packed":
        """The column with each piece of text changed, by strings -> as many strings; whole numbers stay as they are."""
        return Packed(
            piece if pa.types.is_integer(piece.type) else packed(change(as_text(piece)))
            for piece in self.pieces
        )

    def numbers(self, kind: pa.DataType) -> np.ndarray | None:
        """All cells as numbers; None when one is no number as programs write it.

        Args:
            kind: int64 or float64. Whole numbers with gaps come as float64.
        """
        values = np.empty(len(self), np.float64 if self.null_count else kind.to_pandas_dtype())
        start = 0
        for piece in self.pieces:
            try:
                _cast(piece.slice(0, _PROBE), kind)
                read = _cast(piece, kind)
            except pa.ArrowInvalid:
                return None
            values[start : start + len(piece)] = read.to_numpy(zero_copy_only=False)
            start += len(piece)
        return values

    def taken(self) -> np.ndarray:
        """All cells as numbers, of a column without text; its pieces become views of them.

        Whole numbers without a gap come as int64, from which their text can be restored.
        """
        gaps = self.null_count
        if len(self.pieces) == 1 and self.pieces[0].type == pa.float64():
            return self.pieces[0].to_numpy(zero_copy_only=False)
        values = np.empty(len(self), np.int64 if self.whole and not gaps else np.float64)
        keep = list(self.pieces) if self.whole and gaps else None
        start = 0
        while self.pieces:
            piece = self.pieces.pop(0)
            size = len(piece)
            values[start : start + size] = piece.to_numpy(zero_copy_only=False)
            start += size
        self.pieces = keep or ([pa.array(values, from_pandas=True)] if len(values) else [])
        return values

    def recode(self, texts: Sequence[str], codes: np.ndarray) -> None:
        """Replace all pieces by one, which shares memory with the given arrays.

        Args:
            texts: The different cells.
            codes: For each row its place in ``texts``, -1 where it is empty.
        """
        known = pa.py_buffer(np.packbits(codes >= 0, bitorder="little"))
        indices = pa.Array.from_buffers(
            _WHOLE[narrowest(len(texts))], len(codes), [known, pa.py_buffer(codes)]
        )
        self.pieces = [pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string()))]


def packed(text: pa.Array) -> pa.Array:
    """The smallest form from which strings can be restored exactly.

    Args:
        text: Strings; anything else comes back as it is.

    Returns:
        int8 to int64, where every cell is a whole number as programs write it; a dictionary, where cells repeat; else
        the strings.
    """
    if text.type != pa.string() or not len(text):
        return text
    if text.null_count == len(text):
        return pa.nulls(len(text), pa.int8())
    if (whole := _whole_numbers(text)) is not None:
        return whole
    probe = text.slice(0, _PROBED_WORDS)
    if pc.count_distinct(probe).as_py() > len(probe) // 2:
        return text
    coded = pc.dictionary_encode(text)
    different = len(coded.dictionary)
    if different > len(text) // 2:
        return text
    return pa.DictionaryArray.from_arrays(coded.indices.cast(_WHOLE[narrowest(different)]), coded.dictionary)


def narrowest(most: int, least: int = 0) -> int:
    """The place among signed whole numbers of 1, 2, 4 and 8 bytes of the first that holds a range."""
    return next(
        place for place, bits in enumerate((7, 15, 31, 63)) if -(1 << bits) <= least and most < 1 << bits
    )


def _whole_numbers(text: pa.StringArray) -> pa.Array | None:
    """Strings as whole numbers, None if some could not be restored exactly."""
    longest = pc.max(pc.binary_length(text)).as_py()
    kind = next(
        (kind for kind, digits in zip(_WHOLE, (2, 4, 9), strict=False) if longest <= digits), pa.int64()
    )
    try:
        pc.cast(text.slice(0, _PROBE), kind)
        values = pc.cast(text, kind)
    except pa.ArrowInvalid:
        return None
    offsets = np.frombuffer(text.buffers()[1], np.int32)[text.offset : text.offset + len(text) + 1]
    signs = np.frombuffer(text.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    if signs.max() > ord("9"):  # 0x1F
        return None
    extent = pc.min_max(values)
    least, most = extent["min"].as_py(), extent["max"].as_py()
    small = values.cast(_WHOLE[narrowest(most, least)])
    known = (small.fill_null(0) if small.null_count else small).to_numpy()
    # The canonical text of a number is its shortest: leading zeros, or a minus before zero, make it longer.
    length = len(text) - text.null_count + int(np.count_nonzero(known < 0))
    for digits in range(1, 19):
        above, below = 10**digits <= most, -(10**digits) >= least
        if not above and not below:
            break
        length += int(np.count_nonzero(known >= 10**digits)) if above else 0
        length += int(np.count_nonzero(known <= -(10**digits))) if below else 0
    return small if length == len(signs) else None


def as_text(piece: pa.Array) -> pa.Array:
    """A piece as strings."""
    if pa.types.is_dictionary(piece.type):
        return piece.dictionary_decode()
    return piece if piece.type == pa.string() else piece.cast(pa.string())


def codes_of(piece: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """The different texts of a piece of whole numbers or words, and for each row which it is, -1 where it is empty."""
    if not pa.types.is_dictionary(piece.type):
        piece = pc.dictionary_encode(piece)
    indices = piece.indices.fill_null(-1) if piece.indices.null_count else piece.indices
    return as_text(piece.dictionary), indices.to_numpy()


def give_back(before: int, now: int) -> None:
    """Let Arrow's allocator return free memory, once for each million cells or so.

    Args:
        before, now: Cells that had been freed when it was last asked, and those that are.
    """
    if before // _ROWS != now // _ROWS:
        pa.default_memory_pool().release_unused()


def by_rows(rows: int) -> Iterator[slice]:
    """Stretches of a long array, for work that needs memory of its own."""
    for start in range(0, rows, _ROWS):
        yield slice(start, min(rows, start + _ROWS))


def _cells(piece: pa.Array) -> list[object]:
    return (piece if pa.types.is_floating(piece.type) else as_text(piece)).to_pylist()


def _cast(piece: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(piece.type):
        return pc.cast(piece.dictionary, kind).take(piece.indices)
    return pc.cast(piece, kind, safe=pa.types.is_string(piece.type))


def _mask(piece: pa.Array, predicate: Callable[[pa.Array], pa.Array], bare: bool) -> pa.Array:
    if bare and pa.types.is_integer(piece.type):
        return pa.repeat(False, len(piece))
    if pa.types.is_dictionary(piece.type):
        return predicate(piece.dictionary).take(piece.indices)
    return predicate(as_text(piece))


def _tidy(piece: pa.Array) -> pa.Array:
    """A slice of a piece, without words of other slices in its dictionary."""
    return packed(as_text(piece)) if pa.types.is_dictionary(piece.type) else piece
