"""The sample tables hold what their publishers say; each is listed with its source and licence."""

import csv
import io
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest

from lrapp.settings import Task
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import read_csv

FOLDER = Path(__file__).parents[2] / "sample_data"
MESSY = (FOLDER / "messy_penguins.csv").read_bytes()
MISSING = {"", "NA", "?", "-"}


@dataclass(frozen=True)
class Sample:
    """One entry of index.json."""

    file: str
    title: str
    target: str
    task: str
    about: str


def load(name: str) -> pd.DataFrame:
    """One of the clean tables as pandas reads it."""
    return pd.read_csv(FOLDER / name, encoding="utf-8")


def messy_rows() -> list[list[str]]:
    """The messy table's cells as the standard library reads them, header first."""
    return list(csv.reader(io.StringIO(MESSY.decode("cp1252"), newline=""), delimiter=";"))


def number(cell: str) -> float | None:
    """A cell with decimal comma, thousands point, % or €, as a number."""
    if cell in MISSING:
        return None
    return float(cell.rstrip(" %€").replace(".", "").replace(",", "."))


CLEAN_KINDS = {
    "penguins.csv": {ColumnKind.NUMBER: 4, ColumnKind.CATEGORY: 3},
    "breast_cancer.csv": {ColumnKind.NUMBER: 30, ColumnKind.CATEGORY: 1},
    "auto_mpg.csv": {ColumnKind.NUMBER: 7, ColumnKind.CATEGORY: 2},
}
SAMPLES = [Sample(**entry) for entry in json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))]


def test_index_lists_exactly_the_csv_files() -> None:
    assert sorted(sample.file for sample in SAMPLES) == sorted(path.name for path in FOLDER.glob("*.csv"))
    assert len({sample.title for sample in SAMPLES}) == len(SAMPLES)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_index_entry_fits_its_file(sample: Sample) -> None:
    if sample.file == "messy_penguins.csv":
        names, *body = messy_rows()
        target = pd.Series([row[names.index(sample.target)] for row in body])
    else:
        frame = load(sample.file)
        names, target = list(frame.columns), frame[sample.target]
    assert names.count(sample.target) == 1
    assert target.notna().all()
    assert sample.task in get_args(Task)
    if sample.task == "regression":
        assert pd.api.types.is_float_dtype(target)
    else:
        assert (target.nunique() == 2) == (sample.task == "binary")
    assert sample.about.endswith(".")


def test_readme_gives_each_file_its_size_target_and_licence() -> None:
    table = re.findall(
        r"^\| `(\w+\.csv)` \|(.+)\|$", (FOLDER / "README.md").read_text(encoding="utf-8"), re.M
    )
    rows = {name: [cell.strip() for cell in rest.split("|")] for name, rest in table}
    assert rows.keys() == {sample.file for sample in SAMPLES}
    for sample in SAMPLES:
        size, task, source, licence = rows[sample.file]
        if sample.file == "messy_penguins.csv":
            assert size == f"{len(messy_rows()) - 1} x {len(messy_rows()[0])}"
        else:
            assert size == "{} x {}".format(*load(sample.file).shape)
            assert "https://doi.org/" in source
        assert task == f"{sample.task}, `{sample.target}`"
        assert licence in {"CC0 1.0", "CC BY 4.0"}


def test_penguins_match_the_published_aggregates() -> None:
    frame = load("penguins.csv")
    measured = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    assert list(frame.columns) == ["species", "island", *measured, "sex"]
    assert frame["species"].value_counts().to_dict() == {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68}
    assert frame["island"].value_counts().to_dict() == {"Biscoe": 168, "Dream": 124, "Torgersen": 52}
    assert frame["sex"].value_counts().to_dict() == {"male": 168, "female": 165}
    assert frame[measured].mean().tolist() == pytest.approx(
        [43.92193, 17.15117, 200.9152, 4201.754], rel=1e-6
    )
    assert frame[measured].std().tolist() == pytest.approx([5.459584, 1.974793, 14.06171, 801.9545], rel=1e-6)
    assert frame.isna().sum().tolist() == [0, 0, 2, 2, 2, 2, 11]


def test_auto_mpg_matches_the_published_aggregates() -> None:
    frame = load("auto_mpg.csv")
    assert frame.shape == (398, 9)
    assert frame["origin"].value_counts().to_dict() == {"usa": 249, "japan": 79, "europe": 70}
    assert frame["cylinders"].value_counts().to_dict() == {4: 204, 8: 103, 6: 84, 3: 4, 5: 3}
    assert frame.mean(numeric_only=True).to_dict() == pytest.approx(
        {
            "mpg": 23.514573,
            "cylinders": 5.454774,
            "displacement": 193.425879,
            "horsepower": 104.469388,
            "weight": 2970.424623,
            "acceleration": 15.568090,
            "model_year": 76.010050,
        },
        rel=1e-7,
    )
    assert frame.isna().sum().loc[lambda count: count > 0].to_dict() == {"horsepower": 6}
    assert frame["car_name"].nunique() == 305


def test_breast_cancer_is_the_table_that_scikit_learn_bundles() -> None:
    from sklearn.datasets import load_breast_cancer

    bundled = load_breast_cancer(as_frame=True)
    frame = load("breast_cancer.csv")
    assert frame["diagnosis"].value_counts().to_dict() == {"benign": 357, "malignant": 212}
    assert (frame["diagnosis"] == "malignant").tolist() == (bundled.target == 0).tolist()
    pd.testing.assert_frame_equal(frame.drop(columns="diagnosis"), bundled.data)


def test_messy_table_is_messy_in_all_the_ways_that_the_readme_lists() -> None:
    rows = messy_rows()
    header, body = rows[0], rows[1:]
    assert b"\x80" in MESSY  # the euro sign, which Latin-1 does not have
    with pytest.raises(UnicodeDecodeError):
        MESSY.decode("utf-8")
    assert MESSY.count(b"\r\n") == 201
    assert len(body) == 200
    assert header.count("bill_length_mm") == 2
    assert header[14] == ""
    ragged = {row[0]: len(row) for row in body if len(row) != 16}
    assert ragged == {"06576": 14, "02787": 13, "08755": 14, "07395": 17, "07917": 17}
    assert all(re.fullmatch(r"0\d{4}", row[0]) for row in body)
    assert len({row[0] for row in body}) == 200
    assert {row[13] for row in body if len(row) > 13} == {"Palmer"}
    assert {cell for row in body for cell in row[:15]} >= MISSING
    notes = [row[15] for row in body if len(row) > 15]
    assert sum("\n" in note for note in notes) == 2
    assert '2" ring, too wide' in notes


def agrees(told: tuple[str | float | None, ...], real: tuple[str | float | None, ...]) -> bool:
    """Whether every value that is told is the real one."""
    return all(mine is None or mine == theirs for mine, theirs in zip(told, real, strict=True))


def test_messy_values_are_those_of_real_penguins() -> None:
    real = [
        tuple(None if pd.isna(cell) else cell for cell in row)
        for row in load("penguins.csv").itertuples(index=False, name=None)
    ]
    body = messy_rows()[1:]
    for row in body:
        told = (row[1], row[2], *map(number, row[3:7]), None if row[8] in MISSING else row[8])
        assert any(agrees(told, penguin) for penguin in real), row
    species = Counter(row[1] for row in body)
    assert species == {"Adelie": 88, "Chinstrap": 40, "Gentoo": 72}


def test_messy_table_is_read_without_losing_a_row_or_a_value() -> None:
    table = read_csv(MESSY, "messy_penguins.csv")
    frame, body = table.frame, [row + [""] * 3 for row in messy_rows()[1:]]
    assert frame.shape == (200, 16)
    assert frame.columns.is_unique
    assert table.dialect is not None
    assert (table.dialect.encoding, table.dialect.delimiter, table.dialect.decimal) == ("cp1252", ";", ",")
    assert list(table.kinds.values()) == [
        ColumnKind.IDENTIFIER,  # ring
        ColumnKind.CATEGORY,  # species
        ColumnKind.CATEGORY,  # île
        *[ColumnKind.NUMBER] * 5,
        ColumnKind.CATEGORY,  # sex
        ColumnKind.DATE,
        *[ColumnKind.NUMBER] * 2,  # logger_price, battery
        ColumnKind.CATEGORY,  # observer
        ColumnKind.CONSTANT,  # station
        ColumnKind.CATEGORY,  # the column without a name
        table.kinds["note"],  # nine short notes: category and text are both right
    ]
    for position in (0, 1, 2, 8, 12, 13, 14):
        read = frame.iloc[:, position].astype(object).where(frame.iloc[:, position].notna(), None).tolist()
        assert read == [None if row[position] in MISSING else row[position] for row in body]
    for position in (3, 4, 5, 6, 7, 10, 11):
        expected = [float("nan") if (value := number(row[position])) is None else value for row in body]
        assert frame.iloc[:, position].tolist() == pytest.approx(expected, nan_ok=True)
    assert frame["measured_on"].tolist() == [datetime.strptime(row[9], "%d.%m.%Y") for row in body]
    assert frame["note"].dropna().str.contains("\n").sum() == 2
    assert frame["note"].dropna().str.contains("weighed again").sum() == 2  # the cells too many
    damaged = {"06576", "02787", "08755", "07395", "07917"} | {
        row[0] for row in body if row[15].startswith('2" ring')
    }
    lines = [
        place for place, line in enumerate(MESSY.decode("cp1252").splitlines(), 1) if line[:5] in damaged
    ]
    assert [repair.line for repair in table.repairs] == lines
    assert table.repaired_rows == 6


def test_clean_tables_are_read_as_pandas_reads_them(subtests: pytest.Subtests) -> None:
    for name, kinds in CLEAN_KINDS.items():
        with subtests.test(name):
            table = read_csv((FOLDER / name).read_bytes(), name)
            assert Counter(table.kinds.values()) == kinds
            assert table.repaired_rows == 0
            pd.testing.assert_frame_equal(table.frame, load(name), check_dtype=False)
