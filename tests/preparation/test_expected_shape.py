"""What a run will look like, against what it then looks like."""

import os
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from lrapp.errors import UserError
from lrapp.images.datasets import Images
from lrapp.preparation import expected_shape
from lrapp.preparation.image_arrays import check_pictures, prepare_images
from lrapp.preparation.table_arrays import prepare
from lrapp.preparation.targets import check_data, default_target, target_choices
from lrapp.runs.store import SAMPLES
from lrapp.settings import DataSettings, PictureSettings, PicturesSource, Task
from lrapp.tables.cell_values import DATE_PARTS
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table, read_csv

TABLES = sorted(SAMPLES.glob("*.csv"))
if folder := os.environ.get("LRAPP_TEST_DATA"):
    TABLES += [*sorted(Path(folder).glob("tables/*.csv")), *sorted(Path(folder).glob("cardio_train.csv"))]


def read(name: str) -> Table:
    return read_csv((SAMPLES / name).read_bytes(), name)


def assert_foretold(table: Table, data: DataSettings) -> None:
    """What is foretold of a table is what is prepared, to the row and to the input; unless there is nothing to."""
    try:
        task = check_data(table, data)
        prepared = prepare(table, data)
    except UserError:
        return
    outputs = len(prepared.classes) if task == "multi-class" else 1
    found = expected_shape.of_table(table, data, task)
    assert found == expected_shape.ExpectedShape(
        task,
        len(prepared.train.y),
        len(prepared.validation.y),
        prepared.shape,
        outputs,
        prepared.preprocessor.numbers,
    )


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"validation_share": 0.1, "test_share": 0.0, "stratify": False, "split_seed": 3},
        {"min_category_rows": 40, "max_categories": 2, "missing_flags": False},
        {"min_category_rows": 1, "validation_share": 0.45, "test_share": 0.45, "scaling": "quantile"},
    ],
    ids=["usual", "other split", "few categories", "few rows"],
)
def test_what_is_foretold_of_a_table_is_what_is_prepared(path: Path, more: dict[str, Any]) -> None:
    table = read_csv(path.read_bytes(), path.name)
    targets = target_choices(table)
    # One target of each kind, as the task and the other columns follow from it.
    for target in {table.kinds[name]: name for name in reversed(targets)}.values():
        assert_foretold(table, DataSettings(target=target, **more))
    assert_foretold(table, DataSettings(target=default_target(table), **more))


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Columns of every kind, with gaps, rare and many categories, dates with and without a time of day."""
    rows = draw(st.integers(12, 80))
    chance = random.Random(draw(st.integers(0, 2**16)))
    day = date(2026, 1, 31)
    made: dict[str, Callable[[], str]] = {
        "number": lambda: f"{chance.gauss(0, 1):.3f}",
        "few": lambda: str(chance.randrange(3)),
        "constant": lambda: "7",
        "flag": lambda: chance.choice(["yes", "no"]),
        "letter": lambda: chance.choice("aabbbbcdefgh"),
        "many": lambda: f"c{chance.randrange(rows // 2)}",
        "rare": lambda: f"r{chance.randrange(rows)}" if chance.random() < 0.2 else "usual",
        "day": lambda: f"{day - timedelta(days=chance.randrange(900))}",
        "month": lambda: f"{day.replace(year=2000 + chance.randrange(26))}",
        "moment": lambda: f"{day - timedelta(days=chance.randrange(9))} {chance.randrange(24):02}:30",
    }
    names = [*draw(st.lists(st.sampled_from(sorted(made)), min_size=1, max_size=6)), "y"]
    made["y"] = made[draw(st.sampled_from(["number", "flag", "letter", "few"]))]
    gaps = [draw(st.sampled_from([0.0, 0.0, 0.02, 0.3])) for _ in names]
    lines = [",".join(f"{name}{place}" for place, name in enumerate(names))]
    lines += [
        ",".join("" if chance.random() < gap else made[name]() for name, gap in zip(names, gaps, strict=True))
        for _ in range(rows)
    ]
    return "\n".join(lines).encode()


@given(
    tables(),
    st.fixed_dictionaries(
        {
            "missing_flags": st.booleans(),
            "stratify": st.booleans(),
            "min_category_rows": st.integers(1, 8),
            "max_categories": st.integers(2, 12),
            "validation_share": st.sampled_from([0.1, 0.2, 0.4]),
            "test_share": st.sampled_from([0.0, 0.2, 0.5]),
            "split_seed": st.integers(0, 3),
        }
    ),
)
@settings(max_examples=60, deadline=None)
def test_what_is_foretold_of_any_table_is_what_is_prepared(data: bytes, more: dict[str, Any]) -> None:
    table = read_csv(data, "t.csv")
    for target in target_choices(table):
        assert_foretold(table, DataSettings(target=target, **more))


def test_of_a_very_large_table_it_is_told_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected_shape, "_MOST_CELLS", 0)
    cases: tuple[tuple[str, str, Task], ...] = (
        ("penguins.csv", "species", "multi-class"),
        ("breast_cancer.csv", "diagnosis", "binary"),
        ("auto_mpg.csv", "mpg", "regression"),
        ("messy_penguins.csv", "species", "multi-class"),
    )
    for name, target, task in cases:
        table, data = read(name), DataSettings(target=target)
        prepared, found = prepare(table, data), expected_shape.of_table(table, data, task)
        assert found.rows == pytest.approx(len(prepared.train.y), abs=3)
        assert found.validation_rows == pytest.approx(len(prepared.validation.y), abs=3)
        assert found.shape[0] == pytest.approx(len(prepared.inputs), rel=0.3, abs=2)
        assert found.outputs == (len(prepared.classes) if task == "multi-class" else 1)


def test_each_kind_brings_its_inputs() -> None:
    rows = [
        f"{n / 3:.3f},{'abc'[n % 3]},{'yes' if n % 2 else 'no'},2026-01-{n % 28 + 1:02},{n / 7:.3f}"
        for n in range(60)
    ]
    rows[5] = ",a,no,2026-01-03,0.5"
    table = read_csv("\n".join(["gappy,letter,flag,day,y", *rows]).encode(), "t.csv")
    kinds = [column.kind for column in table.columns]
    assert kinds == [
        ColumnKind.NUMBER,
        ColumnKind.CATEGORY,
        ColumnKind.YES_NO,
        ColumnKind.DATE,
        ColumnKind.NUMBER,
    ]
    data = DataSettings(target="y")
    assert expected_shape.shape(table, data, "regression") == (2 + 3 + 1 + len(DATE_PARTS), 1)
    without_flags = data.model_copy(update={"missing_flags": False})
    assert expected_shape.shape(table, without_flags, "regression") == (1 + 3 + 1 + len(DATE_PARTS), 1)
    few = data.model_copy(update={"max_categories": 2})
    assert expected_shape.shape(table, few, "regression") == (2 + 2 + 1 + len(DATE_PARTS), 1)
    assert expected_shape.shape(table, data.model_copy(update={"target": "letter"}), "multi-class") == (
        2 + 1 + len(DATE_PARTS) + 1,
        3,
    )
    assert (
        expected_shape.shape(table, data.model_copy(update={"target": None}), "regression")[0]
        == 2 + 3 + 1 + len(DATE_PARTS) + 1
    )


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
    found = expected_shape.of_pictures(pictures.facts, data, task)
    assert found.shape == (8, 9, 3)
    assert (found.rows, found.validation_rows) == (len(prepared.train.y), len(prepared.validation.y))
    assert found.task == prepared.task
    assert found.outputs == (1 if len(prepared.classes) == 2 else len(prepared.classes))


def test_there_is_always_something_to_train_on() -> None:
    table = read_csv(b"a,b\n1,2\n3,4\n5,7\n", "t.csv")
    greedy = DataSettings(target="b", validation_share=0.9, test_share=0.9)
    assert expected_shape.training_rows(table, greedy) == 1
    assert expected_shape.shape(table, DataSettings(target="a", kinds={}), "regression")[0] >= 1
