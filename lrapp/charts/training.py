"""Frames -> Altair charts.

Every frame that comes here has column names of our own making, because Vega draws empty axes for names with dots,
brackets, quotes or line breaks; what a person called a column appears in titles only.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import lru_cache, wraps
from typing import Any, Literal, ParamSpec

import altair as alt
import numpy as np
import pandas as pd

from lrapp.policies.schedules import FloatArray
from lrapp.runs.events import History

# Two hues that stay apart in both themes and for colour-blind eyes (Okabe and Ito's blue and vermilion).
TRAINING, VALIDATION, GREY, RED = "#2f7ed8", "#e0662c", "#8a8f98", "#d62728"
# Groups of layers with rates of their own. The head follows the policy most closely, so it has the plan's colour.
GROUP_HUES = {"early": "#d55e00", "middle": "#009e73", "head": TRAINING}
# More points than pixels only cost the browser time; while a run goes on they are drawn again and again.
MOST_POINTS = 1_000
MOST_POINTS_LIVE = 150
# The name under which a specification asks for its points. It stays the same when they change, so that the
# browser swaps the points only, and keeps a zoom.
POINTS = "points"
Panel = Literal["loss", "rate", "momentum", "metric"]
# Panels without figures of single epochs.
_PLANNED: tuple[Panel, ...] = ("rate", "momentum")
More = Callable[[alt.Chart, alt.X, alt.Y], list[alt.Chart]]
P = ParamSpec("P")
# One zoom over the three charts; a plain wheel must go on scrolling the page.
ZOOM: dict[str, Any] = {
    "name": "zoom",
    "select": {"type": "interval", "encodings": ["x"], "zoom": "wheel![event.shiftKey]"},
    "bind": "scales",
    "views": ["loss_lines", "rate_lines", "metric_lines"],
}


def kept(make: Callable[P, dict[str, Any]]) -> Callable[P, dict[str, Any]]:
    """Make each specification once: for three charts Altair takes a tenth of a second, a tenth of a live run's core."""
    made: Callable[..., dict[str, Any]] = lru_cache(maxsize=64)(make)

    @wraps(make)
    def copied(*args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        return deepcopy(made(*args, **kwargs))

    return copied


def thin(frame: pd.DataFrame, value: str, most: int = MOST_POINTS) -> pd.DataFrame:
    """Return at most ``most`` + 2 rows that draw the same line: its ends, least and greatest of each stretch.

    Args:
        frame: Rows in the order in which they are drawn.
        value: The column whose peaks must stay.
        most: Rows to return, at least 4.
    """
    if len(frame) <= most:
        return frame
    rows, stretches = len(frame), most // 2
    starts = -(-np.arange(stretches) * rows // stretches)
    ends = np.append(starts[1:], rows)
    values = frame[value].to_numpy(dtype=float)
    # Without sorting: a plan may have millions of steps, and is thinned with every change of a field.
    least, greatest = (
        np.flatnonzero(values == np.repeat(extreme.reduceat(values, starts), ends - starts))
        for extreme in (np.fmin, np.fmax)
    )
    first, last = np.searchsorted(least, starts), np.searchsorted(greatest, ends) - 1
    peaks = least[first[first < len(least)]], greatest[last[last >= 0]]
    return frame.iloc[np.unique(np.r_[0, *peaks, rows - 1])]


def planned(
    plan: FloatArray, steps_per_epoch: int, most: int = MOST_POINTS, momenta: FloatArray | None = None
) -> pd.DataFrame:
    """Return the line of a plan as ``run_frame`` takes it: what stays the same while the run goes on.

    Args:
        plan: The learning rate of every step of the run.
        steps_per_epoch: At least 1.
        most: About how many points to keep.
        momenta: The momentum of every step, where it moves.
    """
    lines = {"rate": plan} if momenta is None else {"rate": plan, "momentum": momenta}
    at = np.arange(1, len(plan) + 1) / steps_per_epoch
    parts = [
        thin(pd.DataFrame({"epoch": at, "value": values}), "value", most).assign(panel=panel)
        for panel, values in lines.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(series="planned")


def run_frame(
    history: History,
    plan: pd.DataFrame | None = None,
    most: int = MOST_POINTS,
    extra: Sequence[pd.DataFrame] = (),
) -> pd.DataFrame:
    """Return what the run's charts draw: a row for each point, with ``panel``, ``series``, ``epoch``, ``value``.

    Args:
        history: The run's events so far.
        plan: The line of its plan, from ``planned``; drawn behind the rates used.
        most: About how many points of a line to keep.
        extra: More rows, as ``members.spread`` gives them.
    """
    parts = [] if plan is None else [plan]
    steps = history.step_frame()
    rates = [(group, group) for group in GROUP_HUES] if history.grouped else [("learning_rate", "used")]
    parts.append(_line(steps, "loss", most).assign(panel="loss", series="one batch"))
    for column, series in rates:
        parts.append(_line(steps, column, most).assign(panel="rate", series=series))
    if history.momentum_moves:
        parts.append(_line(steps, "momentum", most).assign(panel="momentum", series="used"))
    epochs = history.epoch_frame()
    for column, panel, series in (
        ("loss", "loss", "training"),
        ("val_loss", "loss", "validation"),
        ("metric", "metric", "training"),
        ("val_metric", "metric", "validation"),
    ):
        parts.append(_line(epochs, column, most).assign(panel=panel, series=series))
    parts += [part for part in extra if len(part)]
    frame = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    frame["value"] = frame["value"].astype(float)
    frame["epoch"] = frame["epoch"].astype(float)
    best = history.best
    if best is not None:
        marks = pd.DataFrame(
            {
                "panel": ["loss", "metric"],
                "series": "best epoch",
                "epoch": float(best.epoch),
                "value": [best.val_loss, best.val_metric],
            }
        )
        frame = pd.concat([frame, marks], ignore_index=True)
    shown = ["value", "low"] if "low" in frame else ["value"]
    return frame.dropna(subset=shown, how="all")


def _line(frame: pd.DataFrame, column: str, most: int) -> pd.DataFrame:
    """One line's points, without those that are not finite, which would be taken for extremes in thinning."""
    line = frame[["epoch", column]].rename(columns={column: "value"})
    return thin(line[np.isfinite(line["value"].astype(float))], "value", most)


@kept
def run_spec(
    epochs: int,
    metric: str,
    *,
    log_loss: bool = False,
    grouped: bool = False,
    momentum: bool = False,
    more: More | None = None,
) -> dict[str, Any]:
    """Return the Vega-Lite specification of a run's charts over one axis, without its data.

    Args:
        epochs: Right end of the axis.
        metric: Name of the metric, as a title.
        log_loss: Draw the loss on a logarithmic axis.
        grouped: Whether groups of layers have rates of their own.
        momentum: Whether momentum moves, and is drawn below the rate.
        more: Makes more layers of a panel of loss or metric, as ``members.spread_layers``.
    """
    panels = (
        _panel("loss", "loss", epochs, log=log_loss, more=more),
        _panel("rate", "learning rate", epochs, grouped=grouped),
        *([_panel("momentum", "momentum", epochs)] if momentum else []),
        _panel("metric", metric, epochs, last=True, more=more),
    )
    chart = alt.vconcat(*panels, spacing=12).resolve_scale(x="shared", color="independent")
    spec = finished(chart)
    # Written here, because Altair renames the views of layers that its own parameters name.
    views = [*ZOOM["views"][:2], *(["momentum_lines"] if momentum else []), ZOOM["views"][2]]
    for panel, view in zip(spec["vconcat"], views, strict=True):
        panel["layer"][1]["name"] = view
    return spec | {"params": [ZOOM | {"views": views}]}


def _panel(
    panel: Panel,
    title: str,
    epochs: int,
    *,
    log: bool = False,
    last: bool = False,
    grouped: bool = False,
    more: More | None = None,
) -> alt.LayerChart | alt.FacetChart:
    base = alt.Chart().transform_filter(f"datum.panel == '{panel}'")
    x = alt.X(
        "epoch:Q",
        title="epoch" if last else None,
        scale=alt.Scale(domain=[0, epochs], nice=False),
        axis=alt.Axis(labels=last, ticks=last, tickMinStep=1 if epochs > 2 else 0.25),
    )
    y = alt.Y(
        "value:Q",
        title=title,
        scale=alt.Scale(zero=False, type="log" if log else "linear", padding=8),
        axis=alt.Axis(tickCount=4, minExtent=52, maxExtent=52),
    )
    tooltip = [
        alt.Tooltip("series:N", title="line"),
        alt.Tooltip("epoch:Q", format=",.4~r"),
        alt.Tooltip("value:Q", title=title, format=",.5~r"),
    ]
    if panel in _PLANNED:
        faint = "planned"
        hues = {faint: GREY} | (GROUP_HUES if grouped else {"used": TRAINING})
    else:
        faint = "one batch"
        hues = {faint: TRAINING + "66", "training": TRAINING, "validation": VALIDATION}
    color = alt.Color(
        "series:N",
        title=None,
        scale=alt.Scale(domain=list(hues), range=list(hues.values())),
        legend=alt.Legend(orient="top", direction="horizontal", offset=2)
        if panel in ("loss", "rate")
        else None,
    )
    thin_line = base.transform_filter(f"datum.series == '{faint}'").mark_line(
        strokeWidth=1, strokeDash=[4, 3] if panel in _PLANNED else []
    )
    drawn = " || ".join(f"datum.series == '{series}'" for series in hues if series != faint)
    line = base.transform_filter(drawn).mark_line(
        strokeWidth=2, point=alt.OverlayMarkDef(size=14) if panel not in _PLANNED else False
    )
    best = base.transform_filter("datum.series == 'best epoch'")
    layers = [
        thin_line.encode(x=x, y=y, color=color, tooltip=tooltip),
        line.encode(x=x, y=y, color=color, tooltip=tooltip),
    ]
    if panel not in _PLANNED:
        layers += [
            best.mark_rule(strokeDash=[2, 2], color=GREY).encode(x=x),
            best.mark_point(size=90, filled=False, strokeWidth=2, color=VALIDATION).encode(
                x=x, y=y, tooltip=tooltip
            ),
        ]
    if more is not None and panel not in _PLANNED:
        layers += more(base, x, y)
    if panel == "loss":
        # On the side with more room.
        early = f"datum.epoch < {epochs / 8}"
        layers += [
            best.transform_filter(where)
            .mark_text(text="best", dx=away, dy=-10, align="left" if away > 0 else "right", color=VALIDATION)
            .encode(x=x, y=y)
            for where, away in ((early, 10), (f"!({early})", -10))
        ]
    return alt.layer(*layers).properties(height=210 if panel == "loss" else 110)


def finished(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Return a chart's specification, which asks for its points by name."""
    spec: dict[str, Any] = chart.to_dict(validate=True)
    del spec["$schema"]
    spec.pop("datasets", None)
    _drop_data(spec)
    _spare_tooltips(spec)
    _write_numbers(spec)
    config = spec.get("config", {}) | {"locale": {"number": _LOCALE}}
    return spec | {"data": {"name": POINTS}, "config": config}


# 97.1 %, 15,880.
_LOCALE = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["$", ""], "percent": " %"}
_SMALL = "abs(datum.value) > 0 && abs(datum.value) < 0.00000099"
_POWER = "ceil(-log(abs(datum.value)) / LN10 - 0.000001)"
# 15,880, 0.0001, 5·10⁻⁷, as ``phrasing.number`` writes them; 2.5M from a million on, for want of room.
_NUMBERS = (
    f"{_SMALL} ? format(datum.value * pow(10, {_POWER}), '.2~r') + '·10⁻' + "
    f"({_POWER} > 9 ? slice('⁰¹²³⁴⁵⁶⁷⁸⁹', floor({_POWER} / 10), floor({_POWER} / 10) + 1) : '') + "
    f"slice('⁰¹²³⁴⁵⁶⁷⁸⁹', {_POWER} % 10, {_POWER} % 10 + 1) : "
    "abs(datum.value) >= 1000000 ? format(datum.value, '.4~s') : format(datum.value, ',.6~r')"
)


def _write_numbers(part: Any) -> None:
    """Have every axis of numbers that has no format of its own write them in one way, without exponents."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name in ("x", "y") and isinstance(value, dict) and value.get("type") == "quantitative":
                axis = value.setdefault("axis", {})
                if axis is not None and "format" not in axis:
                    axis["labelExpr"] = _NUMBERS
            else:
                _write_numbers(value)
    elif isinstance(part, list):
        for value in part:
            _write_numbers(value)


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
