"""What the page shows while a person waits: for the worker, for a run's first step, and after Stop."""

from lrapp.runs.events import History
from lrapp.runs.store import Run, State
from lrapp.ui.parts import resources

# Stop takes a second; what takes longer has a reason, which is then shown.
_SOON = 1.5


def for_worker(what: str, first: str) -> str:
    """Return what a task of the worker is waiting for before it begins.

    Args:
        what: The task, for example ``the check``.
        first: The task's first stage, shown when nothing is ahead of it.
    """
    jobs = resources.jobs()
    if jobs.busy:
        return f"A run is training; {what} comes right after it …"
    return first if jobs.warm else "TensorFlow is starting; this takes a few seconds …"


def to_begin(run: Run, state: State) -> str:
    """Return what a run that is queued or running, and not training yet, is waiting for."""
    jobs = resources.jobs()
    if place := jobs.place(run):
        return f"Place {place:,} in the queue; runs train one at a time."
    if not jobs.warm:
        return "TensorFlow is starting; this takes a few seconds …"
    return "Starting …" if state == "queued" else "Preparing the data …"


def to_stop(asked: float, now: float, history: History) -> str:
    """Return what a run is waiting for that was asked to stop and is still running.

    Args:
        asked, now: Seconds since 1970.
    """
    if history.started is not None and history.steps_done >= history.started.total_steps:
        return "Stopping: the model is being evaluated and saved …"
    if now - asked < _SOON:
        return "Stopping after the steps that are running …"
    if history.started is None or not history.steps_done:
        return "Stopping after the first step; until then the network is being compiled, which cannot be interrupted …"
    return f"Stopping after the step that is running; it is slow ({round(now - asked)} s so far) …"
