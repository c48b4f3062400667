"""A logarithm for skewed targets: learned, inverted, saved, scored, and refused where there is none."""

import math
import statistics
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lrapp.errors import UserError
from lrapp.evaluation import explanations
from lrapp.evaluation.scores import evaluate
from lrapp.preparation.log_target import LogTarget, suits
from lrapp.preparation.preprocessor import Preprocessor
from lrapp.preparation.table_arrays import Prepared, prepare
from lrapp.preparation.targets import check_data
from lrapp.settings import DataSettings
from lrapp.tables.reading import read_csv

PRICES = [0.0, 1, 2, 4, 8, 100]


def test_learned_by_hand() -> None:
    made = LogTarget.of(np.array(PRICES))
    logs = [math.log(1 + price / 4) for price in PRICES]  # 4 is the median of what is above 0
    assert made.unit == 4
    assert made.mean == pytest.approx(statistics.fmean(logs))
    assert made.scale == pytest.approx(statistics.pstdev(logs))
    expected = [(log - made.mean) / made.scale for log in logs]
    assert made.standardised(np.array(PRICES)) == pytest.approx(expected)


def test_numbers_come_back() -> None:
    values = np.random.default_rng(0).lognormal(3, 2, 500)
    made = LogTarget.of(values)
    assert made.numbers(made.standardised(values)) == pytest.approx(values, rel=1e-12)


def test_cents_give_what_dollars_give() -> None:
    values = np.random.default_rng(1).exponential(50, 99)
    dollars, cents = LogTarget.of(values), LogTarget.of(100 * values)
    assert cents.standardised(100 * values) == pytest.approx(dollars.standardised(values))


def test_all_zero_and_absurd_values_stay_finite() -> None:
    assert LogTarget.of(np.zeros(5)) == LogTarget(1.0, 0.0, 1.0)
    made = LogTarget.of(np.array([1e-300, 1.0, 1e99]))
    assert np.isfinite(made.numbers(np.array([-1e9, 0, 1e9]))).all()
    assert not np.isnan(made.standardised(np.array([-5.0, 0, 1e300]))).any()


def test_a_logarithm_suits_what_is_never_negative_and_has_a_long_tail(subtests: pytest.Subtests) -> None:
    cases: list[tuple[np.ndarray, bool]] = [
        (np.random.default_rng(0).lognormal(size=300), True),
        (np.random.default_rng(0).exponential(size=300), True),
        (1e99 * np.random.default_rng(0).lognormal(size=300), True),
        (np.random.default_rng(0).lognormal(size=300) - 0.5, False),
        (np.random.default_rng(0).normal(50, 3, size=300), False),
        (np.random.default_rng(0).uniform(size=300), False),
        (np.zeros(300), False),
        (np.array(PRICES), False),  # too few to tell
    ]
    for values, fits in cases:
        with subtests.test(f"{values!r}"):
            assert suits(values) == fits


def made(**more: object) -> tuple[pd.DataFrame, Prepared]:
    rng = np.random.default_rng(2)
    size = rng.uniform(0, 4, 200)
    frame = pd.DataFrame({"size": size, "price": np.exp(size + rng.normal(0, 0.3, 200)).round(4)})
    settings = DataSettings.model_validate({"target": "price", "target_transform": "log", **more})
    return frame, prepare(read_csv(frame.to_csv(index=False).encode(), "t.csv"), settings)


def test_a_table_is_learned_by_its_logarithm_and_decoded_to_its_numbers(tmp_path: Path) -> None:
    frame, prepared = made()
    told = prepared.tabular
    truth = frame["price"].to_numpy()[prepared.test.rows]
    assert (
        prepared.logarithm == told.logarithm == LogTarget.of(frame["price"].to_numpy()[prepared.train.rows])
    )
    assert prepared.train.y.mean() == pytest.approx(0, abs=1e-6)
    assert told.decode(prepared.test.y).values == pytest.approx(truth, rel=1e-5)
    told.save(tmp_path)
    loaded = Preprocessor.load(tmp_path)
    assert loaded.logarithm == told.logarithm
    np.testing.assert_array_equal(loaded.decode(prepared.test.y).values, told.decode(prepared.test.y).values)


def test_scores_are_those_of_the_numbers_themselves() -> None:
    frame, prepared = made()
    outputs = prepared.test.y + np.random.default_rng(3).normal(0, 0.2, len(prepared.test.y)).astype(
        np.float32
    )
    truth = frame["price"].to_numpy()[prepared.test.rows]
    answers = prepared.preprocessor.decode(outputs).values
    usual = frame["price"].to_numpy()[prepared.train.rows].mean()
    absolute, squared, explained = evaluate(prepared, outputs).metrics
    assert absolute.value == pytest.approx(np.abs(answers - truth).mean(), rel=1e-5)
    assert absolute.baseline == pytest.approx(np.abs(usual - truth).mean(), rel=1e-5)
    assert squared.value == pytest.approx(np.sqrt(((answers - truth) ** 2).mean()), rel=1e-5)
    assert explained.value == pytest.approx(
        1 - ((answers - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
    )
    errors = explanations.error_of(prepared, prepared.test.y, outputs)
    assert errors == pytest.approx(np.abs(answers - truth), rel=1e-4, abs=1e-4)


def test_a_target_below_zero_has_no_logarithm_and_is_a_sentence() -> None:
    frame = pd.DataFrame({"x": range(50), "gain": [-3.5, *range(49)]})
    table = read_csv(frame.to_csv(index=False).encode(), "t.csv")
    with pytest.raises(UserError, match=r"never below zero, and “gain” goes down to -3\.5: set “Target"):
        prepare(table, DataSettings(target="gain", target_transform="log"))
    with pytest.raises(UserError, match=r"never below zero"):
        check_data(table, DataSettings(target="gain", target_transform="log"))


def test_classes_have_no_logarithm_and_that_is_said() -> None:
    frame = pd.DataFrame({"x": range(60), "kind": ["a", "b", "c"] * 20})
    table = read_csv(frame.to_csv(index=False).encode(), "t.csv")
    prepared = prepare(table, DataSettings(target="kind", target_transform="log"))
    assert prepared.logarithm is None
    assert "No logarithm was taken: the target is a class, not a number." in prepared.notes
