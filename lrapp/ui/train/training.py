"""The third step: optimizer, batches, epochs, early stopping and precision."""

from contextlib import suppress
from typing import Any

import streamlit as st

from lrapp.errors import UserError
from lrapp.networks import shapes
from lrapp.networks.shapes import Shape
from lrapp.settings import (
    EarlyStoppingSettings,
    GroupSettings,
    ModelSettings,
    TrainingSettings,
    starting_values,
)
from lrapp.settings.base import checked
from lrapp.ui.parts import draft, expert, fields, resources, session
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.train import pruning
from lrapp.ui.train import stopping as stopping_fields

_OWN_FIELDS = {
    "sgd": ["momentum", "nesterov"],
    "adam": [],
    "adamw": ["weight_decay"],
    "rmsprop": ["momentum"],
}
# Fields that most people leave as they are.
_RARE_FIELDS = {"sgd": [], "adam": ["beta_1", "beta_2"], "adamw": ["beta_1", "beta_2"], "rmsprop": []}
_RARE_STOPPING = ["monitor", "restore_best"]


# New layers follow the policy's rate; trained ones move little, and not at all in the first epoch.
GENTLE = GroupSettings(early=0.1, middle=0.3, head=1.0, frozen_epochs=1)
# The head first, then the layers before it, then all (Howard and Ruder 2018).
GRADUAL = GroupSettings(early=0.1, middle=0.3, head=1.0, frozen_epochs=1, early_frozen_epochs=1)


def show(
    training: TrainingSettings, model: ModelSettings, shape: Shape | None, rows: int | None, folds: int = 1
) -> TrainingSettings:
    """Show the step.

    Args:
        training: The draft's settings.
        model: The network, as the step above says.
        shape: Of one row of what the network will be given; None while the data cannot be used.
        rows: Rows to train on; None while there are none.
        folds: Of a cross-validation, each with a network of its own; 1 for none.

    Returns:
        The settings as chosen.
    """
    key = draft.key("training")
    if rows is not None and shape is not None and len(shape) == 1:
        training = _for_rows(training, rows, key)
    # New fields for each proposal, as an existing field keeps its value.
    by_rows = f"{key}.{draft.proposal()}"
    chosen = fields.choose(training, ["epochs", "batch_size"], by_rows)
    optimizer = fields.widget(training, "optimizer", key)
    chosen |= {"optimizer": optimizer}
    if _OWN_FIELDS[optimizer]:
        chosen |= fields.choose(training, _OWN_FIELDS[optimizer], key)
    chosen |= _ensemble(training, key, shape, folds)
    stopping = training.early_stopping
    values = stopping_fields.show(stopping, key)
    rare = [*_RARE_FIELDS[optimizer], "seed", "precision", "xla"]
    if expert.on():
        more, rare_values = _rare(training, rare, key)
        values |= more
        chosen |= rare_values
    else:
        expert.tell(stopping, _RARE_STOPPING)
        expert.tell(training, rare)
    if expert.on() or training.groups.differ or model.start.type != "fresh":
        chosen |= {"groups": _groups(training.groups, model, shape)}
    if expert.on() or training.pruning.enabled:
        chosen |= {"pruning": pruning.show(training.pruning, chosen["epochs"])}
    early_stopping = EarlyStoppingSettings.model_validate(stopping.model_dump() | values)
    return TrainingSettings.model_validate(
        training.model_dump() | chosen | {"early_stopping": early_stopping}
    )


def _rare(training: TrainingSettings, names: list[str], key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Show what most people leave as it is; return what was chosen for early stopping, and for the training."""
    drawer = resources.drawer("Seed, best epoch, precision, compilation", ":material/tune:", f"{key}.more")
    ask = fields.choose if drawer.open else fields.kept
    with drawer:
        values = ask(training.early_stopping, _RARE_STOPPING, key)
        chosen = ask(training, names, key)
        if drawer.open and chosen["precision"] != "float32":
            st.info(
                "Mixed precision pays on recent GPUs with large networks. On a CPU, mixed_float16 above all, it is "
                "usually slower than float32. The output layer always computes in float32.",
                icon=":material/info:",
            )
    return values, chosen


def _for_rows(training: TrainingSettings, rows: int, key: str) -> TrainingSettings:
    """Return the settings with epochs, patience and batch size that suit the table, but for what was chosen."""
    proposed = session.state().proposed
    if proposed is None:
        return training
    *lengths, usual_batch = proposed
    if lengths != [training.epochs, training.early_stopping.patience]:
        draft.propose(None)
        return training
    # The batch size as it stands in its field, which the draft does not know yet.
    batch_size = st.session_state.get(f"{key}.{draft.proposal()}.batch_size", training.batch_size)
    own_batch = batch_size != usual_batch
    if not own_batch:
        batch_size = starting_values.batch_size(rows)
    suited = starting_values.for_rows(checked(training, batch_size=batch_size), rows)
    if draft.proposed_in(suited, own_batch) == proposed:
        return training
    # At once, as this run of the script may be interrupted.
    draft.put(draft.get().model_copy(update={"training": suited}))
    draft.propose(suited, own_batch)
    return suited


def _ensemble(training: TrainingSettings, key: str, shape: Shape | None, folds: int) -> dict[str, Any]:
    """Show how many networks train at once; networks of pictures train alone."""
    if shape is not None and len(shape) > 1:
        return {"members": 1}
    if folds > 1:
        st.caption(f"Cross-validation trains {folds:,} networks at once, one for each fold.")
        return fields.kept(training, ["members", "combine"], key)
    several = st.session_state.get(f"{key}.members", training.members) > 1
    return fields.choose(training, ["members", "combine"] if several else ["members"], key)


def _groups(groups: GroupSettings, model: ModelSettings, shape: Shape | None) -> GroupSettings:
    """Show the differential learning rates, open where the network starts from trained weights."""
    fresh = model.start.type == "fresh"
    version_key = draft.key("training.groups.version")
    key = draft.key(f"training.groups.{st.session_state.get(version_key, 0)}")
    names = list(GroupSettings.model_fields)
    drawer = resources.drawer(
        "Differential learning rates" + (" (on)" if groups.differ else ""),
        ":material/stacked_line_chart:",
        draft.key(f"training.groups.drawer.{fresh}"),
        expanded=not fresh,
    )
    if not drawer.open:
        return checked(groups, **fields.kept(groups, names, key))

    def take(these: GroupSettings) -> None:
        settings = draft.get()
        training = checked(settings.training, groups=these)
        draft.put(settings.model_copy(update={"training": training}))
        st.session_state[version_key] = st.session_state.get(version_key, 0) + 1

    with drawer:
        st.caption(
            "Each group of layers follows the policy at a factor of its own "
            "([Howard and Ruder 2018](https://arxiv.org/abs/1801.06146)). Which layer is in which group stands under "
            "“Shapes and parameters”. Batch normalisation in a frozen group uses its averages and leaves them as they "
            "are, as in predictions; when a group begins to move, the optimizer starts anew."
        )
        chosen = checked(groups, **fields.choose(groups, names, key))
        if chosen.differ and shape is not None:
            _tell_idle(model, shape)
        with st.container(horizontal=True):
            st.button(
                "Gentle: 0.1, 0.3, 1",
                icon=":material/spa:",
                key=f"{key}.gentle",
                on_click=take,
                args=(GENTLE,),
                disabled=chosen == GENTLE,
                help="For a network with trained weights: the first epoch moves only the head, then early "
                "layers move at a tenth of the rate and middle ones at three tenths.",
            )
            st.button(
                "Gradual: head, middle, early",
                icon=":material/stairs:",
                key=f"{key}.gradual",
                on_click=take,
                args=(GRADUAL,),
                disabled=chosen == GRADUAL,
                help="As Gentle, and the early layers begin an epoch after the middle ones: gradual unfreezing.",
            )
            st.button(
                "All the same",
                icon=":material/restart_alt:",
                key=f"{key}.same",
                on_click=take,
                args=(GroupSettings(),),
                disabled=not chosen.differ,
                help="All layers follow the policy itself, from the first epoch.",
            )
    return chosen


def _tell_idle(model: ModelSettings, shape: Shape) -> None:
    with suppress(UserError):  # the Network step says what cannot be built
        if idle := shapes.without_layers(model, shape):
            one = len(idle) == 1
            st.caption(
                f"No layer of this network is in the group{'' if one else 's'} {plain(' and '.join(idle))}: "
                f"{'its factor changes' if one else 'their factors change'} nothing."
            )
