"""The second card: the layers between the columns and the answer."""

from typing import Any

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from lrapp.settings import LayerSettings, ModelSettings, describe
from lrapp.ui import draft, fields
from lrapp.ui.resources import plain

_PRESETS: dict[str, tuple[LayerSettings, ...]] = {
    "Linear": (),
    "Small (32)": (LayerSettings(units=32),),
    "Two layers (64, 32)": (LayerSettings(units=64), LayerSettings(units=32)),
    "Three layers (128, 64, 32)": (
        LayerSettings(units=128),
        LayerSettings(units=64),
        LayerSettings(units=32),
    ),
    "Wide with dropout (256, 128)": (
        LayerSettings(units=256, dropout=0.3),
        LayerSettings(units=128, dropout=0.3),
    ),
    "Deep, normalised (4 x 128)": tuple(
        LayerSettings(units=128, batch_norm=True, dropout=0.1) for _ in range(4)
    ),
}
_OWN = "My own"


def card(model: ModelSettings) -> tuple[ModelSettings, str | None]:
    """Show the card; return the settings as chosen, and what stands in the way of training."""
    base_key, editor_key = draft.key("network.base"), draft.key("network.layers")
    revision = st.session_state.get(f"{base_key}.revision", 0)
    if f"{editor_key}.{revision}" not in st.session_state or base_key not in st.session_state:
        st.session_state[base_key] = model.layers
    # Above the table on the page, but told from what the table says, which comes first.
    preset_place = st.container()
    columns = [name for name in LayerSettings.model_fields if name not in ("kind", "size", "stride")]
    shown = pd.DataFrame([layer.model_dump() for layer in st.session_state[base_key]], columns=columns)
    edited = st.data_editor(
        shown.astype({"units": "Int64", "batch_norm": bool}) if len(shown) else _empty(),
        key=f"{editor_key}.{revision}",
        num_rows="dynamic",
        hide_index=True,
        column_config={name: _column(name) for name in columns},
    )
    layers = []
    for number, row in enumerate(edited.to_dict("records"), start=1):
        given = {str(name): value for name, value in row.items() if value is not None and not pd.isna(value)}
        try:
            layers.append(LayerSettings.model_validate(given))
        except ValidationError as error:
            st.error(f"Layer {number}: {plain(describe(error), None)}", icon=":material/error:")
            return model, f"layer {number} of the network is not complete"
    most = 50
    if len(layers) > most:
        st.error(f"A network may have at most {most} layers. Received: {len(layers)}.")
        return model, "the network has too many layers"
    chosen = ModelSettings(layers=tuple(layers))
    with preset_place:
        _preset(chosen, base_key)
    return chosen, None


def _preset(model: ModelSettings, base_key: str) -> None:
    """Show which preset the layers are, and let the person take another."""
    key = draft.key("network.preset")
    st.session_state[key] = next((name for name, layers in _PRESETS.items() if layers == model.layers), _OWN)

    def take() -> None:
        layers = _PRESETS.get(st.session_state[key])
        if layers is not None:
            st.session_state[base_key] = layers
            st.session_state[f"{base_key}.revision"] = st.session_state.get(f"{base_key}.revision", 0) + 1
            draft.put(draft.get().model_copy(update={"model": ModelSettings(layers=layers)}))

    st.selectbox(
        "Preset",
        [*_PRESETS, _OWN],
        key=key,
        on_change=take,
        help="A network to start from. Every layer can be changed below; the last row of the table adds one.",
    )


def _empty() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "units": pd.Series(dtype="Int64"),
            "activation": pd.Series(dtype="str"),
            **{name: pd.Series(dtype="float64") for name in ("dropout", "l1", "l2")},
            "batch_norm": pd.Series(dtype=bool),
        }
    )


def _column(name: str) -> Any:
    field = LayerSettings.model_fields[name]
    title, help_text = field.title, field.description
    if name == "activation":
        options = list(LayerSettings.model_json_schema()["properties"]["activation"]["enum"])
        return st.column_config.SelectboxColumn(
            title, options=options, default=field.default, required=True, help=help_text, width=90
        )
    if name == "batch_norm":
        return st.column_config.CheckboxColumn(title, default=field.default, help=help_text, width=70)
    least, greatest = fields.limits(field)
    return st.column_config.NumberColumn(
        title,
        min_value=least,
        max_value=greatest,
        step=1 if name == "units" else None,
        default=field.default,
        required=True,
        help=help_text,
        width=70,
    )
