"""Chart of pruning: which share of the weights is zero in each epoch."""

from typing import Any

import altair as alt
import pandas as pd

from lrapp.charts.theme import finished
from lrapp.charts.training import kept, thin
from lrapp.palette import TRAINING
from lrapp.settings import PruningSettings
from lrapp.training.pruning import sparsity


def plan_frame(settings: PruningSettings, epochs: int) -> pd.DataFrame:
    """Return the planned sparsity of every epoch, thinned: ``epoch``, ``sparsity`` (0 to 1)."""
    planned = [sparsity(settings, epoch, epochs) or 0.0 for epoch in range(1, epochs + 1)]
    return thin(pd.DataFrame({"epoch": range(1, epochs + 1), "sparsity": planned}), "sparsity")


@kept
def plan_spec() -> dict[str, Any]:
    """Return the specification of the planned sparsity over epochs (columns ``epoch``, ``sparsity``)."""
    chart = (
        alt.Chart()
        .mark_line(color=TRAINING, strokeWidth=2, interpolate="step-after", point=True)
        .encode(
            x=alt.X("epoch:Q", title="epoch", scale=alt.Scale(domainMin=0, nice=False)),
            y=alt.Y(
                "sparsity:Q",
                title="zeros",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(tickCount=4, format=".0%", minExtent=52),
            ),
            tooltip=[
                alt.Tooltip("epoch:Q", title="epoch", format=","),
                alt.Tooltip("sparsity:Q", title="zeros", format=".1%"),
            ],
        )
        .properties(height=170)
    )
    return finished(chart, "Planned share of weights that are zero, over the epochs.")
