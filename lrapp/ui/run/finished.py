"""A run that has ended: the score first, then one thing to do next, then the closer views."""

import streamlit as st

from lrapp.errors import UserError
from lrapp.evaluation.scores import Scores
from lrapp.export import download
from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.ui.parts import access, actions
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.predict import try_it
from lrapp.ui.run import curves, exports, headline, model_for_use, results, sizes, stopping

_TABS = ("Curves", "Errors", "What matters", "Try it", "Export")


def show(run: Run, history: History) -> None:
    """Show it.

    Args:
        run: Has ended.
        history: Its events.
    """
    drawn = history.started is not None and history.steps_done > 0
    scores = _scores(run)
    for_use = run.settings.data.all_rows and run.model_path.exists()
    if for_use:
        model_for_use.tell(run, history)
    if scores is None and not for_use:
        if drawn:
            _curves(run, history)
        elif run.status.message and run.status.state in ("completed", "stopped"):
            st.caption(plain(run.status.message, None))
        elif run.settings.mode != "range test":
            st.caption("This run ended before its first step, so there is nothing to draw.")
        _preparation(history)
        return
    found = None if scores is None else headline.show(run, history, scores)
    tabs = dict(zip(_TABS, st.tabs(list(_TABS), key=f"tabs.{run.id}", on_change="rerun"), strict=True))
    for name, tab in tabs.items():
        if not tab.open:
            continue
        with tab:
            if name == "Curves":
                if drawn:
                    _curves(run, history)
                _preparation(history)
            elif name == "Errors" and scores is not None and found is not None:
                results.errors(run, scores, found)
            elif name == "What matters" and found is not None:
                results.matters(run, found)
            elif name == "Try it":
                try_it.show(run)
            elif name == "Export":
                _export(run, history, scores, found)
            else:
                st.caption("A model that has learned from all rows has none left to be measured on.")


def _scores(run: Run) -> Scores | None:
    try:
        return Scores.from_json(run.scores_path.read_bytes()) if run.scores_path.exists() else None
    except (UserError, OSError) as error:
        # The curves stay, and the Predict page needs no scores.
        what = str(error) if isinstance(error, UserError) else "The scores of this run cannot be read."
        st.warning(plain(what, None), icon=":material/warning:")
        return None


def _curves(run: Run, history: History) -> None:
    status = run.status
    if status.message and status.state not in ("failed", "interrupted", "diverged"):
        st.caption(plain(status.message, None))
    curves.show(run, history, live=False)
    best = history.best
    alone = run.settings.networks == 1 and not run.settings.data.all_rows
    if history.ended is not None and best is not None and alone:
        kept = run.settings.training.early_stopping.restore_best
        st.caption(
            f"Best epoch: {best.epoch:,} of {len(history.epochs):,}"
            + (", whose weights the model has." if kept else "; the model has the weights of the last epoch.")
        )
    stopping.show(run, history)


def _preparation(history: History) -> None:
    if history.prepared is not None and history.prepared.notes:
        with st.expander(f"Data preparation ({len(history.prepared.notes)})", icon=":material/info:"):
            for note in history.prepared.notes:
                st.markdown(f"- {plain(note, 400)}")


def _export(run: Run, history: History, scores: Scores | None, found: headline.Found | None) -> None:
    for_use, to_read = st.columns(2)
    if access.may("download", run):
        with for_use:
            st.download_button(
                "Download the model",
                data=actions.download(run),
                file_name=download.file_name(run),
                mime="application/zip",
                type="primary",
                icon=":material/download:",
                key=f"download.{run.id}",
                on_click="ignore",
                help="A zip with the model, its preparation, settings and history, and a script that predicts.",
            )
            st.caption("The usual one, for Python: the .keras file, and a script that predicts with it.")
    if scores is not None and found is not None:
        with to_read if access.may("download", run) else for_use:
            results.report_button(run, history, scores, found)
            st.caption("For people: scores and charts to read.")
    if access.may("download", run):
        exports.show(run)
    sizes.show(run, history)
