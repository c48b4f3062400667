"""Whether days or months come first in dates of digits, decided by all dates of a column in the order of their rows."""

from dataclasses import dataclass

import numpy as np

_LEAST_DIFFERENT = 3
_LEAST_STEPS = 4
_OUT_OF_ORDER, _RATIO = 0.05, 5


@dataclass(frozen=True)
class Order:
    """The order of day and month in a column.

    Args:
        seen: Whether its dates allow no other order.
        note: Sentence part on what had to be decided, or ``""``.
        strict: Whether dates that only fit the other order are not dates, rather than read in it.
    """

    day_first: bool
    seen: bool
    note: str
    strict: bool = False

    @property
    def name(self) -> str:
        """``"dmy"`` or ``"mdy"``."""
        return "dmy" if self.day_first else "mdy"


def day_month_order(
    first: np.ndarray, second: np.ndarray, year: np.ndarray, *, usual: bool, chosen: str = ""
) -> Order:
    """Decide whether days stand first.

    Args:
        first, second, year: The numbers of each date, in the order of the rows.
        usual: Whether days come first where nothing shows the order.
        chosen: ``"dmy"`` or ``"mdy"`` where a person chose it, else ``""``.
    """
    days_first, days_second = bool((first > 12).any()), bool((second > 12).any())
    if days_first and days_second:
        more = np.count_nonzero(first > 12) >= np.count_nonzero(second > 12)
        day_first = chosen == "dmy" if chosen else bool(more)
        return Order(
            day_first,
            False,
            f"day and month stand in both orders, and {_words(day_first)} was taken where both fit",
        )
    if days_first or days_second:
        note = ""
        if chosen and (chosen == "dmy") != days_first:
            note = f"{_words(days_first)} was taken, not the chosen order, which its dates do not fit"
        return Order(days_first, True, note)
    if chosen:
        return Order(chosen == "dmy", False, "")
    found, why = _by_pattern(first, second, year)
    day_first = usual if found is None else found
    return Order(
        day_first, False, f"every date could be read both ways and {_words(day_first)} was taken{why}"
    )


def _words(day_first: bool) -> str:
    return "day before month" if day_first else "month before day"


def _by_pattern(first: np.ndarray, second: np.ndarray, year: np.ndarray) -> tuple[bool | None, str]:
    """The order that a constant number, or rows in the order of time, imply; and why, as a sentence part."""
    varied = len(np.unique(first)), len(np.unique(second))
    if min(varied) == 1 and max(varied) >= _LEAST_DIFFERENT:
        # Months with one day each, such as the first.
        constant = "first" if varied[0] == 1 else "second"
        return varied[0] == 1, f", as the {constant} number never varies"
    days_first, days_second = (
        _disorder((year * 100 + month) * 100 + day) for day, month in ((first, second), (second, first))
    )
    less, more = sorted((days_first, days_second))
    if more >= _OUT_OF_ORDER and more > _RATIO * less:
        return days_first < days_second, ", which puts the rows in the order of time"
    return None, ""


def _disorder(days: np.ndarray) -> float:
    """Share of the steps from row to row against the usual direction."""
    steps = np.sign(np.diff(days))
    up, down = int((steps > 0).sum()), int((steps < 0).sum())
    return min(up, down) / (up + down) if up + down >= _LEAST_STEPS else 1.0
