"""Columns as their different cells."""

import numpy as np
import pyarrow as pa

from lrapp.tables.columns.distinct_values import words_of


def test_cells_are_coded_without_spaces_across_pieces() -> None:
    words = words_of(pa.chunked_array([["b", " a", None], ["", "a", "b"]]))
    assert words.texts == ["b", "a"]
    np.testing.assert_array_equal(words.codes, [0, 1, -1, -1, 1, 0])
    np.testing.assert_array_equal(words.counts, [2, 2])
    assert (words.filled, words.respaced) == (4, 1)


def test_some_texts_can_be_counted_as_empty() -> None:
    words = words_of(pa.chunked_array([["x", "NA", "y", "NA"]])).without([1])
    assert (words.texts, words.codes.tolist(), words.filled) == (["x", "y"], [0, -1, 1, -1], 2)
    assert words.series().fillna("").tolist() == ["x", "", "y", ""]


def test_one_value_a_text_is_spread_over_the_rows() -> None:
    words = words_of(pa.chunked_array([["b", None, "a", "b"]]))
    np.testing.assert_array_equal(words.spread(np.array([1.5, 2.5]), np.nan), [1.5, np.nan, 2.5, 1.5])


def test_a_column_without_changes_is_kept_as_it_is() -> None:
    column = pa.chunked_array([["b", None, "a"]])
    assert words_of(column).column is column
    assert words_of(column).series().dtype == "str"
    assert words_of(pa.chunked_array([], pa.string())).texts == []
