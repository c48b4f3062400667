"""Names that are known settle where a table begins and what delimits it, however short it is."""

import pytest

from lrapp.tables.reading import read_csv
from lrapp.tables.text.known_names import are_names


def test_a_row_of_known_names_is_known() -> None:
    cases: list[tuple[list[str], set[str], bool]] = [
        (["city"], {"city"}, True),
        ([" city ", ""], {"city"}, True),
        (["b", "a", "more"], {"a", "b"}, True),
        (["a"], {"a", "b", "c"}, True),
        (["a", "b", "x"], {"a", "b", "c"}, True),
        (["a", "3"], {"a", "b"}, False),
        (["Rome"], {"city"}, False),
        (["", ""], {"city"}, False),
    ]
    for row, known, expected in cases:
        assert are_names(row, known) is expected, (row, known, expected)


def test_known_names_are_the_header(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, set[str], dict[str, list[str]]]] = [
        ("city\nNew York\nRome\n", {"city"}, {"city": ["New York", "Rome"]}),
        ("city\nNew York\nLos Angeles\n", {"city"}, {"city": ["New York", "Los Angeles"]}),
        ("city\nNew York\n", {"city"}, {"city": ["New York"]}),
        ('"city"\r\n"New York, USA"\r\n', {"city"}, {"city": ["New York, USA"]}),
        ("\n\ncity\nNew York\n", {"city"}, {"city": ["New York"]}),
        ("first city\nNew York\nLos Angeles\n", {"first city"}, {"first city": ["New York", "Los Angeles"]}),
        ("kind;city\na;New York\n", {"city", "kind"}, {"kind": ["a"], "city": ["New York"]}),
        ("id;city;kind\nx;New York;a\n", {"city", "kind"}, {"city": ["New York"], "kind": ["a"]}),
        ("city,more\nNew York,x\n", {"city"}, {"city": ["New York"], "more": ["x"]}),
        ("Report of today\ncity,kind\nRome,a\n", {"city", "kind"}, {"city": ["Rome"], "kind": ["a"]}),
        ("red,blue\nred,green\nblue,red\n", {"red", "blue"}, {"red": ["red", "blue"]}),
    ]
    for text, known, columns in cases:
        with subtests.test(text):
            table = read_csv(text.encode(), "new.csv", known_names=known)
            for name, cells in columns.items():
                assert table.frame[name].astype("str").tolist() == cells
            assert len(table.frame) == len(next(iter(columns.values())))


def test_names_that_are_not_there_change_nothing() -> None:
    text = b"Rome,a\nOslo,b\nRome,a\nRome,b\n"
    assert read_csv(text, "n", known_names={"x", "y"}).frame.equals(read_csv(text, "n").frame)
    split = b'a;"b";c\n1,x,5.5\n2,y,7.5\n3,x,9.5\n'
    assert list(read_csv(split, "n", known_names={"a", "b", "c"}).frame) == ["a", "b", "c"]
    assert len(read_csv(split, "n", known_names={"a", "b", "c"}).frame) == 3
