"""The curves of a run: loss, learning rate and metric, while it trains and afterwards."""

import time
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from lrapp.charts import members, training
from lrapp.runs.events import History
from lrapp.runs.store import EventReader, Run
from lrapp.ui.parts import resources, saving, session
from lrapp.ui.run import networks, previous

# At the soonest, and at the latest; between them when new points would be seen (``_grown``).
SECONDS_BETWEEN_DRAWINGS = (0.9, 4.0)
# In very long runs even thinning the steps is slow; it may take this share of the page's process, for all who watch.
_MOST_OF_A_CORE = 0.04
# Drawings that are kept for whoever looks next: one run trains at a time.
_MOST_KEPT = 8


@dataclass(frozen=True, eq=False)
class Drawn:
    """What was drawn last of a run: when, after how many of its steps, and the seconds that it took."""

    at: float
    steps: int
    took: float
    points: pd.DataFrame


def reader(run: Run) -> EventReader:
    """Return the session's reader of this run, which remembers what it has read."""
    kept = session.state().reader
    if kept is None or kept[0] != run.id:
        kept = session.state().reader = (run.id, EventReader(run))
    return kept[1]


def show(run: Run, history: History, *, live: bool) -> None:
    """Draw them.

    Args:
        run: The run.
        history: Its events so far, at least one step.
        live: Whether it is still in training.
    """
    assert history.started is not None
    several = run.settings.networks > 1
    log_loss = st.toggle(
        "Logarithmic loss",
        key="log_loss",
        help="Spreads small losses out, for runs that fall by powers of ten.",
    )
    with st.container(key="run_charts"):
        spec = training.run_spec(
            *(_shown_epochs(history), history.started.metric),
            log_loss=log_loss,
            grouped=history.grouped,
            momentum=history.momentum_moves and run.settings.training.momentum_name,
            more=members.spread_layers if several else None,
        )
        points, key = _points(run, history, live=live), f"charts.{run.id}"
        if live:
            resources.draw(spec, points, key=key)
        else:
            saving.saveable(spec, points, f"history-{run.id}", key, live=True)
    if several:
        networks.show(run, history, _shown_epochs(history), log_loss=log_loss, live=live)


def _points(run: Run, history: History, *, live: bool) -> pd.DataFrame:
    """The points to draw; while a run goes on, fewer, and new ones only where they would be seen: each costs it."""
    if not live:
        plan = _plan(run, history, training.MOST_POINTS)
        spread = members.spread(history, training.MOST_POINTS)
        return training.run_frame(history, plan, extra=[spread], ghost=_before(run))
    last = last_drawn(run)
    if last is not None:
        soonest, latest = SECONDS_BETWEEN_DRAWINGS
        since = time.monotonic() - last.at
        if since < max(soonest, last.took / _MOST_OF_A_CORE) or (
            since < latest and not _grown(last.steps, history)
        ):
            return last.points
    began = time.thread_time()
    most = training.MOST_POINTS_LIVE
    spread = members.spread(history, most)
    points = training.run_frame(history, _live_plan(run, history), most, [spread], _before(run))
    took = time.thread_time() - began
    kept, drawing = _drawings(), _drawing(run)
    kept.pop(drawing, None)  # what is drawn again is the newest
    kept[drawing] = Drawn(time.monotonic(), history.steps_done, took, points)
    for old in list(kept)[:-_MOST_KEPT]:
        kept.pop(old, None)
    return points


@st.cache_resource(show_spinner=False)
def _drawings() -> dict[tuple[str, str], Drawn]:
    """What was drawn last of each run, for all tabs: however many watch a run, its lines are made once."""
    return {}


def _drawing(run: Run) -> tuple[str, str]:
    """A run, and the one that this tab draws behind it."""
    return run.id, session.state().runs_before.get(run.id, "")


def _before(run: Run) -> History | None:
    """The run before, drawn behind."""
    before = previous.of(run)
    return None if before is None else before.history


def last_drawn(run: Run) -> Drawn | None:
    """Return what was drawn last of this run, on this tab or on another."""
    return _drawings().get(_drawing(run))


def _grown(drawn: int, history: History) -> bool:
    """Whether the lines are longer by two pixels, or by a twentieth, than when they had that many steps."""
    assert history.started is not None
    across = _shown_epochs(history) * history.started.steps_per_epoch
    return abs(history.steps_done - drawn) > min(across / 250, drawn / 20)


def _live_plan(run: Run, history: History) -> pd.DataFrame | None:
    """The line of the plan, kept while the run goes on: a long one takes longer to make than all else that is drawn."""
    kept = session.state().planned
    if kept is None or kept[:2] != (run.id, history.found):
        kept = run.id, history.found, _plan(run, history, training.MOST_POINTS_LIVE)
        session.state().planned = kept
    return kept[2]


def _plan(run: Run, history: History, most: int) -> pd.DataFrame | None:
    if history.prepared is None or history.started is None:
        return None
    settings = run.settings
    if settings.policy.source == "found" and history.found is not None:
        settings = settings.with_found(history.found)
    plan = settings.plan(history.prepared.train)
    momenta = settings.momentum_plan(history.prepared.train)
    return training.planned(plan, history.started.steps_per_epoch, most, momenta)


def _shown_epochs(history: History) -> int:
    assert history.started is not None
    if history.ended is None:
        return training.horizon(history.started.epochs, history.steps_done / history.started.steps_per_epoch)
    # Epochs that early stopping saved would leave half of every chart empty.
    return max(1, -(-history.steps_done // history.started.steps_per_epoch))
