"""The settings that a table starts with, before anything is chosen by hand.

These are not the fields' own defaults: those stay what they were when a run was written that does not name them. What
is here was chosen by ``tests/benchmarks/table_quality.py``, and for reasons that hold on other tables, too: the mean of
several networks has less variance than each of them (Lakshminarayanan et al. 2017, arXiv 1612.01474); bins let a
network bend where trees cut (Gorishniy et al. 2022, arXiv 2203.05556); Glorot's smaller initial weights suit inputs of
which most are next to zero; and a network of a few hundred rows needs more than the few hundred steps that 50 epochs
give it.
"""

import math

from lrapp.settings.base import checked
from lrapp.settings.network import ModelSettings
from lrapp.settings.run import EarlyStoppingSettings, RunSettings, TrainingSettings

NETWORKS = 8
# Steps that a run is to have at least, and at most where that leaves ten epochs.
_LEAST_STEPS, _MOST_STEPS = 3_000, 60_000
_EPOCHS = (10, 50, 1_000)


def settings() -> RunSettings:
    """Return the settings of a first click on a table."""
    return RunSettings(
        model=ModelSettings(initial_weights="glorot_uniform", number_embedding="bins"),
        training=TrainingSettings(members=NETWORKS),
    )


def for_rows(training: TrainingSettings, training_rows: int) -> TrainingSettings:
    """Return the settings with epochs and patience that suit a table of so many rows.

    Args:
        training: What else is chosen; the batch size counts.
        training_rows: Rows to train on, at least 1.
    """
    steps = math.ceil(training_rows / training.batch_size)
    fewest, usual, most = _EPOCHS
    epochs = min(max(usual, math.ceil(_LEAST_STEPS / steps)), most)
    epochs = max(min(epochs, _MOST_STEPS // steps), fewest)
    patience = max(1, math.ceil(epochs * EarlyStoppingSettings().patience / TrainingSettings().epochs))
    stopping = checked(training.early_stopping, patience=patience)
    return checked(training, epochs=epochs, early_stopping=stopping)
