"""Splitting as the csv module splits, also where a cell is longer than its limit, and without touching that."""

import csv
import io
import threading

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lrapp.tables.reading import read_csv
from lrapp.tables.text.csv_rows import _split_long, split_lines, split_text

TEXTS = st.text(st.sampled_from('ab,";\n\r '), max_size=30)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
@example('"a""b"c,"d\ne"\r\nf,')
@example('"a')
@example("\n\na,\n")
def test_long_texts_are_split_as_the_csv_module_does(text: str) -> None:
    expected = list(csv.reader(io.StringIO(text, newline=""), delimiter=",", quotechar='"'))
    assert _split_long(text, ",", '"') == expected
    assert split_text(text, ",", '"') == expected


@pytest.mark.parametrize("length", [10, 200_000])
def test_lines_are_split_whatever_their_length(length: int) -> None:
    cell = "x" * length
    lines = [f'"{cell},y",1', "a,b", f'"p""q",{cell}']
    assert split_lines(lines, ",", '"') == [[f"{cell},y", "1"], ["a", "b"], ['p"q', cell]]
    assert split_text("\n".join(lines), ",", '"') == split_lines(lines, ",", '"')


def test_the_limit_of_the_process_is_never_changed() -> None:
    before = csv.field_size_limit()
    seen: set[int] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.add(csv.field_size_limit())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        long = 'a,b\n1,"' + "x" * 2_000_000 + '\n2"\n3,"y\n4\n5,"z"\n' * 3
        assert len(read_csv(long.encode(), "t.csv").frame.columns) == 2
    finally:
        done.set()
        watcher.join()
    assert seen <= {before}
