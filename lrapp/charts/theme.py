"""What all charts have in common: colours, how numbers are written, a sentence for screen readers; no Streamlit theme
knows these, which gives fonts, grid and the colours of axes."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from lrapp.palette import BLUE, GREY, HUES, INK, MOST_FILL, ORANGE, RED, colour_of, colours_of, ink

__all__ = ["BLUE", "GREY", "HUES", "INK", "MOST_FILL", "ORANGE", "RED", "colour_of", "colours_of", "ink"]

# The name under which a specification asks for its points. It stays the same when they change, so that the
# browser swaps the points only, and keeps a zoom.
POINTS = "points"
# Of labels that are written into a chart, in pixels; a letter of that size is about as wide as this.
LABEL_SIZE, LETTER = 12, 6.4
# Opacity of what is read last: still 4.5:1 from both pages.
SOFT = 0.8
# From one label to the next below it.
LABEL_ROW = 14


def category_axis(names: Sequence[str], room: int = 230) -> alt.Axis:
    """Return the axis below some categories: their names level where there is room for each, slanted where not.

    Args:
        room: What the axis has on the narrowest page, in pixels.
    """
    longest = max(map(len, names), default=1) * LETTER
    level = longest + 6 <= room / max(1, len(names))
    return alt.Axis(
        labelAngle=0 if level else -40,
        labelLimit=room if level else 90,
        labelOverlap=level,
        ticks=False,
        domain=False,
        grid=False,
    )


def square() -> dict[str, Any]:
    """Return the ranges of a horizontal and a vertical scale that make a square of the room there is."""
    side = "min(width, height)"
    return {"x": {"rangeMax": alt.expr(side)}, "y": {"rangeMax": alt.expr(f"height - {side}")}}


def finished(chart: alt.TopLevelMixin, description: str = "") -> dict[str, Any]:
    """Return a chart's specification, which asks for its points by name.

    Args:
        description: One sentence for screen readers: what is drawn over what.
    """
    spec: dict[str, Any] = chart.to_dict(validate=True)
    del spec["$schema"]
    spec.pop("datasets", None)
    _drop_data(spec)
    _spare_tooltips(spec)
    _write_numbers(spec)
    config = spec.get("config", {}) | _CONFIG
    made = spec | {"data": {"name": POINTS}, "config": config}
    return made | {"description": description} if description else made


# 97.1 %, 15,880.
_LOCALE = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["$", ""], "percent": " %"}
_CONFIG: dict[str, Any] = {
    "locale": {"number": _LOCALE},
    # Streamlit's grey on its light page is 3.7:1; text is black on its dark one.
    "axis": {
        "titlePadding": 8,
        "labelPadding": 6,
        "labelColor": INK,
        "titleColor": INK,
        "labelOpacity": SOFT,
    },
    "legend": {"labelColor": INK, "titleColor": INK},
    "text": {"color": INK, "fontSize": LABEL_SIZE},
    # The chart's own sentence is what a screen reader hears, not hundreds of points.
    "mark": {"aria": False},
}
_SMALL = "abs(datum.value) > 0 && abs(datum.value) < 0.00000099"
_POWER = "ceil(-log(abs(datum.value)) / LN10 - 0.000001)"
# 15,880, 0.0001, 5·10⁻⁷, as ``phrasing.number`` writes them; 2.5M from a million on, for want of room.
_NUMBERS = (
    f"{_SMALL} ? format(datum.value * pow(10, {_POWER}), '.2~r') + '·10⁻' + "
    f"({_POWER} > 9 ? slice('⁰¹²³⁴⁵⁶⁷⁸⁹', floor({_POWER} / 10), floor({_POWER} / 10) + 1) : '') + "
    f"slice('⁰¹²³⁴⁵⁶⁷⁸⁹', {_POWER} % 10, {_POWER} % 10 + 1) : "
    "abs(datum.value) >= 1000000 ? format(datum.value, '.4~s') : format(datum.value, ',.6~r')"
)


def _write_numbers(part: Any, formatted: frozenset[str] = frozenset()) -> None:
    """Have every axis of numbers that has no format of its own write them in one way, without exponents.

    Args:
        formatted: Channels whose axis has its format from another layer; layers share one axis.
    """
    if isinstance(part, dict):
        formatted |= {
            name for layer in part.get("layer", ()) for name in ("x", "y") if _has_format(layer, name)
        }
        for name, value in part.items():
            if name in ("x", "y") and isinstance(value, dict) and value.get("type") == "quantitative":
                axis = value.setdefault("axis", {})
                if axis is not None and "format" not in axis and name not in formatted:
                    axis["labelExpr"] = _NUMBERS
            else:
                _write_numbers(value, formatted)
    elif isinstance(part, list):
        for value in part:
            _write_numbers(value, formatted)


def _has_format(layer: dict[str, Any], channel: str) -> bool:
    """Whether a layer, or one within it, has a format of its own for the axis of a channel."""
    axis = layer.get("encoding", {}).get(channel, {}).get("axis") or {}
    return "format" in axis or any(_has_format(part, channel) for part in layer.get("layer", ()))


# Vega's tooltips show these fields as a heading, and as a picture, which the browser would request.
_TAKEN = ("title", "image")


def _spare_tooltips(part: Any, *, inside: bool = False) -> None:
    """Rename tooltip fields with those names, since a column of a table may have any name."""
    if isinstance(part, dict):
        if inside and part.get("title", part.get("field")) in _TAKEN:
            part["title"] = f"{part.get('title', part.get('field'))}\u2060"  # a zero-width character
        for name, value in part.items():
            _spare_tooltips(value, inside=name == "tooltip")
    elif isinstance(part, list):
        for value in part:
            _spare_tooltips(value, inside=inside)


def _drop_data(part: Any) -> None:
    """Altair writes a placeholder for data into every part of a chart that was made without."""
    if isinstance(part, dict):
        part.pop("data", None)
        for value in part.values():
            _drop_data(value)
    elif isinstance(part, list):
        for value in part:
            _drop_data(value)
