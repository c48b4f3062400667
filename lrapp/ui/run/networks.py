"""The networks of a run that trains many at once: each line, who leads, and what became of them."""

import numpy as np
import pandas as pd
import streamlit as st

from lrapp.charts import members
from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.ui.parts import resources, saving
from lrapp.ui.parts.plain_text import plain


def show(run: Run, history: History, epochs: int, *, log_loss: bool, live: bool) -> None:
    """Show every network of a run, where a person wants to see them, or where their rates race.

    Args:
        run: The run, which trains more than one network.
        history: What it has said so far, at least one step.
        epochs: Right end of the charts.
        log_loss: Draw losses on a logarithmic axis.
        live: Whether it is still in training.
    """
    settings = run.settings
    raced = settings.policy.source == "raced"
    if history.chosen is not None:
        st.caption(plain(history.chosen.sentence, None))
    shown = raced or st.toggle(
        "Show every network",
        key="every_network",
        help="The lines above are the mean of the networks; the band reaches from the best to the worst of them, and "
        "the dashed line is the mean of their answers.",
    )
    if not shown or history.prepared is None or not history.epochs:
        return
    peaks = settings.plan(history.prepared.train).max() * np.array(settings.factors())
    points = members.each_frame(history, peaks.tolist())
    if not len(points):
        st.caption("There are no validation rows to compare the networks on.")
        return
    if raced:
        st.markdown(f"**Race of rates** · {plain(_leader(points), None)}")
    spec = members.each_spec(epochs, "rates" if raced else "seeds", log_loss=log_loss)
    key = f"networks.{run.id}"
    if live:
        resources.draw(spec, points, key=key)
    else:
        saving.saveable(spec, points, f"networks-{run.id}", key, live=True)


def _leader(points: pd.DataFrame) -> str:
    leader = points[points["leads"]].iloc[0]
    return f"{leader['peak']:.2g} leads, with a validation loss of {leader['best']:.4g}"
