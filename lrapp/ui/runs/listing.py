"""The list of runs: what to list, grouped how, and which lines are ticked."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from lrapp.errors import UserError
from lrapp.experiments import run_list, study_files
from lrapp.experiments.run_differences import MOST_RUNS
from lrapp.experiments.run_list import USUAL_GROUPS, Fold, Line
from lrapp.experiments.run_table import Row
from lrapp.palette import colour_of
from lrapp.runs.store import ENDED, Run
from lrapp.ui.parts import access, choices, known, number_cells, resources, session
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import page as run_view

# Lines that are drawn at first; the others are one click away.
MOST_AT_FIRST = 200
_DOT = "●"
# Each line is one line of text: what is longer is cut, and whole in the cell when it is clicked twice.
_HEIGHT, _TITLES, _ROW = 580, 38, 44
_NOTHING = "Nothing"


def show() -> list[Line]:
    """Show the list; return the lines that are ticked, the oldest first."""
    asked = _asked()
    runs = _listed(asked)
    if not runs:
        _empty()
        return []
    rows = [known.row(run) for run in runs]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Find",
            key="runs_text",
            icon=":material/search:",
            placeholder="name, table, policy, note …",
            persist_state="session",
        )
        by = _group_by(rows)
        starred = st.toggle("Starred only", key="runs_starred", persist_state="session")
    rows = [row for row in rows if row.matches(text) and (row.starred or not starred)]
    if not rows:
        st.info("No run matches. Remove a word, or turn “Starred only” off.")
        return []
    items = _items(rows, by)
    opened = session.state().runs_opened
    opened |= {one.key for one in items if isinstance(one, Fold) and any(row.id in asked for row in one.rows)}
    return _table(_first(run_list.lines(items, opened), asked), asked)


def _asked() -> list[str]:
    """The runs in the address; those of the last visit where a person comes back without one."""
    asked = st.query_params.get_all("run")
    if not asked and (kept := session.state().runs_ticked):
        st.query_params.from_dict({"run": kept})
        return kept
    return asked


def _empty() -> None:
    st.info("No runs yet. Train one, and it is listed here with its score.", icon=":material/list:")
    st.page_link(session.state().pages["train"], label="Go to Train", icon=":material/model_training:")


def _listed(asked: list[str]) -> list[Run]:
    """The runs that this visitor may see, those in the address, and folders without a status; the newest first."""
    runs = {run.id: run for run in resources.visible_runs()}
    for run_id in asked:
        try:
            runs.setdefault(run_id, resources.store().get(run_id))
        except UserError as error:
            st.warning(plain(str(error), None), icon=":material/warning:")
    for run in resources.store().broken():
        if access.may("look", run):
            runs.setdefault(run.id, run)
    return [runs[run_id] for run_id in sorted(runs, reverse=True)]


# --- folds -----------------------------------------------------------------------------------------------------


def _group_by(rows: Sequence[Row]) -> str:
    """Ask by which setting to group; those in which no runs differ are left out."""
    usual = [name for name, value in USUAL_GROUPS.items() if len({value(row) for row in rows}) > 1]
    texts: dict[str, set[str]] = {}
    for row in rows:
        for title, text in known.settings(_run(row)).items():
            texts.setdefault(title, set()).add(text)
    others = [title for title, values in texts.items() if len(values) > 1]
    options = [_NOTHING, *usual, *(title for title in others if title not in usual)]
    key = "runs_group"
    session.start_with(key, _NOTHING, anew=st.session_state.get(key) not in options)
    chosen: str = st.selectbox(
        "Group by", options, key=key, format_func=choices.texts(options, str), persist_state="session"
    )
    return chosen


def _items(rows: Sequence[Row], by: str) -> list[Row | Fold]:
    if by == _NOTHING:
        every = study_files.every(resources.store())
        return run_list.fold(rows, [study for study in every if access.may("look", study)])
    value: Callable[[Row], str] = USUAL_GROUPS.get(by) or (lambda row: known.settings(_run(row)).get(by, ""))
    return run_list.group(rows, by, value)


def _run(row: Row) -> Run:
    return Run(resources.store().home / "runs" / row.id)


def _first(lines: list[Line], asked: list[str]) -> list[Line]:
    """The lines that are shown until all are asked for."""
    if len(lines) <= MOST_AT_FIRST or session.state().runs_all:
        return lines
    if st.button(
        f"Show all {len(lines):,} lines", icon=":material/unfold_more:", help=f"{MOST_AT_FIRST} are shown."
    ):
        session.state().runs_all = True
        st.rerun()
    return run_list.first(lines, MOST_AT_FIRST, asked)


# --- the table -------------------------------------------------------------------------------------------------


def _table(lines: list[Line], asked: list[str]) -> list[Line]:
    """Show the table; return the lines of the runs and studies that are ticked, the oldest first."""
    opened = session.state().runs_opened
    ids = [line.id for line in lines]
    kept = session.state().runs_table
    if kept is None or kept[0] != ids or f"runs.{kept[1]}" not in st.session_state:
        # A selection is kept by position, and forgotten on another page: a new table begins with the same lines.
        places = [place for place, one in enumerate(ids) if one in {*asked, *opened}]
        number = 1 if kept is None else kept[1] + 1
        kept = session.state().runs_table = (ids, number, places)
    event = st.dataframe(
        _drawn(lines),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": kept[2]}},
        key=f"runs.{kept[1]}",
        height=min(_TITLES + _ROW * len(lines), _HEIGHT),
        row_height=_ROW,
        placeholder="",
        column_config=_columns(),
    )
    chosen = [
        lines[place] for place in sorted(event["selection"]["rows"], reverse=True) if place < len(lines)
    ]
    _open(
        {line.id for line in chosen if line.run is None},
        {line.id for line in lines if line.run is None},
        chosen,
    )
    wanted = [line.id for line in chosen if line.run is not None]
    session.state().runs_ticked = wanted
    if wanted != asked:
        # The address holds the choice, so that a refresh or another person finds the same.
        st.query_params.from_dict({"run": wanted} if wanted else {})
    if not chosen:
        st.caption(f"Tick a row to open it, several to lay up to {MOST_RUNS} runs over one another.")
    return chosen


def _open(now: set[str], there: set[str], chosen: list[Line]) -> None:
    """Open the folds that are ticked and close those that are not, with what is ticked in them."""
    opened = session.state().runs_opened
    before = opened & there
    if now == before:
        return
    session.state().runs_opened = (opened - there) | now
    closed = before - now
    left = [
        line.id
        for line in chosen
        if line.run is not None and not (line.fold is not None and line.fold.key in closed)
    ]
    session.state().runs_ticked = left
    st.query_params.from_dict({"run": left} if left else {})
    st.rerun()


def _drawn(lines: list[Line]) -> pd.DataFrame | Styler:
    """The table with each run's colour and its figures as sentences write them."""
    states = {state: run_view.title(state) for state in (*ENDED, "queued", "running")}
    # Whether early stopping ended it, the run itself says.
    states["early_stopping"] = states["completed"]
    table = run_list.frame(lines, states, session.state().runs_opened)
    table.insert(0, _DOT, [_DOT if line.run is not None else "" for line in lines])
    shown = [line.shown for line in lines]
    judged = [row.measure if row is not None else "" for row in shown]
    trained = [row.metric if row is not None else "" for row in shown]
    written = number_cells.written(
        table,
        {"Seconds": "{:,.1f}".format},
        {"Score": judged, "Baseline": judged, "Validation": trained},
    )
    if isinstance(written, pd.DataFrame):
        return table.drop(columns=_DOT)  # too long for cells of their own looks
    colours = [f"color: {colour_of(line.run.id)}" if line.run is not None else "" for line in lines]
    return written.apply(lambda _: colours, subset=[_DOT])


def _columns() -> dict[str, Any]:
    """How wide columns are: those up to the age are seen together in a window of 1280 pixels."""
    column = st.column_config
    return {
        _DOT: column.TextColumn("", width=26, help="The colour of the run in charts"),
        "Name": column.TextColumn(width=280),
        "Differs in": column.TextColumn(
            width=172,
            help="Settings of network, training and policy that not all listed runs of the same table and target "
            "have.",
        ),
        # Wide enough for figures in millions, whose first digits would be cut off.
        "Score": column.NumberColumn(
            width=82,
            help="On test rows, in the metric that tells most; without test rows, on validation rows. Of several "
            "runs in one line, that of the best.",
        ),
        "Baseline": column.NumberColumn(
            width=82, help="What the most frequent class, or the mean, would score."
        ),
        "Metric": column.TextColumn(width=132),
        "Loss": column.LineChartColumn("Validation loss", width=100),
        "State": column.TextColumn(width=82),
        "Age": column.DatetimeColumn(format="distance", width=118),
        "Trouble": column.TextColumn(width="large"),
        "Validation": column.NumberColumn(
            width=95, help="The metric on validation rows, with the weights that the model has."
        ),
        "Seconds": column.NumberColumn(help="Seconds of training."),
    }
