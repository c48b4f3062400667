"""Text from a file -> text that stays plain in Markdown: on a page, in a README, in a notebook."""

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~<>$:^=&@/])")
# In a file that is also read as plain text, only characters that have an effect.
_STRONG = re.compile(r"([\\`*_\[\]|~<>$&])")
_LIST = re.compile(r"^(\d*)([-+=#.)])")
# Addresses become links even if escaped, unless an invisible character breaks them.
_ADDRESSES = re.compile(r"(https?:(?=//)|www(?=\.)|@)", re.IGNORECASE)
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f]+")


def markdown(text: str, most: int | None = None) -> str:
    """Return text so that Markdown, LaTeX, HTML and Streamlit's own marks in it show as they were typed.

    Args:
        text: Anything, also with line breaks, which become blanks.
        most: Letters to keep; None for all.
    """
    flat = _BREAKS.sub(" ", text).strip()
    if most is not None and len(flat) > most:
        flat = flat[: most - 1] + "…"
    return _MARKUP.sub(r"\\\1", _ADDRESSES.sub("\\1\u2060", flat))


def line(text: str) -> str:
    """Return text as one line of a Markdown file, which is also read as plain text: with as few escapes as possible."""
    flat = _ADDRESSES.sub("\\1\u2060", _BREAKS.sub(" ", text).strip())
    return _LIST.sub(r"\1\\\2", _STRONG.sub(r"\\\1", flat))


def code(text: str) -> str:
    """Return text as code in a Markdown file, so that it stays in its cell of a table."""
    return "`" + (" ".join(text.replace("`", "'").replace("|", "¦").split()) or " ") + "`"
