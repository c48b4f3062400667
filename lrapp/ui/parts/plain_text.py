"""Names and other text from files, so that a page shows them as they were typed."""

import re

from lrapp import escaping

_NO_LETTER = re.compile(r"[^\w\s]|(?<!\w)_+|_+(?!\w)")


def plain(text: str, most: int | None = 60) -> str:
    """Return text from a file so that Markdown, LaTeX and HTML in it show as they were typed.

    Args:
        text: Anything, also with line breaks.
        most: Letters to keep; None for all.
    """
    return escaping.markdown(text, most)


def spoken(text: str, most: int = 60) -> str:
    """Return text from a file for a label that is hidden: read aloud as it stands, and drawn as Markdown all the same.

    Args:
        text: Anything. Letters and digits are kept; what could be markup is left out, as escapes would be read aloud.
        most: Letters to keep.
    """
    return " ".join(_NO_LETTER.sub(" ", text).split())[:most].strip(" _")
