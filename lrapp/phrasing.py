"""Numbers in sentences: the noun and the verb that go with them."""


def counted(number: int, one: str, several: str = "") -> str:
    """Return a number with what is counted: 1 row, 2 rows.

    Args:
        number: How many there are.
        one: What one of them is called; a verb may follow, as in "row is".
        several: What more of them are called, where an s at the end does not do.
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"
