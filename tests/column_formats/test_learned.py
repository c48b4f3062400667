"""How a model's columns were written: found in its table, kept as JSON, had back."""

import json
from pathlib import Path

import pytest

from lrapp.column_formats.learned import FILE, ModelFormats, derived, learned
from lrapp.column_formats.match import Choice, Learned
from lrapp.errors import UserError
from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import read_csv
from lrapp.tables.text.dialects import DialectOverrides

NUMBERS = range(1, 30)


def of(rows: list[str], dialect: DialectOverrides | None = None) -> ModelFormats:
    told = dialect or DialectOverrides()
    table = read_csv("\n".join(["a;b;c", *rows]).encode(), "t.csv", dialect=told)
    return learned(table, ["a", "b", "c"], told)


def test_a_tables_marks_are_those_that_some_column_shows() -> None:
    found = of([f"{n * 37};{n},5;w{n % 3}" for n in NUMBERS]).columns
    assert [found[name].decimal for name in "abc"] == [",", ",", ""]
    assert (found["a"].most, found["b"].most, found["c"].most) == (29 * 37, 29.5, None)
    assert [found[name].kind for name in "abc"] == [ColumnKind.NUMBER, ColumnKind.NUMBER, ColumnKind.CATEGORY]
    found = of([f"{n * 37};{n};w{n % 3}" for n in NUMBERS]).columns
    assert [found[name].decimal for name in "ab"] == ["", ""], "whole numbers tell nothing"
    found = of([f"{n * 37};{n};w{n % 3}" for n in NUMBERS], DialectOverrides(decimal=",")).columns
    assert [found[name].decimal for name in "ab"] == [",", ","], "unless a person does"


def test_units_are_told_from_currencies() -> None:
    cases: list[tuple[ColumnFormat, str, str]] = [
        (ColumnFormat("number", suffix="kg"), "kg", ""),
        (ColumnFormat("number", suffix="EUR"), "", "EUR"),
        (ColumnFormat("number", prefix="$"), "", "$"),
        (ColumnFormat("number", percent=True), "%", ""),
        (ColumnFormat("number", suffix="‰"), "‰", ""),
    ]
    for form, unit, currency in cases:
        assert (Learned(form).unit, Learned(form).currency) == (unit, currency), (form, unit, currency)


def test_they_come_back_from_json(tmp_path: Path) -> None:
    rows = [f"{n},5 kg;{n:02}/03/2020;{'ja' if n % 2 else 'nein'}" for n in NUMBERS]
    found = of(rows, DialectOverrides(encoding="utf-8", decimal=",")).chosen(Choice("file", ",", False))
    assert ModelFormats.load(tmp_path) is None
    (tmp_path / FILE).write_bytes(found.to_json())
    assert ModelFormats.load(tmp_path) == found
    assert json.loads(found.to_json())["version"] == 1


def test_what_is_not_theirs_is_refused(subtests: pytest.Subtests) -> None:
    for text in ["", "{", '{"version": 2}', '{"columns": {"a": 1}}', "[" * 100_000]:
        with subtests.test(text), pytest.raises(UserError, match=r"formats\.json"):
            ModelFormats.from_json(text.encode())


def test_older_models_have_what_a_person_chose() -> None:
    kinds = {"a": ColumnKind.NUMBER, "b": ColumnKind.CATEGORY}
    assert derived(kinds, DialectOverrides()).columns == {}
    found = derived(kinds, DialectOverrides(decimal=",", thousands=".")).columns
    assert list(found) == ["a"]
    assert (found["a"].decimal, found["a"].format.thousands) == (",", ".")
