"""Which step of the rail is open, and settings that an advice has put there, until they are undone or trained."""

from dataclasses import dataclass

import streamlit as st

from lrapp.evaluation.diagnosis import Card
from lrapp.settings import RunSettings
from lrapp.ui.parts import draft, session
from lrapp.ui.parts.plain_text import plain


@dataclass(frozen=True)
class Advice:
    """An advice that was taken.

    Args:
        text: What it changed.
        before: The settings before it.
        after: The settings with it.
    """

    text: str
    before: RunSettings
    after: RunSettings


def open_step(card: Card) -> None:
    """Open a step when the page is drawn next, and close the others."""
    session.state().step = card
    session.state().steps_opened += 1


def take(settings: RunSettings, card: Card, text: str) -> None:
    """Put advised settings onto the Train page, with a way back.

    Args:
        settings: With what is advised.
        card: The step that holds it.
        text: What is changed.
    """
    before = draft.get()
    draft.replace(settings)
    session.state().advice = Advice(text, before, draft.get())
    open_step(card)
    st.toast(plain(f"Changed: {text}", None), icon=":material/tune:")


def show_advice() -> None:
    """Say what an advice has changed, and offer to undo it, as long as nothing else has replaced the settings."""
    advice = session.state().advice
    if advice is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="advice"):
        st.caption(plain(f"Changed: {advice.text}", None))
        st.button("Undo", icon=":material/undo:", type="tertiary", key="advice.undo", on_click=undo)


def undo() -> None:
    """Put the settings back that were there before the advice."""
    advice = session.state().advice
    if advice is not None:
        draft.replace(advice.before)
    forget()


def forget() -> None:
    """Stop offering to undo: a run was started, or other settings have come."""
    session.state().advice = None
