"""A finished run and the file of a table -> predictions, as the page and the command line ask for them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PredictedTable:
    """Predictions on their way to the page.

    Args:
        rows: Rows of the table.
        preview: The first rows, to show.
        added: Columns at the right end that were not in the file: the answer.
        csv: All rows.
        notes: Plain sentences.
    """

    rows: int
    preview: "pd.DataFrame"
    added: int
    csv: bytes
    notes: tuple[str, ...]


def predict(folder: Path, data: bytes, name: str) -> PredictedTable:
    """Return what a finished run's model predicts for the rows of a file.

    Args:
        folder: The run's folder.
        data: The file's bytes.
        name: The file's name, for messages.

    Raises:
        UserError: If the file cannot be read, or has not the columns that the model needs.
    """
    from lrapp import prediction
    from lrapp.saved import SavedModel

    model = SavedModel.load(folder)
    table = model.read(data, name)
    answer = model.predict(table)
    return PredictedTable(
        rows=len(answer.frame),
        preview=answer.frame.head(200),
        added=answer.frame.shape[1] - table.frame.shape[1],
        csv=prediction.to_csv_bytes(answer.frame),
        notes=(*table.notes, *answer.notes),
    )
