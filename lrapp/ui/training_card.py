"""The third card: optimizer, batches, epochs, early stopping and precision."""

import streamlit as st

from lrapp.settings import EarlyStoppingSettings, TrainingSettings
from lrapp.ui import draft, fields, resources

_OWN_FIELDS = {
    "sgd": ["momentum", "nesterov"],
    "adam": [],
    "adamw": ["weight_decay"],
    "rmsprop": ["momentum"],
}


def card(training: TrainingSettings) -> TrainingSettings:
    """Show the card and return the settings as chosen."""
    key = draft.key("training")
    chosen = fields.choose(training, ["epochs", "batch_size"], key)
    optimizer = fields.widget(training, "optimizer", key)
    chosen |= {"optimizer": optimizer}
    if _OWN_FIELDS[optimizer]:
        chosen |= fields.choose(training, _OWN_FIELDS[optimizer], key)
    stopping = training.early_stopping
    enabled = fields.widget(stopping, "enabled", key)
    values = {"enabled": enabled}
    if enabled:
        values |= fields.choose(stopping, ["patience", "min_delta"], key)
    title = "Seed, best epoch, precision, compilation"
    drawer = resources.drawer(title, ":material/tune:", f"{key}.more")
    ask = fields.choose if drawer.open else fields.kept
    with drawer:
        values |= ask(stopping, ["monitor", "restore_best"], key)
        chosen |= ask(training, ["seed", "precision", "xla"], key)
        if drawer.open and chosen["precision"] != "float32":
            st.info(
                "Mixed precision pays on recent GPUs with large networks. On a CPU, mixed_float16 above all, it is "
                "usually slower than float32. The answer itself is always computed in float32.",
                icon=":material/info:",
            )
    early_stopping = EarlyStoppingSettings.model_validate(stopping.model_dump() | values)
    return TrainingSettings.model_validate(
        training.model_dump() | chosen | {"early_stopping": early_stopping}
    )
