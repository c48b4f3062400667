"""Numbers as people write them, against values worked out by hand."""

import random

import numpy as np
import pyarrow as pa
import pytest

from lrapp.tables.columns.distinct_values import words_of
from lrapp.tables.columns.number_affixes import signs_in
from lrapp.tables.columns.number_formats import (
    NumberFormat,
    column_format,
    only_unclear_commas,
    parse_column,
    parse_long,
    parse_number,
    strange_cells,
    vote_decimal,
)

POINT, COMMA = NumberFormat(".", ","), NumberFormat(",", ".")


def test_a_number_is_read() -> None:
    cases: list[tuple[str, NumberFormat, float]] = [
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
    ]
    for cell, form, value in cases:
        assert parse_number(cell, form) == value, (cell, form, value)


def test_what_is_no_number_is_not_read() -> None:
    cases: list[str] = [
        "",
        "x",
        "1,2,3",
        "1.2.3",
        "12 kg",
        "(12",
        "-(12)",
        "1,23",
        "--5",
        "1-2",
        "12/3",
        "FOO 12",
        "1e",
        ".",
    ]
    for cell in cases:
        assert parse_number(cell, POINT) is None, cell


def test_a_cell_tells_which_marks_it_can_only_have() -> None:
    cases: list[tuple[str, tuple[str, str]]] = [
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
    ]
    for cell, verdict in cases:
        assert dict(vote_decimal([cell])) == {verdict: 1}, (cell, verdict)


def test_commas_are_unclear_only_before_three_digits() -> None:
    cases: list[tuple[list[str], bool]] = [
        (["1,234", "56", "x"], True),
        (["(1,234)"], True),
        (["1,234", "1,5"], False),
        (["1,234", "1.5"], False),
        (["1,234", "1,234,567"], False),
        (["1.234"], False),
        (["12"], False),
        ([], False),
    ]
    for cells, unclear in cases:
        assert only_unclear_commas(cells) is unclear, (cells, unclear)


def test_a_column_follows_its_own_cells_before_the_file() -> None:
    assert column_format(["0.5", "2.25"], ",", ".") == NumberFormat(".", "")
    assert column_format(["1.234", "5.678"], ",", ".") == NumberFormat(",", ".")
    assert column_format(["1,234", "56"], ".", "") == NumberFormat(".", ",")
    assert column_format(["0.5", "2.25"], ",", ".", chosen=True) == NumberFormat(",", ".")


def test_a_column_counts_what_it_could_not_read() -> None:
    column = pa.chunked_array([["1", "NA", None], ["x", "inf", "x", "$2"]])
    parsed = parse_column(words_of(column), POINT)
    np.testing.assert_array_equal(parsed.values, [1, np.nan, np.nan, np.nan, np.nan, np.nan, 2])
    assert (parsed.words, parsed.markers, parsed.beyond) == ({"x": 2}, {"NA": 1}, 1)
    assert parse_column(words_of(pa.chunked_array([["$1", "2"]])), POINT).values.dtype == np.int64


SPACED, QUOTED, BARE = NumberFormat(",", " "), NumberFormat(".", "'"), NumberFormat(".", "")
ODD = [
    "NA",
    "inf",
    "1e400",
    "-",
    None,
    "1e5",
    "+5",
    ".5",
    "5.",
    "1.234,5",
    "1,234.5",
    "−5",
    "EUR 7",
    "x",
    "5-",
]


def test_long_columns_are_read_as_short_ones(subtests: pytest.Subtests) -> None:
    for form in [POINT, COMMA, SPACED, QUOTED, BARE, NumberFormat(".", ",", "kg")]:
        with subtests.test(f"{form!r}"):
            rng = random.Random(7)
            styles = ["{}", "{}", "${}", "{} €", "{}%", "({})", "EUR {}", "{} kg", "kr. {}", "-${}", "$-{}"]
            marks = {ord(","): form.thousands, ord("."): form.decimal}
            for _ in range(60):
                places = rng.choice([0, 2])
                cells = [
                    rng.choice(styles).format(f"{rng.uniform(0, 1e6):,.{places}f}".translate(marks))
                    for _ in range(20)
                ]
                column = pa.chunked_array(
                    [[*cells[:5], None], [*cells[5:], *rng.sample(ODD, rng.randint(0, 3))]]
                )
                signs = signs_in([cell for cell in column.to_pylist() if cell]).currencies
                long, short = parse_long(column, form, signs), parse_column(words_of(column), form)
                np.testing.assert_array_equal(long.values, short.values)
                assert (long.values.dtype, long.words, long.beyond, long.markers) == (
                    short.values.dtype,
                    short.words,
                    short.beyond,
                    short.markers,
                )


def test_strange_cells_are_those_that_no_program_writes() -> None:
    column = pa.chunked_array([["1", "-2.5e3", None, "$3", "1,5", ".5", "5."]])
    strange = strange_cells(column, 3)
    assert strange is not None
    assert strange.to_pylist() == ["$3", "1,5"]
    assert strange_cells(column, 2) is None


def test_a_long_column_is_read_slice_by_slice() -> None:
    cells = [f"${place},000" for place in range(100)] * 700
    column = pa.chunked_array([cells, ["$5.5", "x", "NA"], cells])
    parsed = parse_long(column, POINT, {"$"})
    expected = [*np.arange(100.0) * 1000] * 700
    np.testing.assert_array_equal(parsed.values, [*expected, 5.5, np.nan, np.nan, *expected])
    assert (parsed.words, parsed.markers) == ({"x": 1}, {"NA": 1})
    whole = parse_long(pa.chunked_array([cells]), POINT, {"$"})
    assert whole.values.dtype == np.int64
