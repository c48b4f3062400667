"""A range test whose rates rise evenly -> the chart of its accuracy over them."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from lrapp.charts.range_test import clickable
from lrapp.charts.training import kept
from lrapp.policies.linear_test import LEAST_FIGURE
from lrapp.runs.events import History

# What its rates are called; the last only where one is needed.
SUGGESTIONS = {"rise": "starts to rise", "fall": "upper end", "half": "half of the upper end"}
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
        watched: What is drawn over it, for example ``validation accuracy``.
    """
    scale = alt.Scale(domain=[start_lr, end_lr], nice=False)
    x = alt.X("learning_rate:Q", title="learning rate", scale=scale)
    y = alt.Y("figure:Q", title=watched, scale=alt.Scale(zero=False, padding=8))
    return clickable(x, y, watched, "mean", "left")
