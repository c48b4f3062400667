"""Numbers and names in sentences: the noun and the verb that go with a number, names in quotation marks."""

from collections import Counter
from collections.abc import Iterable, Sequence


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with what is counted: 1 row, 2 rows.

    Args:
        number: How many there are.
        one: What one of them is called; a verb may follow, as in "row is".
        several: What more of them are called, where an s at the end does not do.
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"


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
        most: Letters to keep, besides what tells equal ones apart.
        apart: What each is known by besides, such as a time; it stands behind a name that is there more than once.
            Where there is nothing, or that is the same too, a number does.
        nameless: What stands for a name of blanks.
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
