"""The Runs page: what was trained, to open again or to delete."""

import pandas as pd
import streamlit as st

from lrapp import evaluation, studies
from lrapp.errors import UserError
from lrapp.runs import ENDED, Run
from lrapp.ui import draft, resources, run_view

MOST_SHOWN = 200


def page() -> None:
    """Show the page."""
    st.subheader("Runs", anchor=False)
    _undo()
    runs = _kept(resources.visible_runs())
    if not runs:
        st.info("No runs yet. Go to **Train**, press the Train button, and the run will be listed here.")
        return
    frame = pd.DataFrame([_row(run) for run in runs[:MOST_SHOWN]])
    if len(runs) > MOST_SHOWN:
        st.caption(f"The newest {MOST_SHOWN} of {len(runs):,}.")
    st.caption("Choose a row to open it.")
    event = st.dataframe(
        frame,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"runs.{len(runs)}",
        column_config={
            "Created": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm:ss"),
        },
    )
    chosen = event["selection"]["rows"]
    if not chosen:
        return
    run = runs[chosen[0]]
    st.divider()
    left, middle, right = st.columns(3)
    if left.button("Open on the Train page", icon=":material/open_in_new:", width="stretch"):
        draft.replace(run.settings)
        st.switch_page(st.session_state["pages"]["train"], query_params={"run": run.id})
    middle.download_button(
        "Settings (JSON)",
        run.settings.to_json(),
        file_name="run.json",
        icon=":material/settings:",
        width="stretch",
        on_click="ignore",
        help="For a colleague, or for python -m lrapp run.json --out FOLDER.",
    )
    ended = run.status.state in ENDED
    if right.button(
        "Delete",
        icon=":material/delete:",
        width="stretch",
        disabled=not ended,
        help="Moves the run into the bin; it can be taken back for a week."
        if ended
        else "Stop the run first.",
    ):
        resources.store().delete(run)
        st.session_state["deleted"] = run.id
        st.rerun()
    run_view.show(run.id)


def _kept(runs: list[Run]) -> list[Run]:
    """Leave out the runs of comparisons, which would bury the others, unless they are asked for."""
    compared = studies.member_ids(resources.store())
    if not any(run.id in compared for run in runs):
        return runs
    shown = st.toggle(
        "Show runs of comparisons", key="compared_runs", help="They are also listed on the Compare page."
    )
    return runs if shown else [run for run in runs if run.id not in compared]


def _undo() -> None:
    deleted = resources.undo("deleted", "The run was deleted.")
    if deleted is not None:
        resources.store().restore(deleted)
        st.rerun()


def _row(run: Run) -> dict[str, object]:
    try:
        status, settings = run.status, run.settings
        scores = run.scores_path
        return {
            "Name": resources.run_title(run),
            "State": run_view.title(status.state),
            "Score": evaluation.Scores.from_json(scores.read_text("utf-8")).headline
            if scores.exists()
            else "",
            "Table": settings.data.source.name,
            "Target": settings.data.target,
            "Policy": settings.policy.type,
            "Optimizer": settings.training.optimizer,
            "Created": status.created,
        }
    except UserError as error:
        return {"Name": str(error), "State": "Damaged"}
