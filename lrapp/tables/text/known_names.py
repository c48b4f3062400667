"""Known names of a table's columns -> their row, and their delimiter."""

from collections.abc import Collection, Sequence

TOP_LINES = 30
"""Rows at the top of a file in which to look for names."""


def are_names(row: Sequence[str], known: Collection[str]) -> bool:
    """Whether the cells of a row are known names: all of them, or all that are known, or most of either.

    Args:
        row: The row's cells.
        known: Names that columns may have; a set, to be quick.
    """
    cells = {cell.strip() for cell in row} - {""}
    hits = sum(cell in known for cell in cells)
    return hits > 0 and 2 * hits > min(len(cells), len(set(known)))


def place_of_names(rows: Sequence[Sequence[str]], known: Collection[str]) -> int | None:
    """Place of the first row at the top that holds known names, None where there is none.

    Args:
        rows: The first rows of the file.
        known: Names that columns may have.
    """
    names = frozenset(known)
    return next((place for place, row in enumerate(rows[:TOP_LINES]) if are_names(row, names)), None)


def fit_of_names(rows: Sequence[Sequence[str]], known: Collection[str]) -> int:
    """How many known names a delimiter gives; 0 where the rows below do not split as the names do.

    Args:
        rows: The first rows, as they are split by the delimiter; one cell each where nothing delimits.
        known: Names that columns may have.
    """
    place = place_of_names(rows, known)
    if place is None:
        return 0
    names, below = rows[place], rows[place + 1 : place + TOP_LINES]
    if 2 * sum(abs(len(row) - len(names)) <= 1 for row in below) < len(below):
        return 0
    hits = sum(name.strip() in known for name in names)
    # One name among others may be a part of a longer one; alone in its line it is the table's only column.
    return hits if hits > 1 or len(names) == 1 else 0
