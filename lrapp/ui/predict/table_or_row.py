"""The Predict page of a model that learned from a table: what it expects; then a table, or one row moved by hand."""

import pandas as pd
import streamlit as st

from lrapp.preparation import preprocessor
from lrapp.preparation.preprocessor import InputColumn, Needs
from lrapp.runs.store import Run
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.csv_writer import to_csv_bytes
from lrapp.ui.parts import resources, session
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.predict import row as predict_row
from lrapp.ui.predict import table

MOST_NAMED = 6
_WHAT = {
    ColumnKind.NUMBER: "number",
    ColumnKind.YES_NO: "yes/no",
    ColumnKind.CATEGORY: "category",
    ColumnKind.DATE: "date",
}
TABLE, ROW = "A table", "One row"


def show(run: Run, place: str) -> None:
    """Show the page for a finished run on a table; keys begin with the word of the place."""
    shown = session.state().predict_tabs
    key, usual = f"{place}.tab", shown.get(place, TABLE if place == "predict" else ROW)
    session.start_with(key, usual)
    tabs = st.tabs([TABLE, ROW], key=key, on_change="rerun")
    for name, tab, show_tab in zip((TABLE, ROW), tabs, (_table, predict_row.show), strict=True):
        if tab.open:
            shown[place] = name
            with tab:
                show_tab(run, place)


def _table(run: Run, place: str) -> None:
    _expects(run, preprocessor.needs(run.folder), place)
    table.show(run, place)


def _expects(run: Run, needs: Needs, place: str) -> None:
    word = "column" if len(needs.columns) == 1 else "columns"
    title = f"What the model expects: {len(needs.columns):,} {word}, to predict {plain(needs.target)}"
    drawer = resources.drawer(title, ":material/view_column:", f"{place}.needs.{run.id}")
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
            key=f"{place}.template.{run.id}",
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
