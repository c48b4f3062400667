"""One run, while it trains and afterwards: progress, charts, results, downloads."""

import time
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from lrapp.charts import members, training
from lrapp.errors import UserError
from lrapp.evaluation import scores as evaluation
from lrapp.export import download
from lrapp.runs import notes
from lrapp.runs.events import History
from lrapp.runs.store import ENDED, EventReader, Run, State, Status
from lrapp.ui.parts import access, actions, resources, saving, session, waiting
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import exports, model_for_use, networks, range_test, refused_rates, results, sizes, stopping

# Until the first point is drawn and after Stop, when somebody waits; otherwise slow enough that watching costs the
# training little, in runs of a minute and in longer ones.
SECONDS_BETWEEN_FIRST_LOOKS = 0.5
SECONDS_BETWEEN_LOOKS = (1.0, 4.0)
# At the soonest, and at the latest; between them when new points would be seen (``_grown``).
SECONDS_BETWEEN_DRAWINGS = (0.9, 4.0)
# In very long runs even thinning the steps is slow; it may take this share of the page's process.
_MOST_OF_A_CORE = 0.04

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


@dataclass(frozen=True, eq=False)
class Drawn:
    """What was drawn last: of which run, when, after how many of its steps, and the seconds that it took."""

    run_id: str
    at: float
    steps: int
    took: float
    points: pd.DataFrame


def title(state: State) -> str:
    """Return what a state is called on the pages."""
    return _LOOKS[state][0]


def icon(state: State) -> str:
    """Return the sign of a state."""
    return _LOOKS[state][1]


def show(run_id: str) -> None:
    """Show the run of that id, live while it trains."""
    try:
        run = resources.store().get(run_id)
        ended = run.status.state in ENDED
    except UserError as error:
        st.warning(plain(str(error), None), icon=":material/warning:")
        return
    actions.say_that_it_is_shown(run)
    if ended:
        _frame(run)
        _results(run)
    else:
        history = _reader(run).read()
        resources.fragment(_frame, _pace(run, history))(run, live=True, begun=history.steps_done > 0)


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


def _reader(run: Run) -> EventReader:
    """The session's reader of this run, which remembers what it has read."""
    kept = session.state().reader
    if kept is None or kept[0] != run.id:
        kept = session.state().reader = (run.id, EventReader(run))
    return kept[1]


def _frame(run: Run, *, live: bool = False, begun: bool = False) -> None:
    # The status first: an ended run has written all its events.
    status = run.status
    history = _reader(run).read()
    if live and status.state in ENDED:
        st.rerun()
    if live and not begun and history.steps_done and _last_drawn(run) is not None:
        st.rerun()  # to look less often from here on
    _progress(run, status, history)
    if live and status.state == "running" and history.started is None:
        history = _wait_for_first_point(run)
    if history.sweeps:
        with st.expander("Range test", icon=":material/search_insights:", expanded=not history.steps_done):
            range_test.curve(history, run.settings.range_test, f"range.{run.id}.whole")
    if history.started is None or not history.steps_done:
        _empty(run, status)
        return
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
            momentum=history.momentum_moves,
            more=members.spread_layers if several else None,
        )
        points, key = _points(run, history, live=live), f"charts.{run.id}"
        if live:
            resources.draw(spec, points, key=key)
        else:
            saving.saveable(spec, points, f"history-{run.id}", key, live=True)
    st.caption("Drag to move, Shift and wheel to zoom, double click to see all.")
    if several:
        networks.show(run, history, _shown_epochs(history), log_loss=log_loss, live=live)


def _points(run: Run, history: History, *, live: bool) -> pd.DataFrame:
    """The points to draw; while a run goes on, fewer, and new ones only where they would be seen: each costs it."""
    if not live:
        plan = _plan(run, history, training.MOST_POINTS)
        return training.run_frame(history, plan, extra=[members.spread(history, training.MOST_POINTS)])
    last = _last_drawn(run)
    if last is not None:
        soonest, latest = SECONDS_BETWEEN_DRAWINGS
        since = time.monotonic() - last.at
        if since < max(soonest, last.took / _MOST_OF_A_CORE) or (
            since < latest and not _grown(last.steps, history)
        ):
            return last.points
    began = time.thread_time()
    most = training.MOST_POINTS_LIVE
    points = training.run_frame(history, _live_plan(run, history), most, [members.spread(history, most)])
    took = time.thread_time() - began
    session.state().drawn = Drawn(run.id, time.monotonic(), history.steps_done, took, points)
    return points


def _last_drawn(run: Run) -> Drawn | None:
    drawn = session.state().drawn
    return drawn if drawn is not None and drawn.run_id == run.id else None


def _grown(drawn: int, history: History) -> bool:
    """Whether the lines are longer by two pixels, or by a twentieth, than when they had that many steps."""
    assert history.started is not None
    return abs(history.steps_done - drawn) > min(history.started.total_steps / 250, drawn / 20)


def _wait_for_first_point(run: Run) -> History:
    """Check the events until the next redraw is due, so that the first point is drawn as soon as it is written."""
    due = time.monotonic() + SECONDS_BETWEEN_FIRST_LOOKS
    while True:
        history = _reader(run).read()
        if history.steps_done or history.sweeps or time.monotonic() > due:
            return history
        time.sleep(0.03)


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
        return history.started.epochs
    # Epochs that early stopping saved would leave half of every chart empty.
    return max(1, -(-history.steps_done // history.started.steps_per_epoch))


def _progress(run: Run, status: Status, history: History) -> None:
    title, icon = _LOOKS[status.state]
    name = notes.name_of(run)
    left, right = st.columns([4, 2], vertical_alignment="center")
    left.markdown(f"{icon} **{title}**" + (f" · {plain(name)}" if name else ""))
    active = status.state in ("queued", "running")
    nothing_found = _finds(run) and refused_rates.is_refused(history)
    if active:
        asked = run.stop_asked is not None
        if access.may("stop", run) and right.button(
            "Stopping …" if asked else "Stop",
            icon=":material/stop:",
            key=f"stop.{run.id}",
            disabled=asked,
            width="stretch",
            help="Ends the run within a second, or after the step that is running if that takes longer, and keeps "
            "the best weights so far.",
        ):
            actions.stop(run)
            st.rerun()  # the whole page, to poll more often until it has stopped
        _bar(run, status, history)
    elif (
        status.state in ("interrupted", "stopped", "failed")
        and not nothing_found
        and access.may("resume", run)
        and right.button(
            "Resume",
            icon=":material/resume:",
            key=f"resume.{run.id}",
            width="stretch",
            help="Goes on after the last saved epoch; from the start if there is none.",
        )
    ):
        actions.resume(run)
        st.rerun()
    if status.message:
        bad = status.state in ("failed", "interrupted", "diverged")
        (st.error if bad else st.caption)(plain(status.message, None))
    if nothing_found and not active and run.settings.mode == "train":
        refused_rates.of_run(run, history)


def _bar(run: Run, status: Status, history: History) -> None:
    if status.state == "queued":
        st.progress(0.0, waiting.to_begin(run, status.state))
        return
    if run.stop_asked is not None:
        total = history.started.total_steps if history.started else 1
        share = min(1.0, history.steps_done / max(1, total))
        st.progress(share, waiting.to_stop(run.stop_asked, time.time(), history))
        return
    if history.started is None and history.prepared is not None and history.found is None and _finds(run):
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
    text = f"Epoch {len(history.epochs):,} of {started.epochs:,}"
    before = started.first_epoch * started.steps_per_epoch
    if history.epochs and done > before and len(history.epochs) > started.first_epoch:
        left = (total - done) * history.epochs[-1].seconds / max(1, history.epochs[-1].step - before)
        text += f" · at most {duration(left)} left"
    st.progress(min(1.0, done / max(1, total)), text)


def _finds(run: Run) -> bool:
    settings = run.settings
    return settings.mode == "range test" or settings.policy.source == "found"


def duration(seconds: float) -> str:
    """Return a time in words, in the unit that fits it."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def _empty(run: Run, status: Status) -> None:
    if run.settings.mode == "range test":
        return
    if status.state in ENDED:
        st.caption("This run ended before its first step, so there is nothing to draw.")
    else:
        st.caption("The charts appear with the first steps.")


def _results(run: Run) -> None:
    history = _reader(run).read()
    best = history.best
    alone = run.settings.networks == 1 and not run.settings.data.all_rows
    if history.ended is not None and best is not None and history.started is not None and alone:
        kept = run.settings.training.early_stopping.restore_best
        st.caption(
            f"Best epoch: {best.epoch:,} of {len(history.epochs):,}"
            + (", whose weights the model has." if kept else "; the model has the weights of the last epoch.")
        )
    stopping.show(run, history)
    if history.prepared is not None and history.prepared.notes:
        with st.expander(f"Data preparation ({len(history.prepared.notes)})", icon=":material/info:"):
            for note in history.prepared.notes:
                st.markdown(f"- {plain(note, 400)}")
    if run.settings.data.all_rows and run.model_path.exists():
        model_for_use.tell(run, history)
        sizes.show(run, history)
        _take_along(run)
    if not run.scores_path.exists():
        return
    try:
        scores = evaluation.Scores.from_json(run.scores_path.read_bytes())
    except (UserError, OSError) as error:
        # The curves stay, and the Predict page needs no scores.
        what = str(error) if isinstance(error, UserError) else "The scores of this run cannot be read."
        st.warning(plain(what, None), icon=":material/warning:")
        return
    st.subheader("Test results", anchor=False)
    st.markdown(plain(scores.summary, None))
    results.show(run, history, scores)
    model_for_use.offer(run, history)
    sizes.show(run, history)
    _take_along(run)


def _take_along(run: Run) -> None:
    if not access.may("download", run):
        return
    st.download_button(
        "Download the model",
        data=actions.download(run),
        file_name=download.file_name(run),
        mime="application/zip",
        icon=":material/download:",
        key=f"download.{run.id}",
        on_click="ignore",
        help="A zip with the model, the preprocessor, the settings, the history and a short script that predicts.",
    )
    exports.show(run)
