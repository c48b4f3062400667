"""Entries of selection lists: one line each, no two the same.

Streamlit identifies an entry by its text alone, so of two with the same text it could take the wrong one.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from lrapp.phrasing import distinct

T = TypeVar("T", bound=Hashable)
MOST_LETTERS = 100


def texts(
    options: Sequence[T],
    text: Callable[[T], str],
    apart: Callable[[T], str] | None = None,
    most: int = MOST_LETTERS,
) -> Callable[[T], str]:
    """Return what shows each entry of a list, for ``format_func``.

    Args:
        text: What an entry is called, also with line breaks, or like others.
        apart: What else it is known by, such as when it was made; it is shown where names are the same.
    """
    more = () if apart is None else [apart(option) for option in options]
    names = distinct([text(option) for option in options], most, more, nameless="(blank)")
    shown = dict(zip(options, names, strict=True))
    # A tab may still hold an entry that is no longer there.
    return lambda option: shown[option] if option in shown else text(option)
