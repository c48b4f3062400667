"""The settings that a table starts with, before anything is chosen by hand.

These are not the fields' own defaults: those stay what they were when a run was written that does not name them. What
is here was chosen by ``tests/benchmarks/table_quality.py``, and for reasons that hold on other tables, too: the mean of
several networks has less variance than each of them (Lakshminarayanan et al. 2017, arXiv 1612.01474); bins let a
network bend where trees cut (Gorishniy et al. 2022, arXiv 2203.05556); Glorot's smaller initial weights suit inputs of
which most are next to zero; a network of a few hundred rows needs more than the few hundred steps that 50 epochs
give it; and one of many rows needs no more steps because the rows are more: its batches are about as large as they are
many, as in published work on tables (256 to 1,024 rows in Gorishniy et al. 2021, arXiv 2106.11959, for tables of
20,000 rows to a million), which spares the time of updates and lets a matrix product be a large one.
"""

import math

from lrapp.settings.base import checked
from lrapp.settings.network import ModelSettings
from lrapp.settings.run import EarlyStoppingSettings, RunSettings, TrainingSettings

NETWORKS = 8
# Steps that a run is to have at least, and at most where that leaves ten epochs.
_LEAST_STEPS, _MOST_STEPS = 3_000, 60_000
# Rows times epochs of a large table: larger batches are no reason for more epochs.
_MOST_SHOWN = 60_000 * 32
_EPOCHS = (10, 50, 1_000)


def settings(training_rows: int | None = None) -> RunSettings:
    """Return the settings of a first click on a table.

    Args:
        training_rows: Rows to train on, at least 1; None while they are not known.
    """
    training = TrainingSettings(members=NETWORKS)
    if training_rows is not None:
        training = for_rows(checked(training, batch_size=batch_size(training_rows)), training_rows)
    return RunSettings(
        model=ModelSettings(initial_weights="glorot_uniform", number_embedding="bins"), training=training
    )


def batch_size(training_rows: int) -> int:
    """Return the batch size that suits a table: the power of two below the square root of its rows, at least 32.

    An epoch then has about as many steps as a batch has rows, and at least 64 once a batch has more than 32. The rates
    stay: Adam's should grow by the root of the batch at most (Malladi et al. 2022, arXiv 2205.10287), and twice the
    rate at 128 rows made no difference.

    Args:
        training_rows: Rows to train on, at least 1.
    """
    usual: int = TrainingSettings.model_fields["batch_size"].default
    return max(usual, 1 << (training_rows.bit_length() - 1) // 2)


def for_rows(training: TrainingSettings, training_rows: int) -> TrainingSettings:
    """Return the settings with epochs and patience that suit a table of so many rows.

    Args:
        training: What else is chosen; the batch size counts.
        training_rows: Rows to train on, at least 1.
    """
    steps = math.ceil(training_rows / training.batch_size)
    fewest, usual, most = _EPOCHS
    usual = min(usual, _MOST_SHOWN // training_rows)
    epochs = min(max(usual, math.ceil(_LEAST_STEPS / steps)), most)
    epochs = max(min(epochs, _MOST_STEPS // steps), fewest)
    patience = max(1, math.ceil(epochs * EarlyStoppingSettings().patience / TrainingSettings().epochs))
    stopping = checked(training.early_stopping, patience=patience)
    return checked(training, epochs=epochs, early_stopping=stopping)
