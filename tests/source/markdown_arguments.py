"""Which arguments of Streamlit's functions are drawn as Markdown, as its own docstrings say."""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from types import MappingProxyType

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

# Their labels are Markdown too, which the docstrings of these say by pointing to others.
_ALSO = MappingProxyType(
    {
        "radio": ("format_func", "captions"),
        "select_slider": ("format_func",),
        "write": ("args",),
        "tabs": ("tabs",),
        "html": ("body",),
        "drawer": ("title",),  # of ``resources``: a title that is handed on to an expander
    }
)
# Keywords that say something of the drawing only.
_SETTINGS = {"bind", "wrap", "cursor", "pages", "data", "menu_items", "anchors", "width"}
# They draw Markdown, links or pictures out of what a table holds.
NEVER = {"write", "write_stream", "table", "latex", "MarkdownColumn", "LinkColumn", "ImageColumn"}


@cache
def markdown_arguments() -> dict[str, tuple[tuple[str, ...], frozenset[str]]]:
    """For each function of Streamlit's, the order of its parameters, and which of them it draws as Markdown."""
    found: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {}
    for owner in (st, DeltaGenerator, st.column_config):
        for name in dir(owner):
            made = getattr(owner, name)
            if name.startswith("_") or not callable(made):
                continue
            try:
                order = tuple(one for one in inspect.signature(made).parameters if one != "self")
            except (TypeError, ValueError):
                continue
            told = {one for one in _told(inspect.getdoc(made) or "") if one not in _SETTINGS}
            told |= set(_ALSO.get(name, ()))
            if "options" in told:  # what is drawn of an option is what this returns
                told |= {"format_func"}
            known = found.get(name, (order, frozenset()))
            if told:
                found[name] = (order, known[1] | told)
    found["drawer"] = (("title", "icon", "key"), frozenset({"title"}))
    return found


def _told(text: str) -> Iterator[str]:
    """Names of the parameters whose description speaks of Markdown."""
    part = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE)
    pieces = re.split(r"^(\*{0,2}\w+)\s?:\s.*$", part.group(1) if part else "", flags=re.MULTILINE)
    for name, described in zip(pieces[1::2], pieces[2::2], strict=True):
        if "markdown" in described.lower() and not name.startswith("unsafe"):
            yield name.lstrip("*")
