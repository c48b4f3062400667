"""Columns of words: categories, yes and no, identifiers and long text."""

import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lrapp.tables.columns.dates import date_shape
from lrapp.tables.columns.distinct_values import Words, as_series
from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import DISTINCT_CAP, ColumnKind, Context, Read, count, is_id_name, listed
from lrapp.tables.columns.number_formats import MISSING_WORDS, looks_numeric
from lrapp.tables.columns.packed import Packed
from lrapp.tables.columns.yes_no_words import NO, TOGETHER, YES

HEAD = 50_000
"""Rows to inspect before all of a long column."""

_SAMPLE = 1000
_MISSING = frozenset(MISSING_WORDS)
_TEXT_MISSING = frozenset(
    word for word in MISSING_WORDS if word.lower() not in ("none", "missing", "nil", ".", "*")
)
_LONGEST_MISSING = max(len(word.encode()) for word in _TEXT_MISSING)
_CODE, _REGION_CODE = re.compile("[A-Z]{2}"), re.compile("[A-Z]{2,5}")
_REGIONS = frozenset(("EMEA", "APAC", "LATAM"))
_MANY_CODES, _FEW_CODES = 10, 2
_SIGNS = frozenset(("+", "±", "+/-", "0"))
_MINUS = frozenset(("-", "–", "—"))


def missing_words_of(written: ColumnFormat) -> frozenset[str]:
    """The words that stand for a missing value in a column that is written as another one was."""
    return (_TEXT_MISSING - set(written.kept_words)) | set(written.missing_words)


def without_missing_words(
    words: Words, missing: frozenset[str] = _TEXT_MISSING, about: Context | None = None
) -> tuple[Words, list[str]]:
    """Count words such as NA as empty cells.

    Args:
        about: Context from the rest of the file and the user, where the words may be values.

    Returns:
        The column without them, and sentence parts on what was done.
    """
    places = [place for place, text in enumerate(words.texts) if text in missing]
    if not places or (about is not None and about.missing_words == "values"):
        return words, []
    doubtful = about is not None and not about.missing_words
    others = [text for text in words.texts if text not in missing]
    kept: list[str] = []
    if doubtful and "+" in others and set(others) <= _SIGNS:
        kept = [words.texts[place] for place in places if words.texts[place] in _MINUS]
        places = [place for place in places if words.texts[place] not in _MINUS]
    notes = [f"{listed(dict.fromkeys(kept, 1))} was kept, as the opposite of '+'"] if kept else []
    if not places:
        return words, notes
    counts = {words.texts[place]: int(words.counts[place]) for place in places}
    if about is not None and doubtful and set(counts) == {"NA"} and _are_codes(others, about):
        return words, ["'NA' was kept, as one short code among others"]
    return words.without(places), [
        *notes,
        f"{count(sum(counts.values()), 'value')} marked as missing ({listed(counts)})",
    ]


def _are_codes(others: list[str], about: Context) -> bool:
    """Whether words beside NA are codes of countries or regions, so that it is Namibia or North America."""
    if _REGIONS & set(others) and all(map(_REGION_CODE.fullmatch, others)):
        return True
    if not all(map(_CODE.fullmatch, others)):
        return False
    # A few codes can mean anything, and a file that writes NA for missing numbers does so elsewhere.
    few = len(others) >= _FEW_CODES and not about.na_in_numbers
    return len(others) >= _MANY_CODES or (few and not {code.casefold() for code in others} <= YES | NO)


def missing_in(words: Words, clean: Words) -> tuple[str, ...]:
    """Words of a column that were read as missing values."""
    if clean is words:
        return ()
    kept = set(clean.texts)
    return tuple(text for text in words.texts if text in _MISSING and text not in kept)


def word_format(clean: Words, words: Words, kind: ColumnKind) -> ColumnFormat:
    """How a column of words, without those that stand for a missing value, is written."""
    answers = clean.texts if kind is ColumnKind.YES_NO else []
    return ColumnFormat(
        kind,
        yes_words=tuple(text for text in answers if text.casefold() in YES),
        no_words=tuple(text for text in answers if text.casefold() in NO),
        missing_words=missing_in(words, clean),
        kept_words=tuple(text for text in clean.texts if text in _TEXT_MISSING),
    )


def read_category(words: Words, about: Context, why: str) -> Read:
    """Read a column of words as category, yes/no, identifier, long text or constant.

    Args:
        why: Reason to give when it is a category, or ``""``.
    """
    clean, found = without_missing_words(words, about=about)
    read = _read_clean(clean, found, words.respaced, about, why)
    return replace(read, format=word_format(clean, words, read.kind))


def _read_clean(clean: Words, found: list[str], respaced: int, about: Context, why: str) -> Read:
    distinct, filled = len(clean.texts), clean.filled
    notes, lossy = tuple(found), bool(found)
    if respaced and distinct < DISTINCT_CAP:
        notes = (
            *notes,
            f"{count(respaced, 'spelling')} with other spaces around became one with the rest",
        )
    shown = min(distinct, DISTINCT_CAP)
    if distinct <= 1:
        reason = "one value in every row" if distinct else "every cell is missing"
        return Read(ColumnKind.CONSTANT, reason, clean.series(), distinct, notes, lossy)
    if distinct <= 8 and frozenset(text.casefold() for text in clean.texts) in TOGETHER:
        if distinct > 2:
            clean, note = _one_spelling(clean)
            notes, lossy = (*notes, note), True
        return Read(ColumnKind.YES_NO, "two words for yes and no", clean.series(), 2, notes, lossy)
    if (again := distinct - len({text.casefold() for text in clean.texts})) and distinct < DISTINCT_CAP:
        verb = "differs" if again == 1 else "differ"
        notes = (
            *notes,
            f"{count(again, 'word')} {verb} from others only in upper and lower case, which was left",
        )
    sample = clean.texts[:_SAMPLE]
    length = sum(map(len, sample)) / len(sample)
    spaces = sum(text.count(" ") for text in sample) / len(sample)
    if (length > 50 or spaces >= 8) and distinct > 0.3 * filled:
        reason = f"long text, {length:.0f} characters on average"
        return Read(ColumnKind.TEXT, reason, clean.series(), shown, notes, lossy)
    id_name = is_id_name(about.name)
    if distinct > 0.9 * filled and about.width > 1 and (filled >= 20 or (id_name and distinct == filled)):
        return Read(
            ColumnKind.IDENTIFIER, "nearly every value is different", clean.series(), shown, notes, lossy
        )
    return Read(
        ColumnKind.CATEGORY, why or f"{distinct:,} different words", clean.series(), shown, notes, lossy
    )


def _one_spelling(words: Words) -> tuple[Words, str]:
    """Yes, yes and YES become whichever is most frequent."""
    usual: dict[str, int] = {}
    for place in np.argsort(-words.counts, kind="stable").tolist():
        usual.setdefault(words.texts[place].casefold(), place)
    target = np.array([usual[text.casefold()] for text in words.texts])
    changed = int(words.counts[target != np.arange(len(target))].sum())
    merged = Words(words.texts, words.spread(target, -1))
    unused = [place for place in range(len(target)) if place not in usual.values()]
    names = ", ".join(repr(words.texts[place]) for place in usual.values())
    return merged.without(unused), f"{count(changed, 'value')} got the usual spelling ({names})"


def is_many(column: Packed) -> bool:
    """Whether so many strings are different that finding all of them would be too slow."""
    if len(column) <= HEAD:
        return False
    return pc.count_distinct(column.head(HEAD).text()).as_py() > 0.3 * HEAD


def sampled(column: pa.ChunkedArray) -> list[str]:
    """Cells from all over a long column of strings, null where the cell is empty."""
    places = np.unique(np.linspace(0, len(column) - 1, HEAD).astype(np.int64))
    ends = np.cumsum([len(piece) for piece in column.chunks])
    texts: list[str] = []
    # Piece by piece, as taking from the whole would copy it.
    for piece, end, here in zip(
        column.chunks, ends, np.split(places, np.searchsorted(places, ends[:-1])), strict=True
    ):
        texts += piece.take(pa.array(here - (end - len(piece)))).drop_null().to_pylist()
    return texts


def read_many(column: pa.ChunkedArray, about: Context) -> Read | None:
    """Read a long column of strings, null where empty, that hardly repeat; None when they are numbers or dates."""
    raw = sampled(column)
    texts = [text.strip() for text in raw]
    present = [text for text in texts[:: max(1, len(texts) // _SAMPLE)] if text and text not in _MISSING]
    if not present or date_shape(present) or sum(map(looks_numeric, present)) > 0.2 * len(present):
        return None
    if sum(text[0].isdigit() for text in present) > 0.5 * len(present):
        return None
    padded = pc.or_(pc.starts_with(column, " "), pc.ends_with(column, " "))
    if pc.any(padded).as_py() or any(text != text.strip() for text in raw[:_SAMPLE]):
        column = pc.utf8_trim_whitespace(column)
    notes: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    short = (pc.min(pc.binary_length(column)).as_py() or 0) <= _LONGEST_MISSING
    marked = [] if about.missing_words == "values" else sorted(_TEXT_MISSING)
    mask = pc.is_in(column, value_set=pa.array(["", *marked])) if short else None
    if mask is not None and (total := pc.sum(mask).as_py()):
        named = pc.value_counts(column.filter(mask)).to_pylist()
        counts = {str(item["values"]): int(item["counts"]) for item in named if item["values"]}
        if counts:
            total = sum(counts.values())
            notes = (f"{count(total, 'value')} marked as missing ({listed(counts)})",)
        column = pc.if_else(mask, pa.scalar(None, column.type), column)
    length = sum(map(len, present)) / len(present)
    spaces = sum(text.count(" ") for text in present) / len(present)
    different = len(set(texts)) / len(texts)
    if (length > 50 or spaces >= 8) and different > 0.3:
        kind, reason = ColumnKind.TEXT, f"long text, {length:.0f} characters on average"
    elif different > 0.9 and about.width > 1:
        kind, reason = ColumnKind.IDENTIFIER, "nearly every value is different"
    else:
        kind, reason = ColumnKind.CATEGORY, f"{DISTINCT_CAP:,} or more different words"
    written = ColumnFormat(kind, missing_words=tuple(counts))
    return Read(kind, reason, as_series(column), DISTINCT_CAP, notes, bool(notes), written)
