"""Where a range test has found no rates: what to press next."""

from collections.abc import Callable

import streamlit as st

from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.settings.next_tries import Try, next_tries
from lrapp.ui.parts import access, actions, draft, start_buttons
from lrapp.ui.parts.plain_text import plain


def is_refused(history: History) -> bool:
    """Return whether a range test has ended without a rate; to go on with its run would end there again."""
    return history.found is not None and history.found.max_lr is None


def of_run(run: Run, history: History) -> None:
    """Offer other runs in the place of one that found no rates; a click starts one and shows it."""

    def take(one: Try, name: str) -> None:
        started = actions.start(one.settings, start_buttons.token(name))
        draft.replace(one.settings)
        st.query_params["run"] = started.id

    _buttons(run, history, take)


def of_test(run: Run, history: History) -> None:
    """Offer other tests, or rates without one, in the place of a test that found no rates."""

    def take(one: Try, name: str) -> None:
        if not one.tests:
            draft.take_policy(one.settings.policy)
            return
        started = actions.start(one.settings, start_buttons.token(name))
        draft.replace(one.settings)
        st.query_params["test"] = started.id

    _buttons(run, history, take)


def _buttons(run: Run, history: History, take: Callable[[Try, str], None]) -> None:
    if history.found is None or not access.may("resume", run):
        return
    rows = history.prepared.train if history.prepared is not None else 1
    tries = next_tries(run.settings, history.found.refusal, rows)
    st.caption("What to try next:")
    for place, one in enumerate(tries):
        name = f"next.{run.id}.{place}"
        pressed = st.button(
            plain(one.label, None),
            key=start_buttons.key(name),
            type="primary" if place == 0 else "secondary",
            icon=":material/search_insights:" if one.tests else ":material/play_arrow:",
            help=plain(one.help, None),
            width="stretch",
        )
        if pressed:
            take(one, name)
            st.rerun()
