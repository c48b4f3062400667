"""Shapes of dates, and two ways to read them that must agree."""

import random

import pyarrow as pa
import pytest

from lrapp.reading.dates import date_shape, parse_dates, parse_even_dates
from lrapp.reading.words import words_of


@pytest.mark.parametrize(
    ("cell", "shape"),
    [
        ("2020-01-31", "ymd"),
        ("2020/1/3 10:05", "ymd"),
        ("31.12.2020", "numbers"),
        ("31/12/99", "numbers"),
        ("3 Jan 2020", "day_month"),
        ("January 3rd, 2020", "month_day"),
        ("2020-01", "year_month"),
        ("20200131", "compact"),
        ("2024-W05", None),
        ("10:05", None),
        ("1700000000", None),
        ("2020-01/31", None),
    ],
)
def test_a_shape_is_told(cell: str, shape: str | None) -> None:
    assert date_shape([cell]) == shape


def test_years_of_two_digits_are_near_ours() -> None:
    dates = parse_dates(
        words_of(pa.chunked_array([["31/12/99", "01/02/20"]])), "numbers", day_first_hint=False
    )
    assert dates is not None
    assert dates.values.dt.strftime("%Y-%m-%d").tolist() == ["1999-12-31", "2020-02-01"]


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


@pytest.mark.parametrize(
    "cells",
    [["2020-01-01", "2020-1-2"], ["2020-01-01", "2020-02-31"], ["2020-01-01", "2020/01/02"], ["x", "y"]],
)
def test_uneven_dates_are_left_to_the_slower_way(cells: list[str]) -> None:
    assert parse_even_dates(pa.chunked_array([cells]), "ymd", day_first_hint=False) is None
