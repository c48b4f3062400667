"""Chart of a finished run: its validation loss, and where each criterion would have ended it."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from lrapp.charts.theme import finished
from lrapp.charts.training import kept, thin
from lrapp.palette import VALIDATION
from lrapp.phrasing import counted
from lrapp.training.stopping import FloatArray, Verdict

_LINE, _STOP = "loss", "stop"


def frame(val_loss: FloatArray, verdicts: Sequence[Verdict], most: int = 1_000) -> pd.DataFrame:
    """Return what the chart draws: a row for every epoch, and one for each epoch at which criteria end the run.

    Args:
        val_loss: Of every epoch, shape (epochs,), finite.
        verdicts: Of the criteria; those that end nothing have no row.
        most: About how many points of the line to keep.

    Returns:
        ``kind`` ("loss" or "stop"), ``epoch``, ``value`` and ``names`` of the criteria.
    """
    line = pd.DataFrame({"epoch": np.arange(1, len(val_loss) + 1), "value": val_loss})
    line = thin(line, "value", most).assign(kind=_LINE, names="")
    ends: dict[int, list[str]] = {}
    for verdict in verdicts:
        if verdict.stop is not None:
            ends.setdefault(verdict.stop, []).append(verdict.name)
    stops = pd.DataFrame(
        {
            "epoch": list(ends),
            "value": [float(val_loss[epoch - 1]) for epoch in ends],
            "kind": _STOP,
            "names": [", ".join(names) for names in ends.values()],
        }
    )
    return pd.concat([line, stops], ignore_index=True) if len(stops) else line


@kept
def spec(epochs: int) -> dict[str, Any]:
    """Return the specification of the chart, whose axis ends after that many epochs."""
    base = alt.Chart()
    x = alt.X("epoch:Q", title="epoch", scale=alt.Scale(domain=[0, epochs], nice=False))
    y = alt.Y(
        "value:Q",
        title="validation loss",
        scale=alt.Scale(zero=False, padding=14),
        axis=alt.Axis(tickCount=4, minExtent=52, maxExtent=52),
    )
    stops = base.transform_filter(f"datum.kind === '{_STOP}'")
    tooltip = [
        alt.Tooltip("names:N", title="ended by"),
        alt.Tooltip("epoch:Q", format=",.4~r"),
        alt.Tooltip("value:Q", title="validation loss", format=",.5~r"),
    ]
    line = base.transform_filter(f"datum.kind === '{_LINE}'").mark_line(color=VALIDATION, strokeWidth=2)
    rules = stops.mark_rule(strokeDash=[3, 3], opacity=0.5)
    points = stops.mark_point(size=90, filled=True, opacity=1, color=VALIDATION)
    chart = alt.layer(
        line.encode(x=x, y=y),
        rules.encode(x=x, tooltip=tooltip),
        points.encode(x=x, y=y, tooltip=tooltip),
    )
    told = (
        f"Validation loss over {counted(epochs, 'epoch')}, and where each criterion would have ended the run."
    )
    return finished(chart.properties(height=200), told)
