"""Which column can be predicted, and what kind of answer it asks for."""

import numpy as np
import pandas as pd
import pytest

from lrapp.errors import UserError
from lrapp.preparation.targets import check_data, default_target, find_task, target_choices
from lrapp.settings import DataSettings, Task
from lrapp.tables.columns.column_records import Column
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table, read_csv

RNG = np.random.default_rng(0)


def table(**columns: object) -> Table:
    return read_csv(pd.DataFrame(columns).to_csv(index=False).encode(), "table.csv")


@pytest.fixture(scope="module")
def many() -> Table:
    rows = 300
    return table(
        measure=RNG.normal(size=rows),
        income=RNG.integers(0, 100_000, rows),
        stars=RNG.integers(1, 6, rows),
        city=RNG.choice(["Bonn", "Rome", "Oslo"], rows),
        sex=RNG.choice(["f", "m"], rows),
        bought=RNG.choice(["yes", "no"], rows),
        survived=RNG.integers(0, 2, rows),
        day=pd.date_range("2020-01-01", periods=rows).astype(str),
        same=["x"] * rows,
        key=[f"k{n:04}" for n in RNG.permutation(rows)],
        text=[f"a long text number {n} " + "with many words " * 8 for n in range(rows)],
        empty=[None] * rows,
    )


@pytest.mark.parametrize(
    ("target", "task"),
    [
        ("measure", "regression"),
        ("income", "regression"),
        ("stars", "multi-class"),
        ("city", "multi-class"),
        ("sex", "binary"),
        ("bought", "binary"),
        ("survived", "binary"),
    ],
)
def test_the_target_tells_the_task(many: Table, target: str, task: Task) -> None:
    assert find_task(many, target) == task


@pytest.mark.parametrize(
    ("target", "override"),
    [("stars", "regression"), ("survived", "regression"), ("sex", "multi-class"), ("income", "regression")],
)
def test_the_user_may_choose_otherwise(many: Table, target: str, override: Task) -> None:
    assert find_task(many, target, override) == override


@pytest.mark.parametrize(
    ("target", "override", "sentence"),
    [
        (None, None, "needs a column to predict: .* Change the kind of a column"),
        ("nowhere", None, "must be a column of the table. Received: “nowhere”"),
        ("day", None, "“day” is a date"),
        ("text", None, "“text” is long text"),
        ("key", None, "“key” is an identifier"),
        ("same", None, "has a single value, “x”: choose another"),
        ("empty", None, "“empty” has no values"),
        ("city", "regression", "“city” holds words: choose classes"),
        ("city", "binary", "exactly two values. “city” has 3"),
        ("measure", "binary", "“measure” has 300"),
        ("measure", "multi-class", "up to 100 different ones. “measure” has 300"),
        ("income", "multi-class", "at least two rows each on average"),
    ],
)
def test_what_makes_no_sense_is_said(many: Table, target: str, override: Task | None, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        find_task(many, target, override)


def test_a_class_for_every_row_is_refused() -> None:
    with pytest.raises(UserError, match="8 classes in 8 rows"):
        find_task(table(a=range(3, 11), y=list("abcdefgh")).with_kinds({"y": ColumnKind.CATEGORY}), "y")


def test_few_whole_numbers_in_few_rows_are_numbers() -> None:
    assert find_task(table(a=RNG.normal(size=12), y=[1, 2, 3, 4, 5, 6] * 2), "y") == "regression"


def test_infinite_values_are_no_values() -> None:
    column = Column("y", ColumnKind.NUMBER, "", 0, 4, ())
    infinite = Table("t", pd.DataFrame({"y": [1.0, np.inf, 2.0, -np.inf]}), (column,), None, (), (), 0)

    assert find_task(infinite, "y") == "binary"


def test_choices_leave_out_what_cannot_be_predicted(many: Table) -> None:
    assert target_choices(many) == ("measure", "income", "stars", "city", "sex", "bought", "survived")


def test_the_default_target_is_named_like_one_or_comes_last(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[str], str]] = [
        (["a", "b", "c"], "c"),
        (["label", "b", "c"], "label"),
        (["a", "Target", "c"], "Target"),
        (["y", "b", "class"], "class"),
    ]
    for columns, target in cases:
        with subtests.test(f"{columns!r}"):
            assert default_target(table(**{name: RNG.normal(size=30) for name in columns})) == target


def test_a_table_without_a_target_has_no_default() -> None:
    assert default_target(table(same=["x"] * 30, key=[f"k{n}" for n in RNG.permutation(30)])) is None


def test_data_are_checked_with_kinds_and_split(many: Table) -> None:
    assert (
        check_data(many, DataSettings(target="survived", kinds={"survived": ColumnKind.CATEGORY})) == "binary"
    )
    with pytest.raises(UserError, match="below 1"):
        check_data(many, DataSettings(target="sex", validation_share=0.9, test_share=0.5))
    with pytest.raises(UserError, match="at least 3 rows"):
        check_data(table(a=[1.5, 2.5], y=[3.5, 4.25]), DataSettings(target="y", task="regression"))


def test_a_target_alone_is_nothing_to_learn_from() -> None:
    table = read_csv(b"id,y\n" + b"".join(b"%d,%d\n" % (row, row % 2) for row in range(1, 41)), "t.csv")
    with pytest.raises(UserError, match=r"^No column is left to learn from: .*change a column's kind"):
        check_data(table, DataSettings(target="y"))
    with_id = DataSettings(target="y", kinds={"id": ColumnKind.NUMBER})
    assert check_data(table, with_id) == "binary"
