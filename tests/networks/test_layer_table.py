"""Layers and the rows of their table."""

import pandas as pd
import pytest

from lrapp.errors import UserError
from lrapp.networks import layer_table
from lrapp.settings import LayerSettings

COLUMNS = ["kind", "units", "size", "stride", "activation", "dropout", "l1", "l2", "batch_norm"]
LAYERS = (
    LayerSettings(kind="conv", units=32, size=5, stride=2, l2=0.1, batch_norm=True),
    LayerSettings(kind="max_pool", size=2),
    LayerSettings(kind="residual", units=8, dropout=0.2),
    LayerSettings(kind="global_avg_pool"),
    LayerSettings(kind="dropout", dropout=0.5),
    LayerSettings(kind="batch_norm"),
    LayerSettings(units=10, activation="tanh"),
)


def test_there_and_back() -> None:
    frame = layer_table.to_frame(LAYERS, COLUMNS)
    assert layer_table.from_rows(frame.to_dict("records")) == LAYERS
    assert layer_table.is_tidy(frame, LAYERS)


def test_cells_that_are_not_read_are_empty() -> None:
    frame = layer_table.to_frame(LAYERS, COLUMNS)
    filled = [[name for name in COLUMNS if not pd.isna(row[name])] for row in frame.to_dict("records")]
    assert filled == [
        COLUMNS,
        ["kind", "size"],
        COLUMNS,
        ["kind"],
        ["kind", "dropout"],
        ["kind"],
        [name for name in COLUMNS if name not in ("size", "stride")],
    ]


def test_no_layers_make_an_empty_table_with_its_columns() -> None:
    frame = layer_table.to_frame((), COLUMNS)
    assert list(frame.columns) == COLUMNS
    assert len(frame) == 0
    assert layer_table.from_rows(frame.to_dict("records")) == ()


def test_tables_need_no_kind() -> None:
    assert layer_table.from_rows([{"units": 7, "activation": "relu"}]) == (LayerSettings(units=7),)


def test_a_changed_kind_forgets_what_it_does_not_read_and_fills_what_it_does() -> None:
    frame = layer_table.to_frame(LAYERS[:2], COLUMNS)
    frame.loc[0, "kind"], frame.loc[1, "kind"] = "avg_pool", "conv"
    layers = layer_table.from_rows(frame.to_dict("records"))
    assert layers == (LayerSettings(kind="avg_pool", size=5), LayerSettings(kind="conv", size=2))
    assert not layer_table.is_tidy(frame, layers)
    assert layer_table.is_tidy(layer_table.to_frame(layers, COLUMNS), layers)
    dense = pd.DataFrame({"kind": ["max_pool"], "units": [64]})
    assert layer_table.from_rows(dense.to_dict("records")) == (LayerSettings(kind="max_pool", size=2),)


def test_a_value_out_of_range_names_the_layer() -> None:
    with pytest.raises(UserError, match=r"^Layer 2: The setting “units” .* Received: 0"):
        layer_table.from_rows([{"units": 3}, {"units": 0}])
    with pytest.raises(UserError, match=r"^Layer 1: The setting “kind”"):
        layer_table.from_rows([{"kind": "wavelet"}])


def test_too_many_layers_are_refused() -> None:
    assert len(layer_table.from_rows([{"units": 1}] * 50)) == 50
    with pytest.raises(UserError, match=r"at most 50 layers\. Received: 51\.$"):
        layer_table.from_rows([{"units": 1}] * 51)


def test_dropout_of_nothing_is_idle() -> None:
    layers = (LayerSettings(), LayerSettings(kind="dropout"), LayerSettings(kind="dropout", dropout=0.1))
    assert layer_table.idle(layers) == [2]
