"""The second step: the layers between the data and the answer, how pictures are varied, and what it starts from."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from lrapp.errors import UserError
from lrapp.networks import layer_table, shapes
from lrapp.networks.shapes import LayerShape
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.settings import (
    DataKind,
    LayerSettings,
    ModelSettings,
    RunSettings,
    starting_values,
)
from lrapp.settings.base import checked
from lrapp.settings.network import LAYER_KINDS
from lrapp.ui.parts import draft, expert, fields, kinds, resources
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.train import augmentation as augmentation_part
from lrapp.ui.train import start_from

_BEHIND = ("Linear", "Dense (128)")
_OWN = "My own"
# The grid accepts out-of-range numbers up to here, to be explained; larger ones would not fit into its cells.
_GRID_LIMIT = 1e9
# In pixels: each title is readable with its icon, and the columns of a table's network fit into 1280 pixels.
_WIDTHS = {
    "kind": 120,
    "units": 72,
    "size": 66,
    "stride": 74,
    "activation": 100,
    "dropout": 88,
    "l1": 54,
    "l2": 54,
}
_FOR_EXPERTS = ("batch_norm", "l1", "l2")
# Enough to show a layer of any kind.
ALL_COLUMNS = ("kind", "units", "size", "stride", "activation", "dropout", "batch_norm", "l1", "l2")


def show(settings: RunSettings, expected: ExpectedShape | None) -> tuple[ModelSettings, str | None]:
    """Show the step.

    Args:
        settings: The draft, with what the Data step says.
        expected: What the network will be given; None while the data cannot be used.

    Returns:
        The network as chosen, and what stands in the way of training.
    """
    # Above the table on the page, but it depends on the table, which is read first.
    preset_place = st.container()
    layers, invalid = settings.model.layers, None
    try:
        layers = _table(settings)
    except UserError as error:
        # What else can be set stays as it is, with the layers that were valid last.
        st.error(plain(str(error), None), icon=":material/error:")
        invalid = "the layers of the network are not complete"
    model = checked(settings.model, layers=layers)
    with preset_place:
        _preset(model, kinds.of(settings.data.kind).presets)
    pixels = settings.data.facts.pixels
    obstacle = _shapes(model, expected, pixels=pixels) if expected is not None else None
    settings = settings.model_copy(update={"model": model})
    if pixels:
        augmentation = augmentation_part.show(settings, can_build=obstacle is None and expected is not None)
        settings = settings.model_copy(update={"model": checked(model, augmentation=augmentation)})
    rare = list(kinds.of(settings.data.kind).rare)
    if expert.on():
        settings = settings.model_copy(update={"model": checked(settings.model, **_more(settings, rare))})
    else:
        expert.tell(settings.model, rare, starting_values.settings().model)
    start, missing = start_from.show(settings, _fill)
    return checked(settings.model, start=start), invalid or obstacle or missing


def _more(settings: RunSettings, names: list[str]) -> dict[str, Any]:
    """Show the settings of the network that most people leave as they are, and return what was chosen."""
    key = draft.key("network")
    title = plain(", ".join(str(ModelSettings.model_fields[name].title) for name in names).capitalize(), None)
    drawer = resources.drawer(title, ":material/tune:", f"{key}.more")
    ask = fields.choose if drawer.open else fields.kept
    with drawer:
        return ask(settings.model, names, key)


# --- the table of layers -------------------------------------------------------------------------------------


def _base_key() -> str:
    return draft.key("network.base")


def _fill(layers: tuple[LayerSettings, ...]) -> None:
    """Put other layers into the table."""
    base_key = _base_key()
    st.session_state[base_key] = layers
    st.session_state[f"{base_key}.revision"] = st.session_state.get(f"{base_key}.revision", 0) + 1
    settings = draft.get()
    draft.put(settings.model_copy(update={"model": checked(settings.model, layers=layers)}))


def _table(settings: RunSettings) -> tuple[LayerSettings, ...]:
    """Show the layers and return them as edited.

    Raises:
        UserError: If one is not valid.
    """
    base_key = _base_key()
    revision = st.session_state.get(f"{base_key}.revision", 0)
    # A grid with other columns is another one: it starts from the layers as they are.
    editor_key = f"{draft.key('network.layers')}.{revision}.{expert.on()}"
    if editor_key not in st.session_state or base_key not in st.session_state:
        st.session_state[base_key] = settings.model.layers
    base: tuple[LayerSettings, ...] = st.session_state[base_key]
    columns = _columns(settings.data.kind, base)
    edited = st.data_editor(
        layer_table.to_frame(base, list(columns)),
        key=editor_key,
        num_rows="dynamic",
        hide_index=True,
        placeholder="",
        column_config={name: _column(name) for name in columns},
    )
    layers = layer_table.from_rows(edited.to_dict("records"))
    if "kind" in columns and not layer_table.is_tidy(edited, layers):
        _fill(layers)
        st.rerun()
    if not layers:
        st.caption("No layers: the inputs lead straight to the output. The empty row adds one.")
    for number in layer_table.idle(layers):
        st.caption(f"Layer {number:d} drops nothing: give it a share above 0 in the column Dropout.")
    return layers


def _columns(kind: DataKind, layers: tuple[LayerSettings, ...]) -> tuple[str, ...]:
    """The columns that are shown: what experts set is left out where no layer has it."""
    columns = kinds.of(kind).columns
    if any(layer.kind != "dense" for layer in layers):
        columns = ALL_COLUMNS
    if expert.on():
        return columns
    usual = LayerSettings()
    return tuple(
        name
        for name in columns
        if name not in _FOR_EXPERTS or any(getattr(one, name) != getattr(usual, name) for one in layers)
    )


def _column(name: str) -> Any:
    field = LayerSettings.model_fields[name]
    title, help_text = field.title, field.description
    titles = {str(kind): facts.title for kind, facts in LAYER_KINDS.items()}
    if name in ("kind", "activation"):
        options = list(LayerSettings.model_json_schema()["properties"][name]["enum"])
        return st.column_config.SelectboxColumn(
            title,
            options=options,
            default=field.default,
            required=name == "kind",
            help=help_text,
            width=_WIDTHS[name],
            format_func=(lambda kind: titles[str(kind)]) if name == "kind" else None,
        )
    if name == "batch_norm":
        return st.column_config.CheckboxColumn("Norm", default=field.default, help=help_text, width=68)
    return st.column_config.NumberColumn(
        title,
        # Not the field's own limits: the grid would clip numbers to them silently.
        min_value=-_GRID_LIMIT,
        max_value=_GRID_LIMIT,
        step=1 if name in ("units", "size", "stride") else None,
        # A row that is added is dense at first, and those have no window.
        default=None if name in ("size", "stride") else field.default,
        help=help_text,
        width=_WIDTHS[name],
    )


def _preset(model: ModelSettings, presets: Mapping[str, tuple[LayerSettings, ...]]) -> None:
    """Show which preset the layers are, and let the person take another."""
    key = draft.key("network.preset")
    if model.base is not None:
        presets = {name: presets[name] for name in _BEHIND if name in presets}
    st.session_state[key] = next((name for name, layers in presets.items() if layers == model.layers), _OWN)

    def take() -> None:
        layers = presets.get(st.session_state[key])
        if layers is not None:
            _fill(layers)

    st.selectbox(
        "Preset",
        [*presets, _OWN],
        key=key,
        on_change=take,
        help="A network to start from. Every layer can be changed below; the last row of the table adds one.",
    )


# --- what it makes -------------------------------------------------------------------------------------------


def _shapes(model: ModelSettings, expected: ExpectedShape, *, pixels: bool) -> str | None:
    """Show each layer's output shape; return why training cannot start."""
    try:
        before = shapes.before(model, expected.shape, expected.numbers)
        made = shapes.shapes(model, expected.shape, expected.outputs, expected.numbers)
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return "the network cannot be built; the Network step says why"
    drawer = resources.drawer(
        "Shapes and parameters",
        ":material/straighten:",
        draft.key(f"network.shapes.{pixels}"),
        expanded=pixels,
    )
    if drawer.open:
        with drawer:
            # A plain table: it is read, not edited, and a grid costs the page a hundred times as much.
            st.html(_in_rows(expected.shape, before, made))
            st.caption(
                "The last column says which factor of the differential learning rates a layer follows."
            )
    return None


_STYLE = """<style>
.layers { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
.layers th, .layers td { border: 0; border-bottom: 1px solid #8a8f9840; padding: 3px 8px 3px 0; text-align: left; }
.layers th { font-weight: 400; opacity: 0.75; }
.layers td:nth-child(2) { white-space: nowrap; }
.layers :nth-child(3) { text-align: right; }
.layers :nth-child(4) { padding-right: 0; }
</style>"""


def _in_rows(shape: tuple[int, ...], before: LayerShape | None, made: Sequence[LayerShape]) -> str:
    rows = [("Input", _size(shape), "", "")]
    if before is not None:
        rows.append(
            (before.name, _size(before.output), f"{before.parameters:,}", before.group or "early, middle")
        )
    for layer in made:
        rows.append((layer.name, _size(layer.output), f"{layer.parameters:,}", layer.group or ""))
    head = "".join(f'<th scope="col">{title}</th>' for title in ("Layer", "Output", "Parameters", "Rate"))
    cells = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f'{_STYLE}<table class="layers"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{side:,}" for side in shape)
