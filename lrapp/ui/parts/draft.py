"""The settings that the Train page edits, kept for the session.

Streamlit forgets a widget's value as soon as another page is shown; the draft does not. Widgets start from it and
what they say goes back into it. Settings from elsewhere (a run, a link, a file) replace it as a whole: the version
in every widget's key then changes, so that each starts anew.
"""

from contextlib import suppress

import streamlit as st
from pydantic import BaseModel, ValidationError

from lrapp.errors import UserError
from lrapp.runs import links, starts
from lrapp.settings import (
    FreshStart,
    PolicySettings,
    RunSettings,
    RunStart,
    TrainingSettings,
    starting_policy,
    starting_values,
)
from lrapp.settings.base import AnyPart, SettingsModel, checked
from lrapp.ui.parts import resources, session

# The rates that a range test finds for a policy.
FOUND = {
    "fixed": ["learning_rate"],
    "clr": ["base_lr", "max_lr"],
    "sgdr": ["max_lr"],
    "one-cycle": ["max_lr"],
    "coslog4": ["max_lr"],
}


def get() -> RunSettings:
    """Return the draft; in a fresh session, that of the run or the link in the address, or the defaults."""
    kept = session.state()
    if kept.draft is None:
        kept.draft = _of_address()
    if kept.draft is None:
        kept.draft = starting_values.settings()
        propose(kept.draft.training)
    return kept.draft


def propose(training: TrainingSettings | None, own_batch: bool = False) -> None:
    """Remember epochs, patience and batch size that nobody has chosen, so that they may follow from the table.

    Args:
        training: Has them; None to forget.
        own_batch: Whether the batch size was chosen.
    """
    proposed = None if training is None else proposed_in(training, own_batch)
    session.state().proposed = proposed
    session.state().proposals += proposed is not None


def proposed_in(training: TrainingSettings, own_batch: bool) -> tuple[int, int, int | None]:
    """Return epochs, patience and batch size, None for one that was chosen."""
    batch_size = None if own_batch else training.batch_size
    return training.epochs, training.early_stopping.patience, batch_size


def proposal() -> int:
    """Return a number that changes with every proposal."""
    return session.state().proposals


def put(settings: RunSettings, *, anew: bool = False) -> None:
    """Keep settings.

    Args:
        settings: What the widgets hold.
        anew: Whether every widget starts anew from them, as they come from elsewhere.
    """
    kept = session.state()
    # Both at once: a click may cut a run of the script short wherever it asks for the session.
    kept.draft, kept.draft_version = settings, kept.draft_version + anew


def write(kind: type[BaseModel], name: str, key: str) -> None:
    """Put into the draft what a field says, before the page is drawn: a click may cut the drawing short.

    Args:
        kind: The part of the settings that has the field; there is one of each kind.
        name: Of the field.
        key: Of its widget.
    """
    if not is_of(key):
        return  # it was typed into a field of settings that have been replaced
    settings = get()
    with suppress(ValidationError):  # the page says what is wrong with it
        changed = _written(settings, kind, name, st.session_state[key])
        optimizer = changed.training.optimizer
        if family(optimizer) != family(settings.training.optimizer):
            # The rates are those of the other family, which has them when it comes back.
            other_policies()[(settings.policy.type, family(settings.training.optimizer))] = settings.policy
            changed = changed.model_copy(update={"policy": begun(settings.policy.type, optimizer)})
        elif changed.policy != settings.policy:
            policy = changed.policy
            if name in FOUND[policy.type]:
                policy = checked(policy, origin="")  # edited by hand, so no longer what the test found
            other_policies()[(policy.type, family(settings.training.optimizer))] = policy
            changed = changed.model_copy(update={"policy": policy})
        put(changed)


def _written(part: AnyPart, kind: type[BaseModel], name: str, value: object) -> AnyPart:
    if type(part) is kind:
        return checked(part, **{name: value})
    changes = {}
    for inner, before in part:
        if isinstance(before, SettingsModel):
            after = _written(before, kind, name, value)
            if after is not before:
                changes[inner] = after
    return part.model_copy(update=changes) if changes else part


def replace(settings: RunSettings) -> None:
    """Take settings from elsewhere; every widget starts from them."""
    settings = to_train(settings)
    propose(None)
    # Else a policy of that kind that was set earlier would replace theirs.
    other_policies()[(settings.policy.type, family(settings.training.optimizer))] = settings.policy
    session.state().link_trouble = ""
    session.state().advice = None  # the way back from an advice would lead past these settings
    put(settings, anew=True)


def start_from(settings: RunSettings) -> None:
    """Put settings onto the Train page and go there; the address then holds them, so that a refresh keeps them."""
    replace(settings)
    try:
        params = {"settings": links.to_text(get())}
    except UserError:
        params = {}
    session.state().shown_run = ""
    st.switch_page(session.state().pages["train"], query_params=params)


def version() -> int:
    """Return a number that changes when the draft is replaced."""
    return session.state().draft_version


def key(name: str) -> str:
    """Return the key of a widget of the Train page."""
    return f"train{version()}.{name}"


def is_of(key_of_widget: str) -> bool:
    """Return whether a widget with that key says what is in the draft."""
    return key_of_widget.startswith(key(""))


def other_policies() -> dict[tuple[str, str], PolicySettings]:
    """Return the policies set earlier, by type and family of optimizer, so that switching loses nothing."""
    return session.state().policies


def family(optimizer: str) -> str:
    """Return whose rates an optimizer takes: SGD's are some ten times those of the adaptive ones."""
    return "sgd" if optimizer == "sgd" else "adaptive"


def begun(kind: str, optimizer: str) -> PolicySettings:
    """Return the policy of that kind that was set earlier for the optimizer's family, or one to start from."""
    return other_policies().get((kind, family(optimizer))) or starting_policy(kind, optimizer)


def take_policy(policy: PolicySettings) -> None:
    """Put a policy from elsewhere into the draft; its widgets start from it."""
    settings = get().model_copy(update={"policy": policy})
    put(settings)
    other_policies()[(policy.type, family(settings.training.optimizer))] = policy
    session.state().policy_version += 1


def policy_version() -> int:
    """Return a number that changes when the policy was replaced."""
    return session.state().policy_version


def link_trouble() -> str:
    """Return one sentence on what is wrong with the link that this session began with; empty if nothing is."""
    return session.state().link_trouble


def to_train(settings: RunSettings) -> RunSettings:
    """Return the settings of a run of any kind, for training anew: without its name, and what made it a test."""
    data = settings.data.model_copy(update={"all_rows": False})
    changes = {"name": "", "mode": "train", "closer_look": True, "made_from": None, "data": data}
    made = settings.model_copy(update=changes)
    return made if made.data == settings.data else _without_all_rows(made)


def _without_all_rows(settings: RunSettings) -> RunSettings:
    """The same from other weights, if those that a model for use started from know every row."""
    start = settings.model.start
    if not isinstance(start, RunStart):
        return settings
    try:
        source = resources.store().get(start.run).settings
    except UserError:
        return settings  # the page says that it is not there
    if not starts.obstacle(settings, source):
        return settings
    model = settings.model.model_copy(update={"start": start.base or FreshStart()})
    return settings.model_copy(update={"model": model})


def changed_since(ran: RunSettings) -> tuple[str, ...]:
    """Return the steps of the Train page whose settings are not those of a run or of a range test.

    Args:
        ran: Its settings. A range test has no policy of its own.
    """
    now, test = get(), ran.mode == "range test"
    ran = to_train(ran)
    # What the page worked out where the run left it open.
    data = now.data.model_copy(update={"target": None}) if ran.data.target is None else now.data
    parts = {
        "Data": data == ran.data,
        "Network": now.model == ran.model,
        "Training": now.training == ran.training,
        "Learning rate": (test or now.policy == ran.policy)
        and (not (test or now.policy.source == "found") or now.range_test == ran.range_test),
    }
    return tuple(step for step, same in parts.items() if not same)


def _of_address() -> RunSettings | None:
    run_id, text = st.query_params.get("run"), st.query_params.get("settings")
    if run_id:
        try:
            return to_train(resources.store().get(run_id).settings)
        except UserError:
            pass  # the page shows what is wrong with it where the run would be
    if text:
        try:
            return to_train(links.from_text(text))
        except UserError as error:
            session.state().link_trouble = str(error)
    return None
