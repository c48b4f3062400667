"""Where each criterion of early stopping would have ended a run that has finished."""

import numpy as np
import pandas as pd
import streamlit as st

from lrapp.charts import stopping as chart
from lrapp.phrasing import number, percent
from lrapp.runs.events import History
from lrapp.runs.store import Run
from lrapp.training.stopping import Verdict, verdicts
from lrapp.ui.parts import resources, saving

_NEVER = "never"


def show(run: Run, history: History) -> None:
    """Show a drawer for a run that has ended, if there is something to stop.

    Args:
        run: The run.
        history: What it said.
    """
    val_loss = np.array([epoch.val_loss for epoch in history.epochs])
    if (
        len(val_loss) < 2
        or history.best is None
        or not np.isfinite(val_loss).all()
        or history.prepared is None
    ):
        return
    drawer = resources.drawer("When it could have stopped", ":material/flag:", f"stopping.{run.id}")
    if not drawer.open:
        return
    loss = np.array([epoch.loss for epoch in history.epochs])
    settings = run.settings
    ends = settings.cycle_ends(history.prepared.train)
    before = settings.training.counts_from - 1
    found = list(verdicts(loss, val_loss, settings.training.early_stopping, ends, before))
    with drawer:
        st.markdown(
            "Where patience and Prechelt's criteria ([1998](https://doi.org/10.1007/3-540-49430-8_3)) would have ended "
            "this run, the epochs that this would have saved, and how much higher the best validation loss up to there "
            "is."
        )
        points = chart.frame(val_loss, found)
        saving.saveable(chart.spec(len(val_loss)), points, f"stopping-{run.id}", f"stopping.{run.id}.chart")
        st.dataframe(table(found), hide_index=True)
        if before:
            st.caption(f"A pruned run is judged from epoch {before + 1:,} on, with its final sparsity.")
        if settings.networks > 1:
            st.caption(
                "Measured on the mean over the networks; while training, each network is judged by its own."
            )


def table(found: list[Verdict]) -> pd.DataFrame:
    """Return a row for each criterion, as text."""
    return pd.DataFrame(
        {
            "criterion": [verdict.name for verdict in found],
            "ends after epoch": [
                _NEVER if verdict.stop is None else f"{verdict.stop:,}" for verdict in found
            ],
            "best epoch": [f"{verdict.best_epoch:,}" for verdict in found],
            "epochs saved": [percent(verdict.saved) for verdict in found],
            "validation loss higher by": [f"{number(verdict.cost, 3)} %" for verdict in found],
        }
    )
