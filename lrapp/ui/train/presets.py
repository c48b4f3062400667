"""Networks to start from, for each kind of data."""

from typing import Any

from lrapp.settings import LayerSettings

# A start for pictures: there are many of them, and each step takes longer than one of a table.
SMALL_CNN = (
    LayerSettings(kind="conv", units=32),
    LayerSettings(kind="max_pool", size=2),
    LayerSettings(kind="conv", units=64),
    LayerSettings(kind="max_pool", size=2),
    LayerSettings(units=64),
)

TABLE: dict[str, tuple[LayerSettings, ...]] = {
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
_POOL = LayerSettings(kind="max_pool", size=2)


def _conv(units: int, **more: Any) -> LayerSettings:
    return LayerSettings(kind="conv", units=units, **more)


def _residual(units: int, stride: int = 1) -> LayerSettings:
    return LayerSettings(kind="residual", units=units, stride=stride, batch_norm=True)


PICTURES: dict[str, tuple[LayerSettings, ...]] = {
    "Linear": (),
    "Dense (128)": (LayerSettings(units=128),),
    "Small CNN (32, 64)": SMALL_CNN,
    "CNN with dropout": (
        *(_conv(32), _POOL, _conv(64), _POOL),
        LayerSettings(kind="dropout", dropout=0.25),
        LayerSettings(units=128, dropout=0.5),
    ),
    "Normalised CNN": (
        *(_conv(32, batch_norm=True), _POOL, _conv(64, batch_norm=True), _POOL),
        _conv(128, batch_norm=True),
        LayerSettings(kind="global_avg_pool"),
    ),
    "Small residual network": (
        _conv(16, batch_norm=True),
        *(_residual(16), _residual(32, stride=2), _residual(64, stride=2)),
        LayerSettings(kind="global_avg_pool"),
    ),
}
