"""Which step of the rail is open, and settings that an advice has put there, until they are undone or trained."""

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from lrapp.evaluation.diagnosis import RailStep
from lrapp.settings import RunSettings, summary
from lrapp.ui.parts import draft, session
from lrapp.ui.parts.plain_text import plain

_PARTS = ("data", "model", "training", "policy", "range_test")


@dataclass(frozen=True)
class Advice:
    """An advice that was taken."""

    text: str
    before: RunSettings
    after: RunSettings


def open_step(step: RailStep | Literal[""]) -> None:
    """Open a step when the page is drawn next, or none, and close the others."""
    session.state().step = step
    session.state().steps_opened += 1


def close_data() -> None:
    """Close the Data step when the page is drawn next, as a run has its data; another step is where changes go on."""
    if session.state().step == "Data":
        open_step("")


def take(settings: RunSettings, step: RailStep) -> None:
    """Put advised settings onto the Train page, with a way back."""
    now, advice = draft.get(), session.state().advice
    # Taken once more, it has changed nothing since.
    before = advice.before if advice is not None and advice.after == now else now
    draft.replace(settings)
    after = draft.get()
    text = _difference(before, after) or step
    session.state().advice = Advice(text, before, after)
    open_step(step)


def _difference(before: RunSettings, after: RunSettings) -> str:
    """What is no longer as it was, in the words of the closed steps."""
    lines = (
        (summary.network(before.model), summary.network(after.model)),
        (
            summary.training(before.training, before.networks),
            summary.training(after.training, after.networks),
        ),
        (summary.policy(before.policy), summary.policy(after.policy)),
    )
    return "; ".join(f"{old} → {new}" for old, new in lines if old != new)


def show_advice() -> None:
    """Say what an advice has changed, and offer to undo it, as long as nothing else has replaced the settings."""
    advice = session.state().advice
    if advice is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="advice"):
        st.caption(plain(f"Changed: {advice.text}", None))
        st.button("Undo", icon=":material/undo:", type="tertiary", key="advice.undo", on_click=undo)


def undo() -> None:
    """Put back what the advice has changed; what was changed elsewhere since stays."""
    advice = session.state().advice
    if advice is not None:
        now, back = draft.get(), {}
        for part in _PARTS:
            if getattr(advice.before, part) != getattr(advice.after, part):
                back[part] = getattr(advice.before, part)
        draft.replace(now.model_copy(update=back))
    forget()


def forget() -> None:
    """Stop offering to undo: a run was started, or other settings have come."""
    session.state().advice = None


def leave_run() -> None:
    """Clear the stage of the run that is on it; it goes on, and the page leads back to it while it does."""
    run_id = st.query_params.get("run", "")
    if not session.state().step:
        open_step("Data")
    if run_id:
        session.state().left_run = run_id
    session.state().shown_run = ""
    for name in ("run", "settings"):
        st.query_params.pop(name, None)
