"""Packed columns: the same cells in less memory, and none of them another than the file has it."""

import random

import numpy as np
import pyarrow as pa
import pytest

from lrapp.tables.columns.conversion import read_column
from lrapp.tables.columns.distinct_values import words_of
from lrapp.tables.columns.kinds import Context
from lrapp.tables.columns.packed import Packed, packed


def test_cells_take_the_smallest_form_that_gives_them_back(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[str | None], pa.DataType]] = [
        (["1", "-5", "127", None], pa.int8()),
        (["0", "128"], pa.int16()),
        (["-32768", "-32769"], pa.int32()),
        (["9223372036854775807", "-9223372036854775808"], pa.int64()),
        (["9223372036854775808"], pa.string()),
        # What would come back otherwise stays text.
        (["1", "02"], pa.string()),
        (["1", "-0"], pa.string()),
        (["1", "0x10"], pa.string()),
        (["281474976710655", "0xFFFFFFFFFFFF"], pa.string()),
        (["1", " 2"], pa.string()),
        (["1", "1.0"], pa.string()),
        ([None, None], pa.int8()),
        (["red", "red", "blue", None, "red"], pa.dictionary(pa.int8(), pa.string())),
        (["red", "green", "blue"], pa.string()),
    ]
    for cells, kind in cases:
        with subtests.test(f"{cells!r}"):
            piece = packed(pa.array(cells, pa.string()))
            assert piece.type == kind
            assert Packed([piece]).text().to_pylist() == cells


def test_any_pieces_give_the_same_words_in_the_same_order_as_the_text() -> None:
    choices: list[list[str | None]] = [["1", "2", "30"], ["a", "b", " a", None], ["x1", "1", "02"], [None]]
    rng = random.Random(0)
    for _ in range(40):
        lists = [rng.choices(rng.choice(choices), k=9) for _ in range(4)]
        text = pa.chunked_array([pa.array(cells, pa.string()) for cells in lists])
        column = Packed.of(text)
        expected = words_of(text)
        for _ in range(2):  # the second time from what the first has left
            words = words_of(column)
            assert words.texts == expected.texts
            assert words.codes.tolist() == expected.codes.tolist()
            assert column.text().to_pylist() == text.to_pylist()
            assert words.series().equals(expected.series())


def test_a_part_knows_no_word_of_the_rest() -> None:
    column = Packed([packed(pa.array(["a", "b", "a", "b", "Total"]))])
    assert words_of(column.slice(0, 4)).texts == ["a", "b"]
    keep = [pa.array([True, False, True, False, True])]
    assert words_of(column.filter(keep)).texts == ["a", "Total"]


def test_numbers_are_the_same_in_one_piece_and_in_many() -> None:
    cells = [str(number) if number % 7 else None for number in range(-50, 400)]
    about = Context("a", 0, 2, ".", "")
    for texts in (cells, [cell or "5" for cell in cells], [cell and cell + ".5" for cell in cells]):
        whole = read_column(pa.chunked_array([pa.array(texts, pa.string())]), about)
        parts = read_column(pa.chunked_array([pa.array(texts[:200]), pa.array(texts[200:])]), about)
        expected = np.array([np.nan if text is None else float(text) for text in texts])
        np.testing.assert_array_equal(parts.values.to_numpy(), expected)
        assert parts.values.equals(whole.values)


def test_a_column_is_kept_as_one_kind_that_holds_all_pieces(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[list[str | None]], pa.DataType]] = [
        ([["1", "2"], ["300", None]], pa.int16()),
        (
            [[f"{word}{place % 100}" for place in range(900)] for word in "ab"],
            pa.dictionary(pa.int16(), pa.string()),
        ),
        ([["a", "a"], [None, "a"]], pa.dictionary(pa.int8(), pa.string())),
        ([["a", "a", "a"], ["x", "y", "z"]], pa.string()),
        ([["1", "1"], ["a", "a", None]], pa.string()),
    ]
    for lists, kind in cases:
        with subtests.test(f"{lists!r}"):
            column = Packed(packed(pa.array(cells, pa.string())) for cells in lists)
            kept = column.kept()
            assert kept.type == kind
            assert Packed.of(kept).text().to_pylist() == [cell for cells in lists for cell in cells]
