"""One run: its head, what it does while it trains, and its results."""

import math
import time
from contextlib import suppress

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrapp.errors import UserError
from lrapp.phrasing import measured
from lrapp.runs import notes
from lrapp.runs.events import History
from lrapp.runs.store import ENDED, Run, State, Status
from lrapp.settings import summary
from lrapp.ui.parts import access, actions, resources, session, waiting
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import curves, finished, range_test, refused_rates

# Until the first point is drawn and after Stop, when somebody waits; otherwise slow enough that watching costs the
# training little, in runs of a minute and in longer ones.
SECONDS_BETWEEN_FIRST_LOOKS = 0.5
SECONDS_BETWEEN_LOOKS = (1.0, 4.0)
# In less, a pace says nothing.
_LEAST_SECONDS = 2.0

_LOOKS: dict[State, tuple[str, str]] = {
    "queued": ("Waiting", ":material/hourglass_empty:"),
    "running": ("Training", ":material/directions_run:"),
    "completed": ("Done", ":material/check_circle:"),
    "early_stopping": ("Done, stopped early", ":material/check_circle:"),
    "stopped": ("Stopped", ":material/stop_circle:"),
    "diverged": ("Diverged", ":material/warning:"),
    "failed": ("Failed", ":material/error:"),
    "interrupted": ("Interrupted", ":material/power_off:"),
}


def title(state: State) -> str:
    """Return what a state is called on the pages."""
    return _LOOKS[state][0]


def icon(state: State) -> str:
    """Return the sign of a state."""
    return _LOOKS[state][1]


def show(run_id: str, stop: DeltaGenerator | None = None) -> None:
    """Show the run of that id, live while it trains.

    Args:
        run_id: Of the run.
        stop: Where the button that ends it goes; beside its state where there is no other place.
    """
    try:
        run = resources.store().get(run_id)
        ended = run.status.state in ENDED
        _ = run.settings  # damaged, it leaves nothing to show
    except UserError as error:
        st.warning(plain(str(error), None), icon=":material/warning:")
        return
    actions.say_that_it_is_shown(run)
    if ended:
        _ended(run)
        return
    if stop is not None:
        _stop(run, stop)
    history = curves.reader(run).read()
    with st.container(key="live"):
        resources.fragment(_live, _pace(run, history))(
            run, begun=history.steps_done > 0, asked=run.stop_asked is not None, stop_here=stop is None
        )


def _pace(run: Run, history: History) -> float:
    """Seconds between two looks at a run."""
    if not history.steps_done or run.stop_asked is not None:
        return SECONDS_BETWEEN_FIRST_LOOKS
    if not history.epochs or history.started is None:
        return SECONDS_BETWEEN_LOOKS[0]
    last, started = history.epochs[-1], history.started
    before = started.first_epoch * started.steps_per_epoch
    whole = last.seconds / max(1, last.step - before) * started.total_steps
    return SECONDS_BETWEEN_LOOKS[whole > 60]


# --- the head ------------------------------------------------------------------------------------------------


def _head(run: Run, status: Status) -> DeltaGenerator:
    """Show the state, the name and the settings; return the place of a button beside them."""
    title, icon = _LOOKS[status.state]
    name = notes.name_of(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{icon} **{title}**" + (f" · {plain(name)}" if name else ""))
        place = st.empty()
    st.caption(plain(f"{summary.run(run.settings)} · {resources.started(run)}", None))
    return place


def stop(run_id: str, place: DeltaGenerator) -> bool:
    """Offer to end a run that is not on the stage; return whether it goes on.

    Args:
        run_id: Of the run.
        place: Where the button goes.
    """
    try:
        run = resources.store().get(run_id)
        if run.status.state in ENDED:
            return False
    except UserError:
        return False
    _stop(run, place)
    return True


def _stop(run: Run, place: DeltaGenerator) -> None:
    asked = run.stop_asked is not None
    if access.may("stop", run):
        place.button(
            "Stopping …" if asked else "Stop",
            icon=":material/stop:",
            key=f"stop.{run.id}",
            disabled=asked,
            shortcut="Alt+S",
            help="Ends the run within a second, or after the step that is running if that takes longer, and keeps the "
            "best weights so far.",
            # Before the page is drawn, which takes its time on a busy machine.
            on_click=_ask_to_stop,
            args=(run,),
        )


def _ask_to_stop(run: Run) -> None:
    with suppress(UserError):  # the page says who may stop it
        actions.stop(run)


# --- while it trains -----------------------------------------------------------------------------------------


def _live(run: Run, *, begun: bool, asked: bool, stop_here: bool) -> None:
    if not run.folder.exists():
        st.rerun()  # deleted, in another tab perhaps: the page says so
    # The status first: an ended run has written all its events.
    status = run.status
    history = curves.reader(run).read()
    if status.state in ENDED:
        st.rerun()
    if not begun and history.steps_done and curves.last_drawn(run) is not None:
        st.rerun()  # to look less often from here on
    if not asked and run.stop_asked is not None:
        st.rerun()  # to look more often until it has stopped
    place = _head(run, status)
    if stop_here:
        _stop(run, place)
    _bar(run, status, history)
    if status.message:
        st.caption(plain(status.message, None))
    if status.state == "running" and history.started is None:
        history = _wait_for_first_point(run)
    if history.sweeps:
        range_test.drawer(run, history)
    if history.started is None or not history.steps_done:
        if run.settings.mode != "range test":
            st.caption("The curves appear with the first steps.")
        return
    _figures(run, history)
    curves.show(run, history, live=True)


def _figures(run: Run, history: History) -> None:
    """Three large numbers: the best validation score, the epoch, and the time that is left."""
    started, best = history.started, history.best
    assert started is not None
    score, epoch, left = st.columns(3)
    value = math.nan if best is None else best.answer_metric
    shown = measured(started.metric, value) if math.isfinite(value) else "–"
    score.metric(plain(f"Best validation {started.metric}", None), plain(shown, None))
    epoch.metric("Epoch", f"{len(history.epochs):,} of {started.epochs:,}")
    seconds = _seconds_left(run, history)
    left.metric("Time left, at most", "–" if seconds is None else duration(seconds))


def _seconds_left(run: Run, history: History) -> float | None:
    """What the rest takes at the pace so far; in the first epoch at the pace that this tab has seen."""
    started = history.started
    assert started is not None
    left = started.total_steps - history.steps_done
    before = started.first_epoch * started.steps_per_epoch
    if history.epochs and len(history.epochs) > started.first_epoch:
        last = history.epochs[-1]
        return left * last.seconds / max(1, last.step - before)
    now, kept = time.monotonic(), session.state().first_steps
    if kept is None or kept[0] != run.id or kept[2] > history.steps_done:
        session.state().first_steps = run.id, now, history.steps_done
        return None
    _, since, steps = kept
    if history.steps_done == steps or now - since < _LEAST_SECONDS:
        return None
    return left * (now - since) / (history.steps_done - steps)


def _wait_for_first_point(run: Run) -> History:
    """Check the events until the next redraw is due, so that the first point is drawn as soon as it is written."""
    due = time.monotonic() + SECONDS_BETWEEN_FIRST_LOOKS
    while True:
        history = curves.reader(run).read()
        if history.steps_done or history.sweeps or time.monotonic() > due:
            return history
        time.sleep(0.03)


def _bar(run: Run, status: Status, history: History) -> None:
    if status.state == "queued":
        st.progress(0.0, waiting.to_begin(run, status.state))
        return
    if run.stop_asked is not None:
        total = history.started.total_steps if history.started else 1
        share = min(1.0, history.steps_done / max(1, total))
        st.progress(share, waiting.to_stop(run.stop_asked, time.time(), history))
        return
    if history.started is None and history.prepared is not None and history.found is None and finds(run):
        range_test.progress(run, history)
        return
    if history.started is None and history.preparing is not None:
        st.progress(history.preparing.share, plain(f"{history.preparing.what} …", None))
        return
    if history.started is None:
        st.progress(0.0, waiting.to_begin(run, status.state))
        return
    started = history.started
    done, total = history.steps_done, started.total_steps
    if done >= total:
        st.progress(1.0, "Evaluating the model on unseen rows, and saving it …")
        return
    if not done:
        st.progress(0.0, "First steps, which also build and compile the network …")
        return
    st.progress(min(1.0, done / max(1, total)), f"Epoch {len(history.epochs):,} of {started.epochs:,}")


def finds(run: Run) -> bool:
    """Return whether a run finds rates by a range test."""
    settings = run.settings
    return settings.mode == "range test" or settings.policy.source == "found"


def duration(seconds: float) -> str:
    """Return a time in words, in the unit that fits it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


# --- afterwards ----------------------------------------------------------------------------------------------


def _ended(run: Run) -> None:
    status = run.status
    history = curves.reader(run).read()
    place = _head(run, status)
    nothing_found = finds(run) and refused_rates.is_refused(history)
    if (
        status.state in ("interrupted", "stopped", "failed")
        and not nothing_found
        and access.may("resume", run)
        and place.button(
            "Resume",
            icon=":material/resume:",
            key=f"resume.{run.id}",
            help="Goes on after the last saved epoch; from the start if there is none.",
        )
    ):
        actions.resume(run)
        st.rerun()
    if status.message and status.state in ("failed", "interrupted", "diverged"):
        st.error(plain(status.message, None))
    if nothing_found and run.settings.mode == "train":
        refused_rates.of_run(run, history)
    if history.sweeps:
        range_test.drawer(run, history)
    finished.show(run, history)
