"""A study's curves -> the chart of its policies: a line and a band for each, over one axis."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from lrapp.charts.theme import HUES, finished
from lrapp.charts.training import MOST_POINTS, ZOOM, Panel, kept, thin
from lrapp.phrasing import counted

POLICY_HUES = HUES

SEVERAL = "Each run trains several networks at once: its figures are those of the mean of their answers."


def study_frame(curves: pd.DataFrame, labels: Sequence[str], most: int = MOST_POINTS) -> pd.DataFrame:
    """Return the points of a study's charts, thinned, with the policies' names as ``name``.

    Args:
        curves: As ``comparing.curves`` returns them, with ``panel`` and ``policy``; at least one row.
        labels: What to call the policies, in their order.
        most: About twice as many points as a line keeps.
    """
    lines = [thin(line, "mean", most // 2) for _, line in curves.groupby(["panel", "policy"], sort=False)]
    frame = pd.concat(lines, ignore_index=True)
    return frame.assign(name=[labels[policy] for policy in frame["policy"]])


def study_spec(labels: Sequence[str], epochs: int, metric: str, *, log_loss: bool = False) -> dict[str, Any]:
    """Return the specification of a study's three charts: a line and a band for each policy over one axis.

    Args:
        labels: What to call the policies, in their order; at most as many as there are hues.
        epochs: Right end of the axis.
        metric: Name of the metric, as a title.
    """
    return _spec(tuple(labels), epochs, metric, log_loss)


@kept
def _spec(labels: tuple[str, ...], epochs: int, metric: str, log_loss: bool) -> dict[str, Any]:
    panels = (
        _panel("loss", "validation loss", labels, epochs, log=log_loss),
        _panel("rate", "learning rate", labels, epochs),
        _panel("metric", f"validation {metric}", labels, epochs, last=True),
    )
    policies = counted(len(labels), "policy", "policies")
    told = f"Validation loss, learning rate and {metric} of {policies} over {counted(epochs, 'epoch')}."
    whole = finished(alt.vconcat(*panels, spacing=12).resolve_scale(x="shared"), told)
    for panel, view in zip(whole["vconcat"], ZOOM["views"], strict=True):
        panel["layer"][1]["name"] = view
    return whole | {"params": [ZOOM]}


def _panel(
    panel: Panel, title: str, labels: Sequence[str], epochs: int, *, log: bool = False, last: bool = False
) -> alt.LayerChart | alt.FacetChart:
    base = alt.Chart().transform_filter(f"datum.panel == '{panel}'")
    x = alt.X(
        "epoch:Q",
        title="epoch" if last else None,
        scale=alt.Scale(domain=[0, epochs], nice=False),
        axis=alt.Axis(labels=last, ticks=last, tickMinStep=1 if epochs > 2 else 0.25),
    )
    scale = alt.Scale(zero=False, type="log" if log else "linear", padding=8)
    axis = alt.Axis(tickCount=4, minExtent=52, maxExtent=52)
    color = alt.Color(
        "name:N",
        title=None,
        scale=alt.Scale(domain=list(labels), range=list(POLICY_HUES[: len(labels)])),
        legend=alt.Legend(
            orient="top",
            direction="horizontal",
            columns=2,
            labelLimit=0,
            symbolOpacity=1,
            offset=2,
        )
        if panel == "loss"
        else None,
    )
    tooltip = [
        alt.Tooltip("name:N", title="policy"),
        alt.Tooltip("epoch:Q", format=",.4~r"),
        alt.Tooltip("mean:Q", title=f"{title}, mean", format=",.5~r"),
        alt.Tooltip("low:Q", title="least", format=",.5~r"),
        alt.Tooltip("high:Q", title="greatest", format=",.5~r"),
        alt.Tooltip("seeds:Q", title="seeds so far"),
    ]
    band = base.mark_area(opacity=0.2).encode(
        x=x, y=alt.Y("low:Q", title=title, scale=scale, axis=axis), y2="high:Q", color=color
    )
    line = base.mark_line(strokeWidth=2).encode(
        x=x, y=alt.Y("mean:Q", title=title, scale=scale, axis=axis), color=color, tooltip=tooltip
    )
    return alt.layer(band, line).properties(height=200 if panel == "metric" else 130)
