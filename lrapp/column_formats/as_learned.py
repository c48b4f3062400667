"""The bytes of a new file -> its table, read in the formats of the model's table."""

import codecs
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from lrapp.column_formats import match
from lrapp.column_formats.learned import ModelFormats
from lrapp.column_formats.match import Plan, Reading
from lrapp.column_formats.written import Written, look
from lrapp.errors import UserError
from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table, read_csv
from lrapp.tables.text.dialects import DialectOverrides

_AS_IT_STANDS = ColumnFormat(ColumnKind.TEXT)
_TOLD_APART = (ColumnKind.NUMBER, ColumnKind.DATE, ColumnKind.YES_NO)


class Way:
    """How one file is read for a model: decided on its first rows, and kept for the others.

    Args:
        needed: Names of columns that it should have.
        formats: How the model learned its columns, and what a person decided on this file.
        asked_with: Columns without which nobody is asked anything, as the file is of no use.
    """

    def __init__(
        self, name: str, needed: Collection[str], formats: ModelFormats, asked_with: Collection[str] = ()
    ) -> None:
        self._name, self._known, self._formats = name, {*needed, *formats.columns}, formats
        self._needed, self._asked_with = set(needed), set(asked_with)
        self._plan = Plan({}, (), ())

    def read(self, data: bytes, encoding: str | None = None) -> Table:
        """Return the table of a file, or of its first rows.

        Args:
            data: The bytes.

        Raises:
            UnclearFormat: If a person must decide first how it is written.
            UserError: If there is no table in it, or a unit is another than the model learned.
        """
        raw = self._as_it_stands(data, encoding)
        if not self._formats.columns:
            return raw
        file = {
            name: _looked_at(raw.frame[name], learned.kind)
            for name, learned in self._formats.columns.items()
            if name in raw.frame.columns
        }
        plan = match.match(self._formats.columns, file, self._formats.choice, typed=raw.dialect is None)
        if self._asked_with <= set(raw.frame.columns):
            match.check(plan, self._name)
        self._plan = plan
        table = raw.with_formats({name: reading.format for name, reading in plan.readings.items()})
        return replace(table, frame=_converted(table.frame, plan.readings), notes=(*table.notes, *plan.notes))

    def read_more(self, data: bytes, dialect: DialectOverrides) -> Table:
        """Return further rows, read as the first were.

        Args:
            data: The names of the columns, and rows below them.

        Raises:
            UserError: If there is no table in it.
        """
        formats = {name: reading.format for name, reading in self._plan.readings.items()}
        table = read_csv(data, self._name, dialect=dialect, known_names=self._known, formats=formats)
        return replace(table, frame=_converted(table.frame, self._plan.readings))

    def fits(self, table: Table) -> bool:
        """Return whether further rows are written as the first were; a cell that is no number at all is no matter."""
        misfits = [column.name for column in table.columns if column.misfits]
        for name, reading in self._plan.readings.items():
            if name in misfits and reading.format.kind in (ColumnKind.NUMBER, ColumnKind.DATE):
                there = look(
                    table.with_kinds({name: ColumnKind.TEXT})
                    .frame[name][table.unread(name)]
                    .unique()
                    .tolist()
                )
                if there.decimal or there.unclear or there.order or there.unit or there.currency:
                    return False
        return True

    def _as_it_stands(self, data: bytes, encoding: str | None) -> Table:
        """The table with the columns of the model's formats left as text."""
        texts = {
            name: _AS_IT_STANDS if learned.kind in _TOLD_APART else learned.format
            for name, learned in self._formats.columns.items()
        }
        chosen = self._formats.dialect
        named = self._formats.choice.sheet
        by_hand = DialectOverrides(
            encoding or chosen_encoding(data, chosen.encoding),
            chosen.delimiter,
            chosen.quote,
            chosen.header,
            sheet=named or chosen.sheet,
        )
        plain = DialectOverrides(encoding=encoding, sheet=named)
        if by_hand != plain:
            # What was chosen for the model's table comes first; a file that is not like it is read as it looks.
            try:
                table = read_csv(data, self._name, dialect=by_hand, known_names=self._known, formats=texts)
            except UserError:
                pass
            else:
                if self._has_all(table):
                    return table
        table = read_csv(data, self._name, dialect=plain, known_names=self._known, formats=texts)
        if named is not None or len(table.sheets) < 2 or self._has_all(table):
            return table
        ways = [plain] if by_hand == plain else [by_hand, plain]
        return self._of_another_sheet(data, table, ways, texts)

    def _has_all(self, table: Table) -> bool:
        return self._needed <= set(table.frame.columns)

    def _of_another_sheet(
        self,
        data: bytes,
        first: Table,
        ways: Sequence[DialectOverrides],
        texts: Mapping[str, ColumnFormat],
    ) -> Table:
        """The one sheet of a spreadsheet that has the columns; the first with a value where none has them."""
        found, fitting = first, list[str]()
        for sheet in first.sheets:
            for way in ways:
                try:
                    dialect = replace(way, sheet=sheet)
                    table = read_csv(
                        data, self._name, dialect=dialect, known_names=self._known, formats=texts
                    )
                except UserError:  # a sheet without a table
                    continue
                if self._has_all(table):
                    found = table if not fitting else found
                    fitting.append(sheet)
                    break
        if len(fitting) > 1:
            raise match.unclear_sheet(self._name, fitting)
        return found


def read_known(
    data: bytes,
    name: str,
    needed: Collection[str],
    encoding: str | None = None,
    formats: ModelFormats | None = None,
) -> Table:
    """Return the table that a file holds, whose column names are known.

    Args:
        data: The file's bytes.
        needed: Names of columns that it must have; of one without them nothing is asked, as it is refused later.
        formats: How the model learned them; as they look where there are none.

    Raises:
        UnclearFormat: If a person must decide first how it is written.
        UserError: If it cannot be read as a table, or a unit is another than the model learned.
    """
    return Way(name, needed, formats or ModelFormats(), needed).read(data, encoding)


def chosen_encoding(data: bytes, chosen: str | None) -> str | None:
    """Return the encoding that a person chose for the model's table, if these bytes may be in it; else None.

    Args:
        data: The beginning of a file, or all of it.
    """
    if chosen is None or data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b", b"PK")):
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)  # the last letter may be incomplete
    except UnicodeDecodeError:
        return chosen
    return None


def _looked_at(values: pd.Series, kind: ColumnKind) -> Written:
    return look(values.dropna().unique().tolist()) if kind in _TOLD_APART else Written()


def _converted(frame: pd.DataFrame, readings: Mapping[str, Reading]) -> pd.DataFrame:
    """The frame with numbers in the model's units."""
    other = {
        name: (frame[name] * reading.numerator + reading.added) / reading.denominator
        for name, reading in readings.items()
        if name in frame.columns and reading.converts
    }
    return frame.assign(**other) if other else frame
