"""The fourth step: how the learning rate moves."""

import math

import numpy as np
import streamlit as st
from pydantic import BaseModel

from lrapp.errors import UserError
from lrapp.evaluation import selection
from lrapp.phrasing import number
from lrapp.settings import PolicySettings, RunSettings, summary
from lrapp.settings.base import checked
from lrapp.settings.run import RACERS
from lrapp.ui.parts import draft, expert, fields
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.run import range_test

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


def show(settings: RunSettings, training_rows: int | None) -> tuple[PolicySettings, str | None]:
    """Show the step.

    Args:
        settings: The draft, with what the steps above say.
        training_rows: Rows to train on, None while there is no table.

    Returns:
        The policy as chosen, and what stands in the way of training.
    """
    family = draft.family(settings.training.optimizer)
    others = draft.other_policies()
    others.setdefault((settings.policy.type, family), settings.policy)
    key = draft.key(f"policy{draft.policy_version()}.type")
    kind = st.selectbox(
        "Policy",
        list(summary.POLICY_TITLES),
        index=list(summary.POLICY_TITLES).index(settings.policy.type),
        format_func=lambda name: summary.POLICY_TITLES[name],
        key=key,
        on_change=_turn,
        args=(key,),
        help="How the learning rate moves from step to step.",
    )
    st.caption(_ABOUT[kind])
    # SGD and the adaptive optimizers want rates that differ tenfold; each family keeps its own numbers.
    start = draft.begun(kind, settings.training.optimizer)
    policy = numbers(start, draft.key(f"policy{draft.policy_version()}.{kind}.{family}"))
    others[(kind, family)] = policy
    settings = settings.model_copy(update={"policy": policy})
    obstacle = _check(settings, training_rows)
    if policy.origin:
        st.caption(plain(f"Rates: {policy.origin}", None))
    range_test.form(settings, training_rows)
    return policy, obstacle


def _turn(key: str) -> None:
    """Put the policy that was chosen into the draft at once, as this run of the script may be interrupted."""
    settings = draft.get()
    policy = draft.begun(st.session_state[key], settings.training.optimizer)
    draft.put(settings.model_copy(update={"policy": policy}))


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
        names = [name for name in names if name not in draft.FOUND[start.type]]
    unit = st.session_state.get(f"{key}.unit", start.unit)
    units = dict.fromkeys(_lengths(start), unit)
    rare = ["warmup", "unit"]
    shown = expert.on() or bool(expert.differs(start, [*rare, "cycle_momentum"]))
    chosen = fields.choose(start, [*names, *(rare if shown else [])], key, **units)
    # A fixed rate has the switch only where it came with the settings, to be switched off.
    if shown and (start.type != "fixed" or start.cycle_momentum):
        chosen["cycle_momentum"] = fields.widget(start, "cycle_momentum", key)
        if chosen["cycle_momentum"]:
            chosen |= fields.choose(start, ["base_momentum", "max_momentum"], key)
    policy: PolicySettings = checked(start, source=source, **chosen)
    rates = draft.FOUND[start.type]
    if policy.origin and any(getattr(policy, name) != getattr(start, name) for name in rates):
        policy = checked(policy, origin="")  # edited by hand, so no longer what the test found
    return policy


def _check(settings: RunSettings, training_rows: int | None) -> str | None:
    """Return why training cannot start; what is wrong stands on the page."""
    if training_rows is None:
        return None
    try:
        settings.check_momentum()
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return "momentum cannot move against the rate"
    if settings.policy.source == "found":
        try:
            settings.range_test.check(math.ceil(training_rows / settings.training.batch_size))
        except UserError as error:
            st.error(plain(str(error), None), icon=":material/error:")
            return "the range test cannot be read"
        return None
    try:
        plan = settings.plan(training_rows)
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return "the learning rate's numbers do not go together"
    if settings.policy.source == "raced":
        peaks = plan.max() * np.array(settings.factors())
        own = len(peaks) - RACERS + 1
        st.caption(
            f"{len(peaks)} networks race: {own:,} at these rates and {RACERS - 1} at others, with peaks from "
            f"{number(peaks.min(), 2)} to {number(peaks.max(), 2)}. {plain(selection.usual_in_race(own), None)}, or "
            "another choice if it does clearly better on the validation rows."
        )
    return None


def _lengths(policy: BaseModel) -> list[str]:
    """The fields that count epochs or steps."""
    return [
        name
        for name, field in type(policy).model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("unit") == "length"
    ]
