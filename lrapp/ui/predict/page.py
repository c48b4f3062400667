"""The Predict page: which finished run predicts; what it predicts is drawn by its kind of data."""

import streamlit as st

from lrapp.errors import UserError
from lrapp.runs.store import Run
from lrapp.settings.kinds import kind_of_model
from lrapp.ui.parts import access, choices, kinds, resources, session
from lrapp.ui.parts.plain_text import plain

_LIST = "predict.model"


def page() -> None:
    """Show the page."""
    st.subheader("Predict", anchor=False)
    run = _choose()
    if run is None:
        return
    access.require("predict", run)
    kinds.of(kind_of_model(run.folder)).predict(run)


def _choose() -> Run | None:
    titles: dict[str, str] = {}
    runs: dict[str, Run] = {}
    for run in resources.visible_runs():
        if not run.model_path.exists() or not access.may("predict", run):
            continue
        try:
            titles[run.id] = resources.run_title(run)
        except UserError:
            titles[run.id] = f"Damaged run {run.id}"
        runs[run.id] = run
    wanted = st.query_params.get("run")
    refused = wanted is not None and wanted not in runs and _refused(wanted)
    if not runs:
        if refused:
            return None
        st.info(
            "No model yet. Go to **Train**, press the Train button, and predict here with what it leaves."
        )
        return None
    ids = list(runs)
    if wanted is not None and wanted not in runs and not refused:
        st.warning(
            "The run in the address has no model here: it was deleted, or has not left one yet. "
            "The newest model is chosen instead.",
            icon=":material/warning:",
        )
    # A list without a key would be another one as soon as the address has changed, and forget the next choice.
    if st.session_state.get(_LIST) not in ids or session.state().model_shown != wanted:
        st.session_state[_LIST] = wanted if wanted in ids else ids[0]
    chosen = st.selectbox(
        "Model",
        ids,
        format_func=choices.texts(ids, titles.__getitem__, lambda one: resources.started(runs[one])),
        key=_LIST,
        help="The run whose model predicts; the newest first. Type to search.",
    )
    session.state().model_shown = chosen
    if chosen != wanted:
        st.query_params["run"] = chosen
        # The predictions in the address are those of the other run.
        if wanted is not None and "prediction" in st.query_params:
            del st.query_params["prediction"]
    return runs[chosen]


def _refused(run_id: str) -> bool:
    """Say so, where the run in the address is somebody else's, whose model this visitor may not use."""
    try:
        run = resources.store().get(run_id)
        access.require("predict", run)
    except UserError as error:
        if run_id in {one.id for one in resources.visible_runs()}:
            st.warning(plain(f"{error} Its model predicts only there.", None), icon=":material/visibility:")
            return True
    return False
