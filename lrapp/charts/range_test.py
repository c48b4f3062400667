"""A range test -> the chart of its loss over the rates, on a logarithmic axis; and what both charts have in common."""

from collections.abc import Iterable
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from lrapp.charts.theme import LABEL_ROW, RED, finished, ink
from lrapp.charts.training import kept
from lrapp.palette import TRAINING
from lrapp.policies import loss_curve
from lrapp.runs.events import History

# What the rules of ``suggestions`` are called.
SUGGESTIONS = {
    "steepest": "steepest descent",
    "tenth": "a tenth of the minimum",
    "valley": "valley",
    "slide": "slide rule",
}


# The longest of these in the chart, in pixels.
_LABEL = 150


def frame(history: History) -> pd.DataFrame:
    """Return what a range test's chart draws, with ``part`` saying which rows are for which layer.

    Args:
        history: Of a run that did a range test, or is in the middle of one.
    """
    curves = [
        loss_curve.curve(one.learning_rates, one.losses, one.steps, one.untrained) for one in history.sweeps
    ]
    parts = [
        pd.DataFrame(
            {"part": "seed", "seed": str(number), "learning_rate": c.learning_rates, "loss": c.smoothed}
        )
        for number, c in enumerate(curves, start=1)
    ]
    longest = max(curves, key=lambda c: len(c.learning_rates), default=None)
    if longest is not None:
        table = np.full((len(curves), len(longest.learning_rates)), np.nan)
        for row, c in zip(table, curves, strict=True):
            row[: len(c.smoothed)] = c.smoothed
        parts.append(
            pd.DataFrame(
                {
                    "part": "band",
                    "learning_rate": longest.learning_rates,
                    "loss": np.nanmean(table, axis=0),
                    "low": np.nanmin(table, axis=0),
                    "high": np.nanmax(table, axis=0),
                }
            )
        )
    found = history.found
    if found is not None and found.base_lr is not None:
        marks = pd.DataFrame(found.suggestions, columns=["name", "learning_rate", "least", "most"])
        parts.append(marks[["name", "learning_rate"]].replace({"name": SUGGESTIONS}).assign(part="mark"))
        parts.append(
            pd.DataFrame({"part": ["range"], "learning_rate": [found.base_lr], "high": [found.max_lr]})
        )
    columns = ["part", "seed", "learning_rate", "loss", "low", "high", "name"]
    return pd.concat([pd.DataFrame(columns=columns), *parts]) if parts else pd.DataFrame(columns=columns)


@kept
def spec(start_lr: float, end_lr: float) -> dict[str, Any]:
    """Return the specification of a range test's chart; a click names a rate as selection ``line``."""
    scale = alt.Scale(type="log", domain=[start_lr, end_lr], nice=False)
    x = alt.X("learning_rate:Q", title="learning rate", axis=alt.Axis(tickCount=8), scale=scale)
    y = alt.Y("loss:Q", title="loss, smoothed", scale=alt.Scale(zero=False, padding=8))
    band = (
        alt.Chart()
        .transform_filter("datum.part == 'band'")
        .mark_area(color=TRAINING, opacity=0.2)
        .encode(x=x, y=alt.Y("low:Q", title=""), y2="high:Q")
    )
    # The rules often agree, and at their left is the valley.
    return clickable(x, y, "loss", "band", "right", [band])


def clickable(
    x: alt.X,
    y: alt.Y,
    figure: str,
    middle: str,
    align: Literal["left", "right"],
    below: Iterable[alt.Chart] = (),
) -> dict[str, Any]:
    """Return the specification of a range test's chart: seeds, their mean, suggestions, and a click as ``line``.

    Args:
        x, y: The axes; x shows ``learning_rate``.
        figure: What y is called in tooltips.
        middle: The ``part`` of the rows of the mean.
        align: On which side of its rule a label stands: it begins there, or ends.
        below: Layers behind the lines.
    """
    base = alt.Chart()
    tooltip = [
        alt.Tooltip("learning_rate:Q", title="learning rate", format=",.3~r"),
        alt.Tooltip(y.shorthand, title=figure, format=",.4~r"),
    ]
    mean = base.transform_filter(f"datum.part == '{middle}'")
    # A label has a row of its own, and its rule begins there: none goes through the label of another.
    order: Literal["ascending", "descending"] = "ascending" if align == "left" else "descending"
    mark = base.transform_filter("datum.part == 'mark'").transform_window(
        place="row_number()", sort=[alt.SortField("learning_rate", order=order)]
    )
    row = f"{LABEL_ROW} * (datum.place - 1)"
    chosen = base.transform_filter("datum.part == 'range'").mark_rect(color=TRAINING, opacity=0.12)
    seeds = base.transform_filter("datum.part == 'seed'").mark_line(
        strokeWidth=1, opacity=0.5, color=TRAINING
    )
    behind = [
        chosen.encode(x=x, x2="high:Q"),
        *below,
        seeds.encode(x=x, y=y, detail="seed:N"),
        mean.mark_line(strokeWidth=2.5, color=TRAINING).encode(x=x, y=y),
    ]
    rule = mark.mark_rule(color=RED, strokeWidth=1.5)
    clicked = mean.transform_filter({"param": "line", "empty": False})
    # On the other side where it would hang over the edge.
    at = "scale('x', datum.learning_rate)"
    near = f"{at} < {_LABEL}" if align == "right" else f"{at} > width - {_LABEL}"
    other = "right" if align == "left" else "left"
    side = alt.expr(f"{near} ? '{other}' : '{align}'")
    away = alt.expr(f"({near}) == {str(align == 'left').lower()} ? -4 : 4")
    layers = [
        *behind,
        # Wide and invisible: the targets of clicks and the pointer.
        mean.mark_point(size=400, opacity=0).encode(x=x, y=y, tooltip=tooltip),
        rule.encode(
            x=x,
            y=alt.value(alt.expr(f"{row} + 2")),
            y2=alt.value(alt.expr("height")),
            tooltip=[alt.Tooltip("name:N", title="suggestion"), tooltip[0]],
        ),
        clicked.mark_rule(color=RED, strokeWidth=2, strokeDash=[5, 3]).encode(x=x),
        mark.mark_text(align=side, dx=away, color=ink(RED)).encode(
            x=x, y=alt.value(alt.expr(f"{row} + 8")), text="name:N"
        ),
    ]
    told = f"Range test: {figure} over the learning rate, with the suggested rates; a click sets one of your own."
    made = finished(alt.layer(*layers).properties(height=260), told)
    made["layer"][len(behind)]["name"] = "curve"
    line = {"type": "point", "encodings": ["x"], "nearest": True, "on": "click"}
    return made | {"params": [{"name": "line", "select": line, "views": ["curve"]}]}
