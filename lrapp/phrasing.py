"""Numbers and names in sentences: the noun and the verb that go with a number, names in quotation marks."""

from collections.abc import Iterable


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
