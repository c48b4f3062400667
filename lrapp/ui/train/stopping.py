"""Early stopping on the Train page: one switch and its numbers; criteria, target and time limit in a drawer."""

from typing import Any

import streamlit as st

from lrapp.settings import EarlyStoppingSettings
from lrapp.ui.parts import draft, expert, fields, resources

_NUMBERS = {
    "patience": ["patience", "min_delta"],
    "GL": ["gl_alpha"],
    "PQ": ["pq_alpha", "strip"],
    "UP": ["up_strips", "strip"],
}
_RARE = ["criterion", "patience_unit", "target", "minutes"]


def show(stopping: EarlyStoppingSettings, key: str) -> dict[str, Any]:
    """Show the fields, and return what was chosen by field name.

    Args:
        stopping: The draft's settings.
        key: Start of the widgets' keys.
    """
    enabled = fields.widget(stopping, "enabled", key)
    if not enabled:
        return {"enabled": False}
    # Chosen in the drawer below, which is drawn later.
    criterion = st.session_state.get(f"{key}.criterion", stopping.criterion)
    unit = st.session_state.get(f"{key}.patience_unit", stopping.patience_unit)
    # New fields for each proposal, as an existing field keeps its value.
    numbers = fields.choose(stopping, _NUMBERS[criterion], f"{key}.{draft.proposal()}", patience=unit)
    if not expert.on() and not expert.differs(stopping, _RARE):
        return {"enabled": True} | numbers
    drawer = resources.drawer("Criterion, target, time limit", ":material/flag:", f"{key}.stopping")
    ask = fields.choose if drawer.open else fields.kept
    with drawer:
        chosen = ask(stopping, ["criterion", "patience_unit"][: 2 if criterion == "patience" else 1], key)
        target = st.session_state.get(f"{key}.target", stopping.target)
        chosen |= ask(stopping, ["target", "target_value"][: 1 if target == "none" else 2], key)
        chosen |= ask(stopping, ["minutes"], key)
    return {"enabled": True} | numbers | chosen
