"""A tab of the Predict page: one row whose values are moved by hand, its answer, and what it would be otherwise."""

import streamlit as st

from lrapp.runs import Run


def show(run: Run) -> None:
    """Show the tab for a finished run."""
    st.caption(run.id)
