"""What the page shows while a file is being read: how far that is, and a way to end it."""

from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

from lrapp.errors import UserError
from lrapp.sandbox.desk import Desk, StillReading, Work
from lrapp.sandbox.readers import ReadingStopped
from lrapp.ui.parts import session
from lrapp.ui.parts.plain_text import plain

T = TypeVar("T")

SECONDS_BETWEEN_LOOKS = 0.4
# What is read sooner is simply there.
_MOMENT = 1.0
_CANCELLED = "reading.cancelled"


def get(desk: Desk, key: Hashable, title: str, make: Callable[[Work], T]) -> T:
    """Return what was read, if that is there within a moment.

    Args:
        desk: The server's.
        key: Of what is read, and how.
        title: What to call it.
        make: Reads it.

    Raises:
        StillReading: If it takes longer; ``show`` shows how far it is.
        ReadingStopped: If this visitor has cancelled it; ``offer_again`` lets them think again.
        UserError: What is wrong with the file.
    """
    if session.state().cancelled_reading == key:
        raise ReadingStopped(f"Reading {title} was cancelled. Read it again, or choose other data.")
    return desk.get(key, title, make, _MOMENT)


def show(work: Work) -> None:
    """Show a reading until it has ended; the page is drawn anew then.

    Args:
        work: From ``StillReading``.
    """
    st.fragment(_show, run_every=SECONDS_BETWEEN_LOOKS)(work)


def _show(work: Work) -> None:
    if work.done:
        st.rerun()
    bar, button = st.columns([4, 1], vertical_alignment="center")
    what = work.doing or f"Reading {work.title}"
    bar.progress(min(1.0, max(0.0, work.share or 0.0)), f"{plain(what, 80)} … {work.seconds:,.0f} s")
    if button.button("Cancel", icon=":material/cancel:", key="reading.cancel", width="stretch"):
        work.cancel()
        session.state().cancelled_reading = work.key
        st.rerun()


def offer_again(error: UserError, key: str) -> None:
    """Offer to begin anew with a reading that this visitor has cancelled; nothing for other errors.

    Args:
        error: What was raised.
        key: Of the button.
    """
    if isinstance(error, ReadingStopped) and st.button("Read it again", icon=":material/refresh:", key=key):
        session.state().cancelled_reading = None
        st.rerun()


__all__ = ["StillReading", "get", "offer_again", "show"]
