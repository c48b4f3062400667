"""The Predict page: a finished run predicts a table, or one row whose values are moved by hand."""

from contextlib import suppress

import pandas as pd
import streamlit as st

from lrapp.errors import UserError
from lrapp.preparation import image_inputs, preprocessor
from lrapp.preparation.preprocessor import InputColumn, Needs
from lrapp.runs.store import Run
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.csv_writer import to_csv_bytes
from lrapp.ui.parts import access, choices, resources, session
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.predict import images, table
from lrapp.ui.predict import row as predict_row

MOST_NAMED = 6
_WHAT = {
    ColumnKind.NUMBER: "number",
    ColumnKind.YES_NO: "yes/no",
    ColumnKind.CATEGORY: "category",
    ColumnKind.DATE: "date",
}
TABLE, ROW = "A table", "One row"
_LIST = "predict.model"


def page() -> None:
    """Show the page."""
    st.subheader("Predict", anchor=False)
    run = _choose()
    if run is None:
        return
    access.require("predict", run)
    if (run.folder / image_inputs.JSON_FILE).exists():
        with suppress(UserError):  # damaged settings do not keep a model from predicting
            resources.expect(run.settings)
        images.show(run)
        return
    needs = preprocessor.needs(run.folder)
    _expects(run, needs)
    tabs = st.tabs([TABLE, ROW], key="predict.tab", on_change="rerun")
    for tab, show in zip(tabs, (table.show, predict_row.show), strict=True):
        if tab.open:
            with tab:
                show(run)


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


def _expects(run: Run, needs: Needs) -> None:
    word = "column" if len(needs.columns) == 1 else "columns"
    title = f"What the model expects: {len(needs.columns):,} {word}, to predict {plain(needs.target)}"
    drawer = resources.drawer(title, ":material/view_column:", f"predict.needs.{run.id}")
    if not drawer.open:
        return
    with drawer:
        st.dataframe(
            _needs_frame(needs.columns), hide_index=True, height="content" if len(needs.columns) < 10 else 360
        )
        st.download_button(
            "Template (CSV)",
            to_csv_bytes(_template(needs.columns)),
            file_name="template.csv",
            mime="text/csv",
            icon=":material/table:",
            key=f"predict.template.{run.id}",
            on_click="ignore",
            help="The columns with their names and two rows as an example: replace those by your own.",
        )


def _needs_frame(columns: tuple[InputColumn, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"column": column.name, "kind": _WHAT[column.kind], "values": _values(column)} for column in columns]
    )


def _values(column: InputColumn) -> str:
    match column.kind:
        case ColumnKind.NUMBER:
            return "a number, or empty"
        case ColumnKind.DATE:
            return "a date such as 2024-12-31, or empty"
        case ColumnKind.YES_NO:
            return f"{column.values[0]} or {column.values[1]}"
    known = [value for value in column.values if value]
    named = ", ".join(known[:MOST_NAMED])
    more = f" and {len(known) - MOST_NAMED:,} more" if len(known) > MOST_NAMED else ""
    return f"{named}{more}"


def _template(columns: tuple[InputColumn, ...]) -> pd.DataFrame:
    def example(column: InputColumn, row: int) -> object:
        match column.kind:
            case ColumnKind.NUMBER:
                return ("1", "2.5")[row]
            case ColumnKind.DATE:
                return ("2024-01-31", "2024-12-01")[row]
        known = [value for value in column.values if value]
        return known[min(row, len(known) - 1)]

    return pd.DataFrame(
        {column.name: [example(column, row) for row in (0, 1)] for column in columns}, dtype="str"
    )
