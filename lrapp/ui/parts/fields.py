"""Widgets for fields of the settings: range, unit, choices and help are read from the field."""

import math
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from streamlit.delta_generator import DeltaGenerator

from lrapp.phrasing import number
from lrapp.ui.parts import draft


def limits(field: FieldInfo) -> tuple[float | None, float | None]:
    """Return the least and the greatest value that a widget may offer for the field."""
    least: float | None = None
    greatest: float | None = None
    for rule in field.metadata:
        if (value := getattr(rule, "ge", None)) is not None:
            least = value
        elif (value := getattr(rule, "gt", None)) is not None:
            least = value + _nudge(value)
        if (value := getattr(rule, "le", None)) is not None:
            greatest = value
        elif (value := getattr(rule, "lt", None)) is not None:
            greatest = value - _nudge(value)
    return least, greatest


def _nudge(bound: float) -> float:
    """The least that a widget stays away from a bound that is itself not allowed."""
    return 1e-9 * max(1.0, abs(bound))


def leading_unit(value: float) -> float:
    """Return one unit of the first digit, so that a step moves 0.003 to 0.004 and 0.2 to 0.3."""
    return float(10.0 ** math.floor(math.log10(abs(value)))) if value else 0.001


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def widget(
    part: BaseModel,
    name: str,
    key: str,
    *,
    into: DeltaGenerator | None = None,
    unit: str | None = None,
) -> Any:
    """Show the widget that fits a field, and return what the person chose.

    Args:
        part: The settings as they are; the widget starts from them.
        key: Start of the widget's key. Where it is one of the draft's, what is typed is in the draft at once.
        into: Where to put it; the page by default.
        unit: Replaces the field's own unit, for lengths in epochs or steps.
    """
    place = into if into is not None else st
    field = type(part).model_fields[name]
    value = getattr(part, name)
    extra = _extra(field)
    unit = unit if unit is not None else extra.get("unit", "")
    title = field.title or name
    label = title + (f" ({unit})" if unit and unit != title.lower() else "")
    common: dict[str, Any] = {"key": f"{key}.{name}", "help": field.description}
    if draft.is_of(key):
        common |= {"on_change": draft.write, "args": (type(part), name, common["key"])}
    if isinstance(value, bool):
        return place.toggle(label, value=value, **common)
    if get_origin(field.annotation) is Literal:
        options = list(get_args(field.annotation))
        labels = extra.get("labels", {})
        return place.selectbox(
            label,
            options,
            index=options.index(value),
            format_func=lambda option: labels.get(option, option),
            **common,
        )
    least, greatest = limits(field)
    if isinstance(value, int):
        return place.number_input(
            label, value=value, min_value=int(least or 0), max_value=int(greatest or 2**31), step=1, **common
        )
    shown = st.session_state.get(common["key"], value)
    return place.number_input(
        label,
        value=float(value),
        # A link or a file may hold a value that is still closer to a bound than what can be typed.
        min_value=None if least is None else min(float(least), float(value)),
        max_value=None if greatest is None else max(float(greatest), float(value)),
        step=float(extra.get("step") or leading_unit(shown)),
        format="%.6g",
        **common,
    )


def spoken(part: BaseModel, name: str) -> str:
    """Return the value of a field as a person reads it."""
    value = getattr(part, name)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int | float):
        return number(value)
    labels = _extra(type(part).model_fields[name]).get("labels", {})
    return str(labels.get(value, value))


def kept(part: BaseModel, names: list[str], key: str) -> dict[str, Any]:
    """Return what ``choose`` would, for fields that are not drawn: what was typed last, or the settings' value."""
    return {name: st.session_state.get(f"{key}.{name}", getattr(part, name)) for name in names}


def choose(part: BaseModel, names: list[str], key: str, *, columns: int = 2, **units: str) -> dict[str, Any]:
    """Show widgets for several fields, in rows, and return what was chosen by field name."""
    chosen = {}
    for start in range(0, len(names), columns):
        row = st.columns(columns, vertical_alignment="bottom")
        for place, name in zip(row, names[start : start + columns], strict=False):
            chosen[name] = widget(part, name, key, into=place, unit=units.get(name))
    return chosen
