"""A change of a finished run that a person waits for: its calibration, its threshold, the measurement of its sizes."""

import streamlit as st

from lrapp.errors import UserError
from lrapp.execution.tasks import Task
from lrapp.ui.parts import tasks, waiting
from lrapp.ui.parts.plain_text import plain


def under_way(kept: dict[str, Task[None]], run_id: str, what: str) -> bool:
    """Show how far a change of a run is, or, once, what went wrong with it; returns whether it is under way.

    Args:
        kept: The tab's changes of this kind, by the runs' ids; one that has ended is taken out.
        run_id: The run.
        what: What is waited for, with its article, for example ``the threshold``.
    """
    task = kept.get(run_id)
    if task is None:
        return False
    if not task.done:
        key = f"{what.removeprefix('the ')}.cancel.{run_id}"
        tasks.show(task, key, lambda: waiting.for_worker(what, "Starting …"))
        return True
    del kept[run_id]
    try:
        task.result()
    except UserError as error:
        st.warning(plain(str(error), None), icon=":material/warning:")
    return False
