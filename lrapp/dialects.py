"""How a text table is written: delimiter, quotes, header, decimal mark. Decided by a vote over a sample."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lrapp.errors import UserError
from lrapp.numerals import MISSING_WORDS, is_plain, looks_numeric, vote_decimal
from lrapp.records import prepare_text, read_sample

SAMPLE_BYTES = 1 << 17
_VOTE_CHARACTERS = 1 << 15
_VOTING_CELLS = 5_000
_DELIMITERS = (",", ";", "\t", "|", "\x1f", "\x01", "^", "~", "::", "||", ":", " ")
_SHY = {":": 0.8, " ": 0.8, "^": 0.9, "~": 0.9, "::": 0.95, "||": 0.95}
_MISSING = frozenset((*MISSING_WORDS, ""))
_DATE_LIKE = re.compile(
    r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ]\d{1,2}:\d{2}(:\d{2})?.{0,10})?|\d{1,2}:\d{2}(:\d{2})?"
)
_ALONE = re.compile(
    rf"{_DATE_LIKE.pattern}|[-+]?[0-9]+([.,][0-9]+)?([eE][-+]?[0-9]+)?|"
    r"[-+]?[1-9][0-9]{0,2}([ .,'][0-9]{3})+([.,][0-9]+)?"
)
_YEAR = re.compile(r"(1[89]|20|21)\d\d")


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Args:
        encoding: Python's name of the encoding.
        delimiter: What stands between cells; ``" "`` stands for any run of spaces and tabs.
        quote: ``'"'``, ``"'"`` or ``""`` for none.
        header: Whether the first row holds the column names.
        decimal: ``"."`` or ``","``.
        thousands: One character, or ``""``.
        escape: ``"\\\\"`` where a quote inside quotes is written with a backslash before it, else ``""``.
    """

    encoding: str
    delimiter: str
    quote: str
    header: bool
    decimal: str
    thousands: str
    escape: str = ""


@dataclass(frozen=True)
class DialectOverrides:
    """What the user says about the dialect; None is found out."""

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool | None = None
    decimal: str | None = None
    thousands: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a dialect.

        Raises:
            UserError: If a field is out of its range.
        """
        if self.delimiter is not None and (
            not 1 <= len(self.delimiter) <= 4 or set(self.delimiter) & set('"\n\r')
        ):
            raise UserError(f"The delimiter must be one to four characters. Received: {self.delimiter!r}.")
        if self.quote is not None and self.quote not in ('"', "'", ""):
            raise UserError(f"The quote must be \", ' or none. Received: {self.quote!r}.")
        if self.decimal is not None and self.decimal not in (".", ","):
            raise UserError(f"The decimal mark must be a point or a comma. Received: {self.decimal!r}.")
        if self.thousands is not None and len(self.thousands) > 1:
            raise UserError(
                f"The thousands mark must be one character or none. Received: {self.thousands!r}."
            )
        if self.thousands and self.thousands == self.decimal:
            raise UserError("The thousands mark must differ from the decimal mark. Choose another one.")


@dataclass(frozen=True)
class Layout:
    """Where the table lies among the rows of a file.

    Args:
        skip: Rows before the header (or before the first row when there is none).
        header_rows: Rows that hold names: 0, 1 or 2.
        width: Cells in a row.
        short_header: Whether the header lacks the name of the first column, as R writes it.
    """

    skip: int
    header_rows: int
    width: int
    short_header: bool = False


def sample_of(text: str) -> str:
    """The first whole lines of a text, as far as a vote needs them."""
    if len(text) <= SAMPLE_BYTES:
        return text
    cut = max(text.rfind("\n", 0, SAMPLE_BYTES), text.rfind("\r", 0, SAMPLE_BYTES))
    return text[: cut + 1] if cut > 0 else text[:SAMPLE_BYTES]


@dataclass(frozen=True)
class Found:
    """What a vote found out.

    Args:
        dialect: The dialect; its header is still to be decided by ``layout``.
        named_lines: Lines at the top that only name the delimiter.
        width: Cells in most rows.
    """

    dialect: Dialect
    named_lines: int
    width: int


def detect(text: str, encoding: str, told: DialectOverrides | None = None) -> Found:
    """Find the dialect by how evenly rows split and how clean the cells are.

    Args:
        text: The beginning of the file.
        encoding: Carried into the result.
        told: The user's overrule.
    """
    told = told or DialectOverrides()
    named_lines = 0
    delimiter = told.delimiter
    if match := re.match(r"\"?sep=(\\t|.)\"?[;,\t|]*(\r\n|\r|\n)", text, re.IGNORECASE):
        named_lines = 1
        text = text[match.end() :]
        delimiter = delimiter or match[1].replace("\\t", "\t")
    sample = sample_of(text)
    short = _with_newlines(sample[:_VOTE_CHARACTERS])
    delimiters = (delimiter,) if delimiter else tuple(mark for mark in ("", *_DELIMITERS) if mark in short)
    best, best_score = delimiters[0], -1.0
    for mark in delimiters:
        score = _score(short, mark, told.quote)
        if score > best_score + 1e-9:
            best, best_score = mark, score
    quote, escape = _quoting(_with_newlines(sample), best, told.quote)
    dialect = Dialect(
        encoding=encoding,
        delimiter=best or _unused(sample),
        quote=quote,
        header=True,
        decimal=".",
        thousands="",
        escape=escape,
    )
    rows = _split(sample, dialect.delimiter, quote, escape)
    return Found(dialect, named_lines, _width(rows) if rows else 1)


def _unused(sample: str) -> str:
    """A delimiter for a table of one column, which must not split its cells."""
    return next((mark for mark in (",", ";", "\t", "|", "\x1f") if mark not in sample), ",")


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _split(text: str, delimiter: str, quote: str, escape: str) -> list[list[str]]:
    return read_sample(prepare_text(text.encode("utf-8", errors="replace"), delimiter, quote, escape))


def _quoting(sample: str, mark: str, told: str | None) -> tuple[str, str]:
    """Quote and escape character under one delimiter."""
    if told is not None:
        return told, _escape(sample, told)
    if '"' in sample and _quote_share(sample, mark, '"') >= 0.5:
        return '"', _escape(sample, '"')
    if sample.count("'") >= 4 and _quote_share(sample, mark, "'") >= 0.9 and _quotes_pair(sample, mark):
        return "'", _escape(sample, "'")
    return ("" if '"' in sample else '"'), ""


def _quotes_pair(sample: str, mark: str) -> bool:
    """Whether most apostrophes enclose whole cells, rather than belong to words."""
    edge = re.escape(mark) if mark else "(?!)"
    enclosed = re.findall(rf"(?:^|(?<={edge}))[ \t]*'(?:[^']|'')*'[ \t]*(?={edge}|$)", sample, re.MULTILINE)
    return sum(cell.count("'") for cell in enclosed) >= 0.8 * sample.count("'")


def _escape(sample: str, quote: str) -> str:
    if not quote or "\\" + quote not in sample:
        return ""
    return "\\" if re.search(re.escape("\\" + quote) + r"[^,;\t|\n\r]", sample) else ""


def _quote_share(sample: str, mark: str, quote: str) -> float:
    """Share of quote characters that stand where a quote may stand."""
    edge = re.escape(mark) if mark else "(?!)"
    q = re.escape(quote)
    total = sample.count(quote)
    pairs = len(re.findall(rf"{q}{q}|\\{q}", sample))
    single = re.sub(rf"\\{q}|(?<!^)(?<!{edge}){q}{q}(?!$|{edge})", "", sample, flags=re.MULTILINE)
    opening = len(re.findall(rf"(?:^|{edge})[ \t]*{q}", single, re.MULTILINE))
    closing = len(re.findall(rf"{q}[ \t]*(?={edge}|$)", single, re.MULTILINE))
    return min(1.0, (2 * min(opening, closing) + 2 * pairs) / total) if total else 0.0


def _score(sample: str, mark: str, told_quote: str | None) -> float:
    quote, escape = _quoting(sample, mark, told_quote)
    rows = _split(sample, mark or "\x00", quote, escape)
    if not rows:
        return 0.0
    widths = Counter(len(row) for row in rows)
    width, common = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1 or not mark), item[0]))
    evenness = common / len(rows)
    clean = _clean_share([row for row in rows if len(row) == width][:400], mark)
    if quote == "" and '"' in sample and told_quote is None:
        evenness *= 0.9
    if len(rows[0]) != width:
        evenness *= 0.8
    if not mark:
        return _score_alone(rows)
    if width < 2:
        return 0.0
    return evenness * (0.5 + 0.5 * clean) * _SHY.get(mark, 1.0) * (width - 0.5) / width


def _score_alone(rows: Sequence[Sequence[str]]) -> float:
    """How much a text looks like one column: cells of which each is one number or one point in time."""
    cells = [row[0].strip() for row in rows]
    others = [cell for cell in cells if not _ALONE.fullmatch(cell) and cell not in _MISSING]
    numbers = len(cells) - len(others)
    if not numbers or len(others) > 0.05 * len(cells) + 1 or any(set(cell) & set(",;\t|") for cell in others):
        return 0.1
    return 0.7


def _clean_share(rows: Sequence[Sequence[str]], mark: str) -> float:
    """Share of cells that are one thing: a number, a date, a missing word, or words without another delimiter."""
    good = total = 0.0
    for row in rows:
        for raw in row:
            cell = raw.strip()
            total += 1
            if is_plain(cell) or cell in _MISSING or _DATE_LIKE.fullmatch(cell) or looks_numeric(cell):
                good += 1
            elif mark and not re.search(r"[;\t|,]", cell) and not (mark != '"' and '"' in cell):
                good += 0.9
            elif mark:
                good += 0.4
    return good / total if total else 0.0


def with_marks(dialect: Dialect, rows: Sequence[Sequence[str]], told: DialectOverrides) -> Dialect:
    """Decide decimal and thousands marks by what cells can only mean.

    Args:
        dialect: What is known so far.
        rows: A sample of rows.
        told: The user's overrule.
    """
    cells = [cell.strip() for row in rows for cell in row]
    cells = cells[:: max(1, len(cells) // _VOTING_CELLS)]
    # A date such as 31.12.2020 must not vote.
    votes = vote_decimal(cell for cell in cells if not _DATE_LIKE.fullmatch(cell))
    decimals: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    for (mark, other), count in votes.items():
        if mark in (".", ","):
            decimals[mark] += count
        if mark in (".", ",", "") and other:
            groups[other] += count
    decimal = "."
    if decimals:
        decimal = "," if decimals[","] > decimals["."] else "."
    elif dialect.delimiter in (";", "\t") and votes[("?", ",")] and not votes[("?", ".")]:
        decimal = ","
    decimal = told.decimal or decimal
    if told.thousands and not told.decimal and told.thousands == decimal:
        decimal = "." if decimal == "," else ","
    usual = [mark for mark, _ in groups.most_common() if mark != decimal]
    thousands = usual[0] if usual else ""
    if not thousands and votes[("?", "," if decimal == "." else ".")]:
        thousands = "," if decimal == "." else "."
    if told.thousands is not None:
        thousands = told.thousands
    return replace(dialect, decimal=decimal, thousands=thousands)


def layout(rows: Sequence[Sequence[str]], header: bool | None = None) -> Layout:
    """Find the width of the table, the lines before it and its header.

    Args:
        rows: The first rows of the file, not empty.
        header: The user's overrule.
    """
    width = _width(rows)
    first = next(
        (place for place, row in enumerate(rows) if len(row) == width and _starts_here(rows, place, width)), 0
    )
    short = (
        header is not False
        and first > 0
        and len(rows[first - 1]) == width - 1
        and width > 2
        and _could_be_names(rows[first - 1])
        and not _could_be_names(rows[first])
    )
    if short:
        return Layout(skip=first - 1, header_rows=1, width=width, short_header=True)
    body = [list(row) for row in rows[first:] if len(row) == width]
    has_header = header if header is not None else has_names(body)
    header_rows = 1 if has_header else 0
    if (
        has_header
        and header is None
        and len(rows[first + 1 : first + 2])
        and len(rows[first + 1]) == width
        and _second_names(body)
    ):
        header_rows = 2
    return Layout(skip=first, header_rows=header_rows, width=width)


def _width(rows: Sequence[Sequence[str]]) -> int:
    widths = Counter(len(row) for row in rows)
    # Rows that lost their empty ends are shorter than the header, never longer.
    usual = max(widths.items(), key=lambda item: (item[1], item[0]))[0]
    if usual == 1 and len(widths) > 1:
        wider = Counter({width: count for width, count in widths.items() if width > 1})
        top, count = wider.most_common(1)[0]
        usual = top if count >= 0.3 * len(rows) or count >= widths[1] - 1 else 1
    for row in rows[:1]:
        if len(row) > usual and _could_be_names(row) and max(widths) == len(row):
            return len(row)
    return usual


def _starts_here(rows: Sequence[Sequence[str]], place: int, width: int) -> bool:
    following = rows[place + 1 : place + 6]
    return not following or sum(len(row) == width for row in following) * 2 >= len(following)


def _could_be_names(row: Sequence[str]) -> bool:
    cells = [cell.strip() for cell in row]
    named = [cell for cell in cells if cell]
    return (
        len(named) >= 0.5 * len(cells)
        and not any(looks_numeric(cell) or _DATE_LIKE.fullmatch(cell) for cell in named)
        and len(set(named)) >= 0.5 * len(named)
    )


def has_names(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row holds names, by how it differs from the rows below.

    Args:
        rows: Rows of one width.
    """
    if not rows:
        return False
    top = [cell.strip() for cell in rows[0]]
    if len(rows) == 1:
        return not any(looks_numeric(cell) for cell in top)
    below = rows[1:400]
    if _counts_up(top, below):
        return True
    evidence = 0.0
    for place, name in enumerate(top[:500]):
        cells = [row[place].strip() for row in below]
        cells = [cell for cell in cells if cell not in _MISSING]
        evidence += _names_column(name, cells)
    if evidence:
        return evidence > 0
    return _could_be_names(top) or all(not looks_numeric(cell) for cell in top if cell)


def _names_column(name: str, cells: Sequence[str]) -> float:
    if not cells:
        return 0.0
    numbers = sum(looks_numeric(cell) or _DATE_LIKE.fullmatch(cell) is not None for cell in cells)
    numeric_name = looks_numeric(name) or _DATE_LIKE.fullmatch(name) is not None
    if numbers > 0.8 * len(cells):
        if numeric_name:
            return -1.0
        return 0.0 if name in _MISSING else 1.0
    if numeric_name:
        return -0.5
    if name in cells:
        return -0.5 if len(set(cells)) < len(cells) else -0.25
    if not name:
        return 0.0
    lengths = {len(cell) for cell in cells}
    if len(lengths) == 1 and len(cells) > 2 and len(name) not in lengths:
        return 0.5
    # A word that never comes back above a few words that always do is their name.
    return 0.3 if len(set(cells)) <= max(1, len(cells) // 3) else 0.0


def _counts_up(top: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Names such as 0, 1, 2 … or 2019, 2020, 2021 over cells that are something else."""
    digits = [int(cell) for cell in top if cell.isascii() and cell.isdigit() and len(cell) < 6]
    if len(digits) < 3 or len(digits) < len(top) - 3 or any(b - a != 1 for a, b in pairwise(digits)):
        return False
    if digits[0] not in (0, 1) and not all(_YEAR.fullmatch(str(year)) for year in digits):
        return False
    alike = 0
    for row in below[:20]:
        same = [int(cell.strip()) for cell in row if cell.strip().isdigit() and len(cell.strip()) < 6]
        alike += len(same) == len(digits) and all(b - a == 1 for a, b in pairwise(same))
    return alike <= len(below[:20]) // 2


def _second_names(rows: Sequence[Sequence[str]]) -> bool:
    """Units or a second line of names: words above columns that are numbers from the third row on."""
    if len(rows) < 5:
        return False
    second, below = rows[1], rows[2:60]
    numeric = [
        place
        for place in range(min(len(second), 500))
        if sum(looks_numeric(row[place].strip()) for row in below) >= 0.9 * len(below)
    ]
    cells = [second[place].strip() for place in numeric]
    words = [cell for cell in cells if cell and cell not in _MISSING and not looks_numeric(cell)]
    return len(words) >= 1 and len(words) >= 0.6 * len(cells) and not any(looks_numeric(c) for c in cells)
