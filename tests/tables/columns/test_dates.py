"""Shapes of dates, and two ways to read them that must agree."""

import random

import pyarrow as pa
import pytest

from lrapp.tables.columns.dates import date_shape, parse_dates, parse_even_dates
from lrapp.tables.columns.distinct_values import words_of


def test_a_shape_is_told() -> None:
    cases: list[tuple[str, str | None]] = [
        ("2020-01-31", "ymd"),
        ("2020/1/3 10:05", "ymd"),
        ("31.12.2020", "numbers"),
        ("31/12/99", "numbers"),
        ("3 Jan 2020", "day_month"),
        ("Fri, 3 Jan 2020 10:05:00 +0200", "day_month"),
        ("2020-01-03 10:05:00+02", "ymd"),
        ("January 3rd, 2020", "month_day"),
        ("2020-01", "year_month"),
        ("20200131", "compact"),
        ("2024-W05", None),
        ("10:05", "time"),
        ("1700000000", None),
        ("2020-01/31", None),
    ]
    for cell, shape in cases:
        assert date_shape([cell]) == shape, (cell, shape)


@pytest.mark.parametrize(
    ("cells", "shape"),
    [
        (["31/12/69", "01/02/68", "14/02/75 10:30"], "numbers"),
        (["31-Dec-69", "1-Feb-68", "14. Feb. 75 10:30"], "day_month"),
    ],
)
def test_years_of_two_digits_get_the_same_century_whenever_they_are_read(
    cells: list[str], shape: str
) -> None:
    dates = parse_dates(words_of(pa.chunked_array([cells])), shape, day_first_hint=False)
    assert dates is not None
    assert dates.values.dt.strftime("%Y-%m-%d").tolist() == ["1969-12-31", "2068-02-01", "1975-02-14"]
    assert dates.note == "years of two digits were taken as 1969 to 2068"


def test_dates_in_both_orders_say_which_was_taken_in_doubt() -> None:
    cells = ["13/02/2020", "03/14/2020", "05/06/2020"]
    dates = parse_dates(words_of(pa.chunked_array([cells])), "numbers", day_first_hint=False)
    assert dates is not None
    assert dates.values.dt.strftime("%m-%d").tolist() == ["02-13", "03-14", "06-05"]
    assert dates.note == "day and month stand in both orders, and day before month was taken where both fit"


def test_zones_of_databases_and_mails_are_known(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[str], list[int], str]] = [
        (["2020-01-03 04:05:06.5+00", "2020-01-03 04:05:06-03"], [4, 7], "times were moved to UTC"),
        (
            ["2020-01-03T12:00:00+02:00", "2020-01-03T12:00:00"],
            [10, 12],
            "times were moved to UTC, those without a zone were taken as UTC",
        ),
        (
            ["Fri, 03 Jan 2020 04:05:06 +0100", "Sat, 04 Jan 2020 04:05:06 +0000"],
            [3, 4],
            "times were moved to UTC",
        ),
    ]
    for cells, hours, note in cases:
        with subtests.test(f"{cells!r}"):
            shape = date_shape(cells)
            assert shape is not None
            dates = parse_dates(words_of(pa.chunked_array([cells])), shape, day_first_hint=False)
            assert dates is not None
            assert dates.values.dt.hour.tolist() == hours
            assert dates.note == note


def test_cells_that_are_no_dates_are_counted() -> None:
    cells = [*(f"2020-01-{day:02d}" for day in range(1, 31)), "2020-02-31"]
    dates = parse_dates(words_of(pa.chunked_array([cells])), "ymd", day_first_hint=False)
    assert dates is not None
    assert dates.lost == {"2020-02-31": 1}


@pytest.mark.parametrize("shape", ["ymd", "numbers"])
@pytest.mark.parametrize("clock", ["", " 10:11", "T01:02:03", " 10:11:12.5"])
@pytest.mark.parametrize("mark", ["-", "/", "."])
def test_even_dates_are_read_as_uneven_ones(shape: str, clock: str, mark: str) -> None:
    rng = random.Random(4)
    cells: list[str | None] = [None]
    for _ in range(40):
        year, month, day = (
            str(rng.randint(1900, 2050)),
            f"{rng.randint(1, 12):02d}",
            f"{rng.randint(1, 28):02d}",
        )
        cells.append(mark.join([year, month, day] if shape == "ymd" else [day, month, year]) + clock)
    column = pa.chunked_array([cells[:7], cells[7:]])
    even = parse_even_dates(column, shape, day_first_hint=False)
    slow = parse_dates(words_of(column), shape, day_first_hint=False)
    assert even is not None
    assert slow is not None
    assert even.values.equals(slow.values)
    assert (even.note, even.lost) == (slow.note, slow.lost)


def test_uneven_dates_are_left_to_the_slower_way() -> None:
    cases: list[list[str]] = [
        ["2020-01-01", "2020-1-2"],
        ["2020-01-01", "2020-02-31"],
        ["2020-01-01", "2020/01/02"],
        ["x", "y"],
    ]
    for cells in cases:
        assert parse_even_dates(pa.chunked_array([cells]), "ymd", day_first_hint=False) is None, cells
