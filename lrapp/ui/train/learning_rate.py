"""The fourth card: how the learning rate moves, drawn while its numbers move."""

import math

import numpy as np
import streamlit as st
from pydantic import BaseModel

from lrapp.charts import plans
from lrapp.errors import UserError
from lrapp.evaluation import selection
from lrapp.networks import shapes
from lrapp.networks.shapes import Group, Shape
from lrapp.phrasing import counted, number
from lrapp.settings import PolicySettings, RunSettings, starting_policy
from lrapp.settings.base import checked
from lrapp.settings.run import RACERS
from lrapp.ui.parts import draft, fields, saving
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import range_test

_NAMES = {
    "fixed": "Fixed",
    "clr": "Cyclical (CLR)",
    "sgdr": "Warm restarts (SGDR)",
    "one-cycle": "One-cycle",
    "coslog4": "Growing cycles (coslog4)",
}
_ABOUT = {
    "fixed": "One rate for the whole run: simple, and what the others are measured by.",
    "clr": "Up and down between two bounds, in straight lines: high rates get over obstacles, low ones settle "
    "([Smith 2017](https://arxiv.org/abs/1506.01186)).",
    "sgdr": "Falls along a half cosine, then starts high again, in ever longer cycles "
    "([Loshchilov and Hutter 2017](https://arxiv.org/abs/1608.03983)).",
    "one-cycle": "One rise and one long fall over the whole run: few epochs, large rates "
    "([Smith and Topin 2018](https://arxiv.org/abs/1708.07120)).",
    "coslog4": "Four cosine cycles over the whole run, each twice as long as the one before, with an end at the lowest "
    "rate ([Holzmüller et al. 2024](https://arxiv.org/abs/2407.04491)).",
}
_FIELDS = {
    "fixed": ["learning_rate"],
    "clr": ["base_lr", "max_lr", "step_size", "mode"],
    "sgdr": ["max_lr", "min_lr", "T_0", "T_mult", "decay"],
    "one-cycle": ["max_lr", "rise", "start_div", "end_div"],
    "coslog4": ["base_lr", "max_lr"],
}
# What a range test finds for a policy.
_FOUND = {
    "fixed": ["learning_rate"],
    "clr": ["base_lr", "max_lr"],
    "sgdr": ["max_lr"],
    "one-cycle": ["max_lr"],
    "coslog4": ["max_lr"],
}


def card(
    settings: RunSettings, training_rows: int | None, shape: Shape | None
) -> tuple[PolicySettings, str | None]:
    """Show the card.

    Args:
        settings: The draft, with what the cards above say.
        training_rows: Rows to train on, None while there is no table.
        shape: Of one row of what the network will be given; None while the data cannot be used.

    Returns:
        The policy as chosen, and what stands in the way of training.
    """
    family = draft.family(settings.training.optimizer)
    others = draft.other_policies()
    others.setdefault((settings.policy.type, family), settings.policy)
    kind = st.selectbox(
        "Policy",
        list(_NAMES),
        index=list(_NAMES).index(settings.policy.type),
        format_func=lambda name: _NAMES[name],
        key=draft.key("policy.type"),
        help="How the learning rate moves from step to step.",
    )
    st.caption(_ABOUT[kind])
    # SGD and the adaptive optimizers want rates that differ tenfold; each family keeps its own numbers.
    start = others.get((kind, family)) or starting_policy(kind, settings.training.optimizer)
    policy = numbers(start, draft.key(f"policy{draft.policy_version()}.{kind}.{family}"))
    others[(kind, family)] = policy
    settings = settings.model_copy(update={"policy": policy})
    obstacle = _plan(settings, training_rows, shape)
    if policy.origin:
        st.caption(plain(f"Rates: {policy.origin}", None))
    range_test.card(settings, training_rows)
    return policy, obstacle


def numbers(start: PolicySettings, key: str) -> PolicySettings:
    """Show widgets for a policy's numbers, but for those that a range test will find, and return the policy.

    Args:
        start: What the widgets start from.
        key: Start of the widgets' keys.
    """
    source = fields.widget(start, "source", key)
    names = list(_FIELDS[start.type])
    if start.type == "clr" and st.session_state.get(f"{key}.mode", getattr(start, "mode", "")) == "exp_range":
        names.append("gamma")
    if source == "found":
        names = [name for name in names if name not in _FOUND[start.type]]
    unit = st.session_state.get(f"{key}.unit", start.unit)
    units = dict.fromkeys(_lengths(start), unit)
    chosen = fields.choose(start, [*names, "warmup", "unit"], key, **units)
    # A fixed rate has the switch only where it came with the settings, to be switched off.
    if start.type != "fixed" or start.cycle_momentum:
        chosen["cycle_momentum"] = fields.widget(start, "cycle_momentum", key)
        if chosen["cycle_momentum"]:
            chosen |= fields.choose(start, ["base_momentum", "max_momentum"], key)
    policy: PolicySettings = checked(start, source=source, **chosen)
    rates = _FOUND[start.type]
    if policy.origin and any(getattr(policy, name) != getattr(start, name) for name in rates):
        policy = checked(policy, origin="")  # edited by hand, so no longer what the test found
    return policy


def _plan(settings: RunSettings, training_rows: int | None, shape: Shape | None) -> str | None:
    """Draw the plan; return why training cannot start."""
    if training_rows is None:
        st.caption("The plan is drawn as soon as there is a table.")
        return None
    try:
        settings.check_momentum()
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return "momentum cannot move against the rate"
    if settings.policy.source == "found":
        test = settings.range_test
        try:
            test.check(math.ceil(training_rows / settings.training.batch_size))
        except UserError as error:
            st.error(plain(str(error), None), icon=":material/error:")
            return "the range test cannot be read"
        length = counted(test.epochs, "epoch") if test.rise == "linear" else counted(test.steps, "step")
        st.info(
            f"A range test of {test.seeds:d} x {plain(length, None)} is the first phase of the run. It sets the rates, "
            "and the plan is drawn on the right as soon as they are known.",
            icon=":material/search_insights:",
        )
        return None
    try:
        _draw(settings, training_rows, shape)
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return "the learning rate's numbers do not go together"
    return None


def _lengths(policy: BaseModel) -> list[str]:
    """The fields that count epochs or steps."""
    return [
        name
        for name, field in type(policy).model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("unit") == "length"
    ]


def _draw(settings: RunSettings, training_rows: int, shape: Shape | None) -> None:
    plan = settings.plan(training_rows)
    steps_per_epoch = math.ceil(training_rows / settings.training.batch_size)
    momenta = settings.momentum_plan(training_rows)
    points = plans.plan_frame(settings.group_plan(training_rows), steps_per_epoch, momenta)
    groups, momentum = settings.training.groups, momenta is not None
    key = draft.key(f"{'group_' if groups.differ else ''}plan{'_with_momentum' if momentum else ''}")
    saving.saveable(plans.plan_spec(grouped=groups.differ, momentum=momentum), points, "plan", key, live=True)
    if settings.policy.source == "raced":
        peaks = plan.max() * np.array(settings.factors())
        own = len(peaks) - RACERS + 1
        st.info(
            f"{len(peaks)} networks race: {own:,} at the policy's own rates and {RACERS - 1} at others, with peaks "
            f"from {number(peaks.min(), 2)} to {number(peaks.max(), 2)}. "
            f"{plain(selection.usual_in_race(own), None)}, or another choice if it does clearly better on the "
            "validation rows.",
            icon=":material/social_leaderboard:",
        )
    least, greatest = number(plan.min(), 3), number(plan.max(), 3)
    moves = f"moves between {least} and {greatest}" if least != greatest else f"stays at {least}"
    against = "" if momenta is None else f", {plain(settings.training.momentum_name, None)} against it"
    st.caption(f"{counted(len(plan), 'step')}, {steps_per_epoch:,} an epoch; the rate {moves}{against}.")
    if learning := groups.sentence(settings.training.epochs, _without(settings, shape)):
        st.caption(plain(learning, None))


def _without(settings: RunSettings, shape: Shape | None) -> tuple[Group, ...]:
    """The groups that no layer is in."""
    try:
        return () if shape is None else shapes.without_layers(settings.model, shape)
    except UserError:  # the Network card says what cannot be built
        return ()
