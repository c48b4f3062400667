"""A look at a table: a row for each of its columns."""

import numpy as np
import pandas as pd
import pytest

from lrapp.runs.store import SAMPLES
from lrapp.tables import column_summary as room
from lrapp.tables.column_summary import BARS, bars, overview
from lrapp.tables.reading import read_csv


def test_a_row_for_each_column() -> None:
    table = read_csv((SAMPLES / "penguins.csv").read_bytes(), "penguins.csv")
    look = overview(table)
    assert list(look.columns) == ["name", "kind", "missing", "distinct", "distribution", "examples", "reason"]
    assert look["name"].tolist() == table.frame.columns.tolist()
    by_name = look.set_index("name")
    assert by_name.loc["species", "kind"] == "category"
    assert by_name.loc["species", "distribution"] == [152, 124, 68]
    assert by_name.loc["sex", "missing"] == pytest.approx(100 * 11 / 344)
    assert by_name.loc["species", "distinct"] == 3
    assert sum(by_name["distribution"]["body_mass_g"]) == 342
    assert "Adelie" in by_name["examples"]["species"]


def test_names_that_repeat_or_hold_marks_have_rows_of_their_own() -> None:
    table = read_csv(b'a.b,"[x]\n$y$",a.b,\n1,2,3,4\n2,3,4,6\n5,1,2,3\n', "t.csv")
    look = overview(table)
    assert len(look) == 4
    assert look["name"].is_unique


def test_a_large_table_is_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "\n".join(f"{number},{number % 7 / 2}" for number in range(400))
    table = read_csv(f"a,b\n{rows}\n".encode(), "t.csv")
    whole = overview(table)
    monkeypatch.setattr(room, "SAMPLE_ROWS", 100)
    monkeypatch.setattr(room, "MOST_DISTRIBUTIONS", 1)
    part = overview(table)
    assert sum(part["distribution"][0]) == 100
    assert part["distribution"][1] == []
    assert part["missing"].tolist() == whole["missing"].tolist()
    assert part["distinct"].tolist() == whole["distinct"].tolist()


def test_bars_count_equal_ranges_of_numbers() -> None:
    counted = bars(pd.Series(np.repeat(np.arange(12.0), np.arange(100, 1300, 100))))
    assert len(counted) == BARS
    assert counted == list(range(100, 1300, 100))


def test_bars_of_texts_are_the_most_frequent_first() -> None:
    assert bars(pd.Series(["b", "a", "b", None, "c", "b", "a"])) == [3, 2, 1]
    assert bars(pd.Series([str(number) for number in range(50)])) == [1] * BARS


def test_bars_of_odd_columns() -> None:
    cases: list[tuple[pd.Series, list[int]]] = [
        (pd.Series([], dtype="float64"), []),
        (pd.Series([np.nan, np.nan]), []),
        (pd.Series([np.inf, -np.inf]), []),
        (pd.Series([5.0, 5.0, np.nan]), [2]),
        (pd.Series([pd.NaT, pd.NaT], dtype="datetime64[us]"), []),
        (pd.Series([None, None], dtype="str"), []),
        (pd.Series([True, False, True]), [1, *[0] * 10, 2]),
        (pd.Series([1, None, 3, 3], dtype="Int64"), [1, *[0] * 10, 2]),
        (pd.Series(pd.to_datetime(["2026-01-01", "2026-01-13", "NaT"])), [1, *[0] * 10, 1]),
    ]
    for column, expected in cases:
        assert bars(column) == expected, (column, expected)


def test_one_absurd_value_does_not_flatten_the_others() -> None:
    counted = bars(pd.Series([*np.linspace(0, 1, 1_000), 1e12]))
    assert sum(counted) == 1_001
    assert max(counted) < 150
