"""Predictions for a table that is in memory, from the same answers that files of predictions are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from lrapp.column_formats.as_learned import read_known
from lrapp.networks.saved import SavedModel
from lrapp.prediction import disagreement
from lrapp.prediction.row_predictions import REASON, Predict, answers, free_names
from lrapp.prediction.summary import Tally
from lrapp.preparation.preprocessor import Preprocessor
from lrapp.tables.reading import Table


@dataclass(frozen=True, eq=False)
class Predictions:
    frame: pd.DataFrame
    notes: tuple[str, ...]


def predict(
    preprocessor: Preprocessor, predict_batch: Callable[[np.ndarray], np.ndarray], table: Table
) -> Predictions:
    return _predict(preprocessor, lambda x: (predict_batch(x), None), table)


def _predict(preprocessor: Preprocessor, predict_batch: Predict, table: Table) -> Predictions:
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


def read_for(model: SavedModel, data: bytes, name: str) -> Table:
    needed = [column.name for column in model.tabular.columns]
    return read_known(data, name, needed, formats=model.formats)


def predict_with(model: SavedModel, table: Table) -> Predictions:
    return _predict(model.tabular, partial(disagreement.answered, model), table)
