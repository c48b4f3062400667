"""Columns that are read by the format of another file: what fits it is read by it, what does not is counted."""

import numpy as np
import pytest

from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table, read_csv
from lrapp.tables.text.dialects import DialectOverrides

EURO = ColumnFormat("number", ",", ".", prefix="€")
POINT = ColumnFormat("number", ".", ",")


def read(cells: list[str], written: ColumnFormat, delimiter: str = ";") -> Table:
    rows = [f"{cell}{delimiter}w{place}" for place, cell in enumerate(cells)]
    text = "\n".join([f"x{delimiter}k", *rows])
    return read_csv(text.encode(), "t.csv", formats={"x": written})


@pytest.mark.parametrize(
    ("cells", "written", "values"),
    [
        (["50.000", "20.000", "75.500"], ColumnFormat("number", ",", "."), [50000, 20000, 75500]),
        (["3,125", "7,250"], ColumnFormat("number", ","), [3.125, 7.25]),
        (["3,125", "7,250"], POINT, [3125, 7250]),
        (["3,125", "7,25"], POINT, [3125, None]),
        (["1.5", "2"], ColumnFormat("number", ",", "."), [None, 2]),
        (["1 234,5", "2"], ColumnFormat("number", ",", " "), [1234.5, 2]),
        (["50000 g", "20 kg", "7"], ColumnFormat("number", suffix="kg"), [None, 20, 7]),
        (["50 kg"], ColumnFormat("number"), [None]),
        (["€5", "$6", "7"], EURO, [5, None, 7]),
        (["5%", "6"], ColumnFormat("number", percent=True), [5, 6]),
        (["5%", "6"], ColumnFormat("number"), [None, 6]),
        (["5‰", "6"], ColumnFormat("number", suffix="‰"), [5, 6]),
        (["1.5", "NA", "x", ""], ColumnFormat("number"), [1.5, None, None, None]),
        (["1.5", "2.5"] * 4000, ColumnFormat("number", ",", "."), [None, None] * 4000),
        (["1.5", "2.5"] * 4000, POINT, [1.5, 2.5] * 4000),
        (["1,5", "2,5"] * 4000, ColumnFormat("number", ","), [1.5, 2.5] * 4000),
        (["7", "0042"], ColumnFormat("number"), [7, 42]),
    ],
)
def test_numbers_are_read_by_their_format(
    cells: list[str], written: ColumnFormat, values: list[float | None]
) -> None:
    table = read(cells, written)
    assert table.kinds["x"] is ColumnKind.NUMBER
    expected = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    np.testing.assert_array_equal(table.frame["x"].to_numpy(np.float64), expected)
    blank = [cell in ("", "NA") for cell in cells]
    unread = [value is None and not empty for value, empty in zip(values, blank, strict=True)]
    assert table.columns[0].misfits == sum(unread)
    assert table.unread("x").tolist() == unread
    assert table.columns[0].format == written


DMY = ColumnFormat("date", date_order="dmy", date_shape="numbers")
MDY = ColumnFormat("date", date_order="mdy", date_shape="numbers")
ISO = ColumnFormat("date", date_order="ymd", date_shape="ymd")
TIME = ColumnFormat("date", date_shape="time")


def test_dates_are_read_by_their_format(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[str], ColumnFormat, list[str | None]]] = [
        (["01/02/2020", "03.04.20"], DMY, ["2020-02-01", "2020-04-03"]),
        (["01/02/2020", "03.04.20"], MDY, ["2020-01-02", "2020-03-04"]),
        (["01/13/2020", "01/02/2020"], DMY, [None, "2020-02-01"]),
        (["2020-02-01", "1 Feb 2020", "20200201T000000Z"], DMY, ["2020-02-01"] * 3),
        (
            ["01/02/2020", "13/02/2020", "02/13/2020", "2/2/2020"],
            ISO,
            [None, "2020-02-13", "2020-02-13", "2020-02-02"],
        ),
        (["05:13", "2020-01-01"], TIME, ["1970-01-01 05:13", None]),
        (["05:13", "2020-01-01"], ISO, [None, "2020-01-01"]),
        (["1549602797"], ColumnFormat("date", date_shape="epoch"), ["2019-02-08 05:13:17"]),
        (["x", "NA", ""], ISO, [None, None, None]),
    ]
    for cells, written, days in cases:
        with subtests.test(f"{cells!r}"):
            table = read(cells, written)
            assert table.kinds["x"] is ColumnKind.DATE
            expected = np.array(days, dtype="datetime64[us]")
            np.testing.assert_array_equal(table.frame["x"].to_numpy(), expected)
            unread = [day is None and cell not in ("", "NA") for cell, day in zip(cells, days, strict=True)]
            assert table.columns[0].misfits == sum(unread)
            assert table.unread("x").tolist() == unread


def test_words_are_read_as_they_are_written(subtests: pytest.Subtests) -> None:
    cases: list[tuple[ColumnFormat, list[str]]] = [
        (ColumnFormat("category"), ["EU", "", "1.50", "2020-01-01"]),
        (ColumnFormat("category", kept_words=("NA",)), ["EU", "NA", "1.50", "2020-01-01"]),
        (ColumnFormat("category", missing_words=("NA", "EU")), ["", "", "1.50", "2020-01-01"]),
    ]
    for written, values in cases:
        with subtests.test(f"{written!r}"):
            table = read(["EU", "NA", "1.50", "2020-01-01"], written)
            assert table.frame["x"].fillna("").tolist() == values
            assert table.kinds["x"] is ColumnKind.CATEGORY


def test_a_file_read_by_its_own_formats_is_the_same() -> None:
    text = "d;n;u;c;f\n" + "\n".join(
        f"{n % 12 + 1:02d}.{n % 28 + 1:02d}.2020;{n}.234,5;{n},5 kg;k{n % 4};{'ja' if n % 3 else 'nein'}"
        for n in range(1, 60)
    )
    first = read_csv(text.encode(), "t")
    again = read_csv(text.encode(), "t", formats={column.name: column.format for column in first.columns})
    assert again.kinds == first.kinds
    assert [column.misfits for column in again.columns] == [0] * 5
    for name in first.frame:
        assert again.frame[name].equals(first.frame[name])


def test_na_is_a_class_among_codes_or_where_a_person_says_so(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[str], str | None, list[str]]] = [
        (["EU", "JP", "NA"] * 5, None, ["EU", "JP", "NA"]),
        (["EMEA", "APAC", "NA"] * 5, None, ["APAC", "EMEA", "NA"]),
        (["low", "high", "NA"] * 5, None, ["high", "low"]),
        (["low", "high", "NA"] * 5, "values", ["NA", "high", "low"]),
        (["no", "si", "NA"] * 5, None, ["no", "si"]),
        (["NO", "SI", "NA"] * 5, None, ["NO", "SI"]),
        (["EU", "JP", "NA"] * 5, "missing", ["EU", "JP"]),
        (["a", "null", "-", "NA"] * 5, "values", ["-", "NA", "a", "null"]),
        (["a", "null", "-", "NA"] * 5, None, ["a"]),
    ]
    for cells, chosen, expected in cases:
        with subtests.test(f"{cells!r}"):
            text = "k,v\n" + "\n".join(f"{cell},{place}" for place, cell in enumerate(cells))
            table = read_csv(text.encode(), "t", dialect=DialectOverrides(missing_words=chosen))
            assert sorted(table.frame["k"].dropna().unique()) == expected
            hand = table.with_kinds({"k": ColumnKind.TEXT}).with_kinds({"k": ColumnKind.CATEGORY})
            assert sorted(hand.frame["k"].dropna().unique()) == expected


def test_na_is_a_gap_among_few_codes_where_it_is_one_among_numbers() -> None:
    text = "k,v\n" + "\n".join(
        f"{code},{'NA' if n % 7 == 0 else n}" for n in range(9) for code in ("EU", "JP", "NA")
    )
    table = read_csv(text.encode(), "t")
    assert sorted(table.frame["k"].dropna().unique()) == ["EU", "JP"]
