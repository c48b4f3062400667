"""Numbers as people write them: decimal commas, thousands marks, currency, percent, accounting negatives, units."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lrapp.tables.columns.distinct_values import Words, words_of

FAILED_FORMULAS = [
    "#N/A", "#NA", "#NULL!", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#ERROR!", "#SPILL!",
    "#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#N/D", "#VALEUR!", "#NOM?", "#NOMBRE!", "#NUL!",
    "#VALOR!", "#¡VALOR!", "#¡DIV/0!", "#¡NUM!", "#¡REF!", "#NOME?", "#RIF!", "#VALORE!",
]  # fmt: skip
"""What spreadsheets write where a formula failed, in several languages."""

MISSING_WORDS = [
    "NA", "N/A", "n/a", "n.a.", "N.A.", "na", "NaN", "nan", "-NaN", "-nan", "<NA>",
    # Words are searched for them only if some cell is as short as the longest.
    *(word for word in FAILED_FORMULAS if len(word.encode()) <= 7),
    "NULL", "Null", "null", "nil", "NIL", "None", "none",
    "?", "??", "-", "--", "---", ".", "..", "…", "–", "—", "*", "\\N", "(null)",
    "(NA)", "missing", "Missing", "MISSING",
]  # fmt: skip
"""Words that stand for a missing number; the empty cell is missing everywhere."""

LARGEST = 1e100
"""Larger numbers count as missing: no measurement has them, and squares and sums of the others are finite."""

_CURRENCY = r"[$€£¥₹₽₩₺₴₪฿₫₱¢]|US\$|A\$|C\$|R\$|[A-Z]{3}|kr\.?|zł|Kč|Fr\.?|Rs\.?|Ft|lei|лв\.?"
_CODES = [
    "USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "CNY", "RMB", "INR", "RUB", "BRL",
    "MXN", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "TRY", "ZAR", "KRW", "SGD", "HKD",
    "ILS", "THB",
]  # fmt: skip
_SPACES = " \u00a0\u202f\u2009"
_SLICE = 1 << 16
_DIGITS = b"0123456789"
_MINUS = "−–-"  # the hyphen must be last, since these go into character classes
_BODY = r"[0-9][0-9.,'’_ \u00a0\u202f\u2009]*[0-9.,]|[0-9]|[.,][0-9]+"
_ANY_NUMBER = re.compile(
    rf"(?P<open>\()?(?P<sign>[+{_MINUS}])?\s*(?P<prefix>{_CURRENCY})?\s*(?P<sign2>[+{_MINUS}])?\s*"
    rf"(?P<body>{_BODY})(?P<exp>[eE][+{_MINUS}]?[0-9]{{1,4}})?"
    rf"\s*(?P<suffix>%|‰|{_CURRENCY})?(?P<unit>\s?[A-Za-zµ°℃℉²³/%]{{1,6}})?\s*(?P<trail>-)?(?P<close>\))?"
)
_PLAIN_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_PLAIN = re.compile(_PLAIN_NUMBER)
_MARKED = re.compile(f"[.,'’_{_SPACES}]")
_INFINITE = re.compile(r"[+-]?\s*(inf|infinity|∞)", re.IGNORECASE)


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of one column are written.

    Args:
        decimal: ``"."`` or ``","``.
        thousands: One character, or ``""``; a space stands for every kind of space.
        unit: Letters after every number that are taken off, such as ``kg``, or ``""``.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""


def is_plain(cell: str) -> bool:
    """Whether a cell is a number as programs write it: digits, a decimal point, an exponent."""
    return _PLAIN.fullmatch(cell) is not None


def written_number(cell: str) -> re.Match[str] | None:
    """The parts of a cell that could be a number in some format: signs, currency, digits, percent, unit."""
    match = _ANY_NUMBER.fullmatch(cell)
    return match if match is not None and _known_prefix(match) else None


def looks_numeric(cell: str) -> bool:
    """Whether a cell could be a number in some format."""
    match = _ANY_NUMBER.fullmatch(cell)
    return match is not None and _known_prefix(match) and not match["unit"]


def _known_prefix(match: re.Match[str]) -> bool:
    return all(
        not (word := match[group])
        or len(word) != 3
        or not word.isascii()
        or not word.isalpha()
        or word in _CODES
        for group in ("prefix", "suffix")
    )


def parse_number(cell: str, form: NumberFormat) -> float | None:
    """Read one cell without surrounding spaces; None when it is not a number in this format."""
    if _INFINITE.fullmatch(cell):
        return float("-inf") if cell[0] == "-" else float("inf")
    match = written_number(cell)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    if (match["unit"] or "").strip() != form.unit and (match["unit"] or "").strip():
        return None
    signs = [match["sign"], match["sign2"], match["trail"], match["open"]]
    if sum(sign is not None for sign in signs) > 1:
        return None
    body = _plain_body(match["body"], form)
    if body is None:
        return None
    negative = any(sign is not None and sign != "+" for sign in signs)
    exponent = (match["exp"] or "").replace("−", "-").replace("–", "-")
    return float(("-" if negative else "") + body + exponent)


def _plain_body(body: str, form: NumberFormat) -> str | None:
    for space in _SPACES[1:]:
        body = body.replace(space, " ")
    body = body.replace("’", "'")
    whole, point, fraction = body.partition(form.decimal)
    if point and not re.fullmatch("[0-9]*", fraction):
        return None
    mark = form.thousands.replace("’", "'")
    mark = " " if mark and mark in _SPACES else mark
    if mark and mark in whole:
        # Indian grouping has pairs above the last three digits.
        if not re.fullmatch(
            rf"[0-9]{{1,3}}({re.escape(mark)}[0-9]{{2,3}})*{re.escape(mark)}[0-9]{{3}}", whole
        ):
            return None
        whole = whole.replace(mark, "")
    if not re.fullmatch("[0-9]*", whole) or not (whole or fraction):
        return None
    return f"{whole or '0'}.{fraction}" if fraction else whole


def vote_decimal(cells: Iterable[str]) -> Counter[tuple[str, str]]:
    """Count cells that can only have been written with one (decimal, thousands) pair.

    Args:
        cells: Cells without surrounding spaces; those that are no numbers are ignored.
    """
    votes: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        # Most cells are whole numbers or words without a mark, which show nothing.
        match = _ANY_NUMBER.fullmatch(cell) if _MARKED.search(cell) else None
        if match is None or not _known_prefix(match):
            continue
        body = match["body"]
        for mark in _SPACES[1:]:
            body = body.replace(mark, " ")
        body = body.replace("’", "'")
        other = next((mark for mark in (" ", "'", "_") if mark in body), "")
        if other and not re.fullmatch(rf"[0-9]{{1,3}}({other}[0-9]{{3}})+([.,][0-9]*)?", body):
            continue
        if verdict := _verdict(body, other):
            votes[verdict] += 1
    return votes


def _verdict(body: str, other: str) -> tuple[str, str] | None:
    points, commas = body.count("."), body.count(",")
    if points and commas:
        last = "." if body.rfind(".") > body.rfind(",") else ","
        return (last, "," if last == "." else ".") if body.count(last) == 1 else None
    if points > 1:
        return (",", ".") if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{3})+", body) else None
    if commas > 1:
        return (".", ",") if re.fullmatch(r"[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}", body) else None
    if points or commas:
        mark = "." if points else ","
        if re.fullmatch(rf"[1-9][0-9]{{0,2}}{re.escape(mark)}[0-9]{{3}}", body):
            return ("?", mark)
        return (mark, other)
    return ("", other) if other else None


def only_unclear_commas(cells: Iterable[str]) -> bool:
    """Whether cells without surrounding spaces have commas, each of which could start decimals or group thousands."""
    marks = {verdict for verdict in vote_decimal(cells) if verdict[0]}
    return marks == {("?", ",")}


def column_format(
    cells: Sequence[str], decimal: str, thousands: str, *, chosen: bool = False
) -> NumberFormat:
    """Decide how one column writes its numbers; as the file does where the column does not show it.

    Args:
        cells: A sample of the column without surrounding spaces and missing words.
        decimal, thousands: The marks of the file as a whole.
        chosen: Whether the user chose these, so that the column may not decide otherwise.
    """
    votes = vote_decimal(cells)
    unit = _common_unit(cells)
    if chosen:
        return NumberFormat(decimal, thousands, unit)
    marks: Counter[str] = Counter()
    spacers: Counter[str] = Counter()
    for (mark, other), count in votes.items():
        if mark in (".", ","):
            marks[mark] += count
        if other and mark != "?":
            spacers[other] += count
    own = marks.most_common(1)[0][0] if marks else ""
    unclear = {other for mark, other in votes if mark == "?"}
    if own:
        decimal = own
    elif "," in unclear and "." not in unclear and decimal == ".":
        return NumberFormat(".", ",", unit)
    candidates = [mark for mark, _ in spacers.most_common() if mark != decimal]
    if candidates:
        return NumberFormat(decimal, candidates[0], unit)
    if thousands == decimal:
        thousands = ""
    if not thousands and (unclear - {decimal}):
        thousands = "," if decimal == "." else "."
    return NumberFormat(decimal, thousands, unit)


def _common_unit(cells: Sequence[str]) -> str:
    units: Counter[str] = Counter()
    for cell in cells:
        if (match := written_number(cell)) is not None:
            units[(match["unit"] or "").strip()] += 1
    if not units or (top := units.most_common(1)[0])[0] == "" or top[1] < 0.9 * len(cells) or len(cells) < 2:
        return ""
    return top[0]


@dataclass(frozen=True)
class Parsed:
    """A column of text read as numbers.

    Args:
        values: float64, or int64 when every cell is a whole number that fits; NaN where missing.
        words: Cells that are no numbers, with how often each appears; they are missing in ``values``.
        beyond: Cells that were infinite or beyond ``LARGEST``; they are missing in ``values``.
        markers: Words for a missing number that were found, with how often each appears.
    """

    values: np.ndarray
    words: dict[str, int]
    beyond: int
    markers: dict[str, int]


def parse_column(
    words: Words, form: NumberFormat, fits: Callable[[str], bool] = lambda _cell: True
) -> Parsed:
    """Read a whole column of text as numbers.

    Args:
        fits: Returns whether the signs around a number are those of the column; else it is not a number.
    """
    missing = set(MISSING_WORDS)
    plain = form.decimal == "." and form.thousands != "."
    table = np.full(len(words.texts), np.nan)
    others: dict[str, int] = {}
    markers: dict[str, int] = {}
    whole = True
    for place, text in enumerate(words.texts):
        if plain and _PLAIN.fullmatch(text):
            number: float | None = float(text)
        elif text in missing:
            markers[text] = int(words.counts[place])
            continue
        else:
            number = parse_number(text, form) if fits(text) else None
        if number is None:
            others[text] = int(words.counts[place])
            continue
        table[place] = number
        whole = whole and number.is_integer() and abs(number) < 2**53 and form.decimal not in text
    far = np.abs(table) > LARGEST
    beyond = int(words.counts[far].sum())
    table[far] = np.nan
    values = words.spread(table, np.nan)
    if whole and len(values) and not np.isnan(values).any():
        values = values.astype(np.int64)
    return Parsed(values=values, words=others, beyond=beyond, markers=markers)


def strange_cells(column: pa.ChunkedArray, most: int) -> pa.ChunkedArray | None:
    """Cells of strings, null where empty, that are not numbers as programs write them; None if there are too many."""
    strange = pc.invert(pc.match_substring_regex(column, f"^(?:{_PLAIN_NUMBER})$"))
    return column.filter(strange) if (pc.sum(strange).as_py() or 0) < most else None


def parse_long(column: pa.ChunkedArray, form: NumberFormat, signs: Iterable[str]) -> Parsed:
    """Read a long column of text as numbers, as ``parse_column`` does, but cell by cell only where it must.

    Args:
        column: Strings without surrounding spaces, null where the cell is empty.
        signs: Currency marks that stand before or after them.
    """
    signs = tuple(signs)
    parts: list[Parsed] = []
    # Slice by slice, since intermediate arrays take more memory than the column itself.
    for start in range(0, len(column), _SLICE):
        part = _parse_slice(column.slice(start, _SLICE), form, signs)
        parts.append(part)
    words: Counter[str] = Counter()
    markers: Counter[str] = Counter()
    for part in parts:
        words.update(part.words)
        markers.update(part.markers)
    whole = all(part.values.dtype.kind == "i" for part in parts)
    values = np.empty(len(column), np.int64 if whole else np.float64)
    for start, part in zip(range(0, len(column), _SLICE), parts, strict=True):
        values[start : start + len(part.values)] = part.values
    return Parsed(values, dict(words), sum(part.beyond for part in parts), dict(markers))


def _parse_slice(column: pa.ChunkedArray, form: NumberFormat, signs: tuple[str, ...]) -> Parsed:
    plain = form.decimal == "." and form.thousands != "."
    patterns = [f"^(?:{_PLAIN_NUMBER})$"] if plain else []
    patterns.append(_pattern(form, signs))
    tables = [None, _kept(form)] if plain else [_kept(form)]
    values = np.full(len(column), np.nan)
    left = np.ones(len(column), dtype=bool)
    places = np.arange(len(column))
    rest, whole = column, True
    for pattern, table in zip(patterns, tables, strict=True):
        fits = pc.fill_null(pc.match_substring_regex(rest, pattern), False)
        found = _numbers(rest.filter(fits), table, [*signs, form.unit])
        here = fits.to_numpy()
        values[places[here]] = found
        left[places[here]] = False
        marked = pc.any(pc.match_substring(rest.filter(fits), form.decimal)).as_py()
        whole = (
            whole and not marked and bool((found == np.floor(found)).all() and (np.abs(found) < 2**53).all())
        )
        rest, places = rest.filter(pc.invert(fits)), places[~here]
        if not len(rest):
            break
    others = parse_column(words_of(rest), form)
    values[left] = others.values
    far = np.abs(values) > LARGEST
    values[far] = np.nan
    if whole and others.values.dtype.kind in ("i" if len(rest) else "if"):
        values = values.astype(np.int64)
    return Parsed(values, others.words, others.beyond + int(far.sum()), others.markers)


def _pattern(form: NumberFormat, signs: tuple[str, ...]) -> str:
    """A pattern of the usual ways to write a number in a format; ``parse_number`` knows all others."""
    spaces = f"[{_SPACES}]"
    marks = {" ": spaces, "'": "['’]", "": ""}
    mark = spaces if form.thousands and form.thousands in _SPACES else form.thousands.replace("’", "'")
    mark = marks.get(mark, mark if mark == spaces else re.escape(mark))
    grouped = f"[0-9]{{1,3}}(?:{mark}[0-9]{{2,3}})*{mark}[0-9]{{3}}|" if mark else ""
    body = rf"(?:{grouped}[0-9]+)(?:{re.escape(form.decimal)}[0-9]*)?"
    longest = sorted(signs, key=len, reverse=True)
    before = "|".join(map(re.escape, longest))
    after = "|".join(map(re.escape, [*longest, "%", "‰", *([form.unit] if form.unit else [])]))
    prefix = f"(?:(?:{before}){spaces}?)?" if before else ""
    number = f"{prefix}{body}(?:{spaces}?(?:{after}))?"
    return rf"^(?:-?{number}|\({number}\))$"


def _kept(form: NumberFormat) -> np.ndarray:
    """The replacement of each byte of a written number, 0 where it is dropped."""
    table = np.zeros(256, dtype=np.uint8)
    table[list(_DIGITS)] = list(_DIGITS)
    table[[ord("-"), ord("("), ord(form.decimal)]] = [ord("-"), ord("-"), ord(".")]
    return table


def _numbers(column: pa.ChunkedArray, table: np.ndarray | None, words: Iterable[str]) -> np.ndarray:
    """The values of cells that are known to be numbers."""
    for word in words:
        if table is not None and set(word) & set(".,-"):
            column = pc.replace_substring(column, word, "")
    pieces = [chunk if table is None else _rewritten(chunk, table) for chunk in column.chunks]
    if not pieces:
        return np.empty(0)
    return pc.cast(pa.chunked_array(pieces), pa.float64()).to_numpy()


def _rewritten(piece: pa.StringArray, table: np.ndarray) -> pa.StringArray:
    """Strings with every byte replaced as a table says."""
    offsets = np.frombuffer(piece.buffers()[1], dtype=np.int32)[piece.offset : piece.offset + len(piece) + 1]
    data = np.frombuffer(piece.buffers()[2] or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    mapped = table[data]
    kept = mapped != 0
    ends = np.append(np.int32(0), np.cumsum(kept, dtype=np.int32))[offsets - offsets[0]]
    return pa.StringArray.from_buffers(len(piece), pa.py_buffer(ends), pa.py_buffer(mapped[kept]))
