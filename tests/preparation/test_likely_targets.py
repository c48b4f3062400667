"""What is likely to be predicted, and why."""

import json
import os
from pathlib import Path

import pytest

from lrapp.preparation.likely_targets import likely_targets
from lrapp.runs.store import SAMPLES
from lrapp.tables.reading import read_csv


def likely(names: str, *rows: str) -> list[tuple[str, str]]:
    return likely_targets(read_csv("\n".join((names, *(rows * 20))).encode(), "t.csv"))


def test_a_name_counts_more_than_the_place() -> None:
    found = likely("survived,age,deck,port", "0,22.5,a,x", "1,38,b,y", "1,26.25,a,y")
    assert found[0] == ("survived", "often predicted, first column")
    assert likely("age,label,weight", "1.5,a,2", "3,b,3.5", "4.5,a,4")[0][0] == "label"


def test_what_cannot_be_predicted_is_not_offered() -> None:
    rows = [f"{n},2024-01-{n % 28 + 1:02},same,{n * 1.5},{'ab'[n % 2]}" for n in range(1, 60)]
    table = read_csv("\n".join(("id,day,constant,size,group", *rows)).encode(), "t.csv")
    assert {name for name, _ in likely_targets(table)} == {"size", "group"}


def test_the_last_column_is_no_better_than_a_name_says() -> None:
    assert likely("price,age", "10.5,3", "11.25,4", "9.75,5")[0][0] == "price"


def test_the_samples_targets_come_first(subtests: pytest.Subtests) -> None:
    for entry in json.loads((SAMPLES / "index.json").read_text("utf-8")):
        with subtests.test(f"{entry!r}"):
            table = read_csv((SAMPLES / entry["file"]).read_bytes(), entry["file"])
            assert likely_targets(table)[0][0] == entry["target"]


_DATA = os.environ.get("LRAPP_TEST_DATA")


@pytest.mark.skipif(_DATA is None, reason="LRAPP_TEST_DATA is not set")
@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("bank.csv", "deposit"),
        ("bike.csv", "cnt"),
        ("churn.csv", "Churn"),
        ("concrete.csv", "strength"),
        ("energy.csv", "Heating Load"),
        ("wine.csv", "quality"),
    ],
)
def test_the_usual_question_is_among_three(file: str, target: str) -> None:
    table = read_csv((Path(str(_DATA)) / "tables" / file).read_bytes(), file)
    assert target in [name for name, _ in likely_targets(table)]
