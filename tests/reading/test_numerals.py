"""Numbers as people write them, against values worked out by hand."""

import numpy as np
import pytest

from lrapp.reading.numerals import NumberFormat, column_format, parse_column, parse_number, vote_decimal
from lrapp.reading.words import words_of

POINT, COMMA = NumberFormat(".", ","), NumberFormat(",", ".")


@pytest.mark.parametrize(
    ("cell", "form", "value"),
    [
        ("12", POINT, 12.0),
        ("-3.5e2", POINT, -350.0),
        ("+.5", POINT, 0.5),
        ("1,234,567.5", POINT, 1234567.5),
        ("12,34,567", POINT, 1234567.0),
        ("1.234.567,5", COMMA, 1234567.5),
        ("0,5", COMMA, 0.5),
        ("1 234 567,5", NumberFormat(",", " "), 1234567.5),
        ("1\u00a0234", NumberFormat(",", " "), 1234.0),
        ("1\u202f234", NumberFormat(",", " "), 1234.0),
        ("1'234.5", NumberFormat(".", "'"), 1234.5),
        ("1’234", NumberFormat(".", "'"), 1234.0),
        ("$1,200", POINT, 1200.0),
        ("-$3", POINT, -3.0),
        ("$-3", POINT, -3.0),
        ("1.200,50 €", COMMA, 1200.5),
        ("EUR 7", POINT, 7.0),
        ("7 USD", POINT, 7.0),
        ("12%", POINT, 12.0),
        ("(123)", POINT, -123.0),
        ("($1,000)", POINT, -1000.0),
        ("45-", POINT, -45.0),
        ("−5", POINT, -5.0),
        ("12 kg", NumberFormat(".", "", "kg"), 12.0),
        ("inf", POINT, float("inf")),
        ("1e400", POINT, float("inf")),
    ],
)
def test_a_number_is_read(cell: str, form: NumberFormat, value: float) -> None:
    assert parse_number(cell, form) == value


@pytest.mark.parametrize(
    "cell",
    ["", "x", "1,2,3", "1.2.3", "12 kg", "(12", "-(12)", "1,23", "--5", "1-2", "12/3", "FOO 12", "1e", "."],
)
def test_what_is_no_number_is_not_read(cell: str) -> None:
    assert parse_number(cell, POINT) is None


@pytest.mark.parametrize(
    ("cell", "verdict"),
    [
        ("1.5", (".", "")),
        ("1,5", (",", "")),
        ("1.234", ("?", ".")),
        ("1,234", ("?", ",")),
        ("0.234", (".", "")),
        ("1.234,5", (",", ".")),
        ("1,234.5", (".", ",")),
        ("1.234.567", (",", ".")),
        ("1,234,567", (".", ",")),
        ("1 234", ("", " ")),
        ("1'234,5", (",", "'")),
    ],
)
def test_a_cell_tells_which_marks_it_can_only_have(cell: str, verdict: tuple[str, str]) -> None:
    assert dict(vote_decimal([cell])) == {verdict: 1}


def test_a_column_follows_its_own_cells_before_the_file() -> None:
    assert column_format(["0.5", "2.25"], ",", ".") == NumberFormat(".", "")
    assert column_format(["1.234", "5.678"], ",", ".") == NumberFormat(",", ".")
    assert column_format(["1,234", "56"], ".", "") == NumberFormat(".", ",")
    assert column_format(["0.5", "2.25"], ",", ".", told=True) == NumberFormat(",", ".")


def test_a_column_counts_what_it_could_not_read() -> None:
    import pyarrow as pa

    column = pa.chunked_array([["1", "NA", None], ["x", "inf", "x", "$2"]])
    parsed = parse_column(words_of(column), POINT)
    np.testing.assert_array_equal(parsed.values, [1, np.nan, np.nan, np.nan, np.nan, np.nan, 2])
    assert (parsed.words, parsed.markers, parsed.infinite) == ({"x": 2}, {"NA": 1}, 1)
    assert parse_column(words_of(pa.chunked_array([["$1", "2"]])), POINT).values.dtype == np.int64
