"""The networks of a run that trains many at once: each one's curve, which leads, and which make up the model."""

import pandas as pd
import streamlit as st

from lrapp.charts import members
from lrapp.phrasing import number
from lrapp.runs import notes
from lrapp.runs.events import History, MembersChosen
from lrapp.runs.store import Run
from lrapp.settings.policy import scaled
from lrapp.ui.parts import draft, resources, saving
from lrapp.ui.parts.plain_text import plain


def show(run: Run, history: History, epochs: int, *, log_loss: bool, live: bool) -> None:
    """Show every network of a run, if the person wants to see them, or in a race of rates.

    Args:
        run: The run, which trains more than one network.
        history: Its events so far, at least one step.
        epochs: Right end of the charts.
        log_loss: Draw losses on a logarithmic axis.
        live: Whether it is still in training.
    """
    settings = run.settings
    raced = settings.policy.source == "raced"
    if settings.data.all_rows:  # nothing tells the networks apart
        st.caption("Lines are means over the networks.")
        _choice(history)
        return
    st.caption(
        "Lines are means over the networks, each measured on its own fold; the band reaches from the best to the worst."
        if settings.crossed
        else "Lines are means over the networks, the band reaches from the best to the worst of them, and the dashed "
        "line is the mean of their answers."
    )
    shown = raced or st.toggle("Show every network", key="every_network")
    if not shown or history.prepared is None or not history.epochs:
        _choice(history)
        return
    lines = members.each_frame(history, members.peaks(settings, history))
    if not len(lines):
        st.caption("There are no validation rows to compare the networks on.")
        return
    if raced:
        st.markdown("**Race of rates**" + ("" if history.chosen else f" · {_leader(lines)}"))
    _choice(history)
    charts = {
        "networks": (members.each_spec(epochs, "rates" if raced else "seeds", log_loss=log_loss), lines)
    }
    if raced:
        sure = history.chosen is not None and history.chosen.judged != history.chosen.val_losses
        title = "cautious loss" if sure else "best validation loss"
        charts["rates"] = (members.rates_spec(title, log_loss=log_loss), members.rates_frame(lines))
    for name, (spec, points) in charts.items():
        key = f"{name}.{run.id}"
        if live:
            resources.draw(spec, points, key=key)
        else:
            saving.saveable(spec, points, f"{name}-{run.id}", key, live=True)
    if raced and history.chosen is not None:
        if history.chosen.judged != history.chosen.val_losses:
            st.caption(
                "The cautious loss is the validation loss with one mistake more than was seen: on a few rows, a "
                "network that is sure of everything looks better than it is."
            )
        _take(run, history.chosen)


def _choice(history: History) -> None:
    if history.chosen is not None:
        st.markdown(plain(history.chosen.sentence, None))


def _take(run: Run, chosen: MembersChosen) -> None:
    """Offer the best rate for the next run."""
    settings = run.settings
    name = notes.name_of(run) or run.id
    origin = f"From the race of rates of {name}."
    policy = scaled(settings.policy, chosen.factors[chosen.best - 1], origin[:1000])
    if st.button(
        "Use the best rate",
        icon=":material/check:",
        key=f"take.{run.id}",
        help="Puts it into the policy on this page; the next run then trains at this rate alone.",
    ):
        draft.take_policy(policy)
        st.rerun()


def _leader(lines: pd.DataFrame) -> str:
    leader = lines[lines["leads"]].iloc[0]
    return f"{number(leader['peak'], 2)} leads, with a validation loss of {number(leader['best'])}"
