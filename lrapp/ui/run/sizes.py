"""What a finished run's model takes: a drawer with a table, measured when it is asked for, and a way to prune it."""

import streamlit as st

from lrapp.errors import UserError
from lrapp.evaluation import model_sizes
from lrapp.experiments import pruning_afterwards
from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.ui.parts import access, actions, draft, resources, saving, session, start_buttons
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import changes


def show(run: Run, history: History) -> None:
    """Show the drawer.

    Args:
        run: A finished run with a model.
        history: What it said.
    """
    drawer = resources.drawer("Size, pruning, int8", ":material/compress:", f"sizes.{run.id}")
    if not drawer.open:
        return
    with drawer:
        found = model_sizes.kept(run.folder)
        if found is None:
            st.markdown(
                "How large the model is as a file and zipped, how long it takes for a row and how well it does: as it "
                "is, with its dense layers in int8, and, if it was pruned, before that."
            )
        else:
            frame = found.frame()
            st.dataframe(frame, hide_index=True)
            saving.menu(frame, "sizes", key=f"sizes.save.{run.id}")
            for note in found.notes:
                st.caption(plain(note, None))
        if not changes.under_way(session.state().sizes, run.id, "the measurement"):
            _offer(run, history, "Measure again" if found is not None else "Measure")


def _offer(run: Run, history: History, measure: str) -> None:
    with st.container(horizontal=True):
        if access.may("resume", run) and st.button(
            measure,
            icon=":material/speed:",
            key=f"sizes.measure.{run.id}",
            help="Done in the background; waits while a run trains.",
        ):
            session.state().sizes[run.id] = actions.measure_sizes(run)
            st.rerun()
        why = pruning_afterwards.refusal(run, history)
        if not why and access.may("start from weights", run):
            _offer_pruning(run)
    if why:
        st.caption(plain(f"This model cannot be pruned. {why}", None))


def _offer_pruning(run: Run) -> None:
    """A button that puts the run onto the Train page, or starts it, as that page holds rows back."""
    name, all_rows = f"sizes.prune.{run.id}", run.settings.data.all_rows
    about = (
        "Starts from these weights, prunes them in the first quarter of its epochs and lets them recover in the "
        "others; of a model that is pruned already, half of the weights that are left go."
    )
    more = "Press Train there."
    if all_rows:
        more = "It begins at once, on all rows: nothing tells its best epoch, so the last one counts, and no score."
    else:
        about = f"Puts a run onto the Train page that {about[0].lower()}{about[1:]}"
    if not st.button(
        "Prune this model",
        icon=":material/content_cut:",
        key=start_buttons.key(name),
        help=f"{about} {more}",
    ):
        return
    try:
        settings = pruning_afterwards.settings_of(run)
        made = actions.start(settings, start_buttons.token(name)) if all_rows else None
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return
    if made is None:
        draft.start_from(settings)
    else:
        start_buttons.shown(name)
        st.switch_page(session.state().pages["train"], query_params={"run": made.id})
