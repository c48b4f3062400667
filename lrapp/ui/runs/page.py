"""The Runs page: what was trained, to find, open, name, compare, share or delete."""

import streamlit as st

from lrapp.errors import UserError
from lrapp.experiments import run_table, study_files
from lrapp.experiments.run_differences import MOST_RUNS
from lrapp.experiments.run_table import Row
from lrapp.runs import notes
from lrapp.runs.store import ENDED, Run
from lrapp.ui.parts import access, actions, draft, number_cells, resources, session
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import page as run_view
from lrapp.ui.runs import comparison, disk, sharing

MOST_SHOWN = 500


def page() -> None:
    """Show the page."""
    st.subheader("Runs", anchor=False)
    _undo()
    _runs()
    disk.show()


def _runs() -> None:
    asked = st.query_params.get_all("run")
    runs = _listed(asked)
    if not runs:
        st.info("No runs yet. Go to **Train**, press the Train button, and the run will be listed here.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Find",
            key="runs_text",
            icon=":material/search:",
            placeholder="name, table, target, policy, note …",
            help="Lists the runs that contain each of these words.",
        )
        starred = st.toggle("Starred only", key="runs_starred")
        runs = _without_members(runs, asked)
    rows = [row for row in (_row(run.id, run_table.stamp(run)) for run in runs) if row.matches(text)]
    if starred:
        rows = [row for row in rows if row.starred]
    if not rows:
        st.info("No run matches. Remove a word, or turn “Starred only” off.")
        return
    if len(rows) > MOST_SHOWN:
        st.caption(f"The newest {MOST_SHOWN} of {len(rows):,}.")
    chosen = _table(rows[:MOST_SHOWN], asked)
    if len(chosen) == 1:
        _one(chosen[0])
    elif chosen:
        _several(chosen)


# --- which runs ----------------------------------------------------------------------------------------------


def _listed(asked: list[str]) -> list[Run]:
    """The runs that this visitor may see, those in the address, and folders without a status."""
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


def _without_members(runs: list[Run], asked: list[str]) -> list[Run]:
    """Leave out the runs of comparisons and searches, which would crowd out the others, unless they are asked for."""
    compared = study_files.member_ids(resources.store()) - set(asked)
    if not any(run.id in compared for run in runs):
        return runs
    shown = st.toggle(
        "Show runs of comparisons",
        key="compared_runs",
        help="Also the trials of random searches; all of them are listed on the Compare page.",
    )
    return runs if shown else [run for run in runs if run.id not in compared]


# Shared by all tabs; a row is small, and read anew when one of its files has changed.
@st.cache_resource(max_entries=5_000, show_spinner=False)
def _row(run_id: str, stamp: tuple[tuple[int, int], ...]) -> Row:
    return run_table.row(Run(resources.store().home / "runs" / run_id))


def _table(rows: list[Row], asked: list[str]) -> list[Row]:
    """Show the table; return the rows that are chosen, the oldest first."""
    ids = [row.id for row in rows]
    kept = session.state().runs_table
    if kept is None or kept[0] != ids:
        # A selection is kept by position: for another list, a new table begins with the same runs selected.
        places = [ids.index(run_id) for run_id in asked if run_id in ids]
        number = 1 if kept is None else kept[1] + 1
        kept = session.state().runs_table = (ids, number, places)
    event = st.dataframe(
        number_cells.written(
            run_table.frame(rows, {state: run_view.title(state) for state in (*ENDED, "queued", "running")}),
            {"Seconds": "{:,.1f}".format},
            [row.metric for row in rows],
            ["Validation", "Test"],
        ),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": kept[2]}},
        key=f"runs.{kept[1]}",
        height=min(38 + 35 * len(rows), 420),
        placeholder="",
        column_config={
            "★": st.column_config.TextColumn(width=30, help="Starred"),
            "Name": st.column_config.TextColumn(width="medium"),
            "State": st.column_config.TextColumn(width=130),
            "Trouble": st.column_config.TextColumn(width="large"),
            # Wide enough for figures in millions, whose first digits would be cut off.
            "Validation": st.column_config.NumberColumn(
                width=95,
                help="The metric on validation rows, with the weights that the model has.",
            ),
            "Test": st.column_config.NumberColumn(
                width=95,
                help="The metric on test rows, which were not used before the end.",
            ),
            "Seconds": st.column_config.NumberColumn(help="Seconds of training."),
            "Created": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm:ss"),
        },
    )
    chosen = [rows[place] for place in sorted(event["selection"]["rows"], reverse=True) if place < len(rows)]
    wanted = [row.id for row in chosen]
    if wanted != asked:
        # The address holds the choice, so that a refresh or another person finds the same.
        st.query_params.from_dict({"run": wanted} if wanted else {})
    if not chosen:
        st.caption(f"Tick a row to open it, or up to {MOST_RUNS} to compare them. A click on a title sorts.")
    return chosen


# --- one run -------------------------------------------------------------------------------------------------


def _one(row: Row) -> None:
    run = Run(resources.store().home / "runs" / row.id)
    st.divider()
    st.markdown(f"**{'★ ' if row.starred else ''}{plain(row.name, 200)}**")
    if row.note:
        st.caption(plain(row.note, None))
    if row.trouble:
        st.warning(plain(row.trouble, None), icon=":material/warning:")
    try:
        settings = run.settings
    except (UserError, OSError):
        settings = None
    with st.container(horizontal=True):
        if settings is not None and row.state is not None:
            _open_and_start(run, row)
        if access.may("star", run) and st.button(
            "Unstar" if row.starred else "Star",
            icon=":material/star:" if row.starred else ":material/star_border:",
            help="Starred runs can be listed alone.",
        ):
            actions.star(run, not row.starred)
            st.rerun()
        if access.may("say", run):
            _say(run, row)
        if access.may("delete", run):
            _delete([row])
        if settings is not None:
            # Last, because a fragment takes all the room that is left.
            resources.fragment(sharing.share)(settings, f"share.{row.id}")
    if settings is None or row.state is None:
        return
    if not access.may_use(settings.data.source):
        st.caption(
            f"“Start from these settings” will ask for the table {plain(settings.data.source.name)}, which this "
            "browser has not uploaded."
        )
    elif not resources.store().holds(settings.data.source):
        st.caption(
            f"The table {plain(settings.data.source.name)} is no longer kept here. “Start from these settings” will "
            "ask for it."
        )
    run_view.show(row.id)


def _open_and_start(run: Run, row: Row) -> None:
    if st.button(
        "Open on the Train page",
        icon=":material/open_in_new:",
        help="Beside its settings; the address there is the run's own.",
    ):
        draft.replace(run.settings)
        st.switch_page(session.state().pages["train"], query_params={"run": row.id})
    if st.button(
        "Start from these settings",
        icon=":material/play_arrow:",
        help="Puts them onto the Train page, to change some and train again.",
    ):
        draft.start_from(run.settings)


def _say(run: Run, row: Row) -> None:
    said, _ = notes.read(run)
    with (
        st.popover("Name and note", icon=":material/edit:"),
        st.form(f"say.{row.id}", border=False),
    ):
        name = st.text_input("Name", value=said.name or row.name, max_chars=notes.MOST_NAME)
        note = st.text_area(
            "Note", value=said.note, max_chars=notes.MOST_NOTE, placeholder="What it was for …"
        )
        if st.form_submit_button("Save name and note", icon=":material/check:"):
            # A suggested name that was left as it is counts as no name.
            actions.describe(run, name if name != row.name else None, note)
            st.rerun()


# --- several -------------------------------------------------------------------------------------------------


def _several(chosen: list[Row]) -> None:
    st.divider()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(chosen)} runs**")
        _delete(chosen)
    comparison.show(chosen)


def _delete(rows: list[Row]) -> None:
    # A run whose status cannot be read is not training.
    ended = all(row.state is None or row.state in ENDED for row in rows)
    runs = [Run(resources.store().home / "runs" / row.id) for row in rows]
    own = all(access.may("delete", run) for run in runs)
    what = "the run" if len(rows) == 1 else f"{len(rows)} runs"
    about_it = f"Moves {what} into the bin; it can be taken back for a week." if ended else "Stop it first."
    if not st.button(
        "Delete" if len(rows) == 1 else f"Delete {len(rows)} runs",
        icon=":material/delete:",
        disabled=not (ended and own),
        help=about_it if own else "Some of these runs were started in another browser; untick them.",
    ):
        return
    actions.delete(runs)
    session.state().deleted_runs = " ".join(row.id for row in rows)
    st.query_params.clear()
    st.rerun()


def _undo() -> None:
    deleted = session.state().deleted_runs.split()
    number = len(deleted)
    if not deleted or not resources.undo(
        "The run was deleted." if number == 1 else f"{number:,} runs were deleted."
    ):
        return
    session.state().deleted_runs = ""
    for run_id in deleted:
        try:
            actions.restore(run_id)
        except UserError as error:
            st.warning(plain(str(error), None), icon=":material/warning:")
    st.rerun()
