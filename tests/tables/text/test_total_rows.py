"""Rows of totals, worked out by hand."""

import pyarrow as pa
import pytest

from lrapp.tables.columns.packed import Packed
from lrapp.tables.text.total_rows import ends_in_total


def test_a_total_is_named_so_and_adds_up(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[str], list[str], bool]] = [
        (["a", "b", "c", "Total"], ["1", "2", "3", "6"], True),
        (["a", "b", "c", "Mean:"], ["1", "2", "3", "2"], True),
        (["a", "b", "c", "Summe"], ["1,5", "2,5", "3", "7"], True),
        (["a", "b", "c", "Durchschnitt"], ["1", "2", "3", "2"], True),
        (["a", "b", "c", "Total général :"], ["1", "2", "3", "6"], True),
        (["a", "b", "c", "Total"], ["1", "2", "3", "7"], False),
        (["a", "b", "c", "d"], ["1", "2", "3", "6"], False),
        (["a", "b", "Total"], ["1", "2", "3"], False),
    ]
    for first, second, expected in cases:
        with subtests.test(f"{first!r}"):
            columns = [Packed.of(pa.chunked_array([cells])) for cells in (first, second)]
            assert ends_in_total(columns, ["item", "amount"], ",", ".") is expected
