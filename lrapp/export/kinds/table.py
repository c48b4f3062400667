"""What is exported of a run on a table."""

from pathlib import Path

from lrapp.errors import UserError
from lrapp.escaping import code
from lrapp.export import script_data
from lrapp.export.exporter import MOST_DIFFERENCE
from lrapp.export.finished_run import Recipe, recipe
from lrapp.export.kinds import Download, KindExports, Predicts
from lrapp.preparation.preprocessor import JSON_FILE, SKOPS_FILE, needs
from lrapp.settings import DataSettings
from lrapp.tables.columns.kinds import ColumnKind

_SCRIPT = '''\
"""Predict with this model: python predict.py NEW.csv PREDICTIONS.csv"""

import argparse
import logging
import os
import sys
import tempfile
from pathlib import Path

logging.getLogger("lrapp").addHandler(logging.NullHandler())
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # as in training: with it the last digits differ

from lrapp.errors import UserError
from lrapp.files import put
from lrapp.column_formats import options
from lrapp.column_formats.match import Choice, UnclearFormat
from lrapp.prediction.files import CSV_FILE, predict_file


def main(source: Path, result: Path, choice: Choice) -> None:
    """Predict each row of a table, and write the table with the predictions beside it."""
    with source.open("rb"), tempfile.TemporaryDirectory(prefix=".predictions-", dir=result.parent) as beside:
        made = predict_file(Path(__file__).parent, source, source.name, Path(beside), choice=choice)
        put(Path(beside) / CSV_FILE, result)
    for note in made.notes:
        print(note)
    print(f"{made.rows} {'row is' if made.rows == 1 else 'rows are'} in {result}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Predict the rows of a table.")
    parser.add_argument("source", type=Path, metavar="NEW.csv", help="the rows to predict")
    parser.add_argument(
        "result", type=Path, metavar="PREDICTIONS.csv", help="where they go, with the predictions beside them"
    )
    options.add_to(parser)
    said = parser.parse_args()
    try:
        main(said.source, said.result, options.choice_of(said))
    except UnclearFormat as error:
        print(error, file=sys.stderr)
        sys.exit(options.UNCLEAR)
    except (UserError, OSError) as error:
        sys.exit(str(error))
'''


def _about(folder: Path) -> Predicts:
    needed = needs(folder)
    columns = ", ".join(code(column.name) for column in needed.columns)
    return Predicts(needed.target, f"NEW.csv needs these columns, in any order: {columns}.")


def _purpose(data: DataSettings, classes: int) -> str:
    return f"Predicts “{data.target or ''}” from {data.source.name}."


def _cells(finished: Recipe) -> tuple[script_data.Cell, ...]:
    return (
        script_data.beginning_cell(finished),
        script_data.reading_cell(finished),
        script_data.split_cell(finished),
        script_data.column_cell(finished),
        script_data.preprocessing_cell(finished),
        script_data.target_cell(finished),
    )


def _explain(finished: Recipe, most: float, off: str) -> UserError | None:
    dates = any(column.kind is ColumnKind.DATE for column in finished.preprocessor.columns)
    if dates and finished.settings.data.scaling == "quantile":
        return UserError(
            "This run scales the parts of dates by quantiles, where the last digit of a sine can decide, and this "
            f"format computes that digit in another way: its answers were off by {off}. Take the Python code, or "
            "train again with another scaling."
        )
    if most > MOST_DIFFERENCE:
        return UserError(
            "This format computes with 32-bit numbers, which have too few digits for this table: its answers "
            f"were off by {off}. Take ONNX or the SavedModel."
        )
    return None


KIND = KindExports(
    reading="Reading and preparing the table …",
    finished=recipe,
    cells=_cells,
    steps="reading, splitting, preprocessing",
    tolerance=script_data.TOLERANCE,
    rows_at_once=8192,
    checked="row",
    purpose=_purpose,
    download=Download(
        files=(SKOPS_FILE, JSON_FILE),
        listed="preprocessor.skops, preprocessor.json, formats.json | how columns become inputs, fitted on training "
        "rows only, and how they were written",
        script=_SCRIPT,
        usage="NEW.csv",
        about=_about,
    ),
    explain=_explain,
)
