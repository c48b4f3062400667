"""What is known of each run, shared by all tabs of the server, and read anew when one of its files has changed."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from lrapp.errors import UserError
from lrapp.experiments import pace, run_differences, run_table
from lrapp.experiments.pace import Work
from lrapp.experiments.run_table import Row
from lrapp.runs.store import Run
from lrapp.settings import RunSettings

_MOST = 10_000
_Kept = dict[str, tuple[Any, Any]]


# Streamlit's own cache takes as long for each run as reading its files' times does.
@st.cache_resource(show_spinner=False)
def _kept(what: str) -> _Kept:
    return {}


def row(run: Run) -> Row:
    """Return a run's row of the list."""
    found: Row = _get(_kept("rows"), run.id, run_table.stamp(run), lambda: run_table.row(run))
    return found


def run_settings(run: Run) -> RunSettings | None:
    """Return the settings of a run; None where they cannot be read."""
    return _both(run)[0]


def settings(run: Run) -> dict[str, str]:
    """Return the settings of a run as titles and texts; empty where they cannot be read."""
    return _both(run)[1]


def took(run: Run) -> tuple[float, Work] | None:
    """Return the seconds that a run took from beginning to end, and its work; None where it has not done it all."""
    found: tuple[float, Work] | None = _get(_kept("times"), run.id, run_table.stamp(run), lambda: _took(run))
    return found


def _took(run: Run) -> tuple[float, Work] | None:
    try:
        status, chosen = run.status, run.settings
    except (UserError, OSError):
        return None
    if status.state not in ("completed", "early_stopping") or status.started is None or status.ended is None:
        return None
    history = run_table.short_history(run)
    if status.attempts > 1 or history.started is None:
        return None
    work = pace.of(chosen, history, len(history.epochs) * history.started.steps_per_epoch)
    return None if work is None else ((status.ended - status.started).total_seconds(), work)


def _both(run: Run) -> tuple[RunSettings | None, dict[str, str]]:
    try:
        stamp = (run.folder / "run.json").stat().st_mtime_ns
    except OSError:
        return None, {}
    found: tuple[RunSettings | None, dict[str, str]] = _get(
        _kept("settings"), run.id, stamp, lambda: _read(run)
    )
    return found


def _read(run: Run) -> tuple[RunSettings | None, dict[str, str]]:
    try:
        return run.settings, run_differences.flat(run.settings)
    except (UserError, OSError):
        return None, {}


def _get(kept: _Kept, run_id: str, stamp: Any, read: Callable[[], Any]) -> Any:
    known = kept.get(run_id)
    if known is None or known[0] != stamp:
        if len(kept) >= _MOST:
            kept.clear()
        known = kept[run_id] = (stamp, read())
    return known[1]
