"""The layers of a network <-> the rows of an editable table, in which cells that a kind does not use are empty."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from pydantic import ValidationError

from lrapp.errors import UserError
from lrapp.settings import LayerSettings, describe
from lrapp.settings.network import LAYER_KINDS

MOST_LAYERS = 50
_TYPES = {
    "kind": "str",
    "units": "Int64",
    "size": "Int64",
    "stride": "Int64",
    "activation": "str",
    "dropout": "Float64",
    "l1": "Float64",
    "l2": "Float64",
    "batch_norm": "boolean",
}


def to_frame(layers: Iterable[LayerSettings], columns: Iterable[str]) -> pd.DataFrame:
    """Return the layers as the rows of a table.

    Args:
        layers: From the inputs to the answer.
        columns: Fields of a layer, in the order in which they are shown.
    """
    rows = [
        {name: value for name, value in layer.model_dump().items() if name in ("kind", *layer.facts.reads)}
        for layer in layers
    ]
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=_TYPES[name]) for name in columns}
    )


def from_rows(rows: Iterable[Mapping[Any, Any]]) -> tuple[LayerSettings, ...]:
    """Return the layers that the rows of a table describe.

    Cells that the row's kind does not use are ignored; empty ones that it uses get a default
    value.

    Args:
        rows: By column name; values that are missing count as empty.

    Raises:
        UserError: If there are too many, or a value is out of its range; names the row.
    """
    layers = []
    for number, row in enumerate(rows, start=1):
        given = {str(name): value for name, value in row.items() if value is not None and not pd.isna(value)}
        kind = given.get("kind", "dense")
        facts = LAYER_KINDS.get(kind, LAYER_KINDS["dense"])
        values = facts.first | {name: value for name, value in given.items() if name in facts.reads}
        try:
            layers.append(LayerSettings.model_validate({"kind": kind} | values))
        except ValidationError as error:
            raise UserError(f"Layer {number}: {describe(error)}") from error
    if len(layers) > MOST_LAYERS:
        raise UserError(f"A network may have at most {MOST_LAYERS} layers. Received: {len(layers)}.")
    return tuple(layers)


def is_tidy(shown: pd.DataFrame, layers: Iterable[LayerSettings]) -> bool:
    """Return whether a table as edited shows its layers as they are: filled where a layer reads, empty elsewhere."""
    wanted = to_frame(layers, list(shown.columns))
    return all(
        (shown[name].isna().to_numpy() == wanted[name].isna().to_numpy()).all() for name in shown.columns
    )


def idle(layers: Iterable[LayerSettings]) -> list[int]:
    """Return the numbers, from 1, of layers that do nothing: rows of dropout that drop nothing."""
    return [
        number
        for number, layer in enumerate(layers, start=1)
        if layer.kind == "dropout" and layer.dropout == 0
    ]
