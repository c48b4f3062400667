"""The Train page: the rail with its four steps beside the stage, on which the plan, the run and its results appear."""

from contextlib import suppress

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrapp.errors import UserError
from lrapp.ui.parts import draft, kinds, resources, session, steps
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import page as run_view
from lrapp.ui.runs import sharing
from lrapp.ui.train import bar, rail, stage, target_question
from lrapp.ui.train.rail import Bench


def page() -> None:
    """Show the page."""
    _back_to_the_run()
    found = Bench()
    with st.sidebar, st.container(key="rail", gap="small"):
        if run_id := st.query_params.get("run", ""):
            # Apart from the rest, so that the change of a field does not draw the run anew.
            resources.fragment(_rail)(found, run_id)
        else:
            rail.show(found)
        sharing.bar()
    asked = found.chosen if found.chosen is not None and target_question.needed(found.chosen) else None
    head = st.empty()
    place = bar.show(draft.get(), found.obstacle, said=asked is None)
    sharing.trouble()
    for remark in found.remarks if found.obstacle is None else ():
        st.info(plain(remark, None), icon=":material/rule_settings:")
    run_id = session.state().shown_run = st.query_params.get("run", "")
    if not run_id:
        session.state().shown_test = st.query_params.get("test", "")
        _running_elsewhere(place.stop)
    if asked is not None:
        target_question.show(asked)
    if asked is not None and not run_id:
        kinds.of(asked.data.kind).stage(asked)
    elif run_id:
        _moved_on(run_id)
        run_view.show(run_id, place.stop)
    else:
        stage.head(head)
        stage.show(draft.get(), found)
    place.shown()


def _back_to_the_run() -> None:
    """Show the run, or the range test, again that was on the stage before another page was opened.

    Where this page was open all along, the browser's Back has led here.
    """
    if {"run", "settings", "test"} & set(st.query_params):
        return
    kept = session.state()
    if kept.page:
        kept.left_run = kept.shown_run or kept.left_run
        return
    for name, run_id in (("run", kept.shown_run), ("test", kept.shown_test)):
        if run_id:
            with suppress(UserError):  # deleted since
                resources.store().get(run_id)
                st.query_params[name] = run_id
                return


def _running_elsewhere(stop: DeltaGenerator) -> None:
    """Lead back to a run that was left while it trains, and let it be stopped."""
    left = session.state().left_run
    if left and run_view.stop(left, stop):
        st.button(
            "Back to the run",
            icon=":material/directions_run:",
            type="tertiary",
            key="back",
            on_click=_show,
            args=(left,),
        )


def _show(run_id: str) -> None:
    st.query_params["run"] = run_id


def _rail(found: Bench, run_id: str) -> None:
    before = found.seen
    rail.show(found)
    found.seen = found.obstacle, found.remarks, _changed(run_id)
    # Where the rail is drawn alone; a number that is typed may be sent together with the key that trains.
    if before is not None and (found.seen != before or bar.asked()):
        st.rerun()  # the stage tells of it


def _changed(run_id: str) -> tuple[str, ...]:
    """The steps whose settings are not those of a run."""
    try:
        return draft.changed_since(resources.store().get(run_id).settings)
    except UserError:  # the stage says what is wrong with it
        return ()


def _moved_on(run_id: str) -> None:
    """Say where the settings are no longer those of the run, and lead to the next one."""
    changed = _changed(run_id)
    with st.container(key="moved-on", horizontal=True, vertical_alignment="center"):
        st.button(
            "Setup", icon=":material/arrow_back:", type="tertiary", key="setup", on_click=steps.leave_run
        )
        if changed:
            st.caption(
                f":material/edit_note: Changed since this run: {', '.join(changed)}. Train starts a run with the new "
                "settings."
            )
