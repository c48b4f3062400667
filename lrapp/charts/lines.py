"""Lines over epochs that are named at their ends, in panels that are scaled to those that count.

All of it happens in the browser, so that a specification stays the same while its points change. Transforms are written
as Vega-Lite has them: Altair copies a whole chart for each.
"""

from collections.abc import Mapping
from typing import Any

import altair as alt

from lrapp.charts.theme import INK, LABEL_ROW, LABEL_SIZE

Transforms = list[dict[str, Any]]
# At the right of a panel for the names of its lines, in pixels.
ROOM = 84
# Of a panel's range that is left free above and below its lines.
_MARGIN = 0.06
# How far beyond the others' range a ghost may widen it: by as much again.
_GHOST = 1.0


def scaled(faint: str = "", ghost: str = "", *, log: bool = False) -> Transforms:
    """Return what gives points ``bottom`` and ``top``, the ends of the lines that count, and ``drawn`` within them.

    Args:
        faint: The series that does not count: the others would be flat beside its peaks.
        ghost: A series of something else, which counts so far as it does not make the others flat.
    """
    to, back = ("log", "exp") if log else ("", "")
    apart = f"datum.series != '{faint}' && datum.series != '{ghost}'"
    made = [
        _calculate("own_low", f"{apart} ? {to}(isValid(datum.low) ? datum.low : datum.value) : null"),
        _calculate("own_high", f"{apart} ? {to}(isValid(datum.high) ? datum.high : datum.value) : null"),
        _extremes("own"),
    ]
    if ghost:
        span = _span("own")
        limits = f"datum.own_least - {_GHOST} * {span}, datum.own_most + {_GHOST} * {span}"
        limited = f"isValid(datum.own_least) ? clamp({to}(datum.value), {limits}) : {to}(datum.value)"
        made += [
            _calculate("all_low", f"datum.series == '{ghost}' ? {limited} : datum.own_low"),
            _calculate("all_high", f"datum.series == '{ghost}' ? {limited} : datum.own_high"),
            _extremes("all"),
        ]
    which = "all" if ghost else "own"
    there, margin = f"isValid(datum.{which}_least)", f"{_MARGIN} * {_span(which)}"
    within = "clamp(datum.value, datum.bottom, datum.top)"
    return [
        *made,
        _calculate("bottom", f"{there} ? {back}(datum.{which}_least - {margin}) : null"),
        _calculate("top", f"{there} ? {back}(datum.{which}_most + {margin}) : null"),
        _calculate("drawn", f"{apart} || !isValid(datum.bottom) ? datum.value : {within}"),
    ]


def _calculate(name: str, formula: str) -> dict[str, Any]:
    return {"calculate": formula, "as": name}


def _op(op: str, name: str, field: str = "") -> dict[str, str]:
    return {"op": op, "as": name} | ({"field": field} if field else {})


def _extremes(which: str) -> dict[str, Any]:
    return {
        "joinaggregate": [
            _op("min", f"{which}_least", f"{which}_low"),
            _op("max", f"{which}_most", f"{which}_high"),
        ]
    }


def _span(which: str) -> str:
    """How far the ends are apart; of a single value, a tenth of it."""
    ends = f"(datum.{which}_most - datum.{which}_least)"
    return f"({ends} > 0 ? {ends} : (abs(datum.{which}_most) / 10 || 0.1))"


def ends(title: str, scale: alt.Scale, axis: alt.Axis) -> alt.Chart:
    """Return an invisible layer from ``bottom`` to ``top``, which makes the axis reach from one to the other."""
    return (
        alt.Chart()
        .mark_rule(opacity=0)
        .encode(x=alt.value(0), y=alt.Y("bottom:Q", title=title, scale=scale, axis=axis), y2="top:Q")
    )


def ends_transforms() -> Transforms:
    """Return the transforms of that layer: one rule is enough."""
    least = [_op("min", "bottom", "bottom"), _op("max", "top", "top")]
    return [{"filter": "isValid(datum.bottom)"}, {"aggregate": least, "groupby": []}]


def names(hues: Mapping[str, str]) -> alt.Chart:
    """Return a layer with the names of lines beside their last points, at the right of the panel, none over another.

    Args:
        hues: The series to name, and their colours as CSS writes them.
    """
    colour = f"'{INK}'"
    for name, hue in hues.items():
        colour = f"datum.series == '{name}' ? '{hue}' : {colour}"
    words = alt.Chart().mark_text(
        align="left", baseline="middle", dx=7, fontSize=LABEL_SIZE, limit=ROOM - 7, color=alt.expr(colour)
    )
    return words.encode(
        x=alt.value(alt.expr(f"width - {ROOM}")), y=alt.value(alt.expr("datum.at")), text="series:N"
    )


def names_transforms(hues: Mapping[str, str], height: int, *, log: bool = False) -> Transforms:
    """Return the transforms of that layer: where each name stands, as ``at``.

    Args:
        height: Of the panel, in pixels; its scale has no padding.
    """
    to = "log" if log else ""
    listed = ", ".join(f"'{name}'" for name in hues)
    share = f"({to}(datum.top) - {to}(datum.last.drawn)) / ({to}(datum.top) - {to}(datum.bottom))"
    sort = [{"field": "wanted"}]
    last = [_op("argmax", "last", "epoch"), _op("min", "bottom", "bottom"), _op("max", "top", "top")]
    # Half a row more, since a name lies to both sides of its place.
    free = f"{height} - {LABEL_ROW} * (datum.many - datum.place + 0.5)"
    return [
        {"filter": f"indexof([{listed}], datum.series) >= 0 && isValid(datum.bottom)"},
        {"aggregate": last, "groupby": ["series"]},
        _calculate("wanted", f"{height} * clamp({share}, 0, 1)"),
        {"window": [_op("row_number", "place")], "sort": sort},
        {"joinaggregate": [_op("count", "many")]},
        # Each is below the one before it by a row or more; and then as many rows above the end as are to come.
        _calculate("apart", f"datum.wanted - {LABEL_ROW} * datum.place"),
        {"window": [_op("max", "pushed", "apart")], "sort": sort, "frame": [None, 0]},
        _calculate("at", f"min(datum.pushed + {LABEL_ROW} * datum.place, {free})"),
    ]
