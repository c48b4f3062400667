"""The bytes of a file -> a table: its frame, the kind of each column, and what had to be repaired."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lrapp.errors import UserError
from lrapp.tables.columns.coded_gaps import as_written, gaps_in, without_codes
from lrapp.tables.columns.column_records import Column, described
from lrapp.tables.columns.conversion import convert, distinct_in, read_column
from lrapp.tables.columns.dates import date_shape
from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import ColumnKind, Context, Read, count
from lrapp.tables.columns.packed import Packed, give_back
from lrapp.tables.file_kinds import unpack
from lrapp.tables.text.by_format import read_by_format, types_for, unread
from lrapp.tables.text.column_names import column_names, said_of, with_split_names, without_sign
from lrapp.tables.text.delimited_text import TAB_RUN, WIDE_GAP, prepare_text
from lrapp.tables.text.dialects import (
    SAMPLE_BYTES,
    Dialect,
    DialectOverrides,
    detect,
    has_na_in_numbers,
    with_marks,
)
from lrapp.tables.text.encodings import decode
from lrapp.tables.text.known_before import Given
from lrapp.tables.text.layouts import layout
from lrapp.tables.text.line_wrappers import without_wrappings
from lrapp.tables.text.records import Records, find_records
from lrapp.tables.text.row_reader import Plan, Types, choose_types, read_body
from lrapp.tables.text.row_repair import Mender
from lrapp.tables.text.ruled_lines import without_rulings
from lrapp.tables.text.sheets import read_sheet
from lrapp.tables.text.table_body import HEAD_RECORDS, Repair, Rows, check_size, leave_out_empty_end, no_rows
from lrapp.tables.text.total_rows import ends_in_total

_FEW_ROWS = 5000
_USED = (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.YES_NO, ColumnKind.DATE)
# Kinds that cells may seem to have although a header names another one: numbers can be categories and times, too.
_OTHERWISE = {
    ColumnKind.CATEGORY: (ColumnKind.NUMBER,),
    ColumnKind.DATE: (ColumnKind.NUMBER,),
    ColumnKind.IDENTIFIER: _USED,
}
_RUNS = {
    WIDE_GAP: "Two or more spaces were taken as the delimiter; single spaces stay in the cells.",
    TAB_RUN: "Tabs in a row were taken as one delimiter, which makes all rows even.",
}


@dataclass(frozen=True)
class Table:
    """A table as a network can be trained on.

    Args:
        frame: One column per column of the file: int64 or float64 for numbers, ``str`` for words, datetime64 for dates.
        dialect: How the file was written, None for a spreadsheet.
        notes: Plain sentences on all that was changed, decided or left out.
        repairs: The first 1,000 rows that had to be repaired.
        repaired_rows: How many there are in all.
        to_predict: Name of the column that a row below the names says is the class or target, else ``""``.
    """

    name: str
    frame: pd.DataFrame
    columns: tuple[Column, ...]
    dialect: Dialect | None
    notes: tuple[str, ...]
    repairs: tuple[Repair, ...]
    repaired_rows: int
    to_predict: str = ""
    sheets: tuple[str, ...] = ()
    _texts: Mapping[str, pa.ChunkedArray] = field(default_factory=dict, repr=False, compare=False)
    _given: Given = field(default_factory=Given, repr=False, compare=False)

    @property
    def kinds(self) -> dict[str, ColumnKind]:
        """Kind of each column by its name."""
        return {column.name: column.kind for column in self.columns}

    def with_kinds(self, overrides: Mapping[str, ColumnKind]) -> "Table":
        """Read columns again as the kinds that the user chose.

        Args:
            overrides: Column name -> kind; columns that already have it stay as they are.

        Raises:
            UserError: If a name is unknown or no value of a column can be read as its kind.
        """
        known = {column.name: place for place, column in enumerate(self.columns)}
        reads: dict[str, Read] = {}
        for name, kind in overrides.items():
            if name not in known:
                raise UserError(f"The table must have the column whose kind is chosen. Received: {name!r}.")
            if self.columns[known[name]].kind is not kind:
                reads[name] = convert(self._text(name), ColumnKind(kind), self._context(known[name]))
        return self._with(reads)

    def as_said(self, kinds: Mapping[str, ColumnKind]) -> "Table":
        """Read columns again as the kinds that the header names, where their cells alone suggest others.

        Args:
            kinds: Column name -> kind; names that the table does not have are passed over, and so are those whose
                format is known.
        """
        reads: dict[str, Read] = {}
        for place, column in enumerate(self.columns):
            kind = kinds.get(column.name)
            if kind is None or column.name in self._given.formats or column.kind not in _OTHERWISE[kind]:
                continue
            with suppress(UserError):  # columns that cannot be read so keep their kind
                read = convert(self._text(column.name), kind, self._context(place))
                said = "left out" if kind is ColumnKind.IDENTIFIER else f"a {kind.value}"
                note = f"{said}, as the header says"
                reads[column.name] = replace(read, reason="the header says so", notes=(*read.notes, note))
        return self._with(reads)

    def with_gap_codes(self, codes: Mapping[str, Collection[float]]) -> "Table":
        """Read columns again with some numbers as gaps.

        Args:
            codes: Column name -> numbers that stand for a missing value; names that the table does not have are passed
                over, and so are numbers that a column does not hold.
        """
        reads: dict[str, Read] = {}
        texts = dict(self._texts)
        for place, column in enumerate(self.columns):
            chosen = tuple(sorted(set(codes.get(column.name, ())) - set(column.format.gap_codes)))
            if not chosen:
                continue
            cells, found = without_codes(self._text(column.name), chosen, column.format)
            texts[column.name] = cells.kept()
            read = read_column(cells, self._context(place)) if found else None
            if read is None or (read.kind is ColumnKind.CONSTANT and column.kind is not ColumnKind.CONSTANT):
                # Nothing to change, or nothing left: such a column is what it was, with more gaps.
                read = _as_it_is(column, self.frame[column.name], chosen)
            said = " or ".join(map(as_written, chosen))
            note = f"{count(found, 'cell')} with {said} counted as missing, as chosen" if found else ""
            written = replace(read.written, gap_codes=(*column.format.gap_codes, *chosen))
            notes = (*read.notes, note) if note else read.notes
            reads[column.name] = replace(read, notes=notes, format=written, lossy=True)
        return replace(self, _texts=texts)._with(reads)

    def with_formats(self, formats: Mapping[str, ColumnFormat]) -> "Table":
        """Read columns again by formats, as ``read_csv`` does if it is given them.

        Args:
            formats: Column name -> how it is written; names that the table does not have are passed over.
        """
        return self._with(
            {
                column.name: read_by_format(
                    self._text(column.name), formats[column.name], self._context(place)
                )
                for place, column in enumerate(self.columns)
                if column.name in formats
            }
        )

    def _with(self, reads: Mapping[str, Read]) -> "Table":
        """The table with some columns replaced."""
        if not reads:
            return self
        texts = {name: text for name, text in self._texts.items() if name not in reads}
        texts |= {name: self._text(name).kept() for name, read in reads.items() if read.lossy}
        codes = {column.name: column.format.gap_codes for column in self.columns if column.format.gap_codes}
        reads = {
            name: replace(read, format=replace(read.written, gap_codes=codes[name]))
            if name in codes and not read.written.gap_codes
            else read
            for name, read in reads.items()
        }
        gone = tuple(f"Column {name!r}: " for name in reads)
        notes = [note for note in self.notes if not note.startswith(gone)]
        notes.extend(f"Column {name!r}: {note}." for name, read in reads.items() for note in read.notes)
        values = {
            name: reads[name].values if name in reads else self.frame[name] for name in self.frame.columns
        }
        columns = [described(one.name, reads[one.name]) if one.name in reads else one for one in self.columns]
        frame = pd.DataFrame(values, copy=False)
        return replace(self, frame=frame, columns=tuple(columns), notes=tuple(notes), _texts=texts)

    def dates_in(self, name: str) -> pd.Series:
        """Return the cells of a column that are dates, and NaT for all others."""
        place = [column.name for column in self.columns].index(name)
        written = pd.Series(
            self._text(name).text().to_pylist(), index=self.frame.index, dtype="str"
        ).str.strip()
        shapes = written.map({text: date_shape([text]) for text in written.dropna().unique()})
        found = pd.Series(np.full(len(written), np.datetime64("NaT", "us")), index=written.index)
        for shape in shapes.dropna().unique():
            alike = pa.array(written.where(shapes == shape), type=pa.string(), from_pandas=True)
            with suppress(UserError):  # only seemingly dates
                read = convert(Packed([alike]), ColumnKind.DATE, self._context(place))
                found = found.fillna(read.values.set_axis(found.index).astype(found.dtype))
        return found

    def unread(self, name: str) -> np.ndarray:
        """Return for each row whether its cell in a column has a text that was not read as a value."""
        column = next(column for column in self.columns if column.name == name)
        return unread(self._text(name), self.frame[name], column.format)

    def _text(self, name: str) -> Packed:
        """The cells of a column as they are written, as far as that is known."""
        return Packed.of(self._texts[name]) if name in self._texts else _as_text(self.frame[name])

    def _context(self, place: int) -> Context:
        return self._given.about(self.columns[place].name, place, len(self.columns), self.dialect)


def _as_it_is(column: Column, values: pd.Series, codes: Collection[float]) -> Read:
    """A column with some numbers missing, and otherwise as it was read."""
    left = values.mask(gaps_in(values, codes))
    return Read(column.kind, column.reason, left, distinct_in(left), format=column.format)


def _as_text(values: pd.Series) -> Packed:
    if pd.api.types.is_string_dtype(values.dtype):
        return Packed([pa.array(values, type=pa.string(), from_pandas=True)])
    cells = pa.array(values, from_pandas=True)
    with suppress(pa.ArrowInvalid):  # as long numbers are written, not as 1e+12
        cells = pc.cast(cells, pa.int64()) if pa.types.is_floating(cells.type) else cells
    return Packed([cells if pa.types.is_integer(cells.type) else pc.cast(cells, pa.string())])


def read_csv(
    data: bytes,
    name: str,
    *,
    dialect: DialectOverrides | None = None,
    known_names: Collection[str] = (),
    formats: Mapping[str, ColumnFormat] | None = None,
) -> Table:
    """Read a table from the bytes of a file: CSV in any dialect, packed or not, or a spreadsheet.

    Args:
        data: Bytes of the file.
        name: Its name, for sentences only.
        dialect: The user's choices; the rest is detected.
        known_names: Names that columns may have, as of a model that asks for them. A row of them (in any order, some
            of them, or others beside) is the header, and one of them alone in its line that of a table of one column.
        formats: How columns are known to be written, by name, as a model learned them. They are read by that, whatever
            their cells look like; those that do not fit have no value and are counted in ``Column.misfits``.

    Raises:
        UserError: If there is no table in it, or more than fits.
    """
    given = Given(dialect or DialectOverrides(), tuple(known_names), formats or {})
    if not data:
        raise UserError("The file must hold a table, and this one is empty. Upload another one.")
    unpacked = unpack(bytes(data), name, sheet=given.chosen.sheet)
    notes, name = list(unpacked.notes), unpacked.name
    # Each form of the file is released as soon as the next one exists, since it may be larger than the file.
    if unpacked.sheet is not None:
        sheets, titles = [unpacked.sheet], unpacked.sheets
        del data, unpacked
        table = _assemble(name, read_sheet(sheets.pop(), notes, given), notes, given)
        return replace(table, sheets=titles)
    texts = [unpacked.data]
    del data, unpacked
    return _assemble(name, _read_text(texts.pop(), notes, given), notes, given)


def _no_rows_alike(width: int) -> UserError:
    return UserError(
        "The lines of the file must split into as many cells as there are column names, and below the last line of "
        f"{width:,} cells there is none. Choose another delimiter, or upload another file."
    )


def _read_text(data: bytes, notes: list[str], given: Given) -> Rows:
    chosen = given.chosen
    decoded = decode(data, chosen.encoding)
    del data
    notes.extend([*([decoded.guess] if decoded.guess else []), *decoded.notes])
    encoding, ruled = decoded.encoding, without_rulings(decoded.data)
    del decoded
    if ruled.lines:
        notes.append(f"{_counted(len(ruled.lines), 'drawn line')} of dashes{_where(ruled.lines)} left out.")
    bare = without_wrappings(ruled.data)
    notes.extend(bare.notes)
    content, ruled = bare.data, replace(ruled, data=b"")
    del bare
    if not content[: 1 << 16].strip() and not content.strip():
        raise no_rows(only_names=False)
    beginning = content[: 2 * SAMPLE_BYTES].decode("utf-8", errors="ignore")
    found = detect(beginning, encoding, chosen, given.names)
    if said := _RUNS.get(found.dialect.delimiter):
        notes.append(said)
    text = prepare_text(content, found.dialect.delimiter, found.dialect.quote, found.dialect.escape)
    del content
    records = find_records(text, found.width)
    filled = _filled(records, found.named_lines)
    if not filled:
        raise no_rows(only_names=False)
    rows = [records.cells(place) for place in filled]
    rows = without_sign(rows, notes)
    if chosen.header is not False:
        rows = with_split_names(rows, notes)
    plan = layout(rows, chosen.header, given.names)
    check_size(records.count, plan.width)
    header = rows[plan.skip : plan.skip + plan.header_rows]
    names, unnamed = column_names(header, plan, notes, given.names)
    if plan.skip:
        notes.append(f"{plan.skip} line{'s were' if plan.skip > 1 else ' was'} left out before the table.")
    if found.named_lines:
        notes.append("The first line, which only names the delimiter, was left out.")
    first_row = plan.skip + plan.header_rows
    first = filled[first_row] if first_row < len(filled) else records.count
    if first >= records.count:
        raise no_rows(only_names=True) if not plan.skip else _no_rows_alike(plan.width)
    body_rows = rows[first_row:]
    final = with_marks(replace(found.dialect, header=bool(header)), body_rows, chosen)
    types = choose_types(body_rows, plan.width, final)
    if records.count < _FEW_ROWS or text.escaped or text.delimiter != text.written:
        types = Types([pa.string()] * plan.width)
    types = types_for(types, names, given.formats)
    mender = Mender(body_rows, plan.width, text.delimiter)
    body = read_body(Plan(records, first, types, header[0] if header else None, mender, mender.join))
    body.renumber(ruled.line)
    na = has_na_in_numbers(body_rows)
    return Rows(body, names, unnamed, final, said_of(plan, header, names, given.names), na)


def _filled(records: Records, after: int) -> list[int]:
    """The first records that are not blank, below some lines."""
    filled: list[int] = []
    for place in range(records.count):
        if records.raw(place).strip() and records.line(place) > after:
            filled.append(place)
        if len(filled) >= HEAD_RECORDS:
            break
    return filled


_LEFT_OUT = {
    "empty": "empty line",
    "empty row": "row without a value",
    "empty row at the end": "empty row at the end",
    "comment": "comment line",
    "footer": "line below the table",
    "total": "row of totals at the end",
    "header again": "repeated line of column names",
}


def _counted(number: int, noun: str) -> str:
    """A number with its noun, of which the first word that can takes the plural."""
    if number > 1:
        noun = noun.replace("line", "lines", 1).replace("row", "rows", 1)
    return f"{number:,} {noun}"


def _where(lines: Sequence[int]) -> str:
    return f" (line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:5]))}){_were(len(lines))}"


def _were(number: int) -> str:
    return " was" if number == 1 else " were"


def _assemble(name: str, rows: Rows, notes: list[str], given: Given) -> Table:
    body, names, unnamed, dialect = rows.body, rows.names, rows.unnamed, rows.dialect
    given = replace(given, na_in_numbers=rows.na_in_numbers)
    width = len(names)
    about = given.about("", 0, width, dialect)
    if ends_in_total(body.columns, names, about.decimal, about.thousands):
        body.columns = [column.slice(0, len(column) - 1) for column in body.columns]
        body.left_out["total"] = [0]
        leave_out_empty_end(body)
    for reason, lines in body.left_out.items():
        where = "" if reason == "empty" or not all(lines) else _where(lines)
        notes.append(f"{_counted(len(lines), _LEFT_OUT[reason])}{where or _were(len(lines))} left out.")
    if body.repaired_rows:
        notes.append(f"{body.repaired_rows:,} row{'s' if body.repaired_rows > 1 else ''} had to be repaired.")
    if not body.columns or not len(body.columns[0]):
        raise no_rows(only_names=True)
    series: dict[str, pd.Series] = {}
    columns: list[Column] = []
    texts: dict[str, pa.ChunkedArray] = {}
    dropped: list[str] = []
    give_back(0, width * len(body.columns[0]))
    framed = dialect is not None and not dialect.header and dialect.delimiter == "|"
    for place, column_name in enumerate(names):
        cells, body.columns[place] = body.columns[place], Packed(())
        droppable = place in unnamed or (framed and place in (0, width - 1))
        if droppable and cells.null_count == len(cells) and width > 1:
            dropped.append(column_name)
            continue
        about = given.about(column_name, place, width, dialect, unnamed=place in unnamed)
        written = given.formats.get(column_name)
        read = read_by_format(cells, written, about) if written else read_column(cells, about)
        series[column_name] = read.values
        columns.append(described(column_name, read))
        if read.lossy:
            texts[column_name] = cells.kept()
        height = len(cells)
        del cells
        give_back(place * height, (place + 1) * height)
        notes.extend(f"Column {column_name!r}: {note}." for note in read.notes)
    if nameless := [names[place] for place in sorted(unnamed) if names[place] not in dropped]:
        listed = ", ".join(map(repr, nameless[:5]))
        notes.append(f"{len(nameless)} column{'s' if len(nameless) > 1 else ''} had no name: {listed}.")
    if dropped:
        columns_gone = f"{len(dropped)} column{'s' if len(dropped) > 1 else ''} without name and values"
        notes.append(f"{columns_gone}{_were(len(dropped))} left out.")
    table = Table(
        name=name,
        frame=pd.DataFrame(series, copy=False),
        columns=tuple(columns),
        dialect=dialect,
        notes=tuple(notes),
        repairs=tuple(body.repairs),
        repaired_rows=body.repaired_rows,
        to_predict=rows.said.to_predict,
        _texts=texts,
        _given=given,
    )
    return table.as_said({names[place]: kind for place, kind in rows.said.kinds.items()})
