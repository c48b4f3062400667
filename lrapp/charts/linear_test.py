"""A range test whose rates rise evenly -> the chart of its accuracy over them."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from lrapp.charts.training import RED, TRAINING, finished, kept
from lrapp.policies.linear_test import LEAST_FIGURE
from lrapp.runs.events import History

# What its rates are called; the last only where one is needed.
SUGGESTIONS = {"rise": "starts to rise", "fall": "ragged or falling", "half": "half of the upper end"}
_MARKS = ("rise", "fall")


def linear_frame(history: History) -> pd.DataFrame:
    """Return what the chart draws, with ``part`` saying which rows are for which layer.

    Args:
        history: Of a run that did a linear range test, or is in the middle of one.
    """
    parts = [
        pd.DataFrame(sweep.figures, columns=["learning_rate", "figure"]).assign(part="seed", seed=str(number))
        for number, sweep in enumerate(history.sweeps, start=1)
    ]
    seeds = pd.concat(parts) if parts else pd.DataFrame(columns=["learning_rate", "figure"])
    seeds["figure"] = np.maximum(seeds["figure"].astype(float), LEAST_FIGURE)
    means = seeds.groupby("learning_rate", as_index=False)["figure"].mean().assign(part="mean")
    found, marks = history.found, []
    if found is not None and found.base_lr is not None:
        rates = {name: rate for name, rate, _, _ in found.suggestions}
        marks = [
            {"part": "mark", "learning_rate": rates[name], "name": SUGGESTIONS[name]}
            for name in _MARKS
            if name in rates
        ]
        marks.append({"part": "range", "learning_rate": found.base_lr, "high": found.max_lr})
    columns = ["part", "seed", "learning_rate", "figure", "high", "name"]
    whole = pd.concat([part for part in (seeds, means, pd.DataFrame(marks)) if len(part)] or [seeds])
    return whole.reindex(columns=columns)


@kept
def linear_spec(start_lr: float, end_lr: float, watched: str) -> dict[str, Any]:
    """Return the specification of the chart; a click names a rate as selection ``line``.

    Args:
        start_lr, end_lr: Ends of the axis.
        watched: What is drawn over it, for example ``validation accuracy``.
    """
    base = alt.Chart()
    x = alt.X(
        "learning_rate:Q", title="learning rate", scale=alt.Scale(domain=[start_lr, end_lr], nice=False)
    )
    y = alt.Y("figure:Q", title=watched, scale=alt.Scale(zero=False, padding=8))
    tooltip = [
        alt.Tooltip("learning_rate:Q", title="learning rate", format=",.3~r"),
        alt.Tooltip("figure:Q", title=watched, format=",.4~r"),
    ]
    mean, mark = base.transform_filter("datum.part == 'mean'"), base.transform_filter("datum.part == 'mark'")
    layers = [
        base.transform_filter("datum.part == 'range'")
        .mark_rect(color=TRAINING, opacity=0.12)
        .encode(x=x, x2="high:Q"),
        base.transform_filter("datum.part == 'seed'")
        .mark_line(strokeWidth=1, opacity=0.5, color=TRAINING)
        .encode(x=x, y=y, detail="seed:N"),
        mean.mark_line(strokeWidth=2.5, color=TRAINING).encode(x=x, y=y),
        # Wide and invisible: the targets of clicks and the pointer.
        mean.mark_point(size=400, opacity=0).encode(x=x, y=y, tooltip=tooltip),
        mark.mark_rule(color=RED, strokeWidth=1.5).encode(
            x=x, tooltip=[alt.Tooltip("name:N", title="suggestion"), tooltip[0]]
        ),
        # Where the person clicked.
        mean.transform_filter({"param": "line", "empty": False})
        .mark_rule(color=RED, strokeWidth=2, strokeDash=[5, 3])
        .encode(x=x),
        # One below the other, in case the rules are near each other.
        *(
            mark.transform_filter(f"datum.name == '{SUGGESTIONS[name]}'")
            .mark_text(align="left", dx=4, color=RED, fontSize=11)
            .encode(x=x, y=alt.value(8 + 14 * row), text="name:N")
            for row, name in enumerate(_MARKS)
        ),
    ]
    spec = finished(alt.layer(*layers).properties(height=260))
    spec["layer"][3]["name"] = "curve"
    line = {"type": "point", "encodings": ["x"], "nearest": True, "on": "click"}
    return spec | {"params": [{"name": "line", "select": line, "views": ["curve"]}]}
