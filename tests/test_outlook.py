"""What a run will look like, against what it then looks like."""

import numpy as np
import pytest

from lrapp import outlook
from lrapp.images import Images
from lrapp.prepare import prepare
from lrapp.prepare_images import check_pictures, prepare_images
from lrapp.reading.columns import Kind
from lrapp.runs import SAMPLES
from lrapp.settings import DataSettings, PictureSettings, PicturesSource, SampleSource, Task
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


def test_the_whole_outlook_of_a_table() -> None:
    table = read("penguins.csv")
    data = DataSettings(target="species", validation_share=0.3, test_share=0.1)
    prepared = prepare(table, data)
    found = outlook.of_table(table, data, "multi-class")
    assert (found.task, found.outputs) == ("multi-class", 3)
    assert found.rows == pytest.approx(len(prepared.train.y), abs=3)
    assert found.validation_rows == pytest.approx(len(prepared.validation.y), abs=3)
    assert found.shape == (outlook.shape(table, data, "multi-class")[0],)


@pytest.mark.parametrize("own_test", [False, True])
@pytest.mark.parametrize("only", [(), ("b", "c", "d"), ("a", "c")])
@pytest.mark.parametrize("most", [None, 20, 10_000])
def test_the_outlook_of_pictures_is_what_is_prepared(
    own_test: bool, only: tuple[str, ...], most: int | None
) -> None:
    labels = np.repeat(np.arange(4, dtype=np.int32), (40, 30, 25, 25))
    labels = np.concatenate([labels, np.arange(3, dtype=np.int32)]) if own_test else labels
    pixels = np.zeros((len(labels), 8, 9, 3), np.uint8)
    pictures = Images(pixels, labels, ("a", "b", "c", "d"), 120 if own_test else None)
    data = DataSettings(
        source=PicturesSource(name="digits"),
        pictures=PictureSettings(only_classes=only, most_rows=most),
        validation_share=0.25,
    )
    task = check_pictures(pictures.facts, data)
    prepared = prepare_images(pictures, data)
    found = outlook.of_pictures(pictures.facts, data, task)
    assert found.shape == (8, 9, 3)
    assert (found.rows, found.validation_rows) == (len(prepared.train.y), len(prepared.validation.y))
    assert found.task == prepared.task
    assert found.outputs == (1 if len(prepared.classes) == 2 else len(prepared.classes))


def test_there_is_always_something_to_train_on() -> None:
    table = read_csv(b"a,b\n1,2\n3,4\n5,7\n", "t.csv")
    greedy = DataSettings(target="b", validation_share=0.9, test_share=0.9)
    assert outlook.training_rows(table, greedy) == 1
    assert outlook.shape(table, DataSettings(target="a", kinds={}), "regression")[0] >= 1
