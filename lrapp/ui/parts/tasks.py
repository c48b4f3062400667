"""What the page shows while a task runs that it waits for: its progress, and a way to cancel it."""

from collections.abc import Callable

import streamlit as st

from lrapp.errors import UserError
from lrapp.execution.tasks import Waited
from lrapp.ui.parts.plain_text import plain

SECONDS_BETWEEN_LOOKS = 0.4


def show(
    task: Waited,
    key: str,
    first: Callable[[], str],
    cancelled: Callable[[], None] = lambda: None,
) -> None:
    """Show a task until it has ended; the page is drawn anew then.

    Args:
        first: Returns the text to show before it has begun.
        cancelled: Called in addition when the person cancels it.
    """
    st.fragment(_show, run_every=SECONDS_BETWEEN_LOOKS)(task, key, first, cancelled)


def _show(task: Waited, key: str, first: Callable[[], str], cancelled: Callable[[], None]) -> None:
    if task.done:
        st.rerun()
    bar, button = st.columns([4, 1], vertical_alignment="center")
    progress = task.progress
    if progress is None:
        bar.progress(0.0, plain(first(), None))
    else:
        bar.progress(min(1.0, max(0.0, progress.share or 0.0)), plain(progress.doing, None))
    if button.button("Cancel", icon=":material/cancel:", key=key, width="stretch"):
        try:
            task.cancel()
        except UserError as error:
            st.error(plain(str(error), None), icon=":material/error:")
            return
        cancelled()
        st.rerun()
