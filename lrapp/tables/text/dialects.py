"""How a text table is written: delimiter, quotes, header, decimal mark. Decided by a vote over a sample."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from lrapp.errors import UserError
from lrapp.tables.columns.number_formats import MISSING_WORDS, is_plain, looks_numeric, vote_decimal
from lrapp.tables.text.delimited_text import TAB_RUN, WIDE_GAP, prepare_text
from lrapp.tables.text.known_names import fit_of_names
from lrapp.tables.text.layouts import DATE_LIKE, usual_width
from lrapp.tables.text.records import read_sample

SAMPLE_BYTES = 1 << 17
_VOTE_CHARACTERS = 1 << 15
_VOTING_CELLS = 5_000
_NUMBERS = 50
_DELIMITERS = (",", ";", "\t", "|", "\x1f", "\x01", "^", "~", "::", "||", ":", " ", WIDE_GAP)
_EDGES = frozenset(",;|^~:\t")
_OTHER_MARK = re.compile(r"[;\t|,\"]")
_GROUPED = re.compile(r"[-+(]?[0-9]{1,3}( [0-9]{3})+([.,][0-9]+)?\)?")
_SHY = {":": 0.8, " ": 0.8, "^": 0.9, "~": 0.9, "::": 0.95, "||": 0.95}
_MISSING = frozenset((*MISSING_WORDS, ""))
_ALONE = re.compile(
    rf"{DATE_LIKE.pattern}|[-+]?[0-9]+([.,][0-9]+)?([eE][-+]?[0-9]+)?|"
    r"[-+]?[1-9][0-9]{0,2}([ .,'][0-9]{3})+([.,][0-9]+)?"
)


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Args:
        encoding: Python's name of the encoding.
        delimiter: What stands between cells; ``" "`` stands for any run of spaces and tabs,
            ``"  "`` for any of two or more spaces or with a tab,
            and two tabs for any run of tabs.
        quote: ``'"'``, ``"'"`` or ``""`` for none.
        header: Whether the first row holds the column names.
        decimal: ``"."`` or ``","``.
        thousands: One character, or ``""``.
        escape: ``"\\\\"`` where a quote inside quotes is written with a backslash before it, with the delimiter behind
            it where that is written so too, else ``""``.
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
    """The user's choices for the dialect; None is detected.

    Args:
        encoding, delimiter, quote, header, decimal, thousands: As in ``Dialect``.
        date_order: ``"dmy"`` or ``"mdy"`` where dates could be read both ways.
        missing_words: Whether words such as NA are ``"missing"`` or ``"values"`` in columns of words.
        sheet: Name of the sheet of a spreadsheet.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool | None = None
    decimal: str | None = None
    thousands: str | None = None
    date_order: str | None = None
    missing_words: str | None = None
    sheet: str | None = None

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
        if self.date_order not in (None, "dmy", "mdy"):
            raise UserError(f"The order of dates must be dmy or mdy. Received: {self.date_order!r}.")
        if self.missing_words not in (None, "missing", "values"):
            raise UserError(f"Words such as NA must be missing or values. Received: {self.missing_words!r}.")


def sample_of(text: str) -> str:
    """The first whole lines of a text, as many as a vote needs."""
    if len(text) <= SAMPLE_BYTES:
        return text
    cut = max(text.rfind("\n", 0, SAMPLE_BYTES), text.rfind("\r", 0, SAMPLE_BYTES))
    return text[: cut + 1] if cut > 0 else text[:SAMPLE_BYTES]


@dataclass(frozen=True)
class Found:
    """The result of a vote.

    Args:
        dialect: The dialect; its header is still to be decided by ``layouts.layout``.
        named_lines: Lines at the top that only name the delimiter.
        width: Cells in most rows.
    """

    dialect: Dialect
    named_lines: int
    width: int


def detect(
    text: str, encoding: str, chosen: DialectOverrides | None = None, known: Collection[str] = ()
) -> Found:
    """Find the dialect by how evenly rows split and how clean the cells are.

    Args:
        text: The beginning of the file.
        encoding: Carried into the result.
        chosen: The user's overrule.
        known: Names that columns may have; a row of them settles what delimits.
    """
    chosen = chosen or DialectOverrides()
    named_lines = 0
    delimiter = chosen.delimiter
    if match := re.match(r"\"?sep=(\\t|.)\"?[;,\t|]*(\r\n|\r|\n)", text, re.IGNORECASE):
        named_lines = 1
        text = text[match.end() :]
        delimiter = delimiter or match[1].replace("\\t", "\t")
    sample = sample_of(text)
    short = _with_newlines(sample[:_VOTE_CHARACTERS])
    delimiters = (delimiter,) if delimiter else _candidates(short, chosen.quote)
    if known and not delimiter:
        delimiters = _between_names(short, delimiters, frozenset(known), chosen.quote)
    if not delimiter and "\t" in delimiters and _tabs_are_padding(sample, chosen.quote, whole=sample == text):
        delimiters = tuple(TAB_RUN if mark == "\t" else mark for mark in delimiters)
    best, best_score = delimiters[0], -1.0
    for mark in delimiters:
        score = _score(short, mark, chosen.quote)
        if score > best_score + 1e-9:
            best, best_score = mark, score
    quote, escape = _quoting(_with_newlines(sample), best, chosen.quote)
    if len(best) == 1 and "\\" + best in short:
        escapes = (escape, "\\" + best)
        escape = max(escapes, key=lambda signs: _evenness(_split(short, best, quote, signs), best)[1])
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
    return Found(dialect, named_lines, usual_width(rows) if rows else 1)


def _candidates(sample: str, told_quote: str | None) -> tuple[str, ...]:
    """Delimiters to vote on; single spaces and wide gaps never both."""
    marks = [mark for mark in ("", *_DELIMITERS) if mark in sample]
    if WIDE_GAP in marks:
        marks.remove(" " if _gaps_are_wide(sample, told_quote) else WIDE_GAP)
    return tuple(marks)


def _between_names(
    sample: str, marks: tuple[str, ...], known: frozenset[str], told_quote: str | None
) -> tuple[str, ...]:
    """The delimiters under which a row holds the most known names; all of them where none does."""
    fits = {
        mark: fit_of_names(_split(sample, mark or "\x00", *_quoting(sample, mark, told_quote)), known)
        for mark in marks
    }
    best = max(fits.values())
    if best and fits[""] == best:
        return ("",)  # a name alone in its line has no delimiter
    return tuple(mark for mark in marks if fits[mark] == best) if best else marks


def _gaps_are_wide(sample: str, told_quote: str | None) -> bool:
    """Whether two or more spaces delimit, and single ones belong to words inside of cells."""
    quoting, single = (_quoting(sample, mark, told_quote) for mark in (WIDE_GAP, " "))
    wide, narrow = _split(sample, WIDE_GAP, *quoting), _split(sample, " ", *single)
    if len(wide) < 2 or quoting != single:
        return False
    width, evenness = _evenness(wide, WIDE_GAP)
    also_narrow = _evenness(narrow, " ")[1] >= evenness
    if width < 2 or evenness < 0.5 or (also_narrow and '"' in sample):
        return False
    cells = [cell for row in wide for cell in map(str.strip, row) if cell]
    # Cells that begin or end with a delimiter are only padded.
    if sum(bool({cell[0], cell[-1]} & _EDGES) for cell in cells) > 0.05 * len(cells):
        return False
    worded = [cell for cell in cells if " " in cell]
    return sum(_is_one_cell(cell, also_narrow) for cell in worded) > 0.5 * len(worded)


def _tabs_are_padding(sample: str, told_quote: str | None, *, whole: bool) -> bool:
    """Whether runs of tabs only align cells: taken as one delimiter they make all rows even."""
    if TAB_RUN not in sample:
        return False
    quoting = _quoting(sample, "\t", told_quote)
    runs, single = _split(sample, TAB_RUN, *quoting), _split(sample, "\t", *quoting)
    if len(runs) < 2 or len({len(row) for row in runs}) > 1 or len(runs[0]) < 2:
        return False
    usual = usual_width(single)
    if all(len(row) >= usual and not any(map(str.strip, row[usual:])) for row in single):
        # Rows that are even already: a run may be an empty cell, unless its column is empty to the end.
        empty = sum(not any(map(str.strip, cells)) for cells in zip(*single, strict=False))
        return whole and empty == usual - len(runs[0]) > 0
    return True


def _is_one_cell(cell: str, also_narrow: bool) -> bool:
    """Whether words with single spaces between them are one cell rather than several."""
    if DATE_LIKE.fullmatch(cell):
        return True
    numeric = [looks_numeric(part) for part in cell.split()]
    if also_narrow:
        return not any(numeric)
    return not all(numeric) or _GROUPED.fullmatch(cell) is not None


def _unused(sample: str) -> str:
    """A delimiter for a table of one column, which must not split its cells."""
    return next((mark for mark in (",", ";", "\t", "|", "\x1f") if mark not in sample), ",")


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _split(text: str, delimiter: str, quote: str, escape: str) -> list[list[str]]:
    return read_sample(prepare_text(text.encode("utf-8", errors="replace"), delimiter, quote, escape))


def _quoting(sample: str, mark: str, chosen: str | None) -> tuple[str, str]:
    """Quote and escape character under one delimiter."""
    if chosen is not None:
        return chosen, _escape(sample, chosen)
    if '"' in sample and _quote_share(sample, mark, '"') >= 0.5:
        return '"', _escape(sample, '"')
    if sample.count("'") >= 4 and _quote_share(sample, mark, "'") >= 0.9 and _quotes_pair(sample, mark):
        return "'", _escape(sample, "'")
    return ("" if '"' in sample else '"'), ""


def _edge(mark: str) -> str:
    """A pattern for the edges of a quoted cell."""
    if mark in (" ", WIDE_GAP):
        return r"[ \t]"
    return re.escape(mark) if mark else "(?!)"


def _quotes_pair(sample: str, mark: str) -> bool:
    """Whether most apostrophes enclose whole cells, rather than belong to words."""
    edge = _edge(mark)
    enclosed = re.findall(rf"(?:^|(?<={edge}))[ \t]*'(?:[^']|'')*'[ \t]*(?={edge}|$)", sample, re.MULTILINE)
    return sum(cell.count("'") for cell in enclosed) >= 0.8 * sample.count("'")


def _escape(sample: str, quote: str) -> str:
    """A backslash where quotes are written with it.

    Behind a backslash that is part of its cell stand pairs of quotes, and one more where the cell ends. What breaks
    that shows that the backslash belongs to the first of the quotes; one at the end of a cell may mean either.
    """
    if not quote or "\\" + quote not in sample:
        return ""
    q = re.escape(quote)
    inside, at_end = rf"(?:{q}{q})*{q}(?![{q},;\t|\n\r]|$)", rf"(?:{q}{q})+(?=[,;\t|\n\r]|$)"
    return "\\" if re.search(rf"\\(?:{inside}|{at_end})", sample) else ""


def _quote_share(sample: str, mark: str, quote: str) -> float:
    """Share of quote characters that stand where a quote may stand."""
    edge = _edge(mark)
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
    width, evenness = _evenness(rows, mark)
    clean = _clean_share([row for row in rows if len(row) == width][:400], mark)
    if quote == "" and '"' in sample and told_quote is None:
        evenness *= 0.9
    if not mark:
        return _score_alone(rows)
    if width < 2:
        return 0.0
    return evenness * (0.5 + 0.5 * clean) * _SHY.get(mark, 1.0) * (width - 0.5) / width


def _evenness(rows: Sequence[Sequence[str]], mark: str) -> tuple[int, float]:
    """The usual number of cells, and the share of rows with as many; less if the first row differs."""
    widths = Counter(len(row) for row in rows)
    width, common = max(widths.items(), key=lambda item: (item[1] * (item[0] > 1 or not mark), item[0]))
    return width, common / len(rows) * (1.0 if len(rows[0]) == width else 0.8)


def _score_alone(rows: Sequence[Sequence[str]]) -> float:
    """How much a text looks like one column: the share of cells that are one number or one point in time."""
    cells = [row[0].strip() for row in rows]
    others = [cell for cell in cells if not _ALONE.fullmatch(cell) and cell not in _MISSING]
    numbers = len(cells) - len(others)
    if not numbers or len(others) > 0.05 * len(cells) + 1 or any(set(cell) & set(",;\t|") for cell in others):
        return 0.1
    return 0.7


def _clean_share(rows: Sequence[Sequence[str]], mark: str) -> float:
    """Share of cells that are one thing: a number, a date, a missing word, or words without another delimiter."""
    good = 0.0
    cells = Counter(cell.strip() for row in rows for cell in row)
    for cell, often in cells.items():
        if is_plain(cell) or cell in _MISSING or DATE_LIKE.fullmatch(cell) or looks_numeric(cell):
            good += often
        elif mark and not _OTHER_MARK.search(cell):
            good += 0.9 * often
        elif mark:
            good += 0.4 * often
    return good / cells.total() if cells else 0.0


def with_marks(dialect: Dialect, rows: Sequence[Sequence[str]], chosen: DialectOverrides) -> Dialect:
    """Decide decimal and thousands marks by unambiguous cells.

    Args:
        dialect: As known so far.
        rows: A sample of rows.
        chosen: The user's overrule.
    """
    cells = [cell.strip() for row in rows for cell in row]
    cells = cells[:: max(1, len(cells) // _VOTING_CELLS)]
    # A date such as 31.12.2020 must not vote.
    votes = vote_decimal(cell for cell in cells if not DATE_LIKE.fullmatch(cell))
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
    elif dialect.delimiter in (";", "\t", TAB_RUN) and votes[("?", ",")] and not votes[("?", ".")]:
        # Amounts in parentheses are accounting, which groups thousands.
        accounts = vote_decimal(cell for cell in cells if cell[:1] == "(")
        decimal = "." if accounts[("?", ",")] else ","
    decimal = chosen.decimal or decimal
    if chosen.thousands and not chosen.decimal and chosen.thousands == decimal:
        decimal = "." if decimal == "," else ","
    usual = [mark for mark, _ in groups.most_common() if mark != decimal]
    thousands = usual[0] if usual else ""
    if not thousands and votes[("?", "," if decimal == "." else ".")]:
        thousands = "," if decimal == "." else "."
    if chosen.thousands is not None:
        thousands = chosen.thousands
    return replace(dialect, decimal=decimal, thousands=thousands)


def has_na_in_numbers(rows: Sequence[Sequence[str]]) -> bool:
    """Whether NA stands in a column of numbers.

    Args:
        rows: A sample of rows.
    """
    places = {place for row in rows if "NA" in row for place, cell in enumerate(row) if cell == "NA"}
    for place in places:
        others = [row[place].strip() for row in rows if place < len(row) and row[place] != "NA"][:_NUMBERS]
        if others and 2 * sum(map(looks_numeric, others)) > len(others):
            return True
    return False
