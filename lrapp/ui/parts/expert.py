"""The switch that shows the expert settings, remembered from visit to visit."""

from collections.abc import Iterable

import streamlit as st
from pydantic import BaseModel

from lrapp.access import preferences
from lrapp.runs.store import Store
from lrapp.ui.parts import fields, identity, session
from lrapp.ui.parts.plain_text import plain

_NAME = "expert settings"
_KEY = "rail.expert"


def on() -> bool:
    """Return whether this visitor sees the expert settings."""
    kept = session.state().expert
    if kept is None:
        kept = session.state().expert = preferences.read(Store.default().home, identity.current(), _NAME)
    return kept


def begin() -> None:
    """Forget which hidden settings are in use: the steps are about to be drawn anew."""
    session.state().expert_in_use = {}


def switch() -> None:
    """Show the switch, and the hidden settings that are in use, so that none works in secret."""
    session.start_with(_KEY, on())
    st.toggle(
        "Expert settings",
        key=_KEY,
        on_change=_keep,
        help="Seeds, precision, differential rates, pruning and what else most people leave as it is.",
    )
    used = session.state().expert_in_use
    if used and not on():
        st.caption(plain(f"In use: {', '.join(f'{title} {value}' for title, value in used.items())}.", None))


def _keep() -> None:
    session.state().expert = chosen = bool(st.session_state[_KEY])
    if identity.lasts():
        preferences.write(Store.default().home, identity.current(), _NAME, chosen)


def tell(part: BaseModel, names: Iterable[str], usual: BaseModel | None = None) -> None:
    """Note the settings that are not shown and are not what they usually are; the switch names them.

    Args:
        usual: Has other values that are usual, too.
    """
    names = [name for name in names if usual is None or getattr(part, name) != getattr(usual, name)]
    session.state().expert_in_use |= differs(part, names)


def differs(part: BaseModel, names: Iterable[str]) -> dict[str, str]:
    """Return the fields that do not have their usual value, by title."""
    usual = {
        name: field.get_default(call_default_factory=True) for name, field in type(part).model_fields.items()
    }
    return {
        str(type(part).model_fields[name].title or name): fields.spoken(part, name)
        for name in names
        if getattr(part, name) != usual[name]
    }
