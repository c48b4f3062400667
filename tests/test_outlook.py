"""What a run will look like, against what it then looks like."""

import pytest

from lrapp import outlook
from lrapp.prepare import prepare
from lrapp.reading.columns import Kind
from lrapp.runs import SAMPLES
from lrapp.settings import DataSettings, SampleSource, Task
from lrapp.tables import Table, read_csv

CASES: list[tuple[str, str, Task]] = [
    ("penguins.csv", "species", "multi-class"),
    ("breast_cancer.csv", "diagnosis", "binary"),
    ("auto_mpg.csv", "mpg", "regression"),
    ("messy_penguins.csv", "species", "multi-class"),
]


def read(name: str) -> Table:
    return read_csv((SAMPLES / name).read_bytes(), name)


@pytest.mark.parametrize(("name", "target", "task"), CASES)
@pytest.mark.parametrize("shares", [(0.2, 0.2), (0.1, 0.0), (0.35, 0.3)])
def test_rows_and_shape_are_about_those_of_the_prepared_table(
    name: str, target: str, task: Task, shares: tuple[float, float]
) -> None:
    table = read(name)
    data = DataSettings(
        source=SampleSource(name=name), target=target, validation_share=shares[0], test_share=shares[1]
    )
    prepared = prepare(table, data)
    assert outlook.training_rows(table, data) == pytest.approx(len(prepared.train.y), abs=3)
    inputs, outputs = outlook.shape(table, data, task)
    assert inputs == pytest.approx(len(prepared.inputs), rel=0.3, abs=2)
    assert outputs == (len(prepared.classes) if task == "multi-class" else 1)


def test_each_kind_brings_its_inputs() -> None:
    rows = [
        f"{n / 3:.3f},{'abc'[n % 3]},{'yes' if n % 2 else 'no'},2026-01-{n % 28 + 1:02},{n / 7:.3f}"
        for n in range(60)
    ]
    rows[5] = ",a,no,2026-01-03,0.5"
    table = read_csv("\n".join(["gappy,letter,flag,day,y", *rows]).encode(), "t.csv")
    kinds = [column.kind for column in table.columns]
    assert kinds == [Kind.NUMBER, Kind.CATEGORY, Kind.YES_NO, Kind.DATE, Kind.NUMBER]
    data = DataSettings(target="y")
    assert outlook.shape(table, data, "regression") == (2 + 3 + 1 + 6, 1)
    without_flags = data.model_copy(update={"missing_flags": False})
    assert outlook.shape(table, without_flags, "regression") == (1 + 3 + 1 + 6, 1)
    few = data.model_copy(update={"max_categories": 2})
    assert outlook.shape(table, few, "regression") == (2 + 2 + 1 + 6, 1)
    assert outlook.shape(table, data.model_copy(update={"target": "letter"}), "multi-class") == (
        2 + 1 + 6 + 1,
        3,
    )
    assert (
        outlook.shape(table, data.model_copy(update={"target": None}), "regression")[0] == 2 + 3 + 1 + 6 + 1
    )


def test_there_is_always_something_to_train_on() -> None:
    table = read_csv(b"a,b\n1,2\n3,4\n5,7\n", "t.csv")
    greedy = DataSettings(target="b", validation_share=0.9, test_share=0.9)
    assert outlook.training_rows(table, greedy) == 1
    assert outlook.shape(table, DataSettings(target="a", kinds={}), "regression")[0] >= 1
