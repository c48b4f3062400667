"""Buttons that start something: however often one is clicked before what it started is on the page, it starts it once.

The button's key holds a token that every click sends: all clicks on one button start what its
token stands for (``execution.once``). A button with a new token takes its place when what was started is on the page.

A click that is only seen where the button is drawn is lost if another click cuts that drawing short. A button whose
click calls ``ask`` is obeyed by the next drawing then, and what it started is shown, and not started again.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import streamlit as st

from lrapp.ui.parts import session


@dataclass
class Button:
    """A button's token, whether something was started with it, and what a click on it asks for.

    Args:
        asked: Whether it was clicked, and what it starts is not on the page yet.
        started: Id of what that click has started.
    """

    token: str = field(default_factory=lambda: secrets.token_hex(16))
    used: bool = False
    asked: bool = False
    started: str = ""


def _of(name: str) -> Button:
    return session.state().start_buttons.setdefault(name, Button())


def _key(name: str) -> str:
    return f"{name}.{_of(name).token}"


def key(name: str) -> str:
    """Return the key of a button that is about to be drawn, by its name, the same in all drawings."""
    # A rerun for another reason than a click shows what was started.
    if _of(name).used and not _of(name).asked and not st.session_state.get(_key(name)):
        shown(name)
    return _key(name)


def ask(name: str, key: str) -> None:
    """Note a click, before the page is drawn.

    Args:
        key: Of the button that was clicked; one in whose place there is another by now asks for nothing.
    """
    button = _of(name)
    if key == f"{name}.{button.token}":
        button.asked, button.started = True, ""


def asked(name: str) -> bool:
    """Return whether a click on the button has not been answered yet."""
    return _of(name).asked


def start(name: str, deed: Callable[[str], str]) -> str:
    """Start what a click asked for, unless that was done before a drawing was cut short; return its id.

    Args:
        deed: Starts it with the button's token, and returns its id.
    """
    button = _of(name)
    if not button.started:
        button.used = True
        try:
            button.started = deed(button.token)
        except Exception:
            button.asked = False  # not to be tried again by every drawing
            raise
    return button.started


def answered(name: str = "") -> None:
    """Note that what was asked for is on the page, or cannot be; of all buttons where none is named."""
    for one, button in session.state().start_buttons.items():
        if name in ("", one):
            button.asked = False


def token(name: str) -> str:
    """Return the button's token, and note that something is started with it."""
    _of(name).used = True
    return _of(name).token


def shown(name: str) -> bool:
    """Note that what was started is on the page; return whether the button needs a new token for the next start."""
    if not _of(name).used:
        return False
    session.state().start_buttons[name] = Button()
    return True
