"""What the page says while somebody waits: for the worker, for a run's first step, and after Stop."""

from lrapp.runs.events import History
from lrapp.runs.store import Run, State
from lrapp.ui.parts import resources

# Stop takes a second; what takes longer has a reason, which is then said.
_SOON = 1.5


def for_worker(what: str, first: str) -> str:
    """Return what something waits for that the worker is to do and has not begun.

    Args:
        what: What comes right after the run that is training, for example ``the check``.
        first: What is done first, said where nothing stands before it.
    """
    jobs = resources.jobs()
    if jobs.busy:
        return f"A run is training; {what} comes right after it …"
    return first if jobs.warm else "TensorFlow is starting, this takes some seconds …"


def to_begin(run: Run, state: State) -> str:
    """Return what a run waits for that has not begun to train.

    Args:
        run: It is queued or running.
        state: Its state.
    """
    jobs = resources.jobs()
    if place := jobs.place(run):
        return f"Place {place:,} in the queue; runs train one at a time."
    if not jobs.warm:
        return "TensorFlow is starting, this takes some seconds …"
    return "Starting …" if state == "queued" else "Preparing the data …"


def to_stop(asked: float, now: float, history: History) -> str:
    """Return what a run waits for that was asked to stop and has not stopped yet.

    Args:
        asked, now: Seconds since 1970.
        history: What it has said so far.
    """
    if history.started is not None and history.steps_done >= history.started.total_steps:
        return "Stopping: the last step is done, the model is being measured and saved …"
    if now - asked < _SOON:
        return "Stopping after the steps that are running …"
    if history.started is None or not history.steps_done:
        return "Stopping after the first step; until then the network is being compiled, which nothing cuts short …"
    return f"Stopping after the step that is running; it takes its time ({round(now - asked)} s so far) …"
