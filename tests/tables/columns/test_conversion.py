"""What columns are taken for, and what is said about it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from lrapp.tables.columns.conversion import convert, read_column
from lrapp.tables.columns.kinds import DISTINCT_CAP, ColumnKind, Context, Read


def read(
    cells: Sequence[str | None], name: str = "x", place: int = 1, decimal: str = ".", width: int = 3
) -> Read:
    """Read cells as the file's column at a place."""
    return read_column(
        pa.chunked_array([pa.array(cells, pa.string())]), Context(name, place, width, decimal, "")
    )


MANY = [f"word {place}" for place in range(40)]
COUNTED = [str(place) for place in range(40)]
INCOMES = [str(1000 + place * place) for place in range(40)]


def test_kind() -> None:
    cases: list[tuple[Sequence[str | None], str, ColumnKind]] = [
        (["1", "2", "5"], "x", ColumnKind.NUMBER),
        (["1.5", "NA", "?"] + ["2"] * 9, "x", ColumnKind.NUMBER),
        (["0", "1", None], "x", ColumnKind.YES_NO),
        (["0.0", "1.0"], "x", ColumnKind.YES_NO),
        (["1", "2", "1"], "x", ColumnKind.NUMBER),
        (["true", "False"], "x", ColumnKind.YES_NO),
        (["ja", "nein", "Ja"], "x", ColumnKind.YES_NO),
        (["Ja", "Nee", "ja"], "x", ColumnKind.YES_NO),
        (["S", "N", "S"], "x", ColumnKind.CATEGORY),
        (["None", "Mild", "Severe", "None"], "x", ColumnKind.CATEGORY),
        (["00123", "10456", "00789"], "x", ColumnKind.CATEGORY),
        (["2020-01-31", "2020-02-29"], "x", ColumnKind.DATE),
        (["1990", "1991", "1992"], "year", ColumnKind.NUMBER),
        (["20200131", "20200229"], "x", ColumnKind.DATE),
        (["20200131", "20200231"], "x", ColumnKind.NUMBER),
        (["a", "a"], "x", ColumnKind.CONSTANT),
        ([None, None], "x", ColumnKind.CONSTANT),
        (["NA", "NA"], "x", ColumnKind.CONSTANT),
        (["7", "7", "7"], "x", ColumnKind.CONSTANT),
        (MANY, "x", ColumnKind.IDENTIFIER),
        (MANY[:10] * 4, "x", ColumnKind.CATEGORY),
        (
            [f"{cell} and much more of the same in a whole long sentence of words" for cell in MANY],
            "x",
            ColumnKind.TEXT,
        ),
        (INCOMES, "income", ColumnKind.NUMBER),
        (INCOMES, "customer_id", ColumnKind.IDENTIFIER),
        (INCOMES, "CustomerID", ColumnKind.IDENTIFIER),
        (INCOMES, "paid", ColumnKind.NUMBER),
        ([f"{cell}.5" for cell in COUNTED], "id", ColumnKind.NUMBER),
    ]
    for cells, name, kind in cases:
        assert read(cells, name).kind is kind, (cells, name, kind)


def test_a_counter_is_an_identifier_only_where_row_numbers_stand() -> None:
    assert read(COUNTED, "x", place=0).kind is ColumnKind.IDENTIFIER
    assert read(COUNTED, "x", place=1).kind is ColumnKind.NUMBER
    assert read(COUNTED, "x", place=0, width=2).kind is ColumnKind.NUMBER


def test_values_have_the_type_of_their_kind() -> None:
    assert read(["1", "2", "5"]).values.dtype == np.int64
    assert read(["1", None, "5"]).values.dtype == np.float64
    assert read(["0", "1"]).values.dtype == np.int64
    assert read(["a", "b", "a"]).values.dtype == "str"
    assert read(COUNTED, "id").values.tolist()[:2] == ["0", "1"]
    assert read(["2020-01-31", "2020-02-29"]).values.dt.day.tolist() == [31, 29]


def test_a_few_words_among_numbers_become_missing_and_are_said() -> None:
    result = read([*INCOMES, "unknown"])
    assert result.kind is ColumnKind.NUMBER
    assert result.values.isna().tolist() == [False] * 40 + [True]
    assert result.notes == ("1 value that is no number became missing ('unknown')",)
    assert read([*INCOMES[:5], "low", "high", "middle"]).kind is ColumnKind.CATEGORY


def test_commas_that_could_group_thousands_are_said(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[str], list[float], tuple[str, ...]]] = [
        (
            ["7", "(1,234)", "1,500"],
            [7, -1.234, 1.5],
            (
                "numbers in parentheses were read as negative",
                "commas were read as decimal marks, so that (1,234) is -1.234",
            ),
        ),
        (["1,234", "1,5"], [1.234, 1.5], ()),
        (["1.234,5", "2,345"], [1234.5, 2.345], ()),
        (["0,5", "2"], [0.5, 2], ()),
    ]
    for cells, values, notes in cases:
        with subtests.test(f"{cells!r}"):
            result = read(cells, decimal=",")
            assert (result.values.tolist(), result.notes) == (values, notes)


def test_points_and_commas_mixed_in_one_column_are_words_and_said() -> None:
    said = "its numbers have decimal points and decimal commas, so it was read as words"
    for decimal in (".", ","):
        mixed = read(["1.234,5", "1,234.5", "2,5", "3.5"], decimal=decimal)
        assert mixed.values.tolist() == ["1.234,5", "1,234.5", "2,5", "3.5"]
        assert said in mixed.notes
        assert said not in read(["1.234,5", "2,5", "3,75", "3.500"], decimal=decimal).notes
        assert said not in read(["v1.5", "v2,5", "a,b", "a.b"], decimal=decimal).notes


def test_missing_words_in_a_category_are_counted_but_none_stays() -> None:
    result = read(["None", "n/a", "Mild", "?", "Mild"])
    assert result.values.fillna("").tolist() == ["None", "", "Mild", "", "Mild"]
    assert result.notes == ("2 values marked as missing ('n/a', '?')",)


def test_codes_of_two_letters_keep_na() -> None:
    codes = ["NA", *(first + second for first in "ABC" for second in "DEFG")]
    assert read(codes).values.tolist() == codes


def test_yes_and_no_get_one_spelling() -> None:
    result = read(["Yes", "yes", "no", "Yes", "NO", "no"])
    assert result.values.tolist() == ["Yes", "Yes", "no", "Yes", "no", "no"]
    assert result.notes == ("2 values got the usual spelling ('Yes', 'no')",)


def test_dates_are_read_in_the_order_of_the_column(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Sequence[str | None], str, list[str], tuple[str, ...]]] = [
        (["13/02/2020", "01/03/2020"], ".", ["2020-02-13", "2020-03-01"], ()),
        (["02/13/2020", "01/03/2020"], ".", ["2020-02-13", "2020-01-03"], ()),
        (["02.03.2020", "13.03.2020"], ".", ["2020-03-02", "2020-03-13"], ()),
        (
            ["02/03/2020", "01/03/2020"],
            ".",
            ["2020-02-03", "2020-01-03"],
            ("every date could be read both ways and month before day was taken",),
        ),
        (
            ["02/03/2020", "01/03/2020"],
            ",",
            ["2020-03-02", "2020-03-01"],
            ("every date could be read both ways and day before month was taken",),
        ),
        (["12 Jan 2020", "3 March 2021"], ".", ["2020-01-12", "2021-03-03"], ()),
        (["Jan 12, 2020", "Mar 3, 2021"], ".", ["2020-01-12", "2021-03-03"], ()),
        (["2020-01", "2021-03"], ".", ["2020-01-01", "2021-03-01"], ()),
    ]
    for cells, decimal, days, note in cases:
        with subtests.test(f"{cells!r}"):
            result = read(cells, decimal=decimal)
            assert result.kind is ColumnKind.DATE
            assert result.values.dt.strftime("%Y-%m-%d").tolist() == days
            assert result.notes == note


def test_time_zones_go_to_utc() -> None:
    result = read(["2020-01-01T10:00:00Z", "2020-01-01T10:00:00+02:00"])
    assert result.values.dt.hour.tolist() == [10, 8]
    assert result.notes == ("times were moved to UTC",)


def test_different_values_are_counted_up_to_a_cap() -> None:
    assert read([str(place * 7) for place in range(60_000)]).distinct == DISTINCT_CAP
    long = read([f"w{place}" for place in range(60_000)])
    assert (long.distinct, long.kind) == (DISTINCT_CAP, ColumnKind.IDENTIFIER)
    assert read([f"w{place % 25_000}" for place in range(60_000)]).kind is ColumnKind.CATEGORY


def test_whole_numbers_that_lose_digits_beside_gaps_say_so() -> None:
    result = read(["9007199254740993", None, "5"])
    assert result.notes == ("numbers beyond 9e15 are kept with about 16 digits",)
    assert result.lossy
    assert not read(["9007199254740993", "5"]).notes
    assert not read(["900719925474099", None, "5"]).notes


def test_a_minus_beside_a_plus_is_an_answer_and_no_gap() -> None:
    result = read(["+", "-", "?", "+", "-"])
    assert result.values.fillna("").tolist() == ["+", "-", "", "+", "-"]
    assert result.notes == ("'-' was kept, as the opposite of '+'", "1 value marked as missing ('?')")
    assert read(["+", "-", "x", "+"]).values.isna().tolist() == [False, True, False, False]


def test_digits_of_other_scripts_are_numbers_and_said(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[str], list[float]]] = [
        (["١٢", "٣٤٫٥", "٥٦"], [12, 34.5, 56]),
        (["１２", "３４", "７"], [12, 34, 7]),
        (["१२", "-३४", "५६"], [12, -34, 56]),
    ]
    for cells, values in cases:
        with subtests.test(f"{cells!r}"):
            result = read(cells)
            assert result.values.tolist() == values
            assert result.notes == ("the digits of another script were read as 0 to 9",)
            about = Context("x", 0, 2, ".", "")
            assert convert(pa.chunked_array([cells]), ColumnKind.NUMBER, about).values.tolist() == values
            words = read(["第１", "第２", "第１"])
            assert (words.values.tolist(), words.notes) == (["第１", "第２", "第１"], ())
