"""What is known of each run, shared by all tabs of the server, and read anew when one of its files has changed."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from lrapp.errors import UserError
from lrapp.experiments import run_differences, run_table
from lrapp.experiments.run_table import Row
from lrapp.runs.store import Run

_MOST = 10_000
_Kept = dict[str, tuple[Any, Any]]


# Streamlit's own cache takes as long for each run as reading its files' times does.
@st.cache_resource(show_spinner=False)
def _rows() -> _Kept:
    return {}


@st.cache_resource(show_spinner=False)
def _settings() -> _Kept:
    return {}


def row(run: Run) -> Row:
    """Return a run's row of the list."""
    found: Row = _get(_rows(), run.id, run_table.stamp(run), lambda: run_table.row(run))
    return found


def settings(run: Run) -> dict[str, str]:
    """Return the settings of a run as titles and texts; empty where they cannot be read."""
    try:
        stamp = (run.folder / "run.json").stat().st_mtime_ns
    except OSError:
        return {}
    found: dict[str, str] = _get(_settings(), run.id, stamp, lambda: _flat(run))
    return found


def _flat(run: Run) -> dict[str, str]:
    try:
        return run_differences.flat(run.settings)
    except (UserError, OSError):
        return {}


def _get(kept: _Kept, run_id: str, stamp: Any, read: Callable[[], Any]) -> Any:
    known = kept.get(run_id)
    if known is None or known[0] != stamp:
        if len(kept) >= _MOST:
            kept.clear()
        known = kept[run_id] = (stamp, read())
    return known[1]
