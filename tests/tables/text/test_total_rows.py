"""Rows of totals, worked out by hand."""

import pyarrow as pa
import pytest

from lrapp.tables.columns.packed import Packed
from lrapp.tables.text.total_rows import ends_in_total


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (["a", "b", "c", "Total"], ["1", "2", "3", "6"], True),
        (["a", "b", "c", "Mean:"], ["1", "2", "3", "2"], True),
        (["a", "b", "c", "Summe"], ["1,5", "2,5", "3", "7"], True),
        (["a", "b", "c", "Durchschnitt"], ["1", "2", "3", "2"], True),
        (["a", "b", "c", "Total général :"], ["1", "2", "3", "6"], True),
        (["a", "b", "c", "Total"], ["1", "2", "3", "7"], False),
        (["a", "b", "c", "d"], ["1", "2", "3", "6"], False),
        (["a", "b", "Total"], ["1", "2", "3"], False),
    ],
)
def test_a_total_is_named_so_and_adds_up(first: list[str], second: list[str], expected: bool) -> None:
    columns = [Packed.of(pa.chunked_array([cells])) for cells in (first, second)]
    assert ends_in_total(columns, ["item", "amount"], ",", ".") is expected
