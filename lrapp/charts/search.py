"""The trials of a random search -> a small chart for each setting that varied: its value against the result."""

import math
from typing import Any

import altair as alt
import pandas as pd

from lrapp.charts.theme import RED, category_axis, finished
from lrapp.charts.training import kept
from lrapp.experiments.search_space import AXES, Choice, Numbers, Range, Space, Varied, shown, spoken
from lrapp.palette import TRAINING, VALIDATION

# With axis and titles, as a chart of its own has to fit into its height.
_HEIGHT = 230
# Beyond this, bad trials would squeeze the good ones into one line.
_MOST_RATIO = 20
_CROSS = "M-1,-1L1,1M1,-1L-1,1"


def setting_frame(points: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the points of one setting's chart: ``trial``, ``value`` or ``name``, ``measure``, ``part``.

    Args:
        points: As ``search_results.Found.points`` returns them.
    """
    column = "value" if name in AXES else "name"
    own = points.loc[points["setting"] == name, ["trial", column, "measure", "part"]]
    return own.reset_index(drop=True)


def wide(points: pd.DataFrame) -> bool:
    """Return whether the measures lie so far apart that only a logarithmic axis shows them all."""
    measures = points["measure"].dropna()
    return bool(len(measures) > 1 and measures.min() > 0 and measures.max() > _MOST_RATIO * measures.min())


def setting_spec(
    space: Space, name: str, measure: str, *, upwards: bool, log_measure: bool = False
) -> dict[str, Any]:
    """Return the specification of one setting's chart; its own axis is logarithmic where it was drawn so.

    Args:
        measure: What the trials are chosen by, as a title.
        upwards: Whether more of it is better; diverged trials lie at the other edge.
    """
    return _spec(name, getattr(space, name), measure, upwards, log_measure)


@kept
def _spec(name: str, varied: Varied, measure: str, upwards: bool, log_measure: bool) -> dict[str, Any]:
    x = _axis(name, varied)
    y = alt.Y(
        "measure:Q",
        title=measure.split(" ", 1),  # two lines, as one would be longer than the axis
        scale=alt.Scale(zero=False, type="log" if log_measure else "linear", padding=8),
        axis=alt.Axis(tickCount=4, minExtent=40),
    )
    own = (
        alt.Tooltip("name:N", title=spoken(name))
        if isinstance(varied, Choice)
        else alt.Tooltip("value:Q", title=spoken(name), format=",.4~r")
    )
    trial = alt.Tooltip("trial:Q", title="trial")
    tooltip = [trial, own, alt.Tooltip("measure:Q", title=measure, format=",.5~r")]
    base = alt.Chart()
    layers = [
        base.transform_filter("datum.part == 'trial'")
        .mark_circle(size=55, opacity=0.75, color=TRAINING)
        .encode(x=x, y=y, tooltip=tooltip),
        base.transform_filter("datum.part == 'best'")
        .mark_point(size=110, shape="diamond", filled=True, opacity=1, color=VALIDATION)
        .encode(x=x, y=y, tooltip=tooltip),
        base.transform_filter("datum.part == 'diverged'")
        .mark_point(size=40, shape=_CROSS, strokeWidth=2, color=RED)
        .encode(x=x, y=alt.value(alt.expr("height") if upwards else 0), tooltip=[trial, own]),
    ]
    return finished(
        alt.layer(*layers).properties(height=_HEIGHT),
        f"{measure.capitalize()} over {spoken(name)}, a point for each trial.",
    )


def _axis(name: str, varied: Varied) -> alt.X:
    label = spoken(name)
    if isinstance(varied, Choice):
        names = [shown(one) for one in varied.among]
        return alt.X("name:N", title=label, scale=alt.Scale(domain=names), axis=category_axis(names, 150))
    about = AXES[name]
    listed = sorted(varied.among) if isinstance(varied, Numbers) else []
    low, high = (varied.low, varied.high) if isinstance(varied, Range) else (listed[0], listed[-1])
    stepped = isinstance(varied, Range) and varied.step is not None
    # Steps are as far apart as they are.
    if about.scale != "linear" and not stepped:
        base = 2 if about.whole else 10
        marks = listed or _powers(base, low, high)
        # Vega's own ticks, nine for each decade, would be too many lines.
        some = {"values": marks} if len(marks) > 1 else {"tickCount": 3}
        axis = alt.Axis(labelOverlap=True, **some)
        scale = alt.Scale(type="log", base=base, domain=[low, high], nice=False, padding=8)
    elif listed:
        axis = alt.Axis(values=listed, labelOverlap=True)
        scale = alt.Scale(domain=[low, high], nice=False, padding=8)
    elif about.whole and not stepped:
        axis = alt.Axis(values=list(range(int(low), int(high) + 1)), labelOverlap=True)
        scale = alt.Scale(domain=[low, high], nice=False, padding=8)
    else:
        axis = alt.Axis(tickCount=5)
        scale = alt.Scale(domain=[low, high], nice=False, padding=8)
    return alt.X("value:Q", title=label, scale=scale, axis=axis)


def _powers(base: int, low: float, high: float) -> list[float]:
    """The powers of a number between two others."""
    first, last = math.ceil(math.log(low, base) - 1e-9), math.floor(math.log(high, base) + 1e-9)
    return [float(base) ** power for power in range(first, last + 1)]
