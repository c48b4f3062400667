"""A column of text -> its kind, and its values as that kind."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lrapp.errors import UserError
from lrapp.tables.columns.categories import (
    HEAD,
    is_many,
    missing_in,
    read_category,
    read_many,
    sampled,
    without_missing_words,
    word_format,
)
from lrapp.tables.columns.dates import Dates, date_shape, parse_dates, parse_even_dates
from lrapp.tables.columns.distinct_values import (
    Words,
    as_series,
    has_foreign_digits,
    with_own_digits,
    words_of,
)
from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import DISTINCT_CAP, ColumnKind, Context, Read, count, is_id_name, listed
from lrapp.tables.columns.number_affixes import number_format, signs_in
from lrapp.tables.columns.number_formats import (
    LARGEST,
    MISSING_WORDS,
    NumberFormat,
    Parsed,
    column_format,
    is_plain,
    looks_numeric,
    only_unclear_commas,
    parse_column,
    parse_long,
    parse_number,
    strange_cells,
    vote_decimal,
)
from lrapp.tables.columns.packed import Packed, by_rows

_SAMPLE = 1000
_FIRST = 12_000
_PROBE = 20
_DATES = 100
_LONG_DIGITS = 19
_BEYOND_INT = 2.0**63
_EXACT = 2.0**53
_MISSING = frozenset(MISSING_WORDS)
_Cells = TypeVar("_Cells", pa.Array, pa.ChunkedArray)


@dataclass
class _Numbers:
    values: np.ndarray
    notes: list[str] = field(default_factory=list)
    lossy: bool = False
    format: ColumnFormat | None = None


def read_column(column: pa.ChunkedArray | Packed, about: Context) -> Read:
    """Detect the kind of a column of strings or float64, null where the cell is empty, and read it as that."""
    column = Packed.of(column)
    if column.null_count == len(column):
        return Read(ColumnKind.CONSTANT, "every cell is empty", pd.Series(np.full(len(column), np.nan)), 0)
    numbers = plain_numbers(column, about)
    if numbers is not None:
        return _compact_dates(column, numbers.values) or _read_numbers(numbers, about, column)
    if is_many(column):
        text = column.text()
        if read := read_many(text, about) or _read_long(text, about):
            return read
    return _read_words(words_of(column), about)


def _read_long(column: pa.ChunkedArray, about: Context) -> Read | None:
    """Read a long column of numbers or points in time that hardly repeat; None when it is neither for certain."""
    raw = sampled(column)
    head = [text.strip() for text in raw]
    present = _sample([text for text in head if text and text not in _MISSING], about.width)
    if not present or all(text.isdigit() for text in present):
        return None
    if head != raw:
        column = _trimmed(column)
    if shape := date_shape(present):
        dates = parse_even_dates(column, shape, day_first_hint=about.decimal == ",", chosen=about.date_order)
        return _as_dates(dates, []) if dates else None
    strange = strange_cells(column, HEAD)
    odd = words_of(strange).texts if strange is not None else [text for text in head if not is_plain(text)]
    cells = [*present, *[text for text in odd if text not in _MISSING][:_SAMPLE]]
    form = column_format(cells, about.decimal, about.thousands, chosen=about.chosen)
    if sum(parse_number(cell, form) is not None for cell in present) < 0.5 * len(present):
        return None
    parsed = parse_long(column, form, signs_in(cells).currencies)
    numbers = _written_numbers(parsed, len(column) - column.null_count, form, cells)
    return _read_numbers(numbers, about, None) if numbers else None


def _read_words(words: Words, about: Context) -> Read:
    if not words.filled:
        return Read(
            ColumnKind.CONSTANT, "every cell is empty", pd.Series(np.full(len(words.codes), np.nan)), 0
        )
    present = _sample([text for text in words.texts if text not in _MISSING], about.width)
    if present and all(text.isdigit() for text in present) and _leading_zeros(words):
        return read_category(words, about, "whole numbers with leading zeros")
    if _names_in_digits(present):
        return read_category(words, about, "whole numbers too long to count anything")
    if (shape := date_shape(present)) and (dates := _read_dates(words, shape, about)):
        return dates
    # Cells that programs do not write may be outside of the sample, and show most about the format.
    unusual = (text for text in words.texts if not is_plain(text) and text not in _MISSING)
    cells = [*present, *islice(unusual, _SAMPLE)]
    form = column_format(cells, about.decimal, about.thousands, chosen=about.chosen)
    numeric = sum(parse_number(cell, form) is not None for cell in present)
    # These are different cells, and a few numbers may be in most rows: hence the low bar.
    if numeric >= 0.3 * len(present) and (
        numbers := _written_numbers(parse_column(words, form), words.filled, form, cells)
    ):
        return _read_numbers(numbers, about, None)
    if has_foreign_digits(present):
        read = _read_words(with_own_digits(words), about)
        if read.values.dtype.kind in "ifM":
            return replace(read, notes=(*read.notes, "the digits of another script were read as 0 to 9"))
    read = read_category(words, about, "")
    if sum(date_shape([cell]) is not None for cell in present[:_DATES]) > 0.9 * len(present[:_DATES]):
        said = "its dates are written in several ways, so it was read as words"
        return replace(read, notes=(*read.notes, said))
    marks = {mark for mark, _ in vote_decimal(present)}
    if present and {".", ","} <= marks and sum(map(looks_numeric, present)) > 0.8 * len(present):
        said = "its numbers have decimal points and decimal commas, so it was read as words"
        read = replace(read, notes=(*read.notes, said))
    return read


def _names_in_digits(cells: Sequence[str]) -> bool:
    """Whether whole numbers have more digits than a float can hold: then they are names."""
    return sum(len(cell) >= _LONG_DIGITS and cell.isdigit() for cell in cells) > 0.5 * len(cells)


def _leading_zeros(words: Words) -> bool:
    zeros = any(len(text) > 1 and text[0] == "0" for text in words.texts)
    return zeros and all(text.isdigit() or text in _MISSING for text in words.texts)


def convert(column: pa.ChunkedArray | Packed, kind: ColumnKind, about: Context) -> Read:
    """Read a column as the kind that the user chose.

    Args:
        column: Strings, null where the cell is empty.

    Raises:
        UserError: If no value can be read as that kind.
    """
    reason = "chosen by you"
    words = words_of(column)
    if kind in (ColumnKind.NUMBER, ColumnKind.DATE):
        words = with_own_digits(words) if has_foreign_digits(words.texts) else words
    if kind is ColumnKind.NUMBER:
        cells = _sample([text for text in words.texts if text not in _MISSING], about.width)
        numeric = [cell for cell in cells if looks_numeric(cell)]
        form = column_format(numeric or cells, about.decimal, about.thousands, chosen=about.chosen)
        numbers = number_notes(parse_column(words, form), form, cells)
        values = pd.Series(numbers.values, copy=False)
        if values.notna().any():
            found = distinct_in(values)
            return Read(kind, reason, values, found, tuple(numbers.notes), lossy=True, format=numbers.format)
        raise UserError(
            f"At least one value must read as a number. Column {about.name!r} has none. Choose another kind."
        )
    if kind is ColumnKind.DATE:
        cells = [text for text in words.texts if text not in _MISSING]
        shape = date_shape(_sample(cells, about.width), by_hand=True)
        if shape and (dates := _read_dates(words, shape, about)):
            return replace(dates, kind=kind, reason=reason)
        raise UserError(
            f"Nine values in ten must read as dates. Column {about.name!r} has fewer. Choose another kind."
        )
    clean, notes = without_missing_words(words, about=about)
    distinct = len(clean.texts)
    if kind is ColumnKind.YES_NO and distinct != 2:
        raise UserError(
            f"A yes/no column must have exactly two different values. Column {about.name!r} has {distinct:,}. "
            "Choose another kind."
        )
    shown = min(distinct, DISTINCT_CAP)
    written = word_format(clean, words, kind)
    return Read(kind, reason, clean.series(), shown, tuple(notes), lossy=True, format=written)


def _sample(texts: Sequence[str], width: int) -> list[str]:
    size = _SAMPLE if width <= 200 else 60
    return list(texts[:: max(1, len(texts) // size)])[: 2 * size]


def distinct_in(values: pd.Series) -> int:
    """How many different values there are, up to ``DISTINCT_CAP``; without reading all rows if fewer do."""
    for head in (_FIRST, HEAD):
        if len(values) > head and values.iloc[:head].nunique() >= DISTINCT_CAP:
            return DISTINCT_CAP
    if values.dtype.kind == "i" and len(values) > HEAD:
        low, high = int(values.min()), int(values.max())
        if high - low < HEAD:
            seen = np.zeros(high - low + 1, dtype=bool)
            numbers = values.to_numpy()
            for rows in by_rows(len(numbers)):
                seen[numbers[rows] - low] = True
            return min(int(np.count_nonzero(seen)), DISTINCT_CAP)
    return min(values.nunique(), DISTINCT_CAP)


def plain_numbers(column: Packed, about: Context) -> _Numbers | None:
    """The common case: every cell is a number as programs write it."""
    numbers = _programs_numbers(column, about)
    if numbers is not None:
        decimals = column.floating or _has_points(column)
        numbers.format = ColumnFormat(
            ColumnKind.NUMBER, about.decimal, about.thousands, decimal_seen=decimals
        )
    return numbers


def _has_points(column: Packed) -> bool:
    points = column.head(HEAD).masks(lambda cells: pc.match_substring(cells, "."), bare=True)
    return any(mask.true_count for mask in points)


def _programs_numbers(column: Packed, about: Context) -> _Numbers | None:
    empty = column.null_count
    if column.floating or column.whole:
        values = column.taken()
        return _finite(_Numbers(values), empty) if values.dtype.kind == "f" else _Numbers(values)
    if (whole := column.numbers(pa.int64())) is not None:
        if any(mask.true_count for mask in column.masks(_begins_with_zero, bare=True)):
            return None
        return _finite(_Numbers(whole), empty) if empty else _Numbers(whole)
    if about.decimal == "," or about.thousands == ".":
        return None
    numbers = column.numbers(pa.float64())
    if numbers is not None:
        large = bool((numbers >= _BEYOND_INT).any())
        if large and _names_in_digits(column.filled_head(_SAMPLE)):
            return None
        return _finite(_Numbers(numbers), empty)
    if any(cell != cell.strip() for cell in column.filled_head(100)):
        return _programs_numbers(column.map(_trimmed), about)
    return None


def _begins_with_zero(cells: pa.Array) -> pa.Array:
    return pc.and_(pc.starts_with(cells, "0"), pc.greater(pc.binary_length(cells), 1))


def _trimmed(column: _Cells) -> _Cells:
    clean = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(clean, ""), pa.scalar(None, clean.type), clean)


def _finite(numbers: _Numbers, empty: int) -> _Numbers:
    """Values beyond ``LARGEST`` become missing; minimum and maximum show whether there are any."""
    values = numbers.values
    if values.max() < _EXACT and values.min() > -_EXACT:  # false where one is missing
        return numbers
    far = np.abs(values) > LARGEST
    if beyond := int(far.sum()):
        numbers.values = values = np.where(far, np.nan, values)
        numbers.notes.append(_beyond(beyond))
        numbers.lossy = True
    named = int(np.isnan(values).sum()) - empty - beyond
    if named > 0:
        numbers.notes.append(f"{count(named, 'value')} marked as NaN {_are(named)} missing")
        numbers.lossy = True
    _note_large(numbers)
    return numbers


def _note_large(numbers: _Numbers) -> None:
    if numbers.values.dtype.kind == "f" and (np.abs(np.nan_to_num(numbers.values)) >= _EXACT).any():
        numbers.notes.append("numbers beyond 9e15 are kept with about 16 digits")
        numbers.lossy = True


def _beyond(number: int) -> str:
    return (
        f"{count(number, 'value')} beyond 1e100 or infinite became missing, as no network can learn from them"
    )


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _written_numbers(
    parsed: Parsed, filled: int, form: NumberFormat, present: Sequence[str]
) -> _Numbers | None:
    others = sum(parsed.words.values())
    good = filled - others - parsed.beyond - sum(parsed.markers.values())
    few_words = len(parsed.words) <= 3 and good >= 10
    if not good or others / (others + good) > (0.2 if few_words else 0.05):
        return None
    return number_notes(parsed, form, present)


def number_notes(parsed: Parsed, form: NumberFormat, cells: Sequence[str]) -> _Numbers:
    numbers = _Numbers(parsed.values, lossy=True)
    numbers.format = number_format(form, cells, parsed.markers)
    numbers.notes.extend(signs_in(cells).notes)
    if form.unit:
        numbers.notes.append(f"the unit {form.unit!r} was taken off")
    if form.decimal == "," and only_unclear_commas(cells):
        cell = next(cell for cell in cells if only_unclear_commas([cell]))
        if (value := parse_number(cell, form)) is not None:
            numbers.notes.append(f"commas were read as decimal marks, so that {cell} is {value:.3f}")
    if parsed.markers:
        total = sum(parsed.markers.values())
        numbers.notes.append(f"{count(total, 'value')} marked as missing ({listed(parsed.markers)})")
    if parsed.words:
        total = sum(parsed.words.values())
        what = "that is no number" if total == 1 else "that are no numbers"
        numbers.notes.append(f"{count(total, 'value')} {what} became missing ({listed(parsed.words)})")
    if parsed.beyond:
        numbers.notes.append(_beyond(parsed.beyond))
    _note_large(numbers)
    return numbers


def _read_numbers(numbers: _Numbers, about: Context, column: Packed | None) -> Read:
    read = _kind_of_numbers(numbers, about, column)
    if read.kind is ColumnKind.YES_NO and numbers.format:
        numbers.format = replace(numbers.format, yes_words=("1",), no_words=("0",))
    return replace(read, format=numbers.format)


def _kind_of_numbers(numbers: _Numbers, about: Context, column: Packed | None) -> Read:
    values = pd.Series(numbers.values, copy=False)
    distinct = distinct_in(values)
    notes = tuple(numbers.notes)
    if distinct <= 1:
        reason = "one value in every row" if distinct else "every cell is missing"
        return Read(ColumnKind.CONSTANT, reason, values, distinct, notes, numbers.lossy)
    if distinct == 2 and set(pd.Series(values.unique()).dropna()) == {0, 1}:
        return Read(ColumnKind.YES_NO, "only 0 and 1", values, distinct, notes, numbers.lossy)
    if column is not None and not numbers.lossy and (reason := _counter(numbers.values, about, distinct)):
        padded = any(cell != cell.strip() for cell in column.filled_head(_PROBE))
        text = (column.map(_trimmed) if padded else column).text()
        return Read(ColumnKind.IDENTIFIER, reason, as_series(text), distinct, notes)
    if distinct < 20 and values.dtype.kind == "i":
        return Read(
            ColumnKind.NUMBER,
            f"numbers, only {distinct} different ones",
            values,
            distinct,
            notes,
            numbers.lossy,
        )
    return Read(ColumnKind.NUMBER, "numbers", values, distinct, notes, numbers.lossy)


def _counter(values: np.ndarray, about: Context, distinct: int) -> str:
    """Why whole numbers are identifiers rather than measurements, or an empty string."""
    if values.dtype.kind != "i" or len(values) < 2 or distinct < min(len(values), DISTINCT_CAP):
        return ""
    if about.width == 1:
        return ""
    consecutive = all(
        (np.diff(values[rows.start : rows.stop + 1]) == 1).all() for rows in by_rows(len(values))
    )
    named = is_id_name(about.name)
    if about.unnamed or named:
        if consecutive:
            return "counts the rows"
        if named and pd.Series(values).is_unique:
            return "named like an identifier, all values different"
        return ""
    if consecutive and about.place == 0 and values[0] in (0, 1) and about.width > 2 and len(values) >= 20:
        return "counts the rows"
    return ""


def _compact_dates(column: Packed, values: np.ndarray) -> Read | None:
    """Whole numbers such as 20200131, when every one of them is a day."""
    if column.floating:
        return None
    for part in (values[:_SAMPLE], values):
        known = part[~np.isnan(part)] if part.dtype.kind == "f" else part
        if len(known) and (known.min() < 19000101 or known.max() > 20991231):
            return None
    if not len(known) or date_shape(column.first_filled(200)) != "compact":
        return None
    dates = parse_dates(words_of(column), "compact", day_first_hint=False)
    if dates is None or dates.lost:
        return None
    return _as_dates(dates, [])


def _read_dates(words: Words, shape: str, about: Context) -> Read | None:
    clean, notes = without_missing_words(words, _MISSING)
    dates = parse_dates(clean, shape, day_first_hint=about.decimal == ",", chosen=about.date_order)
    return _as_dates(dates, notes, missing_in(words, clean)) if dates else None


def _as_dates(dates: Dates, notes: list[str], missing_words: tuple[str, ...] = ()) -> Read:
    if dates.note:
        notes.append(dates.note)
    if dates.lost:
        total = sum(dates.lost.values())
        what = "that is no date" if total == 1 else "that are no dates"
        notes.append(f"{count(total, 'value')} {what} became missing ({listed(dates.lost)})")
    distinct = distinct_in(dates.values if dates.days is None else dates.days)
    kind, reason = (
        (ColumnKind.DATE, "dates") if distinct > 1 else (ColumnKind.CONSTANT, "one date in every row")
    )
    order_seen = dates.order_seen or dates.order == "ymd"
    written = ColumnFormat(
        kind,
        date_order=dates.order,
        date_order_seen=order_seen,
        date_shape=dates.shape,
        missing_words=missing_words,
    )
    return Read(kind, reason, dates.values, distinct, tuple(notes), lossy=True, format=written)
