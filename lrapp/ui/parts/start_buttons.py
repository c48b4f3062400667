"""Buttons that start something: however often one is clicked before what it started is on the page, it starts it once.

The button's key holds a token that every click sends: all clicks on one button start what its
token stands for (``execution.once``). A button with a new token takes its place when what was started is on the page.
"""

import secrets
from dataclasses import dataclass, field

import streamlit as st

from lrapp.ui.parts import session


@dataclass
class Button:
    """A button's token, and whether something was started with it."""

    token: str = field(default_factory=lambda: secrets.token_hex(16))
    used: bool = False


def _of(name: str) -> Button:
    return session.state().start_buttons.setdefault(name, Button())


def _key(name: str) -> str:
    return f"{name}.{_of(name).token}"


def key(name: str) -> str:
    """Return the key of a button that is about to be drawn, by its name, the same in all drawings."""
    # A rerun for another reason than a click shows what was started.
    if _of(name).used and not st.session_state.get(_key(name)):
        shown(name)
    return _key(name)


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
