"""The stage before a run: what will be learned from, the network, and the plan of the learning rate."""

from contextlib import suppress

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lrapp.charts import network, plans
from lrapp.errors import UserError
from lrapp.networks import shapes
from lrapp.networks.shapes import Group, Shape
from lrapp.phrasing import counted, number
from lrapp.settings import RunSettings
from lrapp.ui.parts import draft, kinds, saving
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import range_test
from lrapp.ui.train.rail import Bench


def head(place: DeltaGenerator) -> None:
    """Say what the app is for, above the bar."""
    if "test" not in st.query_params:
        with place.container():
            st.header("Train a neural network on your data, without code", anchor=False)
            st.caption("Choose data, press Train, watch it learn, and take the model with you.")


def show(settings: RunSettings, found: Bench) -> None:
    """Show what the settings will do.

    Args:
        settings: The draft.
        found: What the rail found.
    """
    if "test" in st.query_params:
        range_test.last(settings)
    if found.chosen is None:
        return
    kinds.of(found.chosen.data.kind).stage(found.chosen)
    rows = found.chosen.rows
    if rows is None:
        return
    _network(settings, found)
    if found.plan_obstacle is None:
        st.subheader("Learning rate", anchor=False)
        plan(settings, rows, found.shape)


def _network(settings: RunSettings, found: Bench) -> None:
    if found.estimate is None:
        return
    outlook = found.chosen.outlook if found.chosen is not None else None
    if outlook is None:
        return
    st.subheader("Network", anchor=False)
    with suppress(UserError):  # the Network step says what cannot be built
        st.html(
            network.picture(
                *(settings.model, outlook.shape, outlook.outputs, outlook.numbers),
                networks=settings.networks,
                answer=settings.data.target or "",
            )
        )
    st.caption(plain(found.estimate.sentence(found.free), None))


def plan(settings: RunSettings, rows: int, shape: Shape | None) -> None:
    """Draw the plan of the learning rate.

    Args:
        settings: The draft, whose numbers go together.
        rows: Rows to train on.
        shape: Of one row of what the network will be given; None while the data cannot be used.
    """
    if settings.policy.source == "found":
        test = settings.range_test
        length = counted(test.epochs, "epoch") if test.rise == "linear" else counted(test.steps, "step")
        st.info(
            f"A range test of {test.seeds:d} x {plain(length, None)} comes first. It sets the rates, and the plan is "
            "drawn here as soon as they are known.",
            icon=":material/search_insights:",
        )
        return
    steps_per_epoch = -(-rows // settings.training.batch_size)
    rates, momenta = settings.plan(rows), settings.momentum_plan(rows)
    points = plans.plan_frame(settings.group_plan(rows), steps_per_epoch, momenta)
    groups, momentum = settings.training.groups, momenta is not None and settings.training.momentum_name
    key = draft.key(f"{'group_' if groups.differ else ''}plan{'_with_momentum' if momentum else ''}")
    saving.saveable(plans.plan_spec(grouped=groups.differ, momentum=momentum), points, "plan", key, live=True)
    least, greatest = number(rates.min(), 3), number(rates.max(), 3)
    moves = f"moves between {least} and {greatest}" if least != greatest else f"stays at {least}"
    against = "" if momenta is None else f", {plain(settings.training.momentum_name, None)} against it"
    st.caption(f"{counted(len(rates), 'step')}, {steps_per_epoch:,} an epoch; the rate {moves}{against}.")
    if learning := groups.sentence(settings.training.epochs, _without(settings, shape)):
        st.caption(plain(learning, None))


def _without(settings: RunSettings, shape: Shape | None) -> tuple[Group, ...]:
    """The groups that no layer is in."""
    try:
        return () if shape is None else shapes.without_layers(settings.model, shape)
    except UserError:  # the Network step says what cannot be built
        return ()
