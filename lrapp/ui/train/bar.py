"""The bar above the stage, which stays in view: Train, Stop, and the run's name."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrapp.settings import RunSettings
from lrapp.ui.parts import actions, draft, session, start_buttons, steps
from lrapp.ui.parts.plain_text import plain

_START = "train"


@dataclass(frozen=True)
class Bar:
    """What is filled when the run is known.

    Args:
        stop: Place of the button that ends the run.
        shown: To be called when the run that was started is on the page: draws the button for the next one.
    """

    stop: DeltaGenerator
    shown: Callable[[], None]


def asked() -> bool:
    """Return whether Train was pressed, and its run has not been started or is not on the page yet."""
    return start_buttons.asked(_START)


def _press(key: str) -> None:
    start_buttons.ask(_START, key)
    steps.close_data()


def show(settings: RunSettings, obstacle: str | None, *, said: bool = True) -> Bar:
    """Show the bar, and start a run where Train was pressed; its id is then in the address.

    Args:
        settings: The draft.
        obstacle: Why training cannot start; None if it can.
        said: Whether the obstacle is to be said here, as the stage does not.
    """
    with st.container(key="bar", horizontal=True, vertical_alignment="center", gap="small"):
        place = st.empty()
        stop = st.empty()
        name = st.text_input(
            "Name of the run",
            value=settings.name,
            max_chars=200,
            placeholder="Name of the run (optional)",
            key=draft.key("name"),
            label_visibility="collapsed",
        )
    if obstacle is not None and said:
        st.warning(plain(f"Training cannot start: {obstacle}.", None), icon=":material/warning:")

    def draw() -> None:
        key = start_buttons.key(_START)
        place.button(
            "Train",
            type="primary",
            icon=":material/play_arrow:",
            width=160,
            disabled=obstacle is not None,
            help=plain(f"Not yet: {obstacle}.", None) if obstacle else None,
            key=key,
            shortcut="Mod+Enter",
            on_click=_press,
            args=(key,),
        )

    draw()
    if asked() and obstacle is None:
        named = settings.model_copy(update={"name": name})
        run_id = start_buttons.start(_START, lambda token: actions.start(named, token).id)
        steps.forget()
        if session.state().shown_run != run_id:  # as after a double click
            session.state().runs_before.setdefault(run_id, session.state().shown_run)
        st.query_params["run"] = run_id  # which the page shows below, in this same run of the script
    start_buttons.answered(_START)

    def shown() -> None:
        if start_buttons.shown(_START):
            draw()

    return Bar(stop, shown)
