"""A column of text -> its values by a known format, rather than by detection."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa

from lrapp.tables.columns.categories import missing_in, missing_words_of, without_missing_words, word_format
from lrapp.tables.columns.coded_gaps import without_codes
from lrapp.tables.columns.conversion import distinct_in, number_notes, plain_numbers
from lrapp.tables.columns.dates import dates_as_written
from lrapp.tables.columns.distinct_values import Words, has_foreign_digits, with_own_digits, words_of
from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import DISTINCT_CAP, ColumnKind, Context, Read, count, listed
from lrapp.tables.columns.number_formats import MISSING_WORDS, NumberFormat, parse_column, written_number
from lrapp.tables.columns.packed import Packed
from lrapp.tables.text.row_reader import Types

_REASON = "as the model learned it"


def read_by_format(column: Packed, written: ColumnFormat, about: Context) -> Read:
    """Read a column by a format; cells that do not fit it have no value, and are counted.

    Args:
        column: Strings, null where the cell is empty, or float64 where the file's decimal mark is the format's.
        written: How the cells are to be written.
        about: The column's name and place.
    """
    if written.gap_codes:
        bare = replace(written, gap_codes=())
        read = read_by_format(without_codes(Packed.of(column), written.gap_codes, written)[0], bare, about)
        return replace(read, lossy=True, format=replace(read.written, gap_codes=written.gap_codes))
    kind = ColumnKind(written.kind)
    if kind is ColumnKind.NUMBER:
        return _numbers(column, written, about)
    words = words_of(column)
    if kind is ColumnKind.DATE:
        return _dates(words, written)
    clean, notes = without_missing_words(words, missing_words_of(written))
    distinct = min(len(clean.texts), DISTINCT_CAP)
    found = word_format(clean, words, kind)
    return Read(kind, _REASON, clean.series(), distinct, tuple(notes), lossy=True, format=found)


def types_for(types: Types, names: Sequence[str], formats: Mapping[str, ColumnFormat]) -> Types:
    """Types to read columns as, so that columns with another known format stay text.

    Args:
        types: What was chosen by a sample.
        names: Names of the columns.
        formats: Formats by name.
    """
    columns = [
        kind if (written := formats.get(name)) is None or _is_even(written, types) else pa.string()
        for name, kind in zip(names, types.columns, strict=True)
    ]
    return replace(types, columns=columns)


def _is_even(written: ColumnFormat, types: Types) -> bool:
    return written.kind == ColumnKind.NUMBER and written.decimal == types.decimal


def unread(column: Packed, values: pd.Series, written: ColumnFormat) -> np.ndarray:
    """Which rows have a text that was not read as a value: not empty, and not a word for a missing one.

    Args:
        column: The cells as they are written.
        values: The values that were read.
        written: How they are written.
    """
    absent = values.isna().to_numpy()
    if not absent.any():
        return absent
    words = words_of(column)
    counted = written.kind in (ColumnKind.NUMBER, ColumnKind.DATE)
    missing = frozenset(MISSING_WORDS) if counted else missing_words_of(written)
    filled = np.array([text not in missing for text in words.texts], dtype=bool)
    return absent & words.spread(filled, False)


def _numbers(column: Packed, written: ColumnFormat, about: Context) -> Read:
    marks = Context(about.name, about.place, about.width, written.decimal, written.thousands, chosen=True)
    plain = plain_numbers(column, marks)
    if plain is not None:
        values, notes, misfits, lossy = plain.values, plain.notes, 0, plain.lossy
    else:
        words = words_of(column)
        words = with_own_digits(words) if has_foreign_digits(words.texts) else words
        form = NumberFormat(
            written.decimal, written.thousands, "" if _is_sign(written.suffix) else written.suffix
        )
        parsed = parse_column(words, form, lambda cell: _fits(cell, written))
        numbers = number_notes(parsed, form, words.texts[:1000])
        values, notes, misfits, lossy = numbers.values, numbers.notes, sum(parsed.words.values()), True
    series = pd.Series(values, copy=False)
    return Read(
        ColumnKind.NUMBER, _REASON, series, distinct_in(series), tuple(notes), lossy, written, misfits
    )


def _is_sign(suffix: str) -> bool:
    """Whether a suffix is read as a currency or a share, rather than as a unit."""
    match = written_number(f"1{suffix}")
    return match is not None and bool(match["suffix"])


def _fits(cell: str, written: ColumnFormat) -> bool:
    """Whether the signs around a number are those of a format; a number without any may have lost them."""
    match = written_number(cell)
    if match is None:
        return True
    currencies = {written.prefix, written.suffix}
    for sign in (match["prefix"], match["suffix"]):
        if sign == "%":
            if not written.percent:
                return False
        elif sign and sign not in currencies:
            return False
    return True


def _dates(words: Words, written: ColumnFormat) -> Read:
    words = with_own_digits(words) if has_foreign_digits(words.texts) else words
    clean, notes = without_missing_words(words, frozenset(MISSING_WORDS))
    dates = dates_as_written(clean, written.date_shape, written.date_order)
    if dates.note:
        notes.append(dates.note)
    misfits = sum(dates.lost.values())
    if misfits:
        what = "that is no date" if misfits == 1 else "that are no dates"
        notes.append(f"{count(misfits, 'value')} {what} became missing ({listed(dates.lost)})")
    return Read(
        ColumnKind.DATE,
        _REASON,
        dates.values,
        distinct_in(dates.values),
        tuple(notes),
        lossy=True,
        format=ColumnFormat(
            ColumnKind.DATE,
            date_order=written.date_order,
            date_order_seen=written.date_order_seen,
            date_shape=written.date_shape,
            missing_words=missing_in(words, clean),
        ),
        misfits=misfits,
    )
