"""A plan of learning rates -> its chart: a line, or one for each group of layers, and that of momentum below it."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from lrapp.charts.theme import finished
from lrapp.charts.training import GROUP_HUES, MOST_POINTS, kept, thin
from lrapp.palette import TRAINING
from lrapp.policies.schedules import FloatArray

# The dashes let lines that lie on one another be seen.
_DASHES = {"early": [2, 3], "middle": [8, 4], "head": [1, 0]}


def plan_frame(rates: FloatArray, steps_per_epoch: int, momenta: FloatArray | None = None) -> pd.DataFrame:
    """Return a plan's points, thinned, over epochs: ``at`` and ``learning_rate``.

    Args:
        rates: Of every step, shape (steps,) or (steps, 1); for three groups, early, middle and head, shape (steps, 3),
            with which the frame has a column ``group``.
        steps_per_epoch: At least 1.
        momenta: The momentum of every step, where it moves, shape (steps,); rows of its own, with ``momentum``.
    """
    at = np.arange(1, len(rates) + 1) / steps_per_epoch
    columns = rates.reshape(len(rates), -1).T
    most = MOST_POINTS if len(columns) == 1 else MOST_POINTS // 2
    lines = [
        thin(pd.DataFrame({"at": at, "learning_rate": column}), "learning_rate", most) for column in columns
    ]
    if len(columns) > 1:
        lines = [line.assign(group=group) for line, group in zip(lines, GROUP_HUES, strict=True)]
    if momenta is not None:
        lines.append(thin(pd.DataFrame({"at": at, "momentum": momenta}), "momentum"))
    return pd.concat(lines, ignore_index=True)


@kept
def plan_spec(*, grouped: bool = False, momentum: bool | str = False) -> dict[str, Any]:
    """Return the specification of a plan over epochs, to be drawn with ``plan_frame``.

    The axis ends where the plan ends. A length in the specification would make another chart of it with every change,
    which costs the browser several times what new points do.

    Args:
        grouped: Whether groups of layers have rates of their own.
        momentum: Whether momentum moves, and is drawn below the rate; or what it is called, as
            ``TrainingSettings.momentum_name`` says.
    """
    rate = _line("learning_rate", "learning rate", zero=True).properties(height=220 if grouped else 150)
    if grouped:
        rate = _by_group(rate)
    if not momentum:
        return finished(rate, "The plan: the learning rate over the epochs.")
    name = momentum if isinstance(momentum, str) else "momentum"
    below = _line("momentum", name, zero=False).transform_filter("isValid(datum.momentum)")
    above = rate.transform_filter("isValid(datum.learning_rate)")
    both = alt.vconcat(above, below.properties(height=100), spacing=12)
    made = both.resolve_scale(x="shared", color="independent", strokeDash="independent")
    return finished(made, f"The plan: the learning rate, and below it {name}, over the epochs.")


@kept
def shape_spec(highest: float) -> dict[str, Any]:
    """Return the specification of a small plan without axes, to be drawn with ``plan_frame``: how the rate moves.

    Args:
        highest: The rate at the top, the same for all plans that are seen together.
    """
    fill = (
        alt.Chart()
        .mark_area(color=TRAINING, opacity=0.15, line={"color": TRAINING, "strokeWidth": 2, "opacity": 1})
        .encode(
            x=alt.X("at:Q", axis=None, scale=alt.Scale(nice=False)),
            y=alt.Y("learning_rate:Q", axis=None, scale=alt.Scale(domain=[0, highest], nice=False)),
        )
    )
    # Streamlit leaves room below a chart for an axis, which this one has not.
    whole = fill.properties(height=56, padding={"left": 0, "right": 0, "top": 3, "bottom": 1})
    return finished(whole, "How the learning rate moves over the epochs.")


def _line(column: str, title: str, *, zero: bool) -> alt.Chart:
    return (
        alt.Chart()
        .mark_line(color=TRAINING, strokeWidth=2)
        .encode(
            x=alt.X("at:Q", title="epoch", scale=alt.Scale(domainMin=0, nice=False)),
            y=alt.Y(f"{column}:Q", title=title, scale=alt.Scale(zero=zero), axis=alt.Axis(tickCount=4)),
            tooltip=[
                alt.Tooltip("at:Q", title="epoch", format=",.4~r"),
                alt.Tooltip(f"{column}:Q", title=title, format=",.4~r"),
            ],
        )
    )


def _by_group(chart: alt.Chart) -> alt.Chart:
    names = list(GROUP_HUES)
    # The same for both, so that they are one legend.
    legend = alt.Legend(orient="top", direction="horizontal", offset=2)
    hues = alt.Scale(domain=names, range=list(GROUP_HUES.values()))
    dashes = alt.Scale(domain=names, range=[_DASHES[name] for name in names])
    return chart.mark_line(strokeWidth=2).encode(
        color=alt.Color("group:N", title=None, scale=hues, legend=legend),
        strokeDash=alt.StrokeDash("group:N", title=None, scale=dashes, legend=legend),
        tooltip=[
            alt.Tooltip("group:N", title="layers"),
            alt.Tooltip("at:Q", title="epoch", format=",.4~r"),
            alt.Tooltip("learning_rate:Q", title="learning rate", format=",.4~r"),
        ],
    )
