"""What the Predict page asks before it predicts a file that can be read in several ways."""

from functools import partial

import streamlit as st

from lrapp.column_formats.match import Choice
from lrapp.prediction.folders import PredictionFolder
from lrapp.ui.parts.plain_text import plain

_LABELS = {
    "decimal": "How are its numbers meant?",
    "dates": "How are its dates meant?",
    "sheet": "Which sheet is to be predicted?",
}


def show(folder: PredictionFolder) -> Choice | None:
    """Ask how the file in a prediction's folder is to be read, and return the answer once it is given."""
    st.warning(
        f"**{plain(folder.asked.name)}** can be read in several ways. Nothing is predicted until you say how it is "
        "meant.",
        icon=":material/help:",
    )
    choice = Choice()
    for place, question in enumerate(folder.questions):
        labels = [plain(option.label, None) for option in question.options]
        st.markdown(plain(question.sentence, None))
        chosen = st.radio(
            _LABELS[question.about],
            range(len(question.options)),
            index=None,
            format_func=partial(_label, labels),
            key=f"predict.question.{folder.id}.{place}",
        )
        if chosen is None:
            return None
        choice = choice.and_(question.options[chosen].choice)
    return choice if st.button("Predict", type="primary", key=f"predict.answer.{folder.id}") else None


def _label(labels: list[str], place: int) -> str:
    return labels[place]
