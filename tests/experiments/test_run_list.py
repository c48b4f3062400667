"""The list of runs: what is folded together, which of them is the best, and how its cells read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lrapp.experiments import run_list
from lrapp.experiments.run_list import Fold, fold, frame, group, in_words, lines
from lrapp.experiments.run_table import Row
from lrapp.experiments.search import Search
from lrapp.experiments.study_files import Member, Study
from lrapp.runs.store import State

STATES: dict[State, str] = {"completed": "Done", "running": "Training"}
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def run_id(number: int) -> str:
    return f"20260102-120000{number:06d}-0123456789abcdef"


def row(number: int, score: float | None = None, **changes: object) -> Row:
    values: dict[str, object] = {
        "name": f"run {number}",
        "metric": "accuracy",
        "state": "completed",
        "validation": score,
        "table": "t.csv",
        "target": "y",
    }
    values = values | changes
    values.setdefault("measure", values["metric"])
    return Row(run_id(number), NOON + timedelta(seconds=number), **({"title": values["name"]} | values))  # type: ignore[arg-type]


def study(*numbers: int, search: bool = True) -> Study:
    members = tuple(
        Member(label=f"Trial {place}", seed=place if not search else 0, run_id=run_id(number))
        for place, number in enumerate(numbers, start=1)
    )
    return Study(
        id=run_id(999),
        name="Search of width",
        created=NOON,
        search=Search() if search else None,
        members=members,
    )


def names(items: list[Row | Fold]) -> list[str]:
    return [item.name for item in items]


def test_trials_are_one_line_with_the_best_of_them() -> None:
    rows = [row(5, 0.5), row(4, 0.7), row(3, 0.83, leading=0.81), row(2, 0.75), row(1, 0.6)]
    items = fold(rows, [study(2, 3, 4)])
    assert names(items) == ["run 5", "Search of width: best of 3 trials", "run 1"]
    shown = lines(items, ["study=" + run_id(999)])
    assert [line.name for line in shown[1:5]] == [items[1].name, "Trial 1", "Trial 2", "Trial 3"]
    assert [line.run.id for line in shown[2:5] if line.run] == [run_id(2), run_id(3), run_id(4)]
    assert len(lines(items, [])) == 3


def test_range_tests_of_one_table_and_target_are_one_line() -> None:
    tests = [row(number, range_test=True, metric="", name="Range test") for number in (4, 3)]
    other = row(2, range_test=True, target="z")
    items = fold([*tests, other, row(1)], [])
    assert names(items) == ["Range tests for y from t.csv: 2 tests", "run 2", "run 1"]
    assert isinstance(items[0], Fold)
    assert items[0].names == ("Range test (02 Jan, 12:00:04 UTC)", "Range test (02 Jan, 12:00:03 UTC)")
    assert items[0].best is None


def test_of_errors_the_smallest_is_the_best_and_of_two_kinds_none() -> None:
    errors = [row(1, 3.0, metric="mean absolute error"), row(2, 2.5, metric="mean absolute error")]
    made = Fold("k", "Optimizer Adam", tuple(errors), ("", ""))
    assert made.name == "Optimizer Adam: best of 2 runs"
    assert made.best is errors[1]
    mixed = Fold("k", "Optimizer Adam", (errors[0], row(3, 0.9)), ("", ""))
    assert (mixed.best, mixed.name) == (None, "Optimizer Adam: 2 runs")
    shown = frame(lines([made, mixed], []), STATES)
    assert shown["Score"].tolist()[0] == 2.5
    assert shown["Score"].isna().tolist() == [False, True]


def test_of_a_long_fold_the_end_is_seen() -> None:
    long = Fold("k", "Comparison of Fixed 0.001 or CLR 0.001-0.01", (row(1, 0.5), row(2, 0.7)), ("", ""))
    name = frame(lines([long], []), STATES)["Name"][0]
    assert name == "▸ Comparison of Fixed …: best of 2 runs"


def test_seeds_of_a_comparison_are_named() -> None:
    items = fold([row(2), row(1)], [study(1, 2, search=False)])
    assert isinstance(items[0], Fold)
    assert items[0].names == ("Trial 1, seed 1", "Trial 2, seed 2")
    assert items[0].what == "Comparison of Search of width"


@pytest.mark.parametrize("by", ["Optimizer", "Training: Batch size"])
def test_runs_are_grouped_by_any_setting(by: str) -> None:
    texts = {1: "a", 2: "b", 3: "a", 4: ""}
    items = group([row(4), row(3, 0.5), row(2, 0.7), row(1, 0.9)], by, lambda one: texts[int(one.name[4:])])
    assert names(items)[:2] == [f"{by} unknown: 1 run", f"{by} a: best of 2 runs"]
    assert [line.name for line in lines(items, [f"{by}=a"])][2:4] == ["run 3", "run 1"]


def test_the_table_sorts_by_numbers_and_says_how_far_a_study_is() -> None:
    rows = [
        row(3, 0.5, baseline=0.4, losses=(2.0, 1.0)),
        row(2, None, state="running"),
        row(1, 0.7, seconds=2.0),
    ]
    items = fold(rows, [study(1, 2)])
    table = frame(lines(items, [items[1].key] if isinstance(items[1], Fold) else []), STATES)
    assert list(table.columns[:7]) == ["Name", "Score", "Baseline", "Metric", "Loss", "State", "Age"]
    assert table["State"].tolist() == ["Done", "1 of 2 done", "Done", "Training"]
    assert table["Score"].tolist()[:2] == [0.5, 0.7]
    assert table["Loss"].tolist()[0] == [2.0, 1.0]
    for column in ("Score", "Baseline", "Validation", "Seconds"):
        assert table[column].dtype == "float64", column
    for column in ("Epochs", "Best epoch"):
        assert table[column].dtype == "Int64", column
    assert str(table["Age"].dtype).startswith("datetime64")
    assert len(frame([], STATES)) == 0


def test_runs_of_the_same_question_say_how_they_differ() -> None:
    usual: dict[str, Any] = {"network": "64-32", "training": "Adam · batch 32", "policy": "CLR 0.001-0.01"}
    rows = [
        row(4, **usual | {"network": "64-32 · dropout 0.2"}),
        row(3, **usual | {"training": "SGD · batch 32", "policy": "Fixed 0.1"}),
        row(2, **usual),
        row(1, **usual | {"table": "other.csv", "network": "8"}),
        row(0, state=None, trouble="Gone.", table="", target=""),
    ]
    assert frame(lines(rows, []), STATES)["Differs in"].tolist() == [
        "dropout 0.2 · Adam · CLR 0.001-0.01",
        "SGD · Fixed 0.1",
        "Adam · CLR 0.001-0.01",
        "",
        "",
    ]


def test_where_no_runs_differ_names_have_the_room() -> None:
    same = [row(number, network="64-32", policy="CLR") for number in (2, 1)]
    assert "Differs in" not in frame(lines(same, []), STATES).columns
    other = frame(lines([*same, row(0, network="8", policy="CLR")], []), STATES)
    assert list(other.columns[:3]) == ["Name", "Differs in", "Score"]


def test_a_run_in_the_address_is_shown_wherever_it_stands() -> None:
    every = lines([row(number) for number in range(9, 0, -1)], [])
    shown = run_list.first(every, 3, [run_id(2), run_id(8), "gone"])
    assert [line.name for line in shown] == ["run 9", "run 8", "run 7", "run 2"]


def test_damaged_runs_have_a_column_for_what_is_wrong() -> None:
    assert "Trouble" not in frame(lines([row(1)], []), STATES).columns
    table = frame(lines([row(2), row(1, state=None, trouble="Gone.")], []), STATES)
    assert table["Trouble"].tolist() == ["", "Gone."]
    assert table["State"].tolist() == ["Done", "Damaged"]


def test_names_are_cut_between_words() -> None:
    assert in_words("a b", 10) == "a b"
    assert in_words("one two three four", 12) == "one two …"
    assert in_words("x" * 50, 12) == "x" * 10 + " …"
    long = run_list.frame(lines([row(1, name="word " * 60, starred=True)], []), STATES)["Name"][0]
    assert long.startswith("★ word")
    assert long.endswith(" word …")
