"""Rows -> parts by groups and by time: whole groups, and never a look into the future."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrapp.errors import UserError
from lrapp.preparation.expected_shape import of_table
from lrapp.preparation.splitting import by_groups, by_time
from lrapp.preparation.table_arrays import prepare
from lrapp.preparation.targets import check_data
from lrapp.settings import DataSettings
from lrapp.tables.reading import Table, read_csv

ROWS = 120


def shop(**columns: object) -> Table:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "amount": rng.normal(50, 9, ROWS).round(2),
            "customer": [f"c{number}" for number in rng.integers(0, 25, ROWS)],
            "day": pd.date_range("2020-01-13", periods=ROWS // 2)
            .repeat(2)[rng.permutation(ROWS)]
            .strftime("%Y-%m-%d"),
            "bought": rng.choice(["yes", "no"], ROWS, p=[0.3, 0.7]),
            **columns,
        }
    )
    return read_csv(frame.to_csv(index=False).encode(), "shop.csv")


def asked(split: str, column: str | None, **more: object) -> DataSettings:
    return DataSettings.model_validate({"target": "bought", "split": split, "split_column": column, **more})


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=3, max_size=20),
    tested=st.booleans(),
    seed=st.integers(0, 3),
    classes=st.integers(1, 4),
)
def test_groups_stay_whole_and_every_part_has_some(
    sizes: list[int], tested: bool, seed: int, classes: int
) -> None:
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = len(groups)
    strata = np.random.default_rng(seed).integers(0, classes, rows)
    wanted = (rows - 2 * (rows // 5), rows // 5 + 1, rows // 5 if tested else 0)
    part = by_groups(groups, strata, wanted, seed)
    assert all(len(set(part[groups == group].tolist())) == 1 for group in range(len(sizes)))
    assert set(part.tolist()) == ({0, 1, 2} if wanted[2] else {0, 1})
    np.testing.assert_array_equal(part, by_groups(groups, strata, wanted, seed))


def test_many_small_groups_fill_the_parts_to_their_sizes_with_the_shares_of_the_classes() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 400, 2000)
    groups = np.unique(groups, return_inverse=True)[1]
    strata = (rng.random(2000) < 0.2).astype(np.int64)
    part = by_groups(groups, strata, (1200, 400, 400), 0)
    np.testing.assert_allclose(np.bincount(part), [1200, 400, 400], atol=6)
    for number in range(3):
        assert strata[part == number].mean() == pytest.approx(strata.mean(), abs=0.015)
    assert (part != by_groups(groups, strata, (1200, 400, 400), 1)).any()


@settings(deadline=None, max_examples=60)
@given(times=st.lists(st.integers(0, 9), min_size=3, max_size=60), tested=st.booleans())
def test_each_part_is_later_than_the_one_before(times: list[int], tested: bool) -> None:
    ranks = np.unique(times, return_inverse=True)[1]
    rows = len(ranks)
    sizes = (rows - 2, 1, 1) if tested else (rows - 1, 1, 0)
    if ranks.max() + 1 < 2 + tested:
        return
    part = by_time(ranks, sizes)
    assert set(part.tolist()) == set(range(2 + tested))
    for number in range(1, 2 + tested):
        assert ranks[part == number - 1].max() < ranks[part == number].min()


def test_golden_times() -> None:
    assert by_time(np.array([4, 0, 3, 1, 2]), (3, 1, 1)).tolist() == [2, 0, 1, 0, 0]
    assert by_time(np.array([0, 0, 0, 0, 1, 2]), (2, 2, 2)).tolist() == [0, 0, 0, 0, 1, 2]
    assert by_time(np.arange(10), (6, 0, 4)).tolist() == [0] * 6 + [2] * 4


def test_no_customer_is_in_two_parts_and_the_column_is_no_input() -> None:
    table = shop()
    data = asked("groups", "customer")
    made = prepare(table, data)
    held = [set(table.frame["customer"].iloc[part.rows]) for part in (made.train, made.validation, made.test)]
    assert all(held)
    assert sum(map(len, held)) == len(set.union(*held)) == table.frame["customer"].nunique()
    assert not [name for name in made.inputs if name.startswith("customer")]
    assert any("customer" in note and "none is in two parts" in note for note in made.notes)
    assert any("it is no input" in note for note in made.notes)
    learned = prepare(table, asked("groups", "customer", split_column_input=True, min_category_rows=1))
    assert [name for name in learned.inputs if name.startswith("customer")]


def test_the_latest_rows_test_and_what_the_page_foretells_is_so() -> None:
    table = shop()
    data = asked("time", "day")
    made = prepare(table, data)
    days = [table.frame["day"].iloc[part.rows] for part in (made.train, made.validation, made.test)]
    assert days[0].max() < days[1].min()
    assert days[1].max() < days[2].min()
    assert [len(part) for part in days] == [72, 24, 24]
    foretold = of_table(table, data, "binary")
    assert (foretold.rows, foretold.validation_rows, foretold.shape) == (72, 24, made.shape)
    assert not [name for name in made.inputs if name.startswith("day")]
    assert any("trained on rows up to 2020-02-" in note for note in made.notes)


def test_numbers_are_times_too_and_rows_without_a_group_are_one() -> None:
    years = np.arange(ROWS) // 12 + 1990
    made = prepare(shop(year=years), asked("time", "year", test_share=0.0))
    assert len(made.test.y) == 0
    assert made.train.rows.max() < made.validation.rows.min()
    customers = [f"c{number % 9}" if number % 4 else None for number in range(ROWS)]
    made = prepare(shop(customer=customers), asked("groups", "customer"))
    parts = [set((part.rows % 4 == 0).tolist()) for part in (made.train, made.validation, made.test)]
    assert sum(True in part for part in parts) == 1
    assert any("30 rows have no value" in note for note in made.notes)


def test_what_cannot_split_is_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[dict[str, object], str, str | None, str]] = [
        ({}, "groups", None, "Choose the column that holds the groups"),
        ({}, "time", None, "Choose the column that holds the times"),
        ({}, "groups", "shop", "must be a column of the table"),
        ({}, "groups", "bought", "The target cannot split the rows"),
        ({"customer": "one"}, "groups", "customer", "at least 3 groups, to fill training, .* has 1: choose"),
        (
            {"customer": ["a", "b"] * 60},
            "groups",
            "customer",
            "has 2: choose another column, or split at random",
        ),
        ({}, "time", "customer", "needs a column of dates or numbers, and “customer” holds words"),
        ({"day": ["2020-01-13", "2020-01-14"] * 60}, "time", "day", "at least 3 different times"),
        (
            {"day": [None, *pd.date_range("2020-01-13", periods=119).strftime("%Y-%m-%d")]},
            "time",
            "day",
            "has none in 1 of 120 rows: fill them in",
        ),
        (
            {"customer": ["a"] * 100 + ["b", "c"] * 10, "bought": ["yes"] * 100 + ["yes", "no"] * 10},
            "groups",
            "customer",
            "must hold at least two classes, and split by “customer” all of them are “yes”",
        ),
    ]
    for columns, split, column, sentence in cases:
        with subtests.test(f"{columns!r}"), pytest.raises(UserError, match=sentence):
            prepare(shop(**columns), asked(split, column))


def test_only_the_split_column_is_left_to_learn_from() -> None:
    table = shop().with_kinds({"amount": "text", "day": "text"})  # type: ignore[dict-item]
    check_data(table, asked("random", None))
    with pytest.raises(UserError, match="No column is left"):
        check_data(table, asked("groups", "customer"))


def test_a_class_that_never_trains_is_named() -> None:
    bought = ["no", "yes"] * 50 + ["perhaps"] * 20
    day = pd.date_range("2020-01-13", periods=ROWS).strftime("%Y-%m-%d")
    made = prepare(shop(bought=bought, day=day), asked("time", "day"))
    assert made.classes == ("no", "perhaps", "yes")
    assert any("training rows hold none of “perhaps”" in note for note in made.notes)


def crossed(table: Table, folds: int = 4, **more: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    made = prepare(table, DataSettings.model_validate({"target": "bought", "folds": folds, **more}))
    assert made.folds is not None
    assert len(made.validation.y) == 0
    assert made.folds.count == folds
    return made.folds.of, made.train.rows, made.train.y


@pytest.mark.parametrize("test_share", [0.0, 0.2])
def test_folds_are_alike_and_hold_every_row_that_does_not_test(test_share: float) -> None:
    of, rows, y = crossed(shop(), test_share=test_share)
    assert len(rows) == ROWS - round(ROWS * test_share)
    assert np.ptp(np.bincount(of)) <= 1
    assert np.ptp([y[of == fold].sum() for fold in range(4)]) <= 1
    without = prepare(shop(), asked("random", None, test_share=test_share))
    assert set(rows.tolist()) == {*without.train.rows.tolist(), *without.validation.rows.tolist()}


def test_no_customer_is_in_two_folds_and_times_are_in_order() -> None:
    table = shop()
    of, rows, _ = crossed(table, split="groups", split_column="customer")
    customers = table.frame["customer"].iloc[rows]
    held = [set(customers[of == fold]) for fold in range(4)]
    assert sum(map(len, held)) == len(set.union(*held)) == customers.nunique()
    of, rows, _ = crossed(table, split="time", split_column="day")
    days = [table.frame["day"].iloc[rows[of == fold]] for fold in range(-1, 4)]
    assert all(before.max() < after.min() for before, after in zip(days, days[1:], strict=False))


@pytest.mark.parametrize("split", [("random", None), ("groups", "customer"), ("time", "day")])
def test_with_folds_the_validation_share_decides_nothing(split: tuple[str, str | None]) -> None:
    how: dict[str, Any] = {"split": split[0], "split_column": split[1], "test_share": 0.4}
    one, two = (crossed(shop(), validation_share=share, **how) for share in (0.1, 0.7))
    for ours, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_cannot_be_folded_is_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[dict[str, object], dict[str, object], str]] = [
        ({}, {"folds": 20, "rows": 12, "stratify": False}, "20 folds, and 10 rows that no test part holds"),
        (
            {"bought": ["yes"] * 3 + ["no"] * 117},
            {},
            "Each class needs a row in each of the 4 folds, .*“yes” has 3",
        ),
        (
            {"customer": ["a", "b", "c", "d"] * 30},
            {"split": "groups", "split_column": "customer"},
            "at least 4 groups",
        ),
        (
            {"day": ["2020-01-13", "2020-01-14", "2020-01-15"] * 40},
            {"split": "time", "split_column": "day"},
            "4 folds need at least 5 different times beside the test part, and “day” has 2",
        ),
    ]
    for columns, more, sentence in cases:
        with subtests.test(f"{columns!r}"):
            table = shop(**columns)
            if "rows" in more:
                table = read_csv(table.frame.iloc[: more.pop("rows")].to_csv(index=False).encode(), "few.csv")
            with pytest.raises(UserError, match=sentence):
                crossed(table, **{"folds": 4, **more})  # type: ignore[arg-type]
            if "Each class" in sentence:
                crossed(table, stratify=False)
