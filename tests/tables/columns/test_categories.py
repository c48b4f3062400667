"""Columns of words, and long ones that hardly repeat."""

import pyarrow as pa
import pytest

from lrapp.tables.columns.categories import HEAD, is_many, read_category, read_many
from lrapp.tables.columns.distinct_values import words_of
from lrapp.tables.columns.kinds import ColumnKind, Context, Read
from lrapp.tables.columns.packed import Packed

ABOUT = Context("x", 1, 3, ".", "")


def read(cells: list[str]) -> Read:
    """Read a column of words."""
    return read_category(words_of(pa.chunked_array([cells])), ABOUT, "")


def test_yes_and_no_in_many_languages(subtests: pytest.Subtests) -> None:
    for pair in [
        ("ja", "nein"),
        ("wahr", "falsch"),
        ("oui", "non"),
        ("vrai", "faux"),
        ("sí", "no"),
        ("verdadero", "falso"),
        ("vero", "falso"),
        ("sim", "não"),
        ("verdadeiro", "falso"),
        ("да", "нет"),
        ("T", "F"),
        ("On", "Off"),
    ]:
        with subtests.test(f"{pair!r}"):
            assert read([*pair, pair[0]]).kind is ColumnKind.YES_NO
            assert read([pair[0].upper(), pair[1]]).values.tolist() == [pair[0].upper(), pair[1]]


def test_words_that_differ_in_case_are_left_and_said() -> None:
    found = read(["Red", "red", "blue", "RED"])
    assert (found.kind, found.distinct) == (ColumnKind.CATEGORY, 4)
    assert found.notes == ("2 words differ from others only in upper and lower case, which was left",)


def test_words_that_differ_in_spaces_become_one_and_are_said() -> None:
    found = read(["red ", "red", " red", "blue"])
    assert found.values.tolist() == ["red", "red", "red", "blue"]
    assert found.notes == ("2 spellings with other spaces around became one with the rest",)


def test_long_columns_that_hardly_repeat_are_read_whole() -> None:
    column = pa.chunked_array([[f"w{place}" if place % 1000 else "n/a" for place in range(HEAD + 5)]])
    assert is_many(Packed.of(column))
    assert not is_many(column.slice(0, HEAD))
    found = read_many(column, ABOUT)
    assert found is not None
    assert found.kind is ColumnKind.IDENTIFIER
    assert (found.values.isna().sum(), found.values.iloc[1]) == (51, "w1")
    assert found.notes == ("51 values marked as missing ('n/a')",)
    assert read_many(pa.chunked_array([[f"${place}" for place in range(HEAD + 5)]]), ABOUT) is None
