"""Predicting with a finished run on its own page."""

import streamlit as st

from lrapp.runs.store import Run
from lrapp.settings.kinds import kind_of_model
from lrapp.ui.parts import access, kinds, session

# What its keys begin with: those of the Predict page begin with another word.
_PLACE = "try"


def show(run: Run) -> None:
    """Show a form of one row and an uploader of tables, or one of pictures.

    Args:
        run: Any run; where it has no model, or this visitor may not predict with it, a sentence says so.
    """
    if not access.may("predict", run):
        st.caption("Its model predicts only in the browser in which it was trained.")
        return
    if not run.model_path.exists():
        st.caption("There is no model to try: the run has not left one.")
        return
    # The prediction in the address may be that of another run, whose page was open before.
    shown = session.state().predictions_shown
    if st.query_params.get("prediction") in [one for run_id, one in shown.items() if run_id != run.id]:
        del st.query_params["prediction"]
    kinds.of(kind_of_model(run.folder)).predict(run, _PLACE)
