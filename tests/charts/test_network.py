"""The picture of a network: a bar for each layer, and a sentence."""

import re

import pytest

from lrapp.charts import network
from lrapp.errors import UserError
from lrapp.settings import LayerSettings, ModelSettings, PretrainedStart

PLAIN = ModelSettings(layers=(LayerSettings(units=64, dropout=0.2), LayerSettings(units=32)))
PICTURES = ModelSettings(
    layers=(
        LayerSettings(kind="conv", units=32),
        LayerSettings(kind="max_pool", size=2),
        LayerSettings(kind="residual", units=64, stride=2, batch_norm=True),
        LayerSettings(kind="global_avg_pool"),
        LayerSettings(kind="dropout", dropout=0.5),
        LayerSettings(kind="batch_norm"),
    )
)


def test_bars_are_the_networks_own_sizes() -> None:
    bars = network.bars(PLAIN, (12,), 1)
    assert [bar.width for bar in bars] == [12, 64, 32, 1]
    assert [bar.parameters for bar in bars] == [None, 12 * 64 + 64, 64 * 32 + 32, 33]
    assert [bar.dropped for bar in bars] == [0, 0.2, 0, 0]
    assert network.sentence(bars) == (
        "Network: 12 inputs → dense 64 (relu, 20.0 % dropped) → dense 32 (relu) → 1 output. 2,945 parameters."
    )
    assert network.sentence(bars, 8).startswith("8 networks, each: 12 inputs")


def test_pictures_have_filters_and_windows() -> None:
    bars = network.bars(PICTURES, (28, 28, 1), 10, answer="class")
    assert [(bar.name, bar.size) for bar in bars] == [
        ("input", "28×28×1"),
        ("conv 3×3", "28×28×32"),
        ("max pool", "14×14×32"),
        ("resid. 3×3", "7×7×64"),
        ("mean of all", "64"),
        ("dropout", "64"),
        ("norm", "64"),
        ("output", "10"),
    ]
    assert [bar.striped for bar in bars].count(True) == 2
    assert "28×28×1 inputs" in network.sentence(bars)
    assert "10 outputs for class" in network.sentence(bars)


def test_what_comes_before_the_table_has_a_bar() -> None:
    periodic = ModelSettings(layers=(LayerSettings(units=8),), number_embedding="periodic")
    assert [bar.name for bar in network.bars(periodic, (5,), 1, 3)] == [
        "input",
        "embedding",
        "dense",
        "output",
    ]
    known = ModelSettings(layers=(), start=PretrainedStart())
    assert [bar.name for bar in network.bars(known, (96, 96, 3), 2)] == ["input", "MobileNetV2", "output"]


def test_wider_layers_are_higher_and_all_fit() -> None:
    heights = [network._height(width, 4096) for width in (1, 2, 64, 128, 4096)]
    assert heights == sorted(set(heights))
    assert heights[0] >= network.LOWEST
    assert heights[-1] == network.TALLEST
    assert network._height(1, 1) == network.TALLEST


def test_names_are_text() -> None:
    drawn = network.picture(PLAIN, (12,), 1, answer='<img src=x onerror=1>" onload="')
    assert "<img" not in drawn
    assert "onload=&quot;" in drawn
    assert drawn.count("<div") == drawn.count("</div>")
    assert not re.search(r"<(?!/?div)", drawn)


def test_many_networks_stand_behind_one_another() -> None:
    one, eight = (network.picture(PLAIN, (12,), 1, networks=count) for count in (1, 8))
    assert "× 8 networks" in eight
    assert "networks" not in one
    # Two shadows behind each of three bars.
    assert eight.count("border-radius") - one.count("border-radius") == 6


def test_a_network_that_cannot_be_built_says_why() -> None:
    with pytest.raises(UserError, match="needs pictures"):
        network.picture(PICTURES, (12,), 1)
