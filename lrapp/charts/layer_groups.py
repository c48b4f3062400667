"""Differential learning rates -> a chart of the plan with a line for each group of layers."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from lrapp.charts.training import GROUP_HUES, MOST_POINTS, finished, thin
from lrapp.policies.schedules import FloatArray

# The dashes let lines that lie on one another be seen.
_DASHES = {"early": [2, 3], "middle": [8, 4], "head": [1, 0]}


def plan_frame(rates: FloatArray, steps_per_epoch: int) -> pd.DataFrame:
    """Return the plan's points, thinned, over epochs: ``at``, ``learning_rate``, ``group``.

    Args:
        rates: Of every step for early, middle and head, shape (steps, 3).
        steps_per_epoch: At least 1.
    """
    at = np.arange(1, len(rates) + 1) / steps_per_epoch
    lines = [
        thin(
            pd.DataFrame({"at": at, "learning_rate": rates[:, column], "group": group}),
            "learning_rate",
            MOST_POINTS // 2,
        )
        for column, group in enumerate(GROUP_HUES)
    ]
    return pd.concat(lines, ignore_index=True)


def plan_spec() -> dict[str, Any]:
    """Return the specification of the plan of three groups over epochs, to be drawn with ``plan_frame``.

    The axis ends where the plan ends, as in ``charts.plan_spec``.
    """
    names = list(GROUP_HUES)
    legend = alt.Legend(orient="top", direction="horizontal", offset=2)
    chart = (
        alt.Chart()
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("at:Q", title="epoch", scale=alt.Scale(domainMin=0, nice=False)),
            y=alt.Y(
                "learning_rate:Q",
                title="learning rate",
                scale=alt.Scale(zero=True),
                axis=alt.Axis(tickCount=4),
            ),
            color=alt.Color(
                "group:N",
                title=None,
                scale=alt.Scale(domain=names, range=list(GROUP_HUES.values())),
                legend=legend,
            ),
            strokeDash=alt.StrokeDash(
                "group:N",
                title=None,
                scale=alt.Scale(domain=names, range=[_DASHES[name] for name in names]),
                # The same, so that both are one legend.
                legend=legend,
            ),
            tooltip=[
                alt.Tooltip("group:N", title="layers"),
                alt.Tooltip("at:Q", title="epoch", format=",.4~r"),
                alt.Tooltip("learning_rate:Q", title="learning rate", format=",.4~r"),
            ],
        )
        .properties(height=220)
    )
    return finished(chart)
