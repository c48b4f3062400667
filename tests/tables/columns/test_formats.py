"""How a column is written: as it is found, and to JSON and back."""

import json
from typing import Any

import pytest

from lrapp.errors import UserError
from lrapp.tables.columns.column_records import Column
from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import read_csv
from lrapp.tables.text.dialects import DialectOverrides

NUMBERS = range(1, 30)


def column(cells: list[str], delimiter: str = ";", dialect: DialectOverrides | None = None) -> Column:
    rows = [f"{cell}{delimiter}w{place % 3}" for place, cell in enumerate(cells)]
    text = "\n".join([f"x{delimiter}k", *rows])
    return read_csv(text.encode(), "t.csv", dialect=dialect).columns[0]


def test_the_format_of_a_column_is_found() -> None:
    cases: list[tuple[list[str], ColumnFormat]] = [
        ([str(n * 37) for n in NUMBERS], ColumnFormat(ColumnKind.NUMBER)),
        ([f"{n}.5" for n in NUMBERS], ColumnFormat(ColumnKind.NUMBER, decimal_seen=True)),
        ([f"{n},5" for n in NUMBERS], ColumnFormat(ColumnKind.NUMBER, ",", decimal_seen=True)),
        (
            [f"{n}.500,25" for n in NUMBERS],
            ColumnFormat(ColumnKind.NUMBER, ",", ".", decimal_seen=True, thousands_seen=True),
        ),
        (
            [f"{n}\u00a0500,2" for n in NUMBERS],
            ColumnFormat(ColumnKind.NUMBER, ",", " ", decimal_seen=True, thousands_seen=True),
        ),
        ([f"{n}.5 kg" for n in NUMBERS], ColumnFormat(ColumnKind.NUMBER, decimal_seen=True, suffix="kg")),
        ([f"${n}.5" for n in NUMBERS], ColumnFormat(ColumnKind.NUMBER, decimal_seen=True, prefix="$")),
        ([f"{n}.5 €" for n in NUMBERS], ColumnFormat(ColumnKind.NUMBER, decimal_seen=True, suffix="€")),
        ([f"{n}.5%" for n in NUMBERS], ColumnFormat(ColumnKind.NUMBER, decimal_seen=True, percent=True)),
        ([f"{n}.5‰" for n in NUMBERS], ColumnFormat(ColumnKind.NUMBER, decimal_seen=True, suffix="‰")),
        (
            [*(f"{n}.5 m" for n in NUMBERS), "n/a"],
            ColumnFormat(ColumnKind.NUMBER, decimal_seen=True, suffix="m", missing_words=("n/a",)),
        ),
        (["ja", "nein", "NA"] * 9, ColumnFormat("yes/no", yes_words=("ja",), no_words=("nein",),
                                                missing_words=("NA",))),
        (["1", "0"] * 9, ColumnFormat("yes/no", yes_words=("1",), no_words=("0",))),
        (["red", "blue", "null"] * 9, ColumnFormat("category", missing_words=("null",))),
        (
            [f"{n}.03.2020" for n in NUMBERS],
            ColumnFormat("date", date_order="dmy", date_order_seen=True, date_shape="numbers"),
        ),
        (
            [f"03/{n:02d}/2020" for n in NUMBERS],
            ColumnFormat("date", date_order="mdy", date_order_seen=True, date_shape="numbers"),
        ),
        (
            [f"2020-03-{n:02d}" for n in NUMBERS],
            ColumnFormat("date", date_order="ymd", date_order_seen=True, date_shape="ymd"),
        ),
        ([f"{n} Mar 2020" for n in NUMBERS], ColumnFormat("date", date_shape="day_month")),
    ]  # fmt: skip
    for cells, expected in cases:
        assert column(cells).format == expected, (cells, expected)


def test_marks_that_were_chosen_are_the_format() -> None:
    found = column(['"3,125"', '"7,250"'] * 9, ",", DialectOverrides(decimal=","))
    assert (found.format.decimal, found.format.decimal_seen) == (",", True)


def test_a_format_comes_back_from_json(subtests: pytest.Subtests) -> None:
    for written in [
        ColumnFormat(ColumnKind.NUMBER),
        ColumnFormat("number", ",", ".", decimal_seen=True, prefix="€", percent=True),
        ColumnFormat("yes/no", yes_words=("ja", "JA"), no_words=("nein",), missing_words=("NA",)),
    ]:
        with subtests.test(f"{written!r}"):
            told = json.loads(json.dumps(written.to_json()))
            assert ColumnFormat.from_json(told) == written
            assert ColumnFormat.from_json(told | {"of a later version": 1}) == written


def test_what_is_no_format_is_refused(subtests: pytest.Subtests) -> None:
    cases: list[dict[str, Any]] = [
        *({}, {"kind": 3}, {"kind": "number", "percent": "yes"}, {"kind": "date", "yes_words": [1]})
    ]
    for told in cases:
        with subtests.test(f"{told!r}"), pytest.raises(UserError):
            ColumnFormat.from_json(told)
