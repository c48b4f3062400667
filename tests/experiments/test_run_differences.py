"""Runs side by side: what differs, which is best, and what the figures do not say."""

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from lrapp.experiments.run_differences import Compared, flat, side_by_side
from lrapp.experiments.run_table import Row
from lrapp.policies.lr_range import RatesFound
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    DialectSettings,
    FileSource,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    RangeTestSettings,
    RunSettings,
    SampleSource,
    SGDRSettings,
    TrainingSettings,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FOUND = RatesFound("Sure.", 0.00123, 0.0179, 0.05, (("tenth", 0.005, 0.005, 0.005),))


def compared(
    settings: RunSettings | None = None, found: RatesFound | None = None, **figures: Any
) -> Compared:
    given: dict[str, Any] = {
        "metric": "accuracy",
        "name": "run",
        "epochs": 3,
        "best_epoch": 2,
        "seconds": 1.5,
    } | figures
    return Compared(Row(id="x", created=NOW, **given), settings or RunSettings(), found)


def table(frame: pd.DataFrame) -> dict[str, list[str]]:
    return {str(title): list(row) for title, row in zip(frame.index, frame.to_numpy(), strict=True)}


def test_scores_stand_above_the_settings_that_differ() -> None:
    one = compared(validation=0.9, test=0.875, name="a")
    two = compared(
        RunSettings(
            training=TrainingSettings(optimizer="sgd", batch_size=64), policy=FixedSettings(learning_rate=0.1)
        ),
        validation=0.95,
        test=0.85,
        name="b",
        seconds=None,
        epochs=1_234,
        best_epoch=None,
    )
    found = side_by_side([one, two])
    assert list(found.frame.columns) == ["a", "b"]
    assert table(found.frame) == {
        "Validation accuracy": ["90.00 %", "95.00 % ▲ best"],
        "Test accuracy": ["87.50 % ▲ best", "85.00 %"],
        "Epochs done": ["3", "1,234"],
        "Best epoch": ["2", "–"],
        "Seconds of training": ["1.5", "–"],
        "Training: Optimizer": ["Adam", "SGD"],
        "Training: Batch size": ["32", "64"],
        "Learning rate: Policy": ["CLR", "Fixed"],
        "Learning rate: base_lr": ["0.001", "–"],
        "Learning rate: max_lr": ["0.01", "–"],
        "Learning rate: step_size": ["4 epochs", "–"],
        "Learning rate: gamma": ["0.9999", "–"],
        "Learning rate: Mode": ["triangular", "–"],
        "Learning rate": ["–", "0.1"],
    }
    assert found.best == {(0, 1), (1, 0)}
    assert found.differing == {(row, 1) for row in range(5, 14)}
    assert found.remarks == ()


def test_only_cells_unlike_the_first_run_are_marked() -> None:
    batches = [32, 64, 32, 128]
    runs = [compared(RunSettings(training=TrainingSettings(batch_size=size))) for size in batches]
    found = side_by_side(runs)
    assert found.differing == {(5, 1), (5, 3)}
    assert list(found.frame.columns) == [
        f"run (01 Jan, 00:00:00){more}" for more in ("", " (2)", " (3)", " (4)")
    ]


def test_the_same_settings_differ_in_nothing() -> None:
    found = side_by_side(
        [compared(RunSettings(name="a"), name="a"), compared(RunSettings(name="b"), name="b")]
    )
    assert len(found.frame) == 5
    assert not found.differing


def test_the_best_is_marked_where_there_is_one(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, list[float | None], set[int]]] = [
        ("accuracy", [0.5, 0.7, None], {1}),
        ("accuracy", [0.7, 0.5, 0.7], {0, 2}),
        ("accuracy", [0.7, 0.7, 0.7], set()),
        ("accuracy", [0.7, None, None], set()),
        ("accuracy", [None, None, None], set()),
        ("mean absolute error", [0.5, 0.7, None], {0}),
    ]
    for metric, values, best in cases:
        with subtests.test(metric):
            found = side_by_side([compared(validation=value, metric=metric) for value in values])
            assert {column for row, column in found.best if row == 0} == best
            assert {n for n, cell in enumerate(found.frame.iloc[0]) if "▲ best" in cell} == best


def test_different_questions_have_no_best() -> None:
    species = RunSettings(data=DataSettings(target="species"))
    for other, metric in (
        (RunSettings(data=DataSettings(target="mass")), "accuracy"),
        (RunSettings(data=DataSettings(source=SampleSource(name="b.csv"), target="species")), "accuracy"),
        (species, "mean absolute error"),
    ):
        found = side_by_side(
            [compared(species, validation=0.5), compared(other, validation=0.7, metric=metric)]
        )
        assert not found.best
        assert len(found.remarks) == 1
        assert found.remarks[0].startswith("These runs answer different questions")
    assert [*found.frame.loc["Validation"]] == ["50.00 % accuracy", "0.7 mean absolute error"]


def test_a_run_that_has_not_begun_is_compared_all_the_same() -> None:
    waiting = compared(metric="", epochs=None, best_epoch=None, seconds=None)
    found = side_by_side([waiting, compared(validation=0.5), compared(validation=0.75)])
    assert found.remarks == ()
    assert found.frame.iloc[0].name == "Validation accuracy"
    assert found.frame.iloc[0].tolist() == ["–", "50.00 %", "75.00 % ▲ best"]
    assert side_by_side([waiting, waiting]).frame.index[0] == "Validation"


def test_the_same_file_under_another_name_is_the_same_question() -> None:
    runs = [
        compared(
            RunSettings(data=DataSettings(source=FileSource(name=name, sha256="a" * 64))), validation=value
        )
        for name, value in (("a.csv", 0.5), ("a (1).csv", 0.7))
    ]
    assert side_by_side(runs).best == {(0, 1)}


def test_other_rows_are_said() -> None:
    found = side_by_side(
        [
            compared(),
            compared(
                RunSettings(data=DataSettings(split_seed=1, dialect=DialectSettings(header=False))),
                validation=0.1,
            ),
        ]
    )
    (remark,) = found.remarks
    assert remark == (
        "Measured on different rows, because these settings differ: how the file is read, split seed. "
        "A small difference can be chance."
    )


def test_rates_that_were_found_are_told() -> None:
    settings = RunSettings(policy=CLRSettings(source="found"))
    told = flat(settings, FOUND)
    assert (told["Learning rate: base_lr"], told["Learning rate: max_lr"]) == ("0.00123", "0.0179")
    assert told["Learning rate: Rates"] == "found by a range test"
    assert told["Range test: Steps"] == "100"
    for nothing in (None, RatesFound("No fall.")):
        assert flat(settings, nothing)["Learning rate: max_lr"] == "0.01"
    assert "Range test: Steps" not in flat(RunSettings())
    linear = flat(settings.model_copy(update={"range_test": RangeTestSettings(rise="linear")}), FOUND)
    assert linear["Range test: Kind of test"] == "By the accuracy (linear)"
    assert linear["Range test: Epochs of the test"] == "8"
    assert "Range test: Steps" not in linear


def test_every_setting_is_told_in_words() -> None:
    told = flat(
        RunSettings(
            data=DataSettings(
                source=FileSource(name="a.csv", sha256="12345678" + "0" * 56),
                dialect=DialectSettings(delimiter="\t", quote="", header=True),
                kinds={"x\ny": "category"},
            ),
            model=ModelSettings(
                layers=(LayerSettings(units=8, dropout=0.25, batch_norm=True), LayerSettings(l2=1e-5))
            ),
            policy=SGDRSettings(unit="steps", T_0=500),
            mode="range test",
        )
    )
    assert told["Data: SHA-256 of the table"] == "12345678"
    assert told["Reading: Delimiter"] == r"'\t'"
    assert told["Reading: Quote"] == "''"
    assert told["Reading: Header"] == "yes"
    assert told["Reading: Decimal mark"] == "not set"
    assert told["Kind of x y"] == "category"
    assert told["Network: Layers"] == "8 relu dropout 0.25 batch norm · 64 relu l2 0.00001"
    assert told["Learning rate: First cycle (T_0)"] == "500 steps"
    assert told["Early stopping: Watch"] == "Validation loss"
    assert told["What was done"] == "range test only"
    assert all(text and text == text.strip() for text in told.values())


def test_bounds_of_momentum_are_told_where_it_moves() -> None:
    moving = flat(RunSettings(policy=CLRSettings(cycle_momentum=True, base_momentum=0.8)))
    assert moving["Learning rate: Cyclical momentum"] == "yes"
    assert (moving["Learning rate: base_momentum"], moving["Learning rate: max_momentum"]) == ("0.8", "0.95")
    still = flat(RunSettings(policy=CLRSettings(base_momentum=0.8)))
    assert still["Learning rate: Cyclical momentum"] == "no"
    assert "Learning rate: base_momentum" not in still


def test_numbers_that_differ_look_different() -> None:
    rates = [0.1, 0.30000000000000004, 0.3]
    texts = [flat(RunSettings(policy=FixedSettings(learning_rate=rate)))["Learning rate"] for rate in rates]
    assert texts == ["0.1", "0.30000000000000004", "0.3"]
