"""Pruning on the Train page: a drawer with its numbers, and the sparsity that they plan."""

import streamlit as st

from lrapp.charts import pruning as chart
from lrapp.settings import PruningSettings
from lrapp.settings.base import checked
from lrapp.ui.parts import draft, fields, resources, saving

_NUMBERS = ["final_sparsity", "scope", "first_epoch", "last_epoch", "initial_sparsity"]


def show(settings: PruningSettings, epochs: int) -> PruningSettings:
    """Show the drawer, and return the settings as chosen.

    Args:
        settings: The draft's settings.
        epochs: Of the run, as its field says.
    """
    key = draft.key("training.pruning")
    on = st.session_state.get(f"{key}.enabled", settings.enabled)
    drawer = resources.drawer(
        "Pruning (on)" if on else "Pruning", ":material/content_cut:", f"{key}.drawer", expanded=on
    )
    if not drawer.open:
        return checked(settings, **fields.kept(settings, ["enabled", *_NUMBERS], key))
    with drawer:
        st.caption(
            "Gradual pruning by magnitude ([Zhu and Gupta 2017](https://arxiv.org/abs/1710.01878)): fewer weights, a "
            "model that compresses better. Biases, batch normalisation, embeddings and layers that are frozen in the "
            "whole run are left as they are."
        )
        enabled = fields.widget(settings, "enabled", key)
        if not enabled:
            return checked(settings, enabled=False, **fields.kept(settings, _NUMBERS, key))
        chosen = checked(settings, enabled=True, **fields.choose(settings, _NUMBERS, key))
        if not chosen.obstacle(epochs):
            points = chart.plan_frame(chosen, epochs)
            saving.saveable(chart.plan_spec(), points, "pruning", f"{key}.plan", live=True)
            st.caption(
                f"The final sparsity is reached in epoch {chosen.last(epochs):,} of {epochs:,}. The best epoch is one "
                "of those from there on, and early stopping waits until then."
            )
    return chosen
