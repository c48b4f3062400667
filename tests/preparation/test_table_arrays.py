"""A table and its settings -> arrays."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lrapp.errors import UserError
from lrapp.preparation.table_arrays import Prepared, prepare
from lrapp.settings import DataSettings
from lrapp.tables.columns.column_records import Column
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table, read_csv

RNG = np.random.default_rng(2)
SAMPLES = Path(__file__).parents[2] / "sample_data"


def read(frame: pd.DataFrame) -> Table:
    return read_csv(frame.to_csv(index=False).encode(), "table.csv")


def sample(name: str) -> Table:
    return read_csv((SAMPLES / name).read_bytes(), name)


def check(prepared: Prepared, rows: int) -> None:
    """What holds for every preparation."""
    parts = (prepared.train, prepared.validation, prepared.test)
    every = np.concatenate([part.rows for part in parts])
    assert len(every) == len(set(every.tolist())) == rows
    for part in parts:
        assert part.x.dtype == np.float32
        assert part.x.shape == (len(part.rows), len(prepared.inputs))
        assert part.y.shape == part.rows.shape
        assert part.rows.dtype == np.int64
        assert np.isfinite(part.x).all()
        assert np.isfinite(part.y).all()
    assert len(set(prepared.inputs)) == len(prepared.inputs)


def test_the_samples(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, str, str, tuple[str, ...], int]] = [
        ("penguins.csv", "species", "multi-class", ("Adelie", "Chinstrap", "Gentoo"), 344),
        ("breast_cancer.csv", "diagnosis", "binary", ("benign", "malignant"), 569),
        ("auto_mpg.csv", "mpg", "regression", (), 398),
        ("messy_penguins.csv", "species", "multi-class", ("Adelie", "Chinstrap", "Gentoo"), 200),
    ]
    for name, target, task, classes, rows in cases:
        with subtests.test(name):
            table = sample(name)
            prepared = prepare(table, DataSettings(target=target))

            check(prepared, rows)
            assert (prepared.task, prepared.target, prepared.classes) == (task, target, classes)
            words = table.frame[target].iloc[prepared.test.rows]
            if classes:
                assert [classes[int(place)] for place in prepared.test.y] == words.tolist()
                assert prepared.metric_scale == 1
            else:
                known = table.frame[target].iloc[prepared.train.rows]
                np.testing.assert_allclose(
                    prepared.test.y, (words - known.mean()) / known.std(ddof=0), rtol=1e-5
                )
                assert prepared.metric_scale == pytest.approx(known.std(ddof=0))


def test_penguins_in_detail() -> None:
    prepared = prepare(sample("penguins.csv"), DataSettings(target="species"))

    assert prepared.inputs[:4] == ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
    assert prepared.inputs[-3:] == ("sex = female", "sex = male", "sex is missing")
    assert [len(part.y) for part in (prepared.train, prepared.validation, prepared.test)] == [206, 69, 69]
    assert prepared.train.y.dtype == np.int32
    np.testing.assert_allclose(prepared.train.x[:, :4].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(prepared.train.x[:, :4].std(axis=0), 1, atol=1e-5)


def test_the_same_settings_give_the_same_arrays_and_kinds_do_not_move_rows() -> None:
    table = sample("penguins.csv")
    first = prepare(table, DataSettings(target="species"))
    again = prepare(table, DataSettings(target="species"))
    other = prepare(
        table,
        DataSettings(target="species", kinds={"body_mass_g": ColumnKind.CATEGORY, "sex": ColumnKind.TEXT}),
    )

    np.testing.assert_array_equal(first.train.x, again.train.x)
    np.testing.assert_array_equal(first.train.rows, other.train.rows)
    assert "sex = male" not in other.inputs
    assert (
        prepare(table, DataSettings(target="species", split_seed=1)).train.rows.tolist()
        != first.train.rows.tolist()
    )


def test_kinds_for_columns_of_another_table_are_passed_over() -> None:
    check(
        prepare(sample("penguins.csv"), DataSettings(target="species", kinds={"nowhere": ColumnKind.TEXT})),
        344,
    )


def test_class_weights_make_the_classes_weigh_the_same() -> None:
    prepared = prepare(sample("penguins.csv"), DataSettings(target="species", class_weights=True))
    weight = prepared.train.weight

    assert weight is not None
    assert weight.dtype == np.float32
    assert weight.mean() == pytest.approx(1)
    sums = [weight[prepared.train.y == place].sum() for place in range(3)]
    assert sums == pytest.approx([206 / 3] * 3)
    assert prepared.validation.weight is None
    assert prepared.test.weight is None


def test_class_weights_are_not_for_numbers() -> None:
    prepared = prepare(sample("auto_mpg.csv"), DataSettings(target="mpg", class_weights=True))

    assert prepared.train.weight is None
    assert any(note.startswith("Class weights were not used") for note in prepared.notes)


def test_rows_without_a_target_are_left_out_and_counted() -> None:
    target = RNG.normal(size=60)
    target[[3, 5]] = np.nan
    target[7] = np.inf
    table = read(pd.DataFrame({"a": RNG.normal(size=60), "y": target}))

    prepared = prepare(table, DataSettings(target="y"))

    check(prepared, 57)
    assert not {3, 5, 7} & set(
        np.concatenate([prepared.train.rows, prepared.validation.rows, prepared.test.rows])
    )
    assert prepared.notes == ("3 rows without a value in “y” were left out.",)
    np.testing.assert_array_equal(
        prepared.tabular.transform(table.frame.iloc[prepared.test.rows]), prepared.test.x
    )


def test_a_class_with_one_member_trains_and_is_named() -> None:
    words = ["ant", "bee"] * 15 + ["cat"]
    prepared = prepare(read(pd.DataFrame({"a": RNG.normal(size=31), "y": words})), DataSettings(target="y"))

    check(prepared, 31)
    assert 30 in prepared.train.rows
    assert prepared.notes == (
        "1 class has a single row: “cat”. In training only, so nothing tells how well it is learned.",
    )


def test_a_class_too_small_for_every_part_is_named() -> None:
    words = ["ant", "bee"] * 40 + ["cat"] * 2
    prepared = prepare(read(pd.DataFrame({"a": RNG.normal(size=82), "y": words})), DataSettings(target="y"))

    assert [note for note in prepared.notes if "hold none of “cat”: there are too few of them." in note]


def test_no_test_rows_on_demand() -> None:
    prepared = prepare(sample("penguins.csv"), DataSettings(target="species", test_share=0))

    check(prepared, 344)
    assert prepared.test.x.shape == (0, len(prepared.inputs))
    assert prepared.test.y.dtype == np.int32


def test_what_cannot_be_prepared_is_one_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[dict[str, object], dict[str, object], str]] = [
        ({"a": [1.5, 2.5], "y": ["p", "q"]}, {}, "at least 4 rows"),
        ({"a": [1.5, 2, 3], "y": ["p", "q", "p"]}, {}, "at least 4 rows"),
        ({"a": range(1, 41), "y": ["p", "q"] * 20}, {"validation_share": 0.6, "test_share": 0.4}, "below 1"),
        ({"y": ["p", "q"] * 20}, {}, "No column is left to learn from"),
        ({"a": [1] * 40, "y": ["p", "q"] * 20}, {"target": "y"}, "constant: “a”"),
        ({"a": ["x"] * 40, "y": ["p"] * 40}, {}, "needs a column to predict"),
        ({"a": range(1, 41), "y": ["p", "q"] * 20}, {"target": "z"}, "Received: “z”"),
        ({"a": range(1, 41), "y": ["p"] * 40}, {"target": "y"}, "single value"),
    ]
    for frame, settings, sentence in cases:
        with subtests.test(f"{frame!r}"), pytest.raises(UserError, match=sentence):
            prepare(read(pd.DataFrame(frame)), DataSettings.model_validate(settings))


def test_the_smallest_tables() -> None:
    check(
        prepare(read(pd.DataFrame({"a": [1.5, 2, 4, 9], "y": ["p", "q"] * 2})), DataSettings(target="y")), 4
    )
    table = read(pd.DataFrame({"a": [1.5, 2, 4, 9], "y": [1.5, 2.5, 9.5, 3.5]}))
    check(prepare(table, DataSettings(target="y", validation_share=0.25, test_share=0.25)), 4)


def test_a_target_of_any_size(subtests: pytest.Subtests) -> None:
    for size in [1e100, 1e-100, 1e30]:
        with subtests.test(f"{size!r}"):
            values = RNG.uniform(-1, 1, 60)
            table = read(pd.DataFrame({"a": values, "y": values * size}))

            prepared = prepare(table, DataSettings(target="y"))

            check(prepared, 60)
            assert prepared.train.y.mean() == pytest.approx(0, abs=1e-6)
            assert prepared.train.y.std() == pytest.approx(1)
            restored = prepared.preprocessor.decode(prepared.test.y).values
            np.testing.assert_allclose(restored / size, values[prepared.test.rows], atol=1e-5)


def test_a_target_of_the_smallest_numbers_is_finite() -> None:
    values = RNG.choice([0, 5e-324, 1e-323], 60)
    check(
        prepare(read(pd.DataFrame({"a": values, "y": values})), DataSettings(target="y", task="regression")),
        60,
    )


def test_a_target_that_is_constant_in_training_is_finite() -> None:
    values = np.ones(40)
    values[17] = 2
    for seed in range(6):
        settings = DataSettings(target="y", task="regression", split_seed=seed)
        check(prepare(read(pd.DataFrame({"a": RNG.normal(size=40), "y": values})), settings), 40)


def test_names_from_anywhere_are_inputs() -> None:
    names = ["a.b[0]'\"\\", "😀 $x$", "<b>bold</b>", "two\nlines", "constructor", "__proto__", ":red[x]"]
    table = read(pd.DataFrame({name: RNG.normal(size=40) for name in names} | {"y": ["p", "q"] * 20}))

    assert prepare(table, DataSettings(target="y")).inputs == tuple(names)


def test_ten_thousand_columns() -> None:
    frame = pd.DataFrame(RNG.normal(size=(60, 10_000)), columns=[f"c{place}" for place in range(10_000)])
    columns = [Column(str(name), ColumnKind.NUMBER, "", 0, 60, ()) for name in frame]
    table = Table("wide", frame, tuple(columns), None, (), (), 0)

    prepared = prepare(table, DataSettings(target="c0", task="regression"))

    assert prepared.train.x.shape == (36, 9_999)


def test_importing_the_room_imports_neither_sklearn_nor_tensorflow() -> None:
    code = (
        "import sys, lrapp.preparation.table_arrays, lrapp.evaluation.scores, lrapp.prediction.files;"
        "print(' '.join({'sklearn', 'skops', 'tensorflow', 'keras', 'streamlit', 'scipy'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SAMPLES.parent, capture_output=True, text=True, check=False
    )

    assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.skipif(
    "LRAPP_TEST_DATA" not in os.environ, reason="LRAPP_TEST_DATA names no folder with real data"
)
def test_the_cardiovascular_table() -> None:
    table = read_csv(Path(os.environ["LRAPP_TEST_DATA"], "cardio_train.csv").read_bytes(), "cardio_train.csv")

    prepared = prepare(table, DataSettings(target="cardio", test_share=0))

    check(prepared, 70_000)
    assert prepared.task == "binary"
    assert prepared.classes == ("0", "1")
    assert len(prepared.inputs) == 11
    assert np.abs(prepared.train.x).max() < 10  # the absurd blood pressures are clipped
    assert prepared.train.y.mean() == pytest.approx(table.frame["cardio"].mean(), abs=1e-4)
