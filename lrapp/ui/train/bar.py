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

    def draw() -> bool:
        return place.button(
            "Train",
            type="primary",
            icon=":material/play_arrow:",
            width=160,
            disabled=obstacle is not None,
            help=plain(f"Not yet: {obstacle}.", None) if obstacle else None,
            key=start_buttons.key(_START),
            shortcut="Mod+Enter",
            on_click=steps.close_data,
        )

    if draw():
        run = actions.start(settings.model_copy(update={"name": name}), start_buttons.token(_START))
        steps.forget()
        if session.state().shown_run != run.id:  # as after a double click
            session.state().runs_before.setdefault(run.id, session.state().shown_run)
        st.query_params["run"] = run.id  # which the page shows below, in this same run of the script

    def shown() -> None:
        if start_buttons.shown(_START):
            draw()

    return Bar(stop, shown)
