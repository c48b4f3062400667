"""Histories of several runs -> one group of charts, a line for each run.

As in ``charts``, frames have column names of our own making; names of runs are values only.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from lrapp.charts.theme import HUES, finished
from lrapp.charts.training import MOST_POINTS, thin
from lrapp.phrasing import counted
from lrapp.runs.events import History

# Of runs with one colour, the second is dashed, and the third dotted.
DASHES: tuple[list[int], ...] = ([1, 0], [6, 3], [2, 2])
MOST_RUNS = 10
_SHORT_NAME = 14
Axis = Literal["epoch", "step"]
SEVERAL = (
    "Of runs that train several networks at once, validation figures are those of the mean of their answers, and the "
    "training loss is the mean of theirs."
)
_TITLES = {"loss": "training loss", "val_loss": "validation loss", "rate": "learning rate"}
# All lines of a chart together; more points only cost the browser time.
_POINTS = 3 * MOST_POINTS


def of_several(history: History) -> bool:
    """Return whether a run trains several networks at once."""
    return any(epoch.members for epoch in history.epochs[:1])


def overlay_frame(histories: Sequence[History], names: Sequence[str], axis: Axis) -> pd.DataFrame:
    """Return a row for each point: ``panel``, ``name``, ``at``, ``value``. What is not finite is left out.

    Args:
        histories: Of the runs; of those that have not begun nothing is drawn.
        names: What to call the runs, no two the same.
        axis: What ``at`` counts: epochs, or steps.
    """
    most = max(100, _POINTS // max(1, len(histories)))
    parts = [pd.DataFrame({"panel": [], "name": [], "at": [], "value": []})]
    for history, name in zip(histories, names, strict=True):
        if history.started is None:
            continue
        epochs, steps = history.epoch_frame(), history.step_frame()
        at_epoch = epochs["epoch"] if axis == "epoch" else epochs["step"]
        at_step = steps["epoch"] if axis == "epoch" else steps["step"] + 1
        for panel, at, values in (
            ("loss", at_epoch, epochs["loss"]),
            ("val_loss", at_epoch, pd.Series([epoch.answer_loss for epoch in history.epochs])),
            ("rate", at_step, steps["learning_rate"]),
            (history.started.metric, at_epoch, pd.Series([epoch.answer_metric for epoch in history.epochs])),
        ):
            line = pd.DataFrame({"at": at.astype(float), "value": values.astype(float)})
            line = thin(line[np.isfinite(line["value"])], "value", most)
            if len(line):
                parts.append(line.assign(panel=panel, name=name))
    return pd.concat(parts[1:] or parts, ignore_index=True)[["panel", "name", "at", "value"]]


def metrics_of(histories: Sequence[History]) -> list[str]:
    """Return the names of the runs' metrics, each once."""
    return list(dict.fromkeys(history.started.metric for history in histories if history.started is not None))


def overlay_spec(
    names: Sequence[str],
    metrics: Sequence[str],
    axis: Axis,
    *,
    log_loss: bool = False,
    colours: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the specification of the charts: losses, learning rate and a chart for each metric, over one axis.

    A click on a name in the legend leaves only that run strong; with Shift, several.

    Args:
        names: As in the frame; at most ``MOST_RUNS``.
        metrics: Names of the metrics, as the frame calls their panels.
        axis: Title of the shared axis.
        colours: Of the runs, from ``theme.colours_of``, so that they have the same here as everywhere; one after the
            other by default.
    """
    looks = _looks(colours or [HUES[place % len(HUES)] for place in range(len(names))])
    panels = [*_TITLES, *metrics]
    made = [
        _panel(
            panel,
            _TITLES.get(panel, f"validation {panel}"),
            dict(zip(names, looks, strict=True)),
            axis,
            log=log_loss and "loss" in panel,
            legend=panel == panels[0],
            last=panel == panels[-1],
        )
        for panel in panels
    ]
    told = f"Losses, learning rate and metric of {counted(len(names), 'run')} over each {axis}."
    spec = finished(alt.vconcat(*made, spacing=12).resolve_scale(x="shared"), told)
    views = [f"lines_{number}" for number in range(len(panels))]
    for part, view in zip(spec["vconcat"], views, strict=True):
        part["name"] = view
    zoom = {"type": "interval", "encodings": ["x"], "zoom": "wheel![event.shiftKey]"}
    return spec | {
        "params": [
            {"name": "zoom", "select": zoom, "bind": "scales", "views": views},
            {
                "name": "picked",
                "select": {"type": "point", "fields": ["name"]},
                "bind": "legend",
                "views": views,
            },
        ]
    }


def _looks(colours: Sequence[str]) -> list[tuple[str, list[int]]]:
    """A colour and a dash for each run, no two the same while there are enough."""
    return [
        (colour, DASHES[min(colours[:place].count(colour), len(DASHES) - 1)])
        for place, colour in enumerate(list(colours))
    ]


def _panel(
    panel: str,
    title: str,
    names: Mapping[str, tuple[str, list[int]]],
    axis: Axis,
    *,
    log: bool,
    legend: bool,
    last: bool,
) -> alt.Chart:
    # On a phone there is room for two short names side by side, or for one that is long.
    columns = 2 if max(map(len, names), default=0) <= _SHORT_NAME else 1
    key = (
        alt.Legend(
            orient="top",
            direction="horizontal",
            columns=columns,
            labelLimit=220,
            symbolType="stroke",
            offset=2,
        )
        if legend
        else None
    )
    base = alt.Chart().transform_filter(alt.FieldEqualPredicate(field="panel", equal=panel))
    if log:
        base = base.transform_filter("datum.value > 0")
    return (
        # Points too: a run of one epoch has no line. Those of the rate would be one for each step.
        base.mark_line(
            strokeWidth=2, clip=True, point=False if panel == "rate" else alt.OverlayMarkDef(size=14)
        )
        .encode(
            x=alt.X(
                "at:Q",
                title=axis if last else None,
                scale=alt.Scale(nice=False, zero=True),
                axis=alt.Axis(labels=last, ticks=last, tickMinStep=1),
            ),
            y=alt.Y(
                "value:Q",
                title=title,
                scale=alt.Scale(zero=False, type="log" if log else "linear", padding=8),
                axis=alt.Axis(tickCount=4, minExtent=52, maxExtent=52),
            ),
            color=alt.Color(
                "name:N",
                title=None,
                legend=key,
                scale=alt.Scale(domain=list(names), range=[hue for hue, _ in names.values()]),
            ),
            strokeDash=alt.StrokeDash(
                "name:N",
                title=None,
                legend=key,
                scale=alt.Scale(domain=list(names), range=[dash for _, dash in names.values()]),
            ),
            opacity={"condition": {"param": "picked", "value": 1}, "value": 0.12},
            tooltip=[
                alt.Tooltip("name:N", title="run"),
                alt.Tooltip("at:Q", title=axis, format=",.4~r" if axis == "epoch" else ",d"),
                alt.Tooltip("value:Q", title=title, format=",.5~r"),
            ],
        )
        .properties(height=150 if legend else 120)
    )
