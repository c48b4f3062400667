"""Predictions -> Altair charts: of a table, of one row, and how one column changes it."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from lrapp.charts.figure import Figure
from lrapp.charts.results import COLOURS, VISIBLE, title
from lrapp.charts.theme import GREY, INK, category_axis, finished
from lrapp.palette import TRAINING
from lrapp.phrasing import counted, percent
from lrapp.prediction.summary import Bar

MOST_CLASSES = 15
MOST_LINES = len(COLOURS)
# Room that the page counts into a chart's height for axes and legends.
_AROUND = 60
# Of a share beside its bar, in pixels.
_NUMBER = 52


def shares(bars: Sequence[Bar], target: str) -> Figure:
    """Return how often each class was predicted, or a histogram of predicted numbers.

    Args:
        bars: As ``tally.Tally.bars`` gives them; not empty.
    """
    rows = sum(bar.rows for bar in bars)
    if not bars[0].name:
        frame = pd.DataFrame([{"low": bar.low, "high": bar.high, "rows": bar.rows} for bar in bars])
        chart = (
            alt.Chart()
            .transform_joinaggregate(most="max(rows)")
            .transform_calculate(shown=VISIBLE)
            .mark_bar(color=TRAINING, binSpacing=1)
            .encode(
                x=alt.X(
                    "low:Q",
                    bin="binned",
                    title=f"predicted {title(target)}",
                    axis=alt.Axis(tickCount=6),
                ),
                x2="high:Q",
                y=alt.Y("shown:Q", title="rows", axis=alt.Axis(tickCount=4)),
                tooltip=[
                    alt.Tooltip("low:Q", title="from", format=",.5~r"),
                    alt.Tooltip("high:Q", title="to", format=",.5~r"),
                    alt.Tooltip("rows:Q", format=","),
                ],
            )
        )
        told = f"Histogram of {counted(rows, 'prediction')} of {title(target)}."
        return Figure(finished(chart.properties(height=220), told), frame, "predicted")
    frame = pd.DataFrame(
        [
            {"class": bar.name, "rows": bar.rows, "share": bar.rows / max(1, rows)}
            for bar in bars[:MOST_CLASSES]
        ]
    )
    tooltip = [
        alt.Tooltip("class:N", title="predicted"),
        alt.Tooltip("rows:Q", format=","),
        alt.Tooltip("share:Q", format=".1%"),
    ]
    told = f"How often each class was predicted in {counted(rows, 'row')}: {_listed(frame, 'share')}."
    return Figure(_bars(frame, "share", "share of the rows", tooltip, told), frame, "predicted")


def chances(names: Sequence[str], values: Sequence[float]) -> Figure:
    """Return the probability of each class for one row, the likeliest ones first where there are many."""
    frame = pd.DataFrame({"class": list(names), "chance": list(values)})
    if len(frame) > MOST_CLASSES:
        frame = frame.nlargest(MOST_CLASSES, "chance")
    tooltip = [
        alt.Tooltip("class:N", title="answer"),
        alt.Tooltip("chance:Q", title="probability", format=".1%"),
    ]
    told = f"Probability of each class: {_listed(frame, 'chance')}."
    return Figure(_bars(frame, "chance", "probability", tooltip, told), frame, "probabilities")


def _listed(frame: pd.DataFrame, value: str) -> str:
    first = frame.head(4)
    return ", ".join(
        f"{title(name)} {percent(share)}" for name, share in zip(first["class"], first[value], strict=True)
    )


def _bars(
    frame: pd.DataFrame, value: str, what: str, tooltip: list[alt.Tooltip], told: str
) -> dict[str, Any]:
    names = frame["class"].tolist()
    y = alt.Y(
        "class:N",
        title=None,
        scale=alt.Scale(domain=names),
        axis=alt.Axis(labelLimit=140, ticks=False, domain=False, labelOverlap=False),
    )
    x = alt.X(
        f"{value}:Q",
        title=what,
        # Room for the numbers, which would not be read on the bars.
        scale=alt.Scale(domain=[0, 1], nice=False, rangeMax=alt.expr(f"width - {_NUMBER}")),
        axis=alt.Axis(tickCount=5, format=".0%"),
    )
    bars = alt.Chart().mark_bar(color=TRAINING).encode(x=x, y=y, tooltip=tooltip)
    words = alt.Chart().mark_text(align="left", dx=5, color=INK)
    numbers = words.encode(x=x, y=y, text=alt.Text(f"{value}:Q", format=".1%"))
    return finished(alt.layer(bars, numbers).properties(height=26 * len(names) + _AROUND), told)


def what_if(frame: pd.DataFrame, column: str, answer: str, now: object, kind: str, share: bool) -> Figure:
    """Return how the answer moves while one column does.

    Args:
        frame: ``at`` (number, point in time or text), ``class`` ("" where there is one line), ``value``.
        column: Name of the column that moves: the axis' title.
        now: Where the column stands; None to mark nothing.
        kind: ``number``, ``date``, ``time`` (of day) or ``category``.
    """
    names = list(dict.fromkeys(frame["class"]))
    field, name = {"number": "at:Q", "date": "at:T", "time": "at:T", "category": "at:N"}[kind], title(column)
    values = list(dict.fromkeys(frame["at"])) if kind == "category" else []
    x = alt.X(
        field,
        title=name,
        scale=alt.Scale(domain=values) if kind == "category" else alt.Scale(zero=False, nice=False),
        axis=category_axis([str(one) for one in values]) if kind == "category" else alt.Axis(tickCount=6),
    )
    y = alt.Y(
        "value:Q",
        title=title(answer),
        scale=alt.Scale(domain=[0, 1], nice=False) if share else alt.Scale(zero=False, padding=6),
        axis=alt.Axis(tickCount=5, format=".0%" if share else alt.Undefined),
    )
    tooltip = [
        alt.Tooltip(field, title=name, format={"date": "%Y-%m-%d", "time": "%H:%M"}.get(kind, ",.5~r"))
        if kind != "category"
        else alt.Tooltip(field, title=name),
        alt.Tooltip("value:Q", title=title(answer), format=".1%" if share else ",.5~r"),
    ]
    encoded: dict[str, Any] = {"x": x, "y": y, "tooltip": tooltip}
    if names != [""]:
        encoded["color"] = alt.Color(
            "class:N",
            title=None,
            scale=alt.Scale(domain=names, range=list(COLOURS[: len(names)])),
            legend=alt.Legend(orient="top", direction="horizontal", columns=3, labelLimit=150),
        )
        encoded["tooltip"] = [alt.Tooltip("class:N", title="answer"), *tooltip]
    else:
        encoded["color"] = alt.value(TRAINING)
    base = alt.Chart().encode(**encoded)
    marked = (
        base.mark_point(filled=True, size=90, opacity=1)
        if kind == "category"
        else base.mark_line(strokeWidth=2)
    )
    layers: list[alt.Chart] = [marked]
    if now is not None:
        here = alt.Chart().transform_filter("datum.here")
        layers.append(here.mark_rule(color=GREY, strokeDash=[4, 3], strokeWidth=1.5).encode(x=x))
    frame = frame.assign(here=frame["at"] == now if now is not None else False)
    legend = _AROUND // 2 if names != [""] else 0
    slanted = _AROUND if kind == "category" else 0
    chart = alt.layer(*layers).properties(height=240 + legend + slanted)
    told = f"How {title(answer)} changes with {name}" + (
        f", which is {title(str(now))} now." if now is not None else "."
    )
    return Figure(finished(chart, told), frame, "what-if")
