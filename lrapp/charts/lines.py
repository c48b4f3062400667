"""Lines over epochs that are named at their ends, in panels that are scaled to those that count.

All of it happens in the browser, so that a specification stays the same while its points change.
"""

from collections.abc import Mapping

import altair as alt

from lrapp.charts.theme import INK, LABEL_ROW, LABEL_SIZE

# At the right of a panel for the names of its lines, in pixels.
ROOM = 84
# Of a panel's range that is left free above and below its lines.
_MARGIN = 0.06
# How far beyond the others' range a ghost may widen it: by as much again.
_GHOST = 1.0


def scaled(base: alt.Chart, faint: str = "", ghost: str = "", *, log: bool = False) -> alt.Chart:
    """Return a chart with ``bottom`` and ``top``, the ends of the lines that count, and ``drawn``, values within them.

    Args:
        base: Has ``series``, ``value`` and perhaps ``low`` and ``high``.
        faint: The series that does not count: the others would be flat beside its peaks.
        ghost: A series of something else, which counts so far as it does not make the others flat.
        log: Whether the axis is logarithmic.
    """
    to, back = ("log", "exp") if log else ("", "")
    apart = f"datum.series != '{faint}' && datum.series != '{ghost}'"
    made = base.transform_calculate(
        own_low=f"{apart} ? {to}(isValid(datum.low) ? datum.low : datum.value) : null",
        own_high=f"{apart} ? {to}(isValid(datum.high) ? datum.high : datum.value) : null",
    )
    made = made.transform_joinaggregate(own_least="min(own_low)", own_most="max(own_high)")
    if ghost:
        span = _span("own")
        limits = f"datum.own_least - {_GHOST} * {span}, datum.own_most + {_GHOST} * {span}"
        limited = f"isValid(datum.own_least) ? clamp({to}(datum.value), {limits}) : {to}(datum.value)"
        made = made.transform_calculate(
            all_low=f"datum.series == '{ghost}' ? {limited} : datum.own_low",
            all_high=f"datum.series == '{ghost}' ? {limited} : datum.own_high",
        ).transform_joinaggregate(all_least="min(all_low)", all_most="max(all_high)")
    which = "all" if ghost else "own"
    there = f"isValid(datum.{which}_least)"
    return made.transform_calculate(
        bottom=f"{there} ? {back}(datum.{which}_least - {_MARGIN} * {_span(which)}) : null",
        top=f"{there} ? {back}(datum.{which}_most + {_MARGIN} * {_span(which)}) : null",
    ).transform_calculate(
        drawn=f"{apart} || !isValid(datum.bottom) ? datum.value : clamp(datum.value, datum.bottom, datum.top)"
    )


def _span(which: str) -> str:
    """How far the ends are apart; of a single value, a tenth of it."""
    ends = f"(datum.{which}_most - datum.{which}_least)"
    return f"({ends} > 0 ? {ends} : (abs(datum.{which}_most) / 10 || 0.1))"


def ends(base: alt.Chart, title: str, scale: alt.Scale, axis: alt.Axis) -> alt.Chart:
    """Return an invisible layer from ``bottom`` to ``top``, which makes the axis reach from one to the other.

    Args:
        base: As ``scaled`` made it.
        title, scale, axis: Of the panel.
    """
    made = base.transform_filter("isValid(datum.bottom)").transform_aggregate(
        bottom="min(bottom)", top="max(top)"
    )
    return made.mark_rule(opacity=0).encode(
        x=alt.value(0), y=alt.Y("bottom:Q", title=title, scale=scale, axis=axis), y2="top:Q"
    )


def names(base: alt.Chart, hues: Mapping[str, str], height: int, *, log: bool = False) -> alt.Chart:
    """Return a layer with the names of lines beside their last points, at the right of the panel, none over another.

    Args:
        base: As ``scaled`` made it, of a scale without padding.
        hues: The series to name, and their colours as CSS writes them.
        height: Of the panel, in pixels.
        log: Whether the axis is logarithmic.
    """
    to = "log" if log else ""
    listed = ", ".join(f"'{name}'" for name in hues)
    share = f"({to}(datum.top) - {to}(datum.last.drawn)) / ({to}(datum.top) - {to}(datum.bottom))"
    made = (
        base.transform_filter(f"indexof([{listed}], datum.series) >= 0 && isValid(datum.bottom)")
        .transform_aggregate(last="argmax(epoch)", bottom="min(bottom)", top="max(top)", groupby=["series"])
        .transform_calculate(wanted=f"{height} * clamp({share}, 0, 1)")
        .transform_window(place="row_number()", sort=[alt.SortField("wanted")])
        .transform_joinaggregate(many="count()")
        .transform_calculate(apart=f"datum.wanted - {LABEL_ROW} * datum.place")
        # Each is below the one before it by a row or more; and then as many rows above the end as are to come.
        .transform_window(pushed="max(apart)", sort=[alt.SortField("wanted")], frame=[None, 0])
        .transform_calculate(
            at=f"min(datum.pushed + {LABEL_ROW} * datum.place, {height} - {LABEL_ROW} * (datum.many - datum.place))"
        )
    )
    colour = INK
    for name, hue in hues.items():
        colour = f"datum.series == '{name}' ? '{hue}' : " + (f"'{INK}'" if colour == INK else colour)
    return made.mark_text(
        align="left", baseline="middle", dx=7, fontSize=LABEL_SIZE, limit=ROOM - 7, color=alt.expr(colour)
    ).encode(x=alt.value(alt.expr(f"width - {ROOM}")), y=alt.value(alt.expr("datum.at")), text="series:N")
