"""The Predict page: a finished run and a new table make predictions."""

import pandas as pd
import streamlit as st

from lrapp import predicting
from lrapp.errors import UserError
from lrapp.runs import Run
from lrapp.ui import resources
from lrapp.ui.resources import plain

MOST_SHOWN_COLUMNS = 50


def page() -> None:
    """Show the page."""
    st.subheader("Predict", anchor=False)
    runs = [run for run in resources.visible_runs() if run.model_path.exists()]
    if not runs:
        st.info(
            "No model yet. Go to **Train**, press the Train button, and predict here with what it leaves."
        )
        return
    ids = [run.id for run in runs]
    wanted = st.query_params.get("run")
    run = st.selectbox(
        "Model",
        runs,
        index=ids.index(wanted) if wanted in ids else 0,
        format_func=resources.run_title,
        help="The run whose model predicts; the newest first.",
    )
    uploaded = st.file_uploader(
        "A table with the same columns",
        type=["csv", "tsv", "txt", "gz", "zip", "xlsx"],
        key=f"predict.{run.id}",
        help="Columns are found by name, their order does not matter. The target may be missing.",
    )
    if uploaded is None:
        st.caption("Upload the rows to predict; the answer comes back beside each row.")
        return
    try:
        with st.spinner(
            "A run is training; the prediction comes right after it …"
            if resources.jobs().busy
            else "Predicting …"
        ):
            answer = _predict(run, uploaded.file_id, uploaded.getvalue(), uploaded.name)
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return
    st.markdown(f"**{answer.rows:,}** rows predicted.")
    if answer.notes:
        with st.expander(f"What was noticed ({len(answer.notes)})", icon=":material/info:", expanded=True):
            for note in answer.notes:
                st.markdown(f"- {plain(note, 400)}")
    shown = answer.preview
    numbers = {
        column: st.column_config.NumberColumn(format="%.4g")
        for column in shown.columns[-answer.added :]
        if pd.api.types.is_float_dtype(shown[column].dtype)
    }
    st.dataframe(
        shown,
        hide_index=True,
        # The answer first; what was uploaded is known.
        column_order=[*shown.columns[-answer.added :], *shown.columns[: -answer.added][:MOST_SHOWN_COLUMNS]],
        column_config=numbers,
    )
    if answer.rows > len(shown):
        st.caption(f"The first {len(shown)} rows; the download has all.")
    st.download_button(
        "Download the predictions (CSV)",
        answer.csv,
        file_name="predictions.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _predict(run: Run, file_id: str, data: bytes, name: str) -> predicting.PredictedTable:
    """Predict once for each upload, not again with every rerun of the page."""
    kept = st.session_state.get("predicted")
    if kept is None or kept[0] != (run.id, file_id):
        answer = resources.jobs().call(predicting.predict, run.folder, data, name).result()
        kept = st.session_state["predicted"] = ((run.id, file_id), answer)
    predicted: predicting.PredictedTable = kept[1]
    return predicted
