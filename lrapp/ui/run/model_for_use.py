"""A model for use: the button on a finished run's page that makes one of it, and what is said of one."""

import streamlit as st

from lrapp.errors import UserError
from lrapp.experiments import model_for_use
from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.ui.parts import access, actions, resources, session, start_buttons
from lrapp.ui.parts.plain_text import plain


def offer(run: Run, history: History, *, best_of_search: bool = False) -> None:
    """Offer to train a finished run's settings on all rows, where that can be.

    Args:
        run: The run.
        history: What it said.
        best_of_search: Whether it is the best trial of a search, whose page this is.
    """
    if not model_for_use.possible(run, history) or not access.may("resume", run):
        return
    name, unit = f"all_rows.{run.id}", run.settings.data.facts.units
    which, expect = ("with the best", "the best trial's") if best_of_search else ("", "this run's")
    if st.button(
        plain(f"Train on all {unit} {which}".rstrip(), None),
        icon=":material/all_inclusive:",
        key=start_buttons.key(name),
        help="Starts a new run for use: the same settings, nothing held back, and as many epochs as proved best "
        f"(one-cycle and coslog4 run their whole course over them). It has no score of its own; expect {expect}.",
    ):
        try:
            made = actions.start(model_for_use.settings_of(run), start_buttons.token(name))
        except UserError as error:
            st.error(plain(str(error), None), icon=":material/error:")
            return
        start_buttons.shown(name)
        st.switch_page(session.state().pages["train"], query_params={"run": made.id})


def tell(run: Run, history: History) -> None:
    """Say what a model for use is, and which score to expect of it."""
    settings, made_from = run.settings, run.settings.made_from
    unit = settings.data.facts.units
    st.subheader("A model for use", anchor=False)
    count = f"{history.prepared.train:,} " if history.prepared is not None else ""
    st.markdown(plain(f"It was trained on all {count}{unit}, so it has no test score of its own.", None))
    if made_from is None:
        return
    if made_from.expected:
        st.markdown(plain(made_from.expected, None))
    st.caption(plain(made_from.epochs, None))
    try:
        resources.store().get(made_from.run)
    except UserError:
        st.caption("That run is no longer here.")
        return
    # A link to the page that is open already would lead nowhere.
    if st.button("Open that run", icon=":material/open_in_new:", key=f"origin.{run.id}", type="tertiary"):
        st.switch_page(session.state().pages["train"], query_params={"run": made_from.run})
