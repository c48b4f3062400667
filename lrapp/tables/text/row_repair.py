"""A row with too many or too few cells -> a row that fits, by the columns' usual values."""

from collections.abc import Sequence
from functools import cached_property

from lrapp.tables.columns.number_formats import MISSING_WORDS, looks_numeric
from lrapp.tables.text.row_reader import Mended

_PROFILE_CELLS = 50_000
_MISSING = frozenset((*MISSING_WORDS, ""))


class Mender:
    """Repairs rows so that numbers are in columns of numbers.

    Args:
        rows: Sample rows that have the right width.
        width: Cells that a row must have.
        delimiter: The delimiter, to join cells with.
    """

    def __init__(self, rows: Sequence[Sequence[str]], width: int, delimiter: str) -> None:
        self._width = width
        self._joint = delimiter if delimiter != "\x1f" else " "
        self._rows = [row for row in rows if len(row) == width][: max(20, _PROFILE_CELLS // width)]

    @cached_property
    def _numeric(self) -> list[bool]:
        """For each column, whether it holds numbers; computed only if needed."""
        return [_mostly_numeric([row[place] for row in self._rows]) for place in range(self._width)]

    def __call__(self, cells: list[str]) -> Mended:
        """Make one row of the right width.

        Args:
            cells: Its cells as split.
        """
        surplus = len(cells) - self._width
        if surplus == 0:
            return Mended(cells, "a stray quote was kept as a character")
        if surplus > 0:
            return self._shorten(cells, surplus)
        return self._lengthen(cells, -surplus)

    def join(self, first: list[str], second: list[str]) -> Mended | None:
        """Make one row of two that follow each other, when a line end in a cell broke it; else None.

        Args:
            first, second: Cells of the two rows.
        """
        if len(first) + len(second) - 1 != self._width or not any(self._numeric):
            return None
        joint = "\n" if first[-1].strip() and second[0].strip() else ""
        cells = [*first[:-1], first[-1] + joint + second[0], *second[1:]]
        # A row that lost its end begins normally; the second half of a row does not.
        as_a_row = [*second, *[""] * (self._width - len(second))]
        if self._misfits(cells) or not self._misfits(as_a_row):
            return None
        return Mended(cells, "a line end in a cell had broken the row in two")

    def _misfits(self, cells: Sequence[str]) -> int:
        wrong = 0
        for cell, numeric in zip(cells, self._numeric, strict=True):
            text = cell.strip()
            if text not in _MISSING:
                wrong += looks_numeric(text) != numeric
        return wrong

    def _shorten(self, cells: list[str], surplus: int) -> Mended:
        if not any(cell.strip() for cell in cells[self._width :]):
            return Mended(cells[: self._width], "empty cells at the end were left out")
        places = range(self._width) if self._width <= 200 else (self._width - 1,)
        best = min(places, key=lambda place: (self._misfits(self._joined(cells, place, surplus)), -place))
        if self._numeric[best]:
            # Two numbers joined by a comma would be read as one number.
            extra = ", ".join(repr(cell[:20]) for cell in cells[self._width :][:3])
            more = " …" if surplus > 3 else ""
            return Mended(
                cells[: self._width],
                f"{surplus} cell{'s' if surplus > 1 else ''} too many: {extra}{more} at the end left out",
            )
        joined = self._joined(cells, best, surplus)
        return Mended(
            joined, f"{surplus} cell{'s' if surplus > 1 else ''} too many: joined into column {best + 1}"
        )

    def _joined(self, cells: list[str], place: int, surplus: int) -> list[str]:
        return [
            *cells[:place],
            self._joint.join(cells[place : place + surplus + 1]),
            *cells[place + surplus + 1 :],
        ]

    def _lengthen(self, cells: list[str], lacking: int) -> Mended:
        gap = [""] * lacking
        places = range(len(cells), -1, -1) if self._width <= 200 else (len(cells),)
        best = min(places, key=lambda place: self._misfits([*cells[:place], *gap, *cells[place:]]))
        what = f"{lacking} cell{'s' if lacking > 1 else ''} too few: missing from column {best + 1} on"
        return Mended([*cells[:best], *gap, *cells[best:]], what)


def _mostly_numeric(cells: Sequence[str]) -> bool:
    present = [cell.strip() for cell in cells if cell.strip() not in _MISSING]
    return bool(present) and sum(looks_numeric(cell) for cell in present) > 0.8 * len(present)
