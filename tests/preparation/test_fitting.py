"""How columns become inputs."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from lrapp.errors import UserError
from lrapp.preparation.fitting import Fitted, fit
from lrapp.settings import DataSettings
from lrapp.tables.columns.kinds import ColumnKind

RNG = np.random.default_rng(0)
ROWS = 50
TRAINING = np.arange(0, ROWS, 2)


def fitted(columns: dict[str, tuple[ColumnKind, object]], **settings: object) -> tuple[np.ndarray, Fitted]:
    frame = pd.DataFrame({name: values for name, (_, values) in columns.items()})
    kinds = {name: kind for name, (kind, _) in columns.items()}
    result = fit(frame, kinds, TRAINING, DataSettings.model_validate(settings))
    return result.transformer.transform(result.slots), result


def test_inputs_have_readable_names_in_the_order_of_the_output() -> None:
    sex = np.where(np.arange(ROWS) % 3, "f", "m")
    island = np.repeat(["Rum", "Eigg", "Skye", "Muck"], [20, 20, 8, 2])
    inputs, result = fitted(
        {
            "age": (ColumnKind.NUMBER, np.where(np.arange(ROWS) % 7 == 0, np.nan, np.arange(ROWS))),
            "sex": (ColumnKind.YES_NO, sex),
            "island": (ColumnKind.CATEGORY, island),
            "size": (ColumnKind.NUMBER, RNG.normal(size=ROWS)),
        },
        min_category_rows=3,
    )

    assert result.inputs == (
        "age", "size", "sex = m", "age is missing",
        "island = Eigg", "island = Rum", "island = Skye", "island is rare",
    )  # fmt: skip
    assert inputs.shape == (ROWS, 8)
    np.testing.assert_array_equal(inputs[:, 2], sex == "m")
    np.testing.assert_array_equal(inputs[:, 3], np.arange(ROWS) % 7 == 0)
    for place, name in enumerate(["Eigg", "Rum", "Skye", "Muck"], 4):
        np.testing.assert_array_equal(inputs[:, place], island == name)


@pytest.mark.parametrize(
    ("fill", "oracle"), [("median", np.nanmedian), ("mean", np.nanmean), ("zero", lambda values: 0.0)]
)
def test_gaps_are_filled_from_training_rows_and_standardised(fill: str, oracle: object) -> None:
    values = RNG.lognormal(size=ROWS)
    values[[0, 1, 8, 9]] = np.nan
    inputs, _ = fitted(
        {"a": (ColumnKind.NUMBER, values)}, scaling="standard", missing_numbers=fill, missing_flags=False
    )

    filled = np.where(np.isnan(values), oracle(values[TRAINING]), values)[:, None]  # type: ignore[operator]

    np.testing.assert_allclose(inputs, StandardScaler().fit(filled[TRAINING]).transform(filled))


def test_the_default_clips_then_standardises() -> None:
    values = RNG.normal(size=ROWS)
    values[4] = 1e9
    inputs, _ = fitted({"a": (ColumnKind.NUMBER, values)})

    known = np.sort(values[TRAINING])
    clipped = np.clip(values, known[1], known[-2])[:, None]

    np.testing.assert_allclose(inputs, StandardScaler().fit(clipped[TRAINING]).transform(clipped))


def test_quantiles_have_a_normal_shape_whatever_the_column_had() -> None:
    values = np.exp(RNG.normal(size=ROWS) * 20)
    inputs, _ = fitted({"a": (ColumnKind.NUMBER, values)}, scaling="quantile")

    known = inputs[TRAINING, 0]
    assert np.argsort(known).tolist() == np.argsort(values[TRAINING]).tolist()
    assert abs(np.median(known)) < 1e-9
    assert 0.5 < np.sort(known)[3:-3].std() < 1


def test_a_category_of_few_training_rows_is_rare_and_missing_is_a_category() -> None:
    town = np.array(["Aa"] * 30 + ["Bo"] * 10 + ["Cu"] * 6 + [None] * 4, dtype=object)
    _, result = fitted(
        {"town": (ColumnKind.CATEGORY, town), "a": (ColumnKind.NUMBER, RNG.normal(size=ROWS))},
        min_category_rows=4,
    )

    assert result.inputs == ("a", "town = Aa", "town = Bo", "town is rare")
    assert result.columns[0].values == ("Aa", "Bo", "Cu", "")

    _, result = fitted({"town": (ColumnKind.CATEGORY, town)}, min_category_rows=2)
    assert result.inputs == ("town = Aa", "town = Bo", "town = Cu", "town is missing")


def test_the_most_frequent_categories_keep_an_input_each() -> None:
    letters = np.repeat(list("abcdefghij"), 5)
    _, result = fitted({"letter": (ColumnKind.CATEGORY, letters)}, max_categories=4, min_category_rows=1)

    assert len(result.inputs) == 5
    assert result.inputs[-1] == "letter is rare"


def test_a_date_becomes_parts_and_constant_parts_are_left_out() -> None:
    days = pd.Series(pd.date_range("2021-03-01", periods=ROWS))
    inputs, result = fitted({"day": (ColumnKind.DATE, days)})

    assert "day: year" not in result.inputs  # all 2021
    assert "day: time of day, sine" not in result.inputs  # all midnight
    assert result.inputs[:2] == ("day: days since 1970", "day: day of month")
    assert np.isfinite(inputs).all()


def test_columns_of_all_sizes_are_finite_and_keep_their_values_apart(subtests: pytest.Subtests) -> None:
    for scaling in ["clipped", "standard", "robust", "quantile"]:
        with subtests.test(f"{scaling!r}"):
            base = RNG.normal(size=ROWS)
            gaps = base.copy()
            gaps[[2, 5]] = np.inf, 1e308  # missing, as reading has it
            columns: dict[str, tuple[ColumnKind, object]] = {
                "large": (ColumnKind.NUMBER, base * 1e99),
                "tiny": (ColumnKind.NUMBER, base * 1e-308),
                "gaps": (ColumnKind.NUMBER, gaps),
                "whole": (ColumnKind.NUMBER, np.array([10**30 + n * 10**28 for n in range(ROWS)], float)),
            }
            inputs, result = fitted(columns, scaling=scaling)

            assert np.isfinite(inputs).all()
            for name in columns:
                assert len(np.unique(inputs[:, result.inputs.index(name)])) > 30, name


def test_columns_of_one_value_in_training_are_left_out_and_named() -> None:
    late = np.zeros(ROWS)
    late[1] = 5
    word = np.where(np.arange(ROWS) % 2, "later", "first")
    _, result = fitted(
        {
            "late": (ColumnKind.NUMBER, late),
            "word": (ColumnKind.CATEGORY, word),
            "gone": (ColumnKind.NUMBER, np.where(np.arange(ROWS) % 2, 1.0, np.nan)),
            "good": (ColumnKind.NUMBER, np.arange(ROWS)),
            "names": (ColumnKind.CATEGORY, [f"name {n}" for n in range(ROWS)]),
            "key": (ColumnKind.IDENTIFIER, [f"key {n}" for n in range(ROWS)]),
            "same": (ColumnKind.CONSTANT, ["x"] * ROWS),
        }
    )

    assert result.inputs == ("good",)
    assert result.slots.shape == (ROWS, 1)
    assert result.notes == (
        "Left out, because it is an identifier: “key”.",
        "Left out, because it is constant: “same”.",
        "Left out, because the training rows hold a single value there: “word”, “late” and “gone”.",
        "Left out, because each category has fewer than 5 training rows: “names”.",
    )


def test_a_number_with_one_value_and_gaps_leaves_its_flag() -> None:
    half = np.where(np.arange(ROWS) % 4, np.nan, 7.0)

    assert fitted({"half": (ColumnKind.NUMBER, half)})[1].inputs == ("half is missing",)
    with pytest.raises(UserError, match="No column is left to learn from"):
        fitted({"half": (ColumnKind.NUMBER, half)}, missing_flags=False)


def test_a_table_of_rare_categories_alone_says_what_to_lower() -> None:
    with pytest.raises(
        UserError, match="Add rows or columns, lower “Rare category below”, or change the kind"
    ):
        fitted({"name": (ColumnKind.CATEGORY, [f"n{place}" for place in range(ROWS)])})


def test_yes_no_keeps_zero_and_one_and_fills_gaps_with_the_mean() -> None:
    answers = np.array(["no", "yes", "yes", "yes"] * 12 + [None, None], dtype=object)
    inputs, result = fitted({"ok": (ColumnKind.YES_NO, answers)})

    assert result.inputs == ("ok = yes", "ok is missing")
    assert inputs[:4, 0].tolist() == [0, 1, 1, 1]
    known = [answer == "yes" for answer in answers[TRAINING] if answer]
    assert inputs[-1].tolist() == [np.mean(known), 1]


def test_too_much_for_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    columns: dict[str, tuple[ColumnKind, object]] = {
        "letter": (ColumnKind.CATEGORY, [f"{n % 25}" for n in range(ROWS)])
    }
    monkeypatch.setattr("lrapp.free_memory.for_a_run", lambda: 8 * 3 * ROWS)
    with pytest.raises(UserError, match=r"\(inputs: 25, rows: 50\) needs about .* leave columns out"):
        fitted(columns, min_category_rows=1)
    monkeypatch.setattr("lrapp.free_memory.for_a_run", lambda: 8 * 2 * ROWS)
    with pytest.raises(UserError, match=r"\(columns: 1, rows: 50\)"):
        fitted(columns, min_category_rows=1)
    monkeypatch.setattr("lrapp.free_memory.for_a_run", lambda: None)
    fitted(columns, min_category_rows=1)


def test_nothing_is_learned_from_other_rows() -> None:
    values = RNG.normal(size=ROWS)
    words = RNG.choice(["a", "b"], ROWS)
    changed, other = values.copy(), words.copy().astype(object)
    changed[1::2] = 1e6
    other[1::2] = "new"

    inputs, result = fitted({"a": (ColumnKind.NUMBER, values), "w": (ColumnKind.CATEGORY, words)})
    again, same = fitted({"a": (ColumnKind.NUMBER, changed), "w": (ColumnKind.CATEGORY, other)})

    assert result.inputs == same.inputs
    np.testing.assert_array_equal(inputs[TRAINING], again[TRAINING])
