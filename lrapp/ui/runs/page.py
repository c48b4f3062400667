"""The Runs page: what was trained, to find, open, name, compare, share or delete."""

import streamlit as st

from lrapp.errors import UserError
from lrapp.experiments.run_list import Fold
from lrapp.experiments.run_table import Row
from lrapp.phrasing import counted
from lrapp.runs import notes
from lrapp.runs.store import ENDED, Run
from lrapp.ui.parts import access, actions, draft, resources, session
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import page as run_view
from lrapp.ui.runs import comparison, disk, listing, sharing


def page() -> None:
    """Show the page."""
    st.subheader("Runs", anchor=False)
    _undo()
    chosen = listing.show()
    rows = [line.run for line in chosen if line.run is not None]
    if len(rows) == 1:
        _one(rows[0])
    elif rows:
        _several(rows)
    elif len(chosen) == 1 and chosen[0].fold is not None:
        _fold(chosen[0].fold)
    disk.show()


def _fold(fold: Fold) -> None:
    st.caption("Its runs stand below it. Tick some of them.")
    if fold.study:
        st.page_link(
            session.state().pages["compare"],
            label="Open on the Compare page",
            icon=":material/compare_arrows:",
            query_params={"study": fold.study},
        )


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
        name = "test" if run.settings.mode == "range test" else "run"
        st.switch_page(session.state().pages["train"], query_params={name: row.id})
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
    several = counted(len(rows), "run") if len(rows) > 1 else ""
    if not own:
        about_it = "Some of these runs were started in another browser; untick them."
    elif not ended:
        about_it = "Some of these runs train or wait; stop or untick them." if several else "Stop it first."
    else:
        about_it = "Moves the run into the bin; “Undo” takes it back."
    off = not (ended and own)
    if several:
        # One click ticks all that is listed, so another one must not delete it.
        why = about_it if off else None  # else it would lie over the question
        with st.popover(f"Delete {several}", icon=":material/delete:", disabled=off, help=why):
            st.markdown(f"Move {several} into the bin? “Undo” takes them back.")
            wanted = st.button("Delete them", type="primary", icon=":material/delete:")
    else:
        wanted = st.button("Delete", icon=":material/delete:", disabled=off, help=about_it)
    if not wanted:
        return
    kept = session.state()  # not afterwards, where a click may cut this short, and there would be no Undo
    actions.delete(runs)
    kept.deleted_runs, kept.runs_ticked = " ".join(row.id for row in rows), []
    st.query_params.clear()
    st.rerun()


def _undo() -> None:
    kept = session.state()
    deleted = kept.deleted_runs.split()
    number = len(deleted)
    if not deleted or not resources.undo(
        "The run was deleted." if number == 1 else f"{number:,} runs were deleted."
    ):
        return
    for done, run_id in enumerate(deleted, 1):
        try:
            actions.restore(run_id)
        except UserError as error:
            st.warning(plain(str(error), None), icon=":material/warning:")
        kept.deleted_runs = " ".join(deleted[done:])
    st.rerun()
