"""The file of a table -> its rows in portions, so that a long one is never in memory as a whole.

A long text table is cut at the ends of records, and each cut is read with the file's own line of names above it. A
column's format is decided over all of its cells, so what the portions say of it must agree; where it does not, or
a row had to be repaired, the caller has to read the file as a whole.
"""

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from lrapp.column_formats.as_learned import Way, chosen_encoding
from lrapp.column_formats.learned import ModelFormats
from lrapp.errors import UserError
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table
from lrapp.tables.text.dialects import DialectOverrides
from lrapp.tables.text.encodings import decode

PORTION_BYTES = 4 << 20
MOST_BYTES = 64 << 20
_BLOCK = 1 << 20
# Wide tables need more, so that a column's kind can be recognised.
_LEAST_ROWS = 2_000
_PACKED = (b"\x1f\x8b", b"PK", b"\xd0\xcf\x11\xe0")
_COUNTED = re.compile(r"(Column .*?: )?([\d,]+) (.*?)( \(.*\))?\.", re.DOTALL)
_DIGITS = re.compile(r"[\d.,]+")
_EMPTY_LINES = re.compile(r"[\d,]+ empty lines? (was|were) left out\.")


class ReadWhole(Exception):
    """The file must be read as a whole for its rows to be read rightly."""


@dataclass(frozen=True, eq=False)
class Portion:
    """Some rows of a file, and the share of it that has been read with them, 0 < share <= 1."""

    table: Table
    share: float


class Portions:
    """Reads a long text file portion by portion.

    Args:
        name: What the person calls it.
        needed: The columns that the reader will use, with the kind each is to have; others may be read differently
            from portion to portion.
        formats: How the model learned them; as they look where there are none.
    """

    def __init__(
        self, path: Path, name: str, needed: Mapping[str, ColumnKind], formats: ModelFormats | None = None
    ) -> None:
        self._path, self._name, self._needed = path, name, needed
        self._formats = formats or ModelFormats()
        self._families: dict[str, str] = {}
        self._plain: dict[str, None] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._details: dict[tuple[str, str], str] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes in the portions so far: plain sentences, with what was counted added up."""
        counted = (f"{key[0]}{count:,} {key[1]}{self._details[key]}." for key, count in self._counts.items())
        return (*self._plain, *counted)

    def __iter__(self) -> Iterator[Portion]:
        """Yield the portions in the order of the file.

        Raises:
            ReadWhole: If the file is short or packed, or its portions do not agree on how it is to be read; those
                that were yielded before are not to be used then.
            UnclearFormat: If a person must decide first how it is written.
            UserError: If there is no table in the file, or a unit is another than the model learned.
        """
        size = self._path.stat().st_size
        if size <= PORTION_BYTES:
            raise ReadWhole
        with self._path.open("rb") as file:
            text = _Text(file, self._encoding(file))
            piece = text.take('"')
            way = Way(self._name, self._needed, self._formats)
            first = way.read(piece, "utf-8")
            dialect = first.dialect
            if dialect is None or dialect.escape or dialect.quote == "'" or first.repaired_rows:
                raise ReadWhole
            self._take(first)
            yield Portion(first, min(1.0, file.tell() / size))
            names = _names_row(piece) if dialect.header else b""
            overrides = DialectOverrides("utf-8", dialect.delimiter, dialect.quote, dialect.header)
            rows = max(1, len(first.frame))
            text.portion = min(MOST_BYTES, max(PORTION_BYTES, len(piece) // rows * _LEAST_ROWS))
            # The first portion decides on each column for the others.
            said = {name: _said(first, name) for name in self._needed}
            while piece := text.take(dialect.quote):
                try:
                    table = way.read_more(names + piece, overrides)
                except UserError as error:
                    raise ReadWhole from error
                if (
                    table.dialect != dialect
                    or table.repaired_rows
                    or list(table.frame.columns) != list(first.frame.columns)
                    or not way.fits(table)
                    or any(_said(table, name) != said[name] for name in self._needed)
                    or not all(
                        note in self._plain or _EMPTY_LINES.fullmatch(note) for note in _of_table(table)
                    )
                ):
                    raise ReadWhole
                self._take(table)
                yield Portion(table, min(1.0, file.tell() / size))

    def _encoding(self, file: BinaryIO) -> str:
        block = file.read(PORTION_BYTES)
        file.seek(0)
        if block.startswith(_PACKED):
            raise ReadWhole
        if encoding := chosen_encoding(block, self._formats.dialect.encoding):
            return encoding
        # Whole lines, as half a letter at the end would look like another encoding.
        found = decode(block[: block.rfind(b"\n") + 1] or block)
        # With two bytes a letter the cut may fall within a letter; other repairs are found in the portions.
        if found.notes and not found.encoding.startswith(("utf-16", "utf-32")):
            raise ReadWhole  # bytes were mended or taken out
        if found.guess:
            self._plain[found.guess] = None
        return found.encoding

    def _take(self, table: Table) -> None:
        """Keep the notes, and check that no column changes from numbers to words or dates."""
        for name, kind in self._needed.items():
            if name not in table.frame.columns:
                continue
            family = _family(table.frame[name], kind)
            if family and self._families.setdefault(name, family) != family:
                raise ReadWhole
        for note in table.notes:
            if match := _COUNTED.fullmatch(note):
                key = (match[1] or "", match[3])
                self._counts[key] += int(match[2].replace(",", ""))
                self._details.setdefault(key, match[4] or "")
            else:
                self._plain[note] = None


class _Text:
    """The text of a file as UTF-8, in pieces that end where a record ends."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self.portion = PORTION_BYTES
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)("strict")
        self._rest = b""
        self._begun = self._ended = False

    def take(self, quote: str) -> bytes:
        """Return the next piece, empty at the end.

        Raises:
            ReadWhole: If no record ends for long, or the bytes do not fit the encoding.
        """
        wanted = self.portion
        while True:
            self._fill(wanted)
            cut = len(self._rest) if self._ended else _cut(self._rest, quote.encode())
            if cut or self._ended:
                piece, self._rest = self._rest[:cut], self._rest[cut:]
                return piece
            if wanted >= MOST_BYTES:
                raise ReadWhole
            wanted *= 2

    def _fill(self, wanted: int) -> None:
        blocks, held = [self._rest], len(self._rest)
        while held < wanted and not self._ended:
            block = self._file.read(_BLOCK)
            self._ended = not block
            try:
                text = self._decoder.decode(block, final=self._ended)
            except UnicodeDecodeError as error:
                raise ReadWhole from error
            if text and not self._begun:
                text, self._begun = text.removeprefix("\ufeff"), True
            blocks.append(text.encode("utf-8", "replace"))
            held += len(blocks[-1])
        self._rest = b"".join(blocks)


def _cut(text: bytes, quote: bytes) -> int:
    """Where the last record ends that is whole: at a line end with no quote open before it. 0 where none is."""
    end = text.rfind(b"\n") + 1
    if not quote:
        return end
    opened = text.count(quote, 0, end)
    while end and opened % 2:
        before = text.rfind(b"\n", 0, end - 1) + 1
        opened -= text.count(quote, before, end)
        end = before
    return end


def _names_row(text: bytes) -> bytes:
    """The file's first line that is not empty; if it is not that of the names, portions will not agree on them."""
    start = len(text) - len(text.lstrip(b"\r\n"))
    end = text.find(b"\n", start) + 1
    if text.count(b'"', start, end) % 2:
        raise ReadWhole
    return text[start:end]


def _of_table(table: Table) -> Iterator[str]:
    return (note for note in table.notes if not note.startswith("Column "))


def _said(table: Table, name: str) -> frozenset[str]:
    """Notes on a column's format, without figures; not those that only count cells."""
    start = f"Column {name!r}: "
    return frozenset(
        _DIGITS.sub("#", note)
        for note in table.notes
        if note.startswith(start) and not note[len(start)].isdigit()
    )


def _family(values: pd.Series, kind: ColumnKind) -> str:
    if values.isna().all():
        return ""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return "date"
    # Categories are known by their text, however they were read.
    if kind in (ColumnKind.NUMBER, ColumnKind.DATE) and pd.api.types.is_numeric_dtype(values.dtype):
        return "number"
    return "words"
