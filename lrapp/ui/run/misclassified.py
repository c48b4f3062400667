"""The pictures that a finished network got wrong."""

import streamlit as st

from lrapp.errors import UserError
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.misclassified import MISTAKES_FILE, Mistakes, class_sentence
from lrapp.runs.store import Run
from lrapp.ui.parts.plain_text import plain


def show(run: Run, insight: Insight) -> None:
    """Show them with their true and predicted classes; nothing for a run on a table.

    Args:
        run: Has ended.
        insight: Its closer look.
    """
    try:
        found = kept(run)
    except UserError as error:
        st.warning(plain(str(error), None), icon=":material/warning:")
        return
    if found is None:
        return
    st.subheader("What it got wrong", anchor=False)
    st.caption(" ".join(plain(text, None) for text in (class_sentence(insight.classes), found.sentence)))
    if found.shown:
        st.html(found.as_html())


def kept(run: Run) -> Mistakes | None:
    """Return the mistakes that a run has kept; None for a run on a table.

    Raises:
        UserError: If they are damaged.
    """
    try:
        return Mistakes.from_json((run.folder / MISTAKES_FILE).read_bytes())
    except FileNotFoundError:
        return None
