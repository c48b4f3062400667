"""Charts of runs that train many networks at once: their spread, and each of them."""

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from lrapp.charts.theme import GREY, HUES, finished
from lrapp.charts.training import ENSEMBLE, kept, thin
from lrapp.palette import VALIDATION
from lrapp.phrasing import counted
from lrapp.runs.events import History
from lrapp.settings import RunSettings

SPREAD = "spread"
Kind = Literal["seeds", "rates"]
# From the lowest rate to the highest: seen on both pages, where the ends of usual ramps are on one only.
_RATES = (HUES[0], HUES[7], HUES[3], HUES[1])


def spread(history: History, most: int) -> pd.DataFrame:
    """Return the rows that a run's charts draw of many networks: the spread of validation figures, and the ensemble's.

    Args:
        most: About how many points of a line to keep.

    Returns:
        ``panel``, ``series``, ``epoch``, ``value`` and, for the spread, ``low`` and ``high``; no rows where the run
        trains a single network.
    """
    rows = []
    for epoch in history.epochs:
        if not epoch.members:
            continue
        for place, (panel, figures) in enumerate((("loss", epoch.members[1]), ("metric", epoch.members[3]))):
            finite = np.array(figures)[np.isfinite(figures)]
            if len(finite):
                rows.append((panel, SPREAD, epoch.epoch, np.nan, finite.min(), finite.max()))
            if epoch.ensemble:
                rows.append((panel, ENSEMBLE, epoch.epoch, epoch.ensemble[place], np.nan, np.nan))
    frame = pd.DataFrame(rows, columns=["panel", "series", "epoch", "value", "low", "high"])
    groups = [
        thin(group, "low" if series == SPREAD else "value", most)
        for (_, series), group in frame.groupby(["panel", "series"], sort=False)
    ]
    return pd.concat(groups) if groups else frame


def spread_layers(base: alt.Chart, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Return the layers of a panel that draw what ``spread`` returns."""
    band = base.transform_filter(f"datum.series == '{SPREAD}'").mark_area(color=VALIDATION, opacity=0.15)
    line = base.transform_filter(f"datum.series == '{ENSEMBLE}'").mark_line(
        color=VALIDATION, strokeWidth=2, strokeDash=[6, 2]
    )
    tooltip = [
        alt.Tooltip("series:N", title="line"),
        alt.Tooltip("epoch:Q", format=",.4~r"),
        alt.Tooltip("value:Q", format=",.5~r"),
    ]
    return [
        band.encode(x=x, y=alt.Y("low:Q", title=""), y2="high:Q"),
        line.encode(x=x, y=y, tooltip=tooltip),
    ]


def peaks(settings: RunSettings, history: History) -> list[float]:
    """Return the highest rate of each network of a run; rates from its range test are those that this found.

    Args:
        history: Its events so far; the data are prepared, and rates that were to be found are.
    """
    assert history.prepared is not None
    if settings.policy.source == "found" and history.found is not None:
        settings = settings.with_found(history.found)
    highest = float(settings.plan(history.prepared.train).max())
    return [highest * factor for factor in settings.factors()]


def each_frame(history: History, peaks: Sequence[float], most: int = 300) -> pd.DataFrame:
    """Return a line for every network of a run: ``epoch``, ``member``, ``peak``, ``val_loss``, ``best``, ``leads``.

    Args:
        peaks: The highest rate of each network.
        most: About how many points of a line to keep.

    Returns:
        ``best`` is the least loss of the network so far, and when they are done the loss that it was judged by;
        ``leads`` says whether that is the best of all.
    """
    frame = history.member_frame()[["epoch", "member", "val_loss"]]
    frame = frame[np.isfinite(frame["val_loss"])]
    parts = []
    for member, line in frame.groupby("member"):
        thinned = thin(line, "val_loss", most)
        parts.append(thinned.assign(peak=peaks[int(str(member)) - 1], best=line["val_loss"].min()))
    if not parts:
        return pd.DataFrame(columns=["epoch", "member", "val_loss", "peak", "best", "leads"])
    made = pd.concat(parts, ignore_index=True)
    if history.chosen is not None:
        judged = pd.Series(history.chosen.judged, index=range(1, len(history.chosen.judged) + 1))
        made["best"] = made["member"].map(judged)
        return made.assign(leads=made["member"] == history.chosen.best)
    return made.assign(leads=made["best"] == made["best"].min())


@kept
def each_spec(epochs: int, kind: Kind, *, log_loss: bool = False) -> dict[str, Any]:
    """Return the specification of the chart of every network.

    Args:
        epochs: Right end of the axis.
        kind: Whether they differ in their rates, and have colours by these, or in their seeds alone.
    """
    base = alt.Chart()
    x = alt.X(
        "epoch:Q",
        title="epoch",
        scale=alt.Scale(domain=[0, epochs], nice=False),
        axis=alt.Axis(tickMinStep=1 if epochs > 2 else 0.25),
    )
    y = _loss("val_loss", "validation loss", log_loss)
    color = _by_rate() if kind == "rates" else alt.value(GREY)
    tooltip = [
        alt.Tooltip("member:N", title="network"),
        alt.Tooltip("peak:Q", title="peak rate", format=",.2~r"),
        alt.Tooltip("epoch:Q", format=",.4~r"),
        alt.Tooltip("val_loss:Q", title="validation loss", format=",.5~r"),
    ]
    others = base.transform_filter("!datum.leads").mark_line(strokeWidth=1.5, opacity=0.8)
    leader = base.transform_filter("datum.leads").mark_line(strokeWidth=3.5)
    lead = color if kind == "rates" else alt.value(VALIDATION)
    layers = (
        others.encode(x=x, y=y, detail="member:N", color=color, tooltip=tooltip),
        leader.encode(x=x, y=y, detail="member:N", color=lead, tooltip=tooltip),
    )
    by = " by their peak rates" if kind == "rates" else ""
    told = f"Validation loss of every network{by} over {counted(epochs, 'epoch')}; the best is drawn strong."
    return finished(alt.layer(*layers).properties(height=200), told)


@kept
def rates_spec(title: str = "best validation loss", *, log_loss: bool = False) -> dict[str, Any]:
    """Return the specification of a race's result: the loss of every network over its peak rate."""
    base = alt.Chart()
    x = alt.X(
        "peak:Q",
        title="peak learning rate",
        scale=alt.Scale(type="log", nice=False, padding=20),
        axis=alt.Axis(tickCount=6),
    )
    y = _loss("best", title, log_loss)
    tooltip = [
        alt.Tooltip("member:N", title="network"),
        alt.Tooltip("peak:Q", title="peak rate", format=",.2~r"),
        alt.Tooltip("best:Q", title=title, format=",.5~r"),
    ]
    # A rate that several networks have is as good as they are on the average.
    of_rates = base.transform_aggregate(best="mean(best)", groupby=["peak"])
    line = of_rates.mark_line(strokeWidth=1, color=GREY).encode(x=x, y=y)
    others = base.transform_filter("!datum.leads").mark_point(size=90, filled=True, opacity=1)
    leader = base.transform_filter("datum.leads").mark_point(size=260, filled=True, opacity=1)
    layers = (
        line,
        *(points.encode(x=x, y=y, color=_by_rate(), tooltip=tooltip) for points in (others, leader)),
    )
    return finished(
        alt.layer(*layers).properties(height=170), f"{title.capitalize()} over the peak learning rate."
    )


def rates_frame(lines: pd.DataFrame) -> pd.DataFrame:
    """Return a row for every network of ``each_frame``."""
    return lines.drop_duplicates("member")[["member", "peak", "best", "leads"]]


def _loss(column: str, title: str, log_loss: bool) -> alt.Y:
    return alt.Y(
        f"{column}:Q",
        title=title,
        scale=alt.Scale(zero=False, type="log" if log_loss else "linear", padding=8),
        axis=alt.Axis(tickCount=4, minExtent=52, maxExtent=52),
    )


def _by_rate() -> alt.Color:
    # Without a legend: the chart of rates has the same colours over an axis of rates.
    return alt.Color("peak:Q", scale=alt.Scale(type="log", range=list(_RATES)), legend=None)
