"""Cells of one column as numbers."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lrapp.tables import cell_values
from lrapp.tables.columns import yes_no_words


def test_a_value_is_known_by_its_text() -> None:
    cases: list[tuple[object, str]] = [
        (1, "1"),
        (1.0, "1"),
        (np.float64(2.5), "2.5"),
        (np.int64(-3), "-3"),
        (1e300, "1e+300"),
        (True, "true"),
        (np.False_, "false"),
        (" padded ", "padded"),
        ("007", "007"),
        (pd.Timestamp("2020-02-03"), "2020-02-03"),
        (pd.Timestamp("2020-02-03 04:05"), "2020-02-03 04:05:00"),
    ]
    for value, text in cases:
        assert cell_values.text_of(value) == text, (value, text)


def test_texts_join_what_reads_the_same_and_leave_missing_values_out() -> None:
    codes, names = cell_values.texts(pd.Series(["a", "a ", None, "", "b"], dtype=object))

    assert names == ["a", "b"]
    assert codes.tolist() == [0, 0, -1, -1, 1]


def test_names_are_sorted_as_a_person_does() -> None:
    cases: list[tuple[list[str], tuple[str, ...]]] = [
        (["10", "9", "1.5"], ("1.5", "9", "10")),
        (["file 10", "file 9", "File 1"], ("File 1", "file 9", "file 10")),
        (["yes", "no"], ("no", "yes")),
        (["ja", "nein"], ("nein", "ja")),  # the alphabet alone would make no the positive class
        (["oui", "non"], ("non", "oui")),
        (["b", "10", "a", "²"], ("10", "a", "b", "²")),
        (["+", "-"], ("-", "+")),
        (["да", "нет"], ("нет", "да")),
        (["Ja", "Nee"], ("Nee", "Ja")),
    ]
    for names, ordered in cases:
        assert cell_values.natural(names) == ordered, (names, ordered)


def test_a_category_is_the_same_however_it_is_written(subtests: pytest.Subtests) -> None:
    columns: list[pd.Series[Any]] = [
        pd.Series([1, 2, 3, 1]),
        pd.Series([1.0, 2.0, 3.0, 1.0]),
        pd.Series(["1", "2", "3", "1"]),
        pd.Series(["1.0", "2.00", "3", "1"]),
    ]
    for column in columns:
        with subtests.test(f"{column!r}"):
            codes, strange = cell_values.codes_of(column, ("1", "2", "3"))

            assert codes.tolist() == [0, 1, 2, 0]
            assert strange == []


def test_leading_zeros_are_another_category() -> None:
    codes, strange = cell_values.codes_of(pd.Series(["01", "1"]), ("1",))

    assert codes.tolist() == [cell_values.UNKNOWN, 0]
    assert strange == [("01", 1)]


def test_unknown_categories_are_counted_and_missing_ones_have_their_place() -> None:
    column = pd.Series(["x", "new", None, "new", "newer"])

    codes, strange = cell_values.codes_of(column, ("x", cell_values.MISSING))

    assert codes.tolist() == [0, -1, 1, -1, -1]
    assert strange == [("new", 2), ("newer", 1)]


def test_a_missing_category_that_training_never_saw_is_not_a_number() -> None:
    codes, strange = cell_values.codes_of(pd.Series(["x", None]), ("x",))

    assert math.isnan(codes[1])
    assert strange == []


def test_yes_and_no_are_one_and_zero(subtests: pytest.Subtests) -> None:
    cases: list[tuple[pd.Series, tuple[str, str], list[float | None]]] = [
        (pd.Series(["yes", "no", None]), ("no", "yes"), [1, 0, None]),
        (pd.Series(["TRUE", "f", "1"]), ("no", "yes"), [1, 0, 1]),
        (pd.Series([1.0, 0.0]), ("0", "1"), [1, 0]),
        (pd.Series([True, False]), ("0", "1"), [1, 0]),
        (pd.Series(["male", "Female", "yes"]), ("female", "male"), [1, 0, None]),
    ]
    for column, pair, codes in cases:
        with subtests.test(f"{column!r}"):
            found, _ = cell_values.yes_no_codes(column, pair)

            assert [None if math.isnan(code) else code for code in found] == codes


def test_every_yes_and_no_that_is_read_is_understood() -> None:
    for yes, no in yes_no_words.PAIRS:
        assert cell_values.natural((yes, no)) == (no, yes)
        codes, strange = cell_values.yes_no_codes(pd.Series([yes, no]), ("no", "yes"))
        assert (codes.tolist(), strange) == ([1.0, 0.0], []), (yes, no)


def test_what_is_neither_yes_nor_no_is_counted() -> None:
    _, strange = cell_values.yes_no_codes(pd.Series(["maybe", "yes", "maybe"]), ("no", "yes"))

    assert strange == [("maybe", 2)]


def test_the_parts_of_a_date() -> None:
    parts = cell_values.date_parts(pd.Series(pd.to_datetime(["1970-01-02 06:00", "NaT"])))

    quarter = 2 * math.pi / 4
    expected = [
        1.25,
        1970,
        2,
        math.sin(2 * math.pi / 366),
        math.cos(2 * math.pi / 366),
        math.sin(2 * math.pi * 4 / 7),  # a Friday
        math.cos(2 * math.pi * 4 / 7),
        math.sin(quarter),
        math.cos(quarter),
    ]
    np.testing.assert_allclose(parts[0], expected, atol=1e-12)
    assert np.isnan(parts[1]).all()
    assert parts.shape == (2, len(cell_values.DATE_PARTS))


def test_equal_waves_are_equal_to_the_last_digit() -> None:
    # Sines of an eighth and of three eighths of a turn; floats have 0.70710678118654746 and 0.70710678118654757.
    parts = cell_values.date_parts(pd.Series(pd.to_datetime(["2020-01-01 03:00", "2020-01-01 09:00"])))
    sine = cell_values.DATE_PARTS.index("time of day, sine")
    assert parts[0, sine] == parts[1, sine] == 0.707106781


def test_far_dates_have_parts_too(subtests: pytest.Subtests) -> None:
    for day in ["0001-01-01", "1500-03-01", "9999-12-31"]:
        with subtests.test(day):
            column = pd.Series(np.array([day], dtype="datetime64[s]"))

            parts = cell_values.date_parts(column)

            assert parts[0, 0] == np.datetime64(day).astype("datetime64[D]").astype(int)
            assert np.isfinite(parts).all()


def test_a_time_zone_becomes_utc() -> None:
    zoned = pd.Series(pd.to_datetime(["2020-01-01 01:00"])).dt.tz_localize("Europe/Berlin")

    np.testing.assert_array_equal(
        cell_values.date_parts(zoned), cell_values.date_parts(pd.Series(pd.to_datetime(["2020-01-01 00:00"])))
    )


def test_numbers_are_float64_and_none_is_beyond_1e100() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [math.inf, -1.1e100], "c": pd.array([None, 3], dtype="Int64")})

    values = cell_values.numbers(frame)

    np.testing.assert_array_equal(values, [[1, math.nan, math.nan], [2, math.nan, 3]])
