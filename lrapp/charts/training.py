"""Frames -> Altair charts.

Every frame that comes here has column names of our own making, because Vega draws empty axes for names with dots,
brackets, quotes or line breaks; what a person called a column appears in titles only.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, Literal, ParamSpec

import altair as alt
import numpy as np
import pandas as pd

from lrapp.charts import lines, theme
from lrapp.charts.theme import GREY, finished, ink
from lrapp.execution.locks import one_at_a_time
from lrapp.palette import TRAINING, VALIDATION
from lrapp.phrasing import counted
from lrapp.policies.schedules import FloatArray
from lrapp.runs.events import History

POINTS = theme.POINTS
# Groups of layers with rates of their own. The head follows the policy most closely, so it has the plan's colour.
GROUP_HUES = {"early": "#d55e00", "middle": "#009e73", "head": TRAINING}
# More points than pixels only cost the browser time; while a run goes on they are drawn again and again.
MOST_POINTS = 1_000
MOST_POINTS_LIVE = 150
# Of the lines of epochs; and of those of single batches.
_STRONG, _FAINT = 2, 0.35
# Losses of single batches jump far beyond the scale: more of them are drawn as means of this many stretches.
_STRETCHES = 150
# Series of the run before, and of the mean of many networks' answers.
GHOST, ENSEMBLE = "previous run", "ensemble"
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
    made: Callable[..., dict[str, Any]] = one_at_a_time(lru_cache(maxsize=64)(make))

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


def horizon(planned: int, done: float) -> int:
    """Return where the axis of a run that goes on ends, in epochs: all that are planned, or where it is soon.

    A run whose hundreds of epochs early stopping will mostly save would else be drawn into the left edge. It moves
    in few steps, as each needs another specification.

    Args:
        planned: Epochs of the run, at least 1.
        done: Epochs that are over, also in parts.
    """
    ends = (10 * 2**power for power in range(32))
    return min(planned, next(end for end in ends if done <= 0.8 * end))


def run_frame(
    history: History,
    plan: pd.DataFrame | None = None,
    most: int = MOST_POINTS,
    extra: Sequence[pd.DataFrame] = (),
    ghost: History | None = None,
) -> pd.DataFrame:
    """Return what the run's charts draw: a row for each point, with ``panel``, ``series``, ``epoch``, ``value``.

    Args:
        plan: The line of its plan, from ``planned``; drawn behind the rates used.
        most: About how many points of a line to keep.
        extra: More rows, as ``members.spread`` gives them.
        ghost: Of a run before it, whose validation is drawn behind; ignored where its figures are others.
    """
    parts = [] if plan is None else [plan]
    steps = history.step_frame()
    rates = [(group, group) for group in GROUP_HUES] if history.grouped else [("learning_rate", "used")]
    parts.append(_means(steps, "loss").assign(panel="loss", series="one batch"))
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
    parts += _ghost(history, ghost, most) if ghost is not None else []
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


def _ghost(history: History, ghost: History, most: int) -> list[pd.DataFrame]:
    """The validation of a run before, as far as this one goes."""
    if history.started is None or ghost.started is None or ghost.started.metric != history.started.metric:
        return []
    frame = pd.DataFrame(
        [(one.epoch, one.val_loss, one.val_metric) for one in ghost.epochs],
        columns=["epoch", "loss", "metric"],
    )
    frame = frame[frame["epoch"] <= history.started.epochs]
    return [_line(frame, panel, most).assign(panel=panel, series=GHOST) for panel in ("loss", "metric")]


def _line(frame: pd.DataFrame, column: str, most: int) -> pd.DataFrame:
    """One line's points, without those that are not finite, which would be taken for extremes in thinning."""
    line = frame[["epoch", column]].rename(columns={column: "value"})
    return thin(line[np.isfinite(line["value"].astype(float))], "value", most)


def _means(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """One line's points where there are few, otherwise the mean of each stretch of them."""
    line = frame[["epoch", column]].rename(columns={column: "value"}).astype(float)
    line = line[np.isfinite(line["value"])]
    if len(line) <= _STRETCHES:
        return line
    return line.groupby(np.arange(len(line)) * _STRETCHES // len(line)).mean()


@kept
def run_spec(
    epochs: int,
    metric: str,
    *,
    log_loss: bool = False,
    grouped: bool = False,
    momentum: bool | str = False,
    more: More | None = None,
) -> dict[str, Any]:
    """Return the Vega-Lite specification of a run's charts over one axis, without its data.

    Args:
        epochs: Right end of the axis.
        metric: Name of the metric, as a title.
        grouped: Whether groups of layers have rates of their own.
        momentum: Whether momentum moves, and is drawn below the rate; or what it is called, as ``momentum_name``
            says.
        more: Makes more layers of a panel of loss or metric, as ``members.spread_layers``.
    """
    panels = (
        _panel("loss", "loss", epochs, log=log_loss, more=more),
        _panel("rate", "learning rate", epochs, grouped=grouped),
        *(
            [_panel("momentum", momentum if isinstance(momentum, str) else "momentum", epochs)]
            if momentum
            else []
        ),
        _panel("metric", metric, epochs, last=True, more=more),
    )
    chart = alt.vconcat(*(panel.chart for panel in panels), spacing=12).resolve_scale(
        x="shared", color="independent"
    )
    below = (
        ", learning rate, "
        + (f"{momentum}, " if isinstance(momentum, str) and momentum else "")
        + f"and {metric}"
    )
    spec = finished(chart, f"Training and validation loss{below} over {counted(epochs, 'epoch')}.")
    views = [*ZOOM["views"][:2], *(["momentum_lines"] if momentum else []), ZOOM["views"][2]]
    for panel, part, view in zip(panels, spec["vconcat"], views, strict=True):
        panel.finish(part, view)
    return spec | {"params": [ZOOM | {"views": views}]}


@dataclass(frozen=True, eq=False)
class _Panel:
    """One panel: its layers, the second of which are the ends of its scale and the last the names of its lines.

    Args:
        before: What happens to the points before they come to the layers.
        names: What happens to those of the names.
    """

    chart: alt.LayerChart | alt.FacetChart
    before: lines.Transforms
    names: lines.Transforms

    def finish(self, spec: dict[str, Any], view: str) -> None:
        """Complete its specification: transforms, and the name of the view that zooms."""
        spec["transform"] = self.before
        spec["layer"][1]["transform"] = lines.ends_transforms()
        spec["layer"][-1]["transform"] = self.names
        # Written here, because Altair renames the views of layers that its own parameters name.
        next(part for part in spec["layer"] if part["mark"].get("strokeWidth") == _STRONG)["name"] = view


def _heights(panel: Panel) -> int:
    return 210 if panel == "loss" else 110


def _panel(
    panel: Panel,
    title: str,
    epochs: int,
    *,
    log: bool = False,
    last: bool = False,
    grouped: bool = False,
    more: More | None = None,
) -> _Panel:
    if panel in _PLANNED:
        hues = {"planned": GREY} | (GROUP_HUES if grouped else {"used": TRAINING})
        faint = ghost = ""
    else:
        hues = {"training": TRAINING, "validation": VALIDATION, GHOST: GREY}
        faint, ghost = "one batch", GHOST
    base = alt.Chart()
    x = alt.X(
        "epoch:Q",
        title="epoch" if last else None,
        scale=alt.Scale(domain=[0, epochs], nice=False, rangeMax=alt.expr(f"width - {lines.ROOM}")),
        axis=alt.Axis(labels=last, ticks=last, tickMinStep=1 if epochs > 2 else 0.25),
    )
    scale = alt.Scale(zero=False, type="log" if log else "linear", nice=False)
    axis = alt.Axis(tickCount=4, minExtent=52, maxExtent=52)
    y = alt.Y("drawn:Q", title=title, scale=scale, axis=axis)
    tooltip = [
        alt.Tooltip("series:N", title="line"),
        alt.Tooltip("epoch:Q", format=",.4~r"),
        alt.Tooltip("value:Q", title=title, format=",.5~r"),
    ]
    color = alt.Color(
        "series:N",
        title=None,
        scale=alt.Scale(domain=list(hues), range=list(hues.values())),
        legend=None,
    )
    # A plan that was not needed to its end would run on into the names of the lines.
    behind = base.transform_filter(f"datum.series == '{faint or 'planned'}' && datum.epoch <= {epochs}")
    behind = (
        behind.mark_line(strokeWidth=1, opacity=_FAINT, color=TRAINING, clip=True).encode(x=x, y=y)
        if faint
        else behind.mark_line(strokeWidth=1, strokeDash=[4, 3], clip=True).encode(
            x=x, y=y, color=color, tooltip=tooltip
        )
    )
    strong = [series for series in hues if series not in ("planned", GHOST)]
    line = base.transform_filter(" || ".join(f"datum.series == '{series}'" for series in strong)).mark_line(
        strokeWidth=_STRONG, point=alt.OverlayMarkDef(size=14) if panel not in _PLANNED else False
    )
    layers = [behind, lines.ends(title, scale, axis)]
    if ghost:
        before = base.transform_filter(f"datum.series == '{ghost}'").mark_line(strokeWidth=1.5, clip=True)
        layers.append(before.encode(x=x, y=y, color=color, tooltip=tooltip))
    layers.append(line.encode(x=x, y=y, color=color, tooltip=tooltip))
    if panel not in _PLANNED:
        best = base.transform_filter("datum.series == 'best epoch'")
        layers += [
            best.mark_rule(strokeDash=[2, 2], color=GREY).encode(x=x),
            best.mark_point(size=90, filled=False, strokeWidth=2, color=VALIDATION).encode(
                x=x, y=y, tooltip=tooltip
            ),
        ]
    if more is not None and panel not in _PLANNED:
        layers += more(base, x, y)
        hues = hues | {ENSEMBLE: VALIDATION}
    if panel == "loss":
        # Beside the line that came down to it, except at the end, where names stand.
        late = f"datum.epoch > {epochs * 7 / 8}"
        layers += [
            best.transform_filter(where)
            .mark_text(
                text="best", dx=away, dy=-12, align="left" if away > 0 else "right", color=ink(VALIDATION)
            )
            .encode(x=x, y=y)
            for where, away in ((late, -8), (f"!({late})", 8))
        ]
    written = {series: ink(hue) for series, hue in hues.items()}
    layers.append(lines.names(written))
    chart = alt.layer(*layers).properties(height=_heights(panel))
    before = [{"filter": f"datum.panel == '{panel}'"}, *lines.scaled(faint, ghost, log=log)]
    return _Panel(chart, before, lines.names_transforms(written, _heights(panel), log=log))
