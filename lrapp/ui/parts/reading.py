"""What the page shows while a file is being read: its progress, and a way to cancel it."""

from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

from lrapp.errors import Stopped, UserError
from lrapp.execution.reading_desk import Desk, StillReading, Work
from lrapp.progress import Watch
from lrapp.ui.parts import session, tasks

T = TypeVar("T")

# What is read sooner is simply there.
_MOMENT = 1.0


def get(desk: Desk, key: Hashable, title: str, make: Callable[[Watch], T]) -> T:
    """Return what was read, if that is there within a moment.

    Args:
        key: Of what is read, and how.

    Raises:
        StillReading: If it takes longer; ``show`` shows how far it is.
        Stopped: If this visitor has cancelled it; ``offer_again`` lets them think again.
        UserError: What is wrong with the file.
    """
    if session.state().cancelled_reading == key:
        raise Stopped(f"Reading {title} was cancelled. Read it again, or choose other data.")
    return desk.get(key, title, make, _MOMENT)


def show(work: Work) -> None:
    """Show a reading until it has ended; the page is drawn anew then."""
    tasks.show(work, "reading.cancel", lambda: "", cancelled=lambda: _cancel(work))


def _cancel(work: Work) -> None:
    session.state().cancelled_reading = work.key


def offer_again(error: UserError, key: str) -> None:
    """Offer to read a file again whose reading this visitor cancelled; nothing for other errors."""
    if isinstance(error, Stopped) and st.button("Read it again", icon=":material/refresh:", key=key):
        session.state().cancelled_reading = None
        st.rerun()


__all__ = ["StillReading", "get", "offer_again", "show"]
