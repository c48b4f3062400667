"""A model answers its own training file the same, however honestly that file is written anew."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from spreadsheets import xlsx

from lrapp.column_formats.match import Choice, UnclearFormat
from lrapp.execution import worker
from lrapp.prediction import files
from lrapp.runs.store import SAMPLES, Run, Store
from lrapp.settings import DataSettings, LayerSettings, ModelSettings, RunSettings, TrainingSettings
from lrapp.tables.reading import Table, read_csv

ROWS = 150
TARGETS = {
    entry["file"]: entry["target"] for entry in json.loads((SAMPLES / "index.json").read_text("utf-8"))
}
OTHERS = {
    "bank.csv": "deposit",
    "bike.csv": "cnt",
    "churn.csv": "Churn",
    "concrete.csv": "strength",
    "energy.csv": "Heating Load",
    "wine.csv": "quality",
}
Cell = str | float | None


@dataclass(frozen=True)
class Trained:
    """A model, the table that it learned from as it was read, and what it answers to that."""

    run: Run
    table: Table
    answers: pd.DataFrame


def some_rows(data: bytes) -> bytes:
    """A table's first line and some of the others from all over it; a quoted line end does no harm."""
    lines = data.splitlines(keepends=True)
    if b'"' in data:
        return data
    return b"".join([lines[0], *lines[1 :: max(1, len(lines) // ROWS)]])


@pytest.fixture(scope="module", params=[*TARGETS, *OTHERS])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    name = request.param
    folder = SAMPLES
    if name in OTHERS:
        if not os.environ.get("LRAPP_TEST_DATA"):
            pytest.skip("The table is in the folder that LRAPP_TEST_DATA names; it is not set.")
        folder = Path(os.environ["LRAPP_TEST_DATA"]) / "tables"
    data = some_rows((folder / name).read_bytes())
    home = tmp_path_factory.mktemp("ways")
    store = Store(home)
    source = store.keep_file(data, name)
    run = store.create(
        RunSettings(
            data=DataSettings(source=source, target={**TARGETS, **OTHERS}[name]),
            model=ModelSettings(layers=(LayerSettings(units=4),)),
            training=TrainingSettings(epochs=1),
            closer_look=False,
        )
    )
    outcome = worker.work(run.folder, home)
    run.set_status(state=outcome.state, message=outcome.message, attempts=1)
    return Trained(run, read_csv(data, name), predict(run, data, name, Choice()))


def predict(run: Run, data: bytes, name: str, choice: Choice) -> pd.DataFrame:
    path = run.folder.parent / "new"
    path.write_bytes(data)
    out = run.folder.parent / "out"
    files.predict_file(run.folder, path, name, out, choice=choice)
    found = pd.read_parquet(out / "predictions.parquet")
    return found[[name for name in found if str(name).startswith(("prediction", "probability of "))]]


def text(number: float, decimal: str = ".", thousands: str = "") -> str:
    whole = f"{int(number):,}" if float(number).is_integer() and abs(number) < 1e15 else f"{number:,}"
    return whole.replace(",", "_").replace(".", decimal).replace("_", thousands)


def written(
    table: Table, number: Callable[[float], Cell], day: str, names: list[str] | None = None
) -> Iterator[list[Cell]]:
    """The rows of a table, the first of which holds the names."""
    names = names or [column.name for column in table.columns]
    yield list(names)
    columns: list[list[Cell]] = []
    for name in names:
        values = table.frame[name]
        if pd.api.types.is_datetime64_any_dtype(values.dtype):
            columns.append([None if pd.isna(value) else value.strftime(day) for value in values])
        elif pd.api.types.is_numeric_dtype(values.dtype):
            columns.append([None if np.isnan(value) else number(float(value)) for value in values])
        else:
            columns.append([None if pd.isna(value) else str(value) for value in values])
    for row in zip(*columns, strict=True):
        yield list(row)


def as_csv(rows: Iterator[list[Cell]], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def commas(table: Table) -> bytes:
    return as_csv(written(table, lambda number: text(number, ","), "%d.%m.%Y"), ";")


def days_first(table: Table) -> bytes:
    return as_csv(written(table, text, "%d/%m/%Y"))


def thousands(table: Table) -> bytes:
    return as_csv(written(table, lambda number: text(number, ".", ","), "%Y-%m-%d"))


def spreadsheet(table: Table) -> bytes:
    return xlsx(written(table, lambda number: number, "%Y-%m-%d"))


def other_order(table: Table) -> bytes:
    return as_csv(written(table, text, "%d %b %Y", [column.name for column in table.columns][::-1]), "\t")


# What the person knows who wrote the file; said only when there is a question.
@pytest.mark.parametrize(
    ("write", "choice"),
    [
        (commas, Choice(decimal=",", day_first=True)),
        (days_first, Choice(decimal=".", day_first=True)),
        (thousands, Choice(decimal=".")),
        (spreadsheet, Choice(decimal=".")),
        (other_order, Choice(decimal=".")),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_answers_are_the_same(trained: Trained, write: Callable[[Table], bytes], choice: Choice) -> None:
    data = write(trained.table)
    name = "new.xlsx" if write is spreadsheet else "new.csv"
    said = f"{name}: “"
    try:
        found = predict(trained.run, data, name, Choice())
    except UnclearFormat as error:
        assert write is not spreadsheet, "whose numbers are numbers"
        own = trained.table.dialect
        assert write is not other_order or (own and own.decimal == ","), "written as the model learned it"
        said = str(error)
        found = predict(trained.run, data, name, choice)
    assert said.startswith(f"{name}: “")
    pd.testing.assert_frame_equal(found, trained.answers, rtol=1e-6, atol=1e-6)
