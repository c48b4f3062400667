"""What a column of text holds: its kind, and its values as that kind."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lrapp.dates import date_shape, parse_dates
from lrapp.errors import UserError
from lrapp.numerals import (
    MISSING_WORDS,
    NumberFormat,
    Parsed,
    column_format,
    looks_numeric,
    parse_column,
    parse_number,
    signs_in,
)

DISTINCT_CAP = 10_000
"""Different values are counted up to this many; a column that has more says this number."""

_SAMPLE = 1000
_HEAD = 50_000
_TEXT_MISSING = tuple(
    word for word in MISSING_WORDS if word.lower() not in ("none", "missing", "nil", ".", "*")
)
_YES_NO = (
    {"yes", "no"}, {"y", "n"}, {"true", "false"}, {"t", "f"}, {"ja", "nein"}, {"j", "n"}, {"oui", "non"},
    {"si", "no"}, {"sí", "no"}, {"sì", "no"}, {"sim", "não"}, {"on", "off"}, {"0", "1"}, {"wahr", "falsch"},
    {"vrai", "faux"}, {"да", "нет"}, {"0.0", "1.0"},
)  # fmt: skip
_ID_NAME = re.compile(
    r"(?i:(.*[_\s.\-#])?(id|ids|uuid|guid|index|idx|rowid|row|key|rownames|row_names|nr|no|no\.|number|#))|"
    r"(?i:id[_\s.\-].*)|.*[a-z](Id|ID)|(?i:unnamed: 0)|"
    r"(?i:(user|customer|client|patient|passenger|order|product|item|account|member|employee|student|sample|record)id)"
)


class Kind(StrEnum):
    """What a column is to a network."""

    NUMBER = "number"
    CATEGORY = "category"
    YES_NO = "yes/no"
    DATE = "date"
    IDENTIFIER = "identifier"
    CONSTANT = "constant"
    TEXT = "text"


@dataclass(frozen=True)
class Context:
    """What the rest of the file says about a column.

    Args:
        name: The column's name.
        place: Its position from 0.
        width: How many columns the table has.
        decimal, thousands: Marks that the file uses.
        told: Whether the user chose those marks.
        unnamed: Whether the file gives the column no name.
    """

    name: str
    place: int
    width: int
    decimal: str
    thousands: str
    told: bool = False
    unnamed: bool = False


@dataclass(frozen=True)
class Read:
    """A column as its kind.

    Args:
        kind: What it is.
        reason: Why, as one short phrase.
        values: The values, without a name.
        distinct: Different values, up to ``DISTINCT_CAP``.
        notes: Sentence parts that go after the column's name.
        lossy: Whether the text cannot be had back from the values.
    """

    kind: Kind
    reason: str
    values: pd.Series
    distinct: int
    notes: tuple[str, ...] = ()
    lossy: bool = False


@dataclass
class _Numbers:
    values: np.ndarray
    notes: list[str] = field(default_factory=list)
    lossy: bool = False


def read_column(text: pa.ChunkedArray, about: Context) -> Read:
    """Find out what a column is and read it as that.

    Args:
        text: Strings without surrounding spaces, null where the cell is empty.
        about: What the rest of the file says.
    """
    filled = len(text) - text.null_count
    if not filled:
        return Read(Kind.CONSTANT, "every cell is empty", pd.Series(np.full(len(text), np.nan)), 0)
    numbers = _plain_numbers(text, about)
    if numbers is not None:
        if dates := _compact_dates(text, numbers.values):
            return dates
        return _read_numbers(numbers, about, text)
    if _has_leading_zeros(text):
        return _read_words(text, about, "whole numbers with leading zeros")
    cells = _sample(text, about.width)
    present = [cell for cell in cells if cell not in MISSING_WORDS]
    if not present:
        present = [
            cell
            for cell in pc.unique(text.slice(0, _HEAD)).drop_null().to_pylist()
            if cell not in MISSING_WORDS
        ]
    if (shape := date_shape(present)) and (dates := _read_dates(text, shape, about)):
        return dates
    form = column_format(present, about.decimal, about.thousands, told=about.told)
    numeric = sum(parse_number(cell, form) is not None for cell in present)
    if present and numeric >= 0.6 * len(present):
        numbers = _written_numbers(text, form, present)
        if numbers is not None:
            return _read_numbers(numbers, about, text)
    return _read_words(text, about, "")


def convert(text: pa.ChunkedArray, kind: Kind, about: Context) -> Read:
    """Read a column as the kind that the user chose.

    Args:
        text: Strings without surrounding spaces, null where the cell is empty.
        kind: What it shall be.
        about: What the rest of the file says.

    Raises:
        UserError: If no value can be read as that kind.
    """
    reason = "chosen by you"
    if kind is Kind.NUMBER:
        numbers = _plain_numbers(text, about) or _any_numbers(text, about)
        values = pd.Series(numbers.values)
        if values.notna().any():
            return Read(kind, reason, values, _distinct(values), tuple(numbers.notes), lossy=True)
    elif kind is Kind.DATE:
        cells = [cell for cell in _sample(text, about.width) if cell not in MISSING_WORDS]
        shape = date_shape(cells)
        if shape and (dates := _read_dates(text, shape, about)):
            return replace(dates, reason=reason)
    elif kind is Kind.YES_NO:
        clean, notes = _without_missing_words(text)
        if (distinct := pc.count_distinct(clean, mode="only_valid").as_py()) == 2:
            return Read(kind, reason, _strings(clean), distinct, tuple(notes), lossy=True)
        raise UserError(
            f"A yes/no column must have exactly two different values. Column {about.name!r} has {distinct}. "
            "Choose another kind."
        )
    else:
        clean, notes = _without_missing_words(text)
        return Read(kind, reason, _strings(clean), _distinct_text(clean), tuple(notes), lossy=True)
    raise UserError(
        f"At least one value in ten must read as a {kind.value}. Column {about.name!r} has none or too few. "
        "Choose another kind."
        if kind is Kind.DATE
        else f"At least one value must read as a {kind.value}. Column {about.name!r} has none. Choose another kind."
    )


def _sample(text: pa.ChunkedArray, width: int) -> list[str]:
    size = _SAMPLE if width <= 200 else 60
    places = np.unique(np.linspace(0, len(text) - 1, min(size, len(text))).astype(np.int64))
    cells = text.take(pa.array(places)).drop_null().to_pylist()
    return cells or text.drop_null().slice(0, size).to_pylist()


def _strings(text: pa.ChunkedArray) -> pd.Series:
    dtype = pd.StringDtype(na_value=np.nan)
    return pd.Series(dtype.__from_arrow__(text))


def _distinct(values: pd.Series) -> int:
    if len(values) > _HEAD and (head := values.iloc[:_HEAD].nunique()) >= DISTINCT_CAP:
        return min(head, DISTINCT_CAP)
    return min(values.nunique(), DISTINCT_CAP)


def _distinct_text(text: pa.ChunkedArray) -> int:
    if len(text) > _HEAD:
        head = pc.count_distinct(text.slice(0, _HEAD), mode="only_valid").as_py()
        if head >= DISTINCT_CAP:
            return DISTINCT_CAP
    return min(pc.count_distinct(text, mode="only_valid").as_py(), DISTINCT_CAP)


def _has_leading_zeros(text: pa.ChunkedArray) -> bool:
    """Whether cells such as 00123 appear among cells that are all digits."""
    zeros = pc.and_(pc.starts_with(text, "0"), pc.greater(pc.binary_length(text), 1))
    if not pc.any(zeros).as_py():
        return False
    starting = text.filter(zeros)
    if not pc.any(pc.match_substring_regex(starting, r"^0[0-9]+$")).as_py():
        return False
    digits = pc.match_substring_regex(text, r"^[0-9]+$")
    words = pc.is_in(text, value_set=pa.array(MISSING_WORDS))
    return bool(pc.all(pc.or_(digits, words)).as_py())


def _plain_numbers(text: pa.ChunkedArray, about: Context) -> _Numbers | None:
    """The common case: every cell is a number as programs write it."""
    try:
        whole = pc.cast(text, pa.int64())
    except pa.ArrowInvalid:
        whole = None
    if whole is not None:
        zeros = pc.and_(pc.starts_with(text, "0"), pc.greater(pc.binary_length(text), 1))
        if pc.any(zeros).as_py():
            return None
        if whole.null_count:
            whole = pc.cast(whole, pa.float64(), safe=False)
        return _Numbers(whole.to_numpy())
    if about.decimal == "," or about.thousands == ".":
        return None
    try:
        values = pc.cast(text, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    return _finite(_Numbers(values), int(np.isinf(values).sum()), text)


def _finite(numbers: _Numbers, infinite: int, text: pa.ChunkedArray) -> _Numbers:
    if infinite:
        numbers.values = np.where(np.isinf(numbers.values), np.nan, numbers.values)
        numbers.notes.append(f"{_count(infinite, 'infinite value')} became missing")
        numbers.lossy = True
    named = int(np.isnan(numbers.values).sum()) - text.null_count - infinite
    if named > 0 and not any("missing" in note and "marked" in note for note in numbers.notes):
        numbers.notes.append(f"{_count(named, 'value')} marked as NaN are missing")
        numbers.lossy = True
    with np.errstate(invalid="ignore"):
        if (np.abs(numbers.values) >= 2**63).any():
            numbers.notes.append("numbers beyond 9.2e18 are kept with about 16 digits")
    return numbers


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _listed(words: dict[str, int]) -> str:
    top = sorted(words.items(), key=lambda item: -item[1])[:3]
    return ", ".join(repr(word if len(word) <= 30 else word[:29] + "…") for word, _ in top)


def _written_numbers(text: pa.ChunkedArray, form: NumberFormat, present: Sequence[str]) -> _Numbers | None:
    parsed = parse_column(text, form)
    words = sum(parsed.words.values())
    good = int(np.isfinite(parsed.values).sum()) if parsed.values.dtype.kind == "f" else len(parsed.values)
    share = words / max(1, words + good)
    few_words = len(parsed.words) <= 3 and good >= 10
    if not good or share > (0.2 if few_words else 0.05):
        return None
    return _with_notes(parsed, form, present, text)


def _any_numbers(text: pa.ChunkedArray, about: Context) -> _Numbers:
    cells = [cell for cell in _sample(text, about.width) if cell not in MISSING_WORDS]
    numeric = [cell for cell in cells if looks_numeric(cell)]
    form = column_format(numeric or cells, about.decimal, about.thousands, told=about.told)
    return _with_notes(parse_column(text, form), form, cells, text)


def _with_notes(parsed: Parsed, form: NumberFormat, cells: Sequence[str], text: pa.ChunkedArray) -> _Numbers:
    numbers = _Numbers(parsed.values, lossy=True)
    signs, percent = signs_in(cells)
    if signs:
        numbers.notes.append(f"the currency {_listed(dict.fromkeys(sorted(signs), 1))} was taken off")
    if percent:
        numbers.notes.append("percent signs were taken off, so that 12% is 12")
    if form.unit:
        numbers.notes.append(f"the unit {form.unit!r} was taken off")
    if parsed.markers:
        total = sum(parsed.markers.values())
        numbers.notes.append(f"{_count(total, 'value')} marked as missing ({_listed(parsed.markers)})")
    if parsed.words:
        total = sum(parsed.words.values())
        numbers.notes.append(
            f"{_count(total, 'value')} that are no numbers became missing ({_listed(parsed.words)})"
        )
    if parsed.infinite:
        numbers.notes.append(f"{_count(parsed.infinite, 'infinite value')} became missing")
    if parsed.values.dtype.kind == "f" and (np.abs(np.nan_to_num(parsed.values)) >= 2**63).any():
        numbers.notes.append("numbers beyond 9.2e18 are kept with about 16 digits")
    return numbers


def _read_numbers(numbers: _Numbers, about: Context, text: pa.ChunkedArray) -> Read:
    values = pd.Series(numbers.values)
    distinct = _distinct(values)
    notes = tuple(numbers.notes)
    if distinct <= 1:
        reason = "one value in every row" if distinct else "every cell is missing"
        return Read(Kind.CONSTANT, reason, values, distinct, notes, numbers.lossy)
    if distinct == 2 and set(values.dropna().unique()) == {0, 1}:
        return Read(Kind.YES_NO, "only 0 and 1", values, distinct, notes, numbers.lossy)
    if not numbers.lossy and (reason := _counter(numbers.values, about, distinct)):
        return Read(Kind.IDENTIFIER, reason, _strings(text), distinct, notes)
    if distinct < 20 and values.dtype.kind == "i":
        return Read(
            Kind.NUMBER, f"numbers, only {distinct} different ones", values, distinct, notes, numbers.lossy
        )
    return Read(Kind.NUMBER, "numbers", values, distinct, notes, numbers.lossy)


def _counter(values: np.ndarray, about: Context, distinct: int) -> str:
    """Why whole numbers name rows rather than measure something, or an empty string."""
    if values.dtype.kind != "i" or len(values) < 2 or distinct < min(len(values), DISTINCT_CAP):
        return ""
    if about.width == 1:
        return ""
    steps = np.diff(values)
    consecutive = bool((steps == 1).all())
    named = _ID_NAME.fullmatch(about.name.strip()) is not None
    if about.unnamed or named:
        if consecutive:
            return "counts the rows"
        if named and pd.Series(values).is_unique:
            return "named like an identifier, all values different"
        return ""
    if consecutive and about.place == 0 and values[0] in (0, 1) and about.width > 2 and len(values) >= 20:
        return "counts the rows"
    return ""


def _compact_dates(text: pa.ChunkedArray, values: np.ndarray) -> Read | None:
    """Whole numbers such as 20200131, when every one of them is a day."""
    known = values[~np.isnan(values)]
    if not len(known) or known.min() < 19000101 or known.max() > 20991231:
        return None
    if date_shape(text.drop_null().slice(0, 200).to_pylist()) != "compact":
        return None
    dates = parse_dates(text, "compact", day_first_hint=False)
    if dates is None or dates.lost:
        return None
    return Read(Kind.DATE, "dates", dates.values, _distinct(dates.values), (), lossy=True)


def _read_dates(text: pa.ChunkedArray, shape: str, about: Context) -> Read | None:
    clean, notes = _without_missing_words(text, MISSING_WORDS)
    dates = parse_dates(clean, shape, day_first_hint=about.decimal == ",")
    if dates is None:
        return None
    if dates.note:
        notes.append(dates.note)
    if dates.lost:
        total = sum(dates.lost.values())
        notes.append(f"{_count(total, 'value')} that are no dates became missing ({_listed(dates.lost)})")
    distinct = _distinct(dates.values)
    kind = Kind.DATE if distinct > 1 else Kind.CONSTANT
    return Read(
        kind,
        "dates" if distinct > 1 else "one date in every row",
        dates.values,
        distinct,
        tuple(notes),
        lossy=True,
    )


def _without_missing_words(
    text: pa.ChunkedArray, words: Sequence[str] = _TEXT_MISSING
) -> tuple[pa.ChunkedArray, list[str]]:
    mask = pc.is_in(text, value_set=pa.array(words))
    total = pc.sum(mask).as_py() or 0
    if not total:
        return text, []
    found = pc.value_counts(text.filter(mask)).to_pylist()
    counts = {str(item["values"]): int(item["counts"]) for item in found}
    others = pc.unique(text.filter(pc.invert(mask)).slice(0, _HEAD)).drop_null().to_pylist()
    if (
        set(counts) == {"NA"}
        and len(others) >= 10
        and all(re.fullmatch("[A-Z]{2}", str(code)) for code in others)
    ):
        return text, ["'NA' was kept, as one code of two letters among others"]
    clean = pc.if_else(mask, pa.scalar(None, pa.string()), text)
    return clean, [f"{_count(total, 'value')} marked as missing ({_listed(counts)})"]


def _read_words(text: pa.ChunkedArray, about: Context, why: str) -> Read:
    clean, notes = _without_missing_words(text)
    filled = len(clean) - clean.null_count
    distinct = _distinct_text(clean)
    lossy = bool(notes)
    if distinct <= 1:
        reason = "one value in every row" if distinct else "every cell is missing"
        return Read(Kind.CONSTANT, reason, _strings(clean), distinct, tuple(notes), lossy)
    if distinct <= 8:
        words = {str(word).casefold() for word in pc.unique(clean).drop_null().to_pylist()}
        if words in _YES_NO:
            if distinct > 2:
                clean, note = _one_spelling(clean)
                notes.append(note)
            return Read(
                Kind.YES_NO,
                "two words for yes and no",
                _strings(clean),
                2,
                tuple(notes),
                lossy or distinct > 2,
            )
    head = clean.slice(0, _HEAD).drop_null()
    length = pc.mean(pc.utf8_length(head)).as_py() or 0
    spaces = pc.mean(pc.count_substring(head, " ")).as_py() or 0
    nearly_all = distinct >= 0.9 * min(filled, DISTINCT_CAP) and _mostly_distinct(clean, filled)
    if (length > 50 or spaces >= 8) and distinct > 0.3 * min(filled, DISTINCT_CAP):
        return Read(
            Kind.TEXT,
            f"long text, {length:.0f} characters on average",
            _strings(clean),
            distinct,
            tuple(notes),
            lossy,
        )
    id_name = _ID_NAME.fullmatch(about.name.strip()) is not None
    if nearly_all and about.width > 1 and (filled >= 20 or (id_name and distinct == filled)):
        return Read(
            Kind.IDENTIFIER, "nearly every value is different", _strings(clean), distinct, tuple(notes), lossy
        )
    reason = why or f"{distinct:,}{' or more' if distinct == DISTINCT_CAP else ''} different words"
    return Read(Kind.CATEGORY, reason, _strings(clean), distinct, tuple(notes), lossy)


def _mostly_distinct(text: pa.ChunkedArray, filled: int) -> bool:
    if filled <= DISTINCT_CAP:
        return True
    return pc.count_distinct(text, mode="only_valid").as_py() > 0.9 * filled


def _one_spelling(text: pa.ChunkedArray) -> tuple[pa.ChunkedArray, str]:
    """Yes, yes and YES become whichever is most frequent."""
    counts = {
        str(item["values"]): int(item["counts"]) for item in pc.value_counts(text.drop_null()).to_pylist()
    }
    usual: dict[str, str] = {}
    for word in sorted(counts, key=lambda word: -counts[word]):
        usual.setdefault(word.casefold(), word)
    changed = 0
    for word, count in counts.items():
        if usual[word.casefold()] != word:
            changed += count
            text = pc.if_else(pc.equal(text, word), usual[word.casefold()], text)
    return text, f"{_count(changed, 'value')} got the usual spelling ({', '.join(map(repr, usual.values()))})"
