"""Rows of a wrong width, against what a person would make of them."""

import pytest

from lrapp.tables.text.row_repair import Mender

ROWS = [[f"name {place}", str(place), str(place * 2), "x"] for place in range(30)]


def test_numbers_go_where_numbers_belong(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[str], list[str], str]] = [
        (["a", "1", "2", "x", "", ""], ["a", "1", "2", "x"], "empty cells at the end were left out"),
        (["a", "b", "1", "2", "x"], ["a,b", "1", "2", "x"], "1 cell too many: joined into column 1"),
        (["a", "1", "2", "x", "y"], ["a", "1", "2", "x,y"], "1 cell too many: joined into column 4"),
        (["1", "2", "x"], ["", "1", "2", "x"], "1 cell too few: missing from column 1 on"),
        (["a", "1"], ["a", "1", "", ""], "2 cells too few: missing from column 3 on"),
        (["a", "1", "2", "x"], ["a", "1", "2", "x"], "a stray quote was kept as a character"),
    ]
    for cells, mended, what in cases:
        with subtests.test(f"{cells!r}"):
            result = Mender(ROWS, 4, ",")(cells)
            assert (result.cells, result.what) == (mended, what)


def test_two_halves_are_joined_only_when_the_second_is_no_row() -> None:
    mender = Mender(ROWS, 4, ",")
    joined = mender.join(["a"], ["b", "1", "2", "x"])
    assert joined is None
    joined = mender.join(["long", "1"], ["", "2", "x"])
    assert joined is not None
    assert joined.cells == ["long", "1", "2", "x"]
    assert mender.join(["a", "1"], ["2", "x"]) is None


def test_a_number_too_many_does_not_become_the_fraction_of_another() -> None:
    mend = Mender([["1", "2", "3"], ["4", "5", "6"]], 3, ",")
    mended = mend(["7", "8", "9", "10"])
    assert mended.cells == ["7", "8", "9"]
    assert mended.what == "1 cell too many: '10' at the end left out"
    assert mend([*"12345678"]).what == "5 cells too many: '4', '5', '6' … at the end left out"
