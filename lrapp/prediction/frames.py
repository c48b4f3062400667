"""A saved preprocessor, a network and a new table -> a prediction for each row, all in memory."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lrapp.formats.chunks import read_known
from lrapp.formats.match import Choice
from lrapp.networks.saved import SavedModel
from lrapp.prediction.row_predictions import REASON, answers, free_names
from lrapp.prediction.summary import Tally
from lrapp.preparation.preprocessor import Preprocessor
from lrapp.tables.reading import Table


@dataclass(frozen=True, eq=False)
class Predictions:
    """What the network answers for each row of a table.

    Args:
        frame: The table's own columns; then ``prediction``; for classes ``confidence`` (probability of the
            prediction) and ``probability of ...`` for each class; and ``no prediction because`` where some rows
            have none. Rows in the table's order.
        notes: Plain sentences on what was passed over, unknown or impossible.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]


def predict(
    preprocessor: Preprocessor, predict_batch: Callable[[np.ndarray], np.ndarray], table: Table
) -> Predictions:
    """Return a prediction for each row of a table; ``predicting`` does the same for files of any length.

    Args:
        preprocessor: Saved with the network.
        predict_batch: Inputs, float32, shape (rows, inputs) -> outputs as in ``evaluation.evaluate``.
        table: New rows; the target need not be there.

    Raises:
        UserError: If a column is missing, or no row can be predicted.
    """
    tally = Tally(preprocessor)
    parts = []
    for part in answers(preprocessor, predict_batch, table):
        tally.add(part)
        parts.append(part.added)
    tally.check()
    added = pd.concat(parts)
    if tally.predicted == tally.rows:
        added = added.drop(columns=REASON)
    added.columns = pd.Index(free_names(list(table.frame.columns), list(added.columns)))
    return Predictions(pd.concat([table.frame, added], axis=1), tally.notes())


def read_for(model: SavedModel, data: bytes, name: str, choice: Choice | None = None) -> Table:
    """Return the table that a file holds, read as a model's columns were written.

    Args:
        model: Predicts it.
        data: The file's bytes.
        name: Its name, for messages.
        choice: What a person decided on how it is written.

    Raises:
        UnclearFormat: If that must be decided first.
        UserError: If it cannot be read as a table.
    """
    needed = [column.name for column in model.tabular.columns]
    return read_known(data, name, needed, formats=model.formats.chosen(choice or Choice()))


def predict_with(model: SavedModel, table: Table) -> Predictions:
    """Return a saved model's prediction for each row of a table, in its order; errors as for ``predict``."""
    return predict(model.tabular, model.outputs, table)
