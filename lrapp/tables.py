"""The bytes of a file -> a table: its frame, the kind of each column, and what had to be repaired."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lrapp.errors import UserError
from lrapp.reading.bodies import Body, Repair, leave_out_empty_end
from lrapp.reading.by_format import read_by_format, types_for, unread
from lrapp.reading.column_records import Column, described
from lrapp.reading.columns import convert, read_column
from lrapp.reading.dates import date_shape
from lrapp.reading.decoding import decode
from lrapp.reading.dialects import (
    SAMPLE_BYTES,
    Dialect,
    DialectOverrides,
    detect,
    with_marks,
)
from lrapp.reading.formats import ColumnFormat
from lrapp.reading.given import Given
from lrapp.reading.kinds import Context, Kind, Read
from lrapp.reading.layouts import layout
from lrapp.reading.mending import Mender
from lrapp.reading.names import column_names, target_of, with_split_names, without_sign
from lrapp.reading.numerals import looks_numeric
from lrapp.reading.records import find_records
from lrapp.reading.rows import Plan, Types, choose_types, read_body
from lrapp.reading.rulings import without_rulings
from lrapp.reading.texts import TAB_RUN, WIDE_GAP, prepare_text
from lrapp.reading.totals import ends_in_total
from lrapp.reading.unpacking import unpack
from lrapp.reading.wrappings import without_wrappings

__all__ = ["Column", "ColumnFormat", "Dialect", "DialectOverrides", "Kind", "Repair", "Table", "read_csv"]

CELL_LIMIT = 150_000_000
COLUMN_LIMIT = 50_000
_HEAD_RECORDS = 500
_FEW_ROWS = 5000
_RUNS = {
    WIDE_GAP: "Two or more spaces were taken as the delimiter; single spaces stay in the cells.",
    TAB_RUN: "Tabs in a row were taken as one delimiter, which makes all rows even.",
}


@dataclass(frozen=True)
class Table:
    """A table as a network can be trained on.

    Args:
        name: Name of the file.
        frame: One column per column of the file: int64 or float64 for numbers, ``str`` for words, datetime64 for dates.
        columns: What is known about each.
        dialect: How the file was written, None for a spreadsheet.
        notes: Plain sentences on everything that was changed, decided or left out.
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
    _texts: Mapping[str, pa.ChunkedArray] = field(default_factory=dict, repr=False, compare=False)
    _given: Given = field(default_factory=Given, repr=False, compare=False)

    @property
    def kinds(self) -> dict[str, Kind]:
        """Kind of each column by its name."""
        return {column.name: column.kind for column in self.columns}

    def with_kinds(self, overrides: Mapping[str, Kind]) -> "Table":
        """Read columns anew as the kinds that the user chose.

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
                reads[name] = convert(self._text(name), Kind(kind), self._context(known[name]))
        return self._with(reads)

    def with_formats(self, formats: Mapping[str, ColumnFormat]) -> "Table":
        """Read columns anew by formats, as ``read_csv`` does that is given them.

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
        """The table with some columns as they were read anew."""
        if not reads:
            return self
        texts = {name: text for name, text in self._texts.items() if name not in reads}
        texts |= {name: self._text(name) for name, read in reads.items() if read.lossy}
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
        """Return the cells of a column that are dates; NaT in all others, however many they are.

        Args:
            name: A column of the table.
        """
        place = [column.name for column in self.columns].index(name)
        written = pd.Series(self._text(name).to_pylist(), index=self.frame.index, dtype="str").str.strip()
        shapes = written.map({text: date_shape([text]) for text in written.dropna().unique()})
        found = pd.Series(np.full(len(written), np.datetime64("NaT", "us")), index=written.index)
        for shape in shapes.dropna().unique():
            alike = pa.array(written.where(shapes == shape), type=pa.string(), from_pandas=True)
            with suppress(UserError):  # what only looks like dates
                read = convert(_chunked(alike), Kind.DATE, self._context(place))
                found = found.fillna(read.values.set_axis(found.index).astype(found.dtype))
        return found

    def unread(self, name: str) -> np.ndarray:
        """Return for each row whether its cell in a column says something that was not read as a value.

        Args:
            name: A column of the table.
        """
        column = next(column for column in self.columns if column.name == name)
        return unread(self._text(name), self.frame[name], column.format)

    def _text(self, name: str) -> pa.ChunkedArray:
        """The cells of a column as they are written, as far as that is known."""
        return self._texts[name] if name in self._texts else _as_text(self.frame[name])

    def _context(self, place: int) -> Context:
        return self._given.about(self.columns[place].name, place, len(self.columns), self.dialect)


def _as_text(values: pd.Series) -> pa.ChunkedArray:
    if pd.api.types.is_string_dtype(values.dtype):
        return _chunked(pa.array(values, type=pa.string(), from_pandas=True))
    array = pa.array(values, from_pandas=True)
    with suppress(pa.ArrowInvalid):  # as long numbers are written, not as 1e+12
        array = pc.cast(array, pa.int64()) if pa.types.is_floating(array.type) else array
    return _chunked(pc.cast(array, pa.string()))


def _chunked(array: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


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
        dialect: What the user knows better; the rest is found out.
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
    unpacked = unpack(bytes(data), name)
    notes = list(unpacked.notes)
    if unpacked.sheet is not None:
        return _read_sheet(unpacked.sheet, unpacked.name, notes, given)
    return _read_text(unpacked.data, unpacked.name, notes, given)


def _no_rows(only_names: bool) -> UserError:
    if only_names:
        return UserError(
            "The file must have rows below its column names, and this one has none. Upload one with rows."
        )
    return UserError("The file must hold a table, and this one is empty. Upload another one.")


def _no_rows_alike(width: int) -> UserError:
    return UserError(
        "The lines of the file must split into as many cells as there are column names, and below the last line of "
        f"{width:,} cells there is none. Choose another delimiter, or upload another file."
    )


def _read_text(data: bytes, name: str, notes: list[str], given: Given) -> Table:
    told = given.told
    decoded = decode(data, told.encoding)
    notes.extend([*([decoded.guess] if decoded.guess else []), *decoded.notes])
    ruled = without_rulings(decoded.data)
    if ruled.lines:
        notes.append(f"{_counted(len(ruled.lines), 'drawn line')} of dashes{_where(ruled.lines)} left out.")
    bare = without_wrappings(ruled.data)
    notes.extend(bare.notes)
    content = bare.data
    if not content[: 1 << 16].strip() and not content.strip():
        raise _no_rows(only_names=False)
    beginning = content[: 2 * SAMPLE_BYTES].decode("utf-8", errors="ignore")
    found = detect(beginning, decoded.encoding, told, given.names)
    if said := _RUNS.get(found.dialect.delimiter):
        notes.append(said)
    text = prepare_text(content, found.dialect.delimiter, found.dialect.quote, found.dialect.escape)
    records = find_records(text, found.width)
    filled: list[int] = []
    for place in range(records.count):
        if records.raw(place).strip() and records.line(place) > found.named_lines:
            filled.append(place)
        if len(filled) >= _HEAD_RECORDS:
            break
    if not filled:
        raise _no_rows(only_names=False)
    rows = [records.cells(place) for place in filled]
    rows = without_sign(rows, notes)
    if told.header is not False:
        rows = with_split_names(rows, notes)
    plan = layout(rows, told.header, given.names)
    _check_size(records.count, plan.width)
    header = rows[plan.skip : plan.skip + plan.header_rows]
    names, unnamed = column_names(header, plan, notes, given.names)
    if plan.skip:
        notes.append(f"{plan.skip} line{'s were' if plan.skip > 1 else ' was'} left out before the table.")
    if found.named_lines:
        notes.append("The first line, which only names the delimiter, was left out.")
    first_row = plan.skip + plan.header_rows
    first = filled[first_row] if first_row < len(filled) else records.count
    if first >= records.count:
        raise _no_rows(only_names=True) if not plan.skip else _no_rows_alike(plan.width)
    body_rows = rows[first_row:]
    final = with_marks(replace(found.dialect, header=bool(header)), body_rows, told)
    types = choose_types(body_rows, plan.width, final)
    if records.count < _FEW_ROWS or text.escaped or text.delimiter != text.written:
        types = Types([pa.string()] * plan.width)
    types = types_for(types, names, given.formats)
    mender = Mender(body_rows, plan.width, text.delimiter)
    body = read_body(Plan(records, first, types, header[0] if header else None, mender, mender.join))
    body.renumber(ruled.line)
    table = _assemble(name, body, names, unnamed, final, notes, given.beside(body_rows))
    return replace(table, to_predict=target_of(plan, header, names))


def _check_size(rows: int, width: int) -> None:
    if width > COLUMN_LIMIT:
        raise UserError(
            f"A table may have at most {COLUMN_LIMIT:,} columns. Received: {width:,}. Leave some out."
        )
    if rows * width > CELL_LIMIT:
        raise UserError(
            f"A table may have at most {CELL_LIMIT:,} cells. Received: {rows:,} rows of {width:,}. Leave some out."
        )


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


def _assemble(
    name: str,
    body: Body,
    names: list[str],
    unnamed: set[int],
    dialect: Dialect | None,
    notes: list[str],
    given: Given,
) -> Table:
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
        raise _no_rows(only_names=True)
    series: dict[str, pd.Series] = {}
    columns: list[Column] = []
    texts: dict[str, pa.ChunkedArray] = {}
    dropped: list[str] = []
    framed = dialect is not None and not dialect.header and dialect.delimiter == "|"
    for place, column_name in enumerate(names):
        text = body.columns[place]
        body.columns[place] = None
        droppable = place in unnamed or (framed and place in (0, width - 1))
        if droppable and text.null_count == len(text) and width > 1:
            dropped.append(column_name)
            continue
        about = given.about(column_name, place, width, dialect, unnamed=place in unnamed)
        written = given.formats.get(column_name)
        read = read_by_format(text, written, about) if written else read_column(text, about)
        series[column_name] = read.values
        columns.append(described(column_name, read))
        if read.lossy:
            texts[column_name] = text
        notes.extend(f"Column {column_name!r}: {note}." for note in read.notes)
    if nameless := [names[place] for place in sorted(unnamed) if names[place] not in dropped]:
        listed = ", ".join(map(repr, nameless[:5]))
        notes.append(f"{len(nameless)} column{'s' if len(nameless) > 1 else ''} had no name: {listed}.")
    if dropped:
        columns_gone = f"{len(dropped)} column{'s' if len(dropped) > 1 else ''} without name and values"
        notes.append(f"{columns_gone}{_were(len(dropped))} left out.")
    return Table(
        name=name,
        frame=pd.DataFrame(series, copy=False),
        columns=tuple(columns),
        dialect=dialect,
        notes=tuple(notes),
        repairs=tuple(body.repairs),
        repaired_rows=body.repaired_rows,
        _texts=texts,
        _given=given,
    )


def _read_sheet(sheet: Sequence[Sequence[str]], name: str, notes: list[str], given: Given) -> Table:
    """A spreadsheet has cells already; only the place of the table in it must be found."""
    end = _end_of_table(sheet)
    filled = [row for row in sheet[:end] if any(cell.strip() for cell in row)]
    below = sum(any(cell.strip() for cell in row) for row in sheet[end:])
    width = max(max(place for place, cell in enumerate(row) if cell.strip()) + 1 for row in filled)
    plan = layout([_cut(row) for row in filled[:_HEAD_RECORDS]], given.told.header, given.names)
    plan = replace(plan, width=max(plan.width, width))
    _check_size(len(filled), plan.width)
    rows = [[*row[: plan.width], *[""] * (plan.width - len(row))] for row in filled]
    header = rows[plan.skip : plan.skip + plan.header_rows]
    names, unnamed = column_names(header, plan, notes, given.names)
    if plan.skip:
        above = f"{_counted(plan.skip, 'row')} before the table"
        notes.append(f"{above}{_were(plan.skip)} left out.")
    body_rows = rows[plan.skip + plan.header_rows :]
    if not body_rows:
        raise _no_rows(only_names=True)
    columns = [
        pa.chunked_array([pa.array([row[place] or None for row in body_rows], pa.string())])
        for place in range(plan.width)
    ]
    body = Body(columns=columns)
    if below:
        body.left_out["footer"] = [0] * below
    if (blank := len(sheet) - len(filled) - below) > 0:
        body.left_out["empty"] = [0] * blank
    table = _assemble(name, body, names, unnamed, None, notes, given.beside(body_rows[:_HEAD_RECORDS]))
    return replace(table, to_predict=target_of(plan, header, names))


def _end_of_table(sheet: Sequence[Sequence[str]]) -> int:
    """Where rows of one cell of words each begin at the end of a spreadsheet, parted from the table by an empty row."""
    filled = [[cell for cell in row if cell.strip()] for row in sheet]
    last = len(filled)
    while last and (
        not filled[last - 1] or (len(filled[last - 1]) == 1 and not looks_numeric(filled[last - 1][0]))
    ):
        last -= 1
    wide = max(map(len, filled[:last]), default=0) > 1
    return next((place for place in range(last, len(sheet)) if wide and not filled[place]), len(sheet))


def _cut(row: Sequence[str]) -> list[str]:
    """A row without its empty end, so that lines above a table look as short as they are."""
    last = max((place for place, cell in enumerate(row) if cell.strip()), default=-1)
    return list(row[: last + 1])
