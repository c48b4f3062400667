"""Numbers and names in sentences: the noun and the verb that go with a number, names in quotation marks."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

# Metrics that are shares; and others that are at most 1, which stand below one another.
_SHARES = frozenset({"accuracy", "balanced accuracy"})
_OF_ONE = frozenset({"ROC AUC", "average precision", "macro F1", "R²"})
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with what is counted: 1 row, 2 rows.

    Args:
        one: The singular; a verb may follow, as in "row is".
        several: The plural, where it is not the singular with an s.
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def number(value: float, digits: int = 4) -> str:
    """Return a number as a person reads it: 15,880, 0.0321, 5.16 × 10⁻⁷, never 1.588e+04.

    Args:
        digits: How many digits from the first that is not 0; of 1,000 and more all before the decimal point are shown.
    """
    if not math.isfinite(value):
        return f"{value}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if value and not -6 <= power < 12:
        return f"{_shortened(mantissa)} × 10{str(power).translate(_RAISED)}"
    return _shortened(f"{value:,.{max(0, digits - 1 - power, int(digits > 3 and power == 3))}f}")


def percent(share: float) -> str:
    """Return a share as a person reads it: 97.1 %."""
    return f"{100 * share:.1f} %"


def measured(metric: str, value: float) -> str:
    """Return the value of a metric as a person reads it: 97.1 % of accuracy, an area of 0.846, an error of 15,880."""
    if metric in _SHARES:
        return percent(value)
    text = f"{value:.3f}"
    # 0.9997 is not all.
    return text if metric in _OF_ONE and (text != "1.000" or value == 1) else number(value)


def size(count: int) -> str:
    """Return a number of bytes as a person reads it: 412 kB, 1.5 MB, 4 GB."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= 0.95 * factor:
            return f"{number(count / factor, 2)} {unit}"
    return counted(count, "byte")


def bytes_of(text: str) -> int | None:
    """Return the bytes of a size as a person writes it, such as 500MB or 1.5 GB; None if it is no such size."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]+)?) ?([MG])B", text, re.IGNORECASE)
    return int(float(match[1]) * (10**6 if match[2] in "mM" else 10**9)) if match else None


def _shortened(text: str) -> str:
    """Leave out zeros at the end of decimals."""
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def quoted(names: Iterable[str], most: int = 5) -> str:
    """Return names in quotation marks, shortened, with a count of those beyond ``most``: “a” and 3 more."""
    every = [f"“{name if len(name) <= 60 else name[:57] + '…'}”" for name in names]
    if len(every) > most:
        return ", ".join(every[:most]) + f" and {len(every) - most:,} more"
    return " and ".join([", ".join(every[:-1]), every[-1]] if len(every) > 1 else every)


def distinct(
    names: Sequence[str], most: int = 40, apart: Sequence[str] = (), nameless: str = "(no name)"
) -> list[str]:
    """Return names as short lines, no two the same; of a long one the middle is left out, as names often end apart.

    Args:
        names: Anything, also with line breaks.
        most: Letters to keep, besides what distinguishes equal ones.
        apart: Another attribute of each, such as a time; it is added to names that are not unique.
            If there is none, or it is equal too, a number is added.
        nameless: Replaces an empty name.
    """
    lines = [" ".join(name.split()) or nameless for name in names]
    for place, line in enumerate(lines):
        if len(line) > most:
            start = most // 2
            lines[place] = line[:start].rstrip() + "…" + line[start + 1 - most :].lstrip()
    repeated = {line for line, count in Counter(lines).items() if count > 1}
    taken: set[str] = set()
    shown = []
    for place, line in enumerate(lines):
        name = f"{line} ({apart[place]})" if apart and line in repeated else line
        again, count = name, 1
        while again in taken:
            count += 1
            again = f"{name} ({count})"
        taken.add(again)
        shown.append(again)
    return shown
