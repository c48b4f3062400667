"""Where records lie, in texts small enough to count bytes."""

import pytest

from lrapp.tables.text.delimited_text import prepare_text
from lrapp.tables.text.records import find_records, split_cells


def raws(data: bytes, width: int = 2, quote: str = '"') -> list[str]:
    """The records of a text with commas."""
    records = find_records(prepare_text(data, ",", quote), width)
    return [records.raw(place) for place in range(records.count)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b\n1,2\n", ["a,b", "1,2"]),
        (b"a,b\r\n1,2", ["a,b", "1,2"]),
        (b"a,b\r1,2\r3,4", ["a,b", "1,2", "3,4"]),
        (b'a,"x\ny"\n1,2\n', ['a,"x\ny"', "1,2"]),
        (b'a,"x""\ny"\n1,2\n', ['a,"x""\ny"', "1,2"]),
        (b'a,"x\n1,2\n3,4\n', ['a,"x', "1,2", "3,4"]),
        (b'a,x"\n1,2\n3,4\n', ['a,x"', "1,2", "3,4"]),
        (b'a,"x\n1,2\n3,y"\n4,5\n', ['a,"x', "1,2", '3,y"', "4,5"]),
    ],
)
def test_records_end_where_lines_end_outside_of_quotes(data: bytes, expected: list[str]) -> None:
    assert raws(data) == expected


def test_a_lone_quote_makes_one_record_odd() -> None:
    records = find_records(prepare_text(b'a,b\n1,"x\n' + b"2,y\n" * 500, ",", '"'), 2)
    assert (records.odd.tolist(), records.count, records.line(400)) == ([1], 502, 401)


@pytest.mark.parametrize(
    ("raw", "cells"),
    [
        ("a,b", ["a", "b"]),
        ('"a,b",c', ["a,b", "c"]),
        ('"say ""a""",c', ['say "a"', "c"]),
        ('a"b,c', ['a"b', "c"]),
        ("", [""]),
    ],
)
def test_a_record_is_split_leniently(raw: str, cells: list[str]) -> None:
    assert split_cells(raw, ",", '"') == cells
