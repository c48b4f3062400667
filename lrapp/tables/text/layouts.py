"""Where a table lies among the rows of a file, and whether its first row holds names."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from lrapp.tables.columns.number_formats import MISSING_WORDS, looks_numeric
from lrapp.tables.text.header_rows import Below, marked_names, rows_below
from lrapp.tables.text.known_names import TOP_LINES, place_of_names

_MISSING = frozenset((*MISSING_WORDS, ""))
DATE_LIKE = re.compile(
    r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ]\d{1,2}:\d{2}(:\d{2})?.{0,10})?|\d{1,2}:\d{2}(:\d{2})?"
)
"""Cells that are roughly a date or a time of day."""

_YEAR = re.compile(r"(1[89]|20|21)\d\d")

_TOP = 100


@dataclass(frozen=True)
class Layout:
    """Where the table lies among the rows of a file.

    Args:
        skip: Rows before the header (or before the first row when there is none).
        header_rows: Rows that hold names: 0 to 3.
        width: Cells in a row.
        short_header: Whether the header lacks the name of the first column, as R writes it.
        below: Content of the header's further rows, where they are not names: ``"kinds"`` or ``"units"``.
    """

    skip: int
    header_rows: int
    width: int
    short_header: bool = False
    below: str = ""


def layout(rows: Sequence[Sequence[str]], header: bool | None = None, known: Collection[str] = ()) -> Layout:
    """Find the width of the table, the lines before it and its header.

    Args:
        rows: The first rows of the file, not empty.
        header: The user's overrule.
        known: Names that columns may have; a row of them is the header.
    """
    if header is None and known and (top := place_of_names(rows, known)) is not None:
        named = layout(rows[top:], header=True)
        if not named.skip:
            more = rows_below(rows[top:])
            return replace(named, skip=top, header_rows=1 + more.rows, below=more.what)
    width = usual_width(rows)
    first = next(
        (place for place, row in enumerate(rows) if len(row) == width and _starts_here(rows, place, width)), 0
    )
    if header is None and first and len(rows[0]) == width and _named_above_ragged(rows[: first + 1]):
        first = 0
    short = (
        header is not False
        and first > 0
        and len(rows[first - 1]) == width - 1
        and width > 2
        and _could_be_names(rows[first - 1])
        and not _could_be_names(rows[first])
    )
    if short:
        # Rows that all end with a delimiter too many have an empty last cell; else the first column lacks its name.
        ended = not any(row[-1].strip() for row in rows[first:] if len(row) == width)
        return Layout(skip=first - 1, header_rows=1, width=width, short_header=not ended)
    if header is None:
        first += _padded_lines([row for row in rows[first:] if len(row) == width][:_TOP])
        if len(rows) > first + 1 and marked_names(rows[first]) is not None:
            return Layout(skip=first, header_rows=1, width=width)
    more = rows_below(rows[first:]) if header is None else Below()
    if more.rows and (more.what == "kinds" or has_names([rows[first], *_wide(rows[first + 2 :], width)])):
        return Layout(skip=first, header_rows=1 + more.rows, width=width, below=more.what)
    body = _wide(rows[first:], width)
    has_header = header if header is not None else has_names(body)
    header_rows = 1 if has_header else 0
    if header is None and not has_header and _spanning(body):
        return Layout(skip=first, header_rows=2, width=width)
    if (
        has_header
        and header is None
        and len(rows[first + 1 : first + 2])
        and len(rows[first + 1]) == width
        and _second_names(body)
    ):
        header_rows = 2
    elif has_header and header is None and _third_names(body):
        header_rows = 3
    return Layout(skip=first, header_rows=header_rows, width=width)


def _wide(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    return [list(row) for row in rows if len(row) == width]


def _padded_lines(rows: Sequence[Sequence[str]]) -> int:
    """Lines above the names, which a spreadsheet has padded with delimiters to the width of the table."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[:TOP_LINES]]
    width = len(rows[0]) if rows else 0
    short = next((place for place, cells in enumerate(filled) if cells > max(1, width // 3)), 0)
    # Longer lines are above the table if an empty line separates them from it.
    gap = next((place for place, cells in enumerate(filled) if not cells or cells == width), 0)
    parted = next((place for place in range(gap, len(filled)) if filled[place]), 0) if not filled[gap] else 0
    return next((place for place in (short, parted) if place and _names_below_lines(rows[place:])), 0)


def _names_below_lines(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row holds names, by at least one column of numbers."""
    top, below = rows[0], rows[1:]
    if sum(bool(cell.strip()) for cell in top) < max(2, 0.8 * len(top)) or not _could_be_names(top):
        return False
    return any(
        _names_column(name, [line[column].strip() for line in below if line[column].strip()]) == 1.0
        for column, name in enumerate(top)
        if name.strip()
    )


def _spanning(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row holds names that span several of the names in the second, such as 2020 above Q1 and Q2."""
    if len(rows) < 4 or len(rows[0]) < 3:
        return False
    top, names = ([cell.strip() for cell in row] for row in rows[:2])
    gaps = sum(not cell for cell in top)
    return bool(0 < gaps < len(top) and all(names) and _could_be_names(names) and has_names(rows[1:]))


def usual_width(rows: Sequence[Sequence[str]]) -> int:
    """Cells in a row of the table.

    Args:
        rows: The first rows of the file, not empty.
    """
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


def _named_above_ragged(rows: Sequence[Sequence[str]]) -> bool:
    """Whether names stand above rows of other widths, rather than lines above a table that has its own names."""
    return _could_be_names(rows[0]) and not any(_could_be_names(row) for row in rows[1:])


def _could_be_names(row: Sequence[str]) -> bool:
    cells = [cell.strip() for cell in row]
    named = [cell for cell in cells if cell]
    return (
        len(named) >= 0.5 * len(cells)
        and not any(looks_numeric(cell) or DATE_LIKE.fullmatch(cell) for cell in named)
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
    below = [row for row in rows[1:400] if row != rows[0]] or rows[1:400]
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
    numbers = sum(looks_numeric(cell) or DATE_LIKE.fullmatch(cell) is not None for cell in cells)
    numeric_name = looks_numeric(name) or DATE_LIKE.fullmatch(name) is not None
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
    # A word that is not repeated, above a few that are, is their name.
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
        same = [int(cell.strip()) for cell in row if cell.strip().isdecimal() and len(cell.strip()) < 6]
        alike += len(same) == len(digits) and all(b - a == 1 for a, b in pairwise(same))
    return alike <= len(below[:20]) // 2


def _third_names(rows: Sequence[Sequence[str]]) -> bool:
    """Two rows of names above a third that only names the first column."""
    if len(rows) < 6 or not rows[2][0].strip() or looks_numeric(rows[2][0].strip()):
        return False
    return not any(cell.strip() for cell in rows[2][1:]) and _second_names([*rows[:2], *rows[3:]])


def _second_names(rows: Sequence[Sequence[str]]) -> bool:
    """Units or a second line of names: words above columns that are numbers from the third row on."""
    if len(rows) < 5:
        return False
    second, below = rows[1], rows[2:60]
    if second == rows[0]:
        return False
    numeric = [
        place
        for place in range(min(len(second), 500))
        if sum(looks_numeric(row[place].strip()) for row in below) >= 0.9 * len(below)
    ]
    cells = [second[place].strip() for place in numeric]
    words = [cell for cell in cells if cell and cell not in _MISSING and not looks_numeric(cell)]
    return len(words) >= 1 and len(words) >= 0.6 * len(cells) and not any(looks_numeric(c) for c in cells)
