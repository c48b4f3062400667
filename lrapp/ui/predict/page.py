"""The Predict page: which finished run predicts; what it predicts is drawn by its kind of data."""

from collections.abc import Mapping

import streamlit as st

from lrapp.errors import UserError
from lrapp.experiments import run_list, study_files
from lrapp.experiments.run_table import Row
from lrapp.phrasing import measured
from lrapp.runs.store import Run
from lrapp.settings.kinds import kind_of_model
from lrapp.ui.parts import access, choices, kinds, known, resources, session
from lrapp.ui.parts.plain_text import plain

_LIST = "predict.model"


def page() -> None:
    """Show the page."""
    st.subheader("Predict", anchor=False)
    run = _choose()
    if run is None:
        return
    access.require("predict", run)
    kinds.of(kind_of_model(run.folder)).predict(run, "predict")


def _choose() -> Run | None:
    runs = {
        run.id: run
        for run in resources.visible_runs()
        if run.model_path.exists() and access.may("predict", run)
    }
    wanted = st.query_params.get("run") or session.state().model_shown
    refused = wanted is not None and wanted not in runs and _refused(wanted)
    if not runs:
        if not refused:
            st.info("No model yet. Train one, and predict with it here.", icon=":material/online_prediction:")
            st.page_link(
                session.state().pages["train"], label="Go to Train", icon=":material/model_training:"
            )
        return None
    if wanted not in runs and not refused and "run" in st.query_params:
        st.warning(
            "The run in the address has no model here: it was deleted, or has not left one yet. "
            "The newest model is chosen instead.",
            icon=":material/warning:",
        )
    offered, trials = _models(runs)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place = st.container()
        if trials and st.toggle(
            "All runs",
            key="predict.all",
            persist_state="session",
            help="Also each trial of a search and each run of a comparison.",
        ):
            offered |= {run_id: title for run_id, title in trials.items() if run_id not in offered}
    if wanted in trials:
        offered.setdefault(wanted, trials[wanted])
    ids = sorted(offered, reverse=True)
    # A list without a key would be another one as soon as the address has changed, and forget the next choice.
    moved = st.session_state.get(_LIST) not in ids or session.state().model_shown != wanted
    session.start_with(_LIST, wanted if wanted in ids else ids[0], anew=moved)
    chosen = place.selectbox(
        "Model",
        ids,
        format_func=choices.texts(ids, offered.__getitem__, lambda one: resources.started(runs[one])),
        key=_LIST,
        help="The newest first; type to search.",
    )
    session.state().model_shown = chosen
    if chosen != st.query_params.get("run"):
        # The predictions in the address are those of the other run.
        if wanted != chosen and "prediction" in st.query_params:
            del st.query_params["prediction"]
        st.query_params["run"] = chosen
    _about(known.row(runs[chosen]))
    return runs[chosen]


def _models(runs: Mapping[str, Run]) -> tuple[dict[str, str], dict[str, str]]:
    """By run: names of what is offered (single runs, the best of each study), and of all that are of a study."""
    trials: dict[str, str] = {}
    offered: dict[str, str] = {}
    for study in study_files.every(resources.store()):
        rows = [known.row(runs[member.run_id]) for member in study.members if member.run_id in runs]
        trials |= {row.id: row.name for row in rows}
        if (best := run_list.best(rows)) is not None:
            offered[best.id] = f"Best of {study.name}"
    return offered | {
        run_id: known.row(run).name for run_id, run in runs.items() if run_id not in trials
    }, trials


def _about(row: Row) -> None:
    if row.score is None:
        return
    said = f"{row.measure[:1].upper()}{row.measure[1:]} {measured(row.measure, row.score)}"
    if row.baseline is not None:
        said += f", baseline {measured(row.measure, row.baseline)}"
    rows = "validation" if row.test is None else "test"
    st.caption(plain(f"{said}, on {rows} rows. {row.network}, {row.policy}.", None))


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
