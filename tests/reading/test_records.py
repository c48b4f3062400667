"""Where records lie, in texts small enough to count bytes."""

import pytest

from lrapp.reading.records import find_records, prepare_text, split_cells


def raws(data: bytes, width: int = 2, quote: str = '"') -> list[str]:
    """The records of a text with commas."""
    records = find_records(prepare_text(data, ",", quote), width)
    return [records.raw(place) for place in range(len(records.starts))]


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
    assert (records.odd.tolist(), len(records.starts), records.line(400)) == ([1], 502, 401)


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


def test_delimiters_of_several_characters_become_one() -> None:
    assert prepare_text(b"a::b\n", "::", '"').data == b"a\x1fb\n"
    assert prepare_text(b"a   b\n  1 2\n", " ", '"').data == b"a\x1fb\n1\x1f2\n"
    assert prepare_text(b" a b   c\td \n", "  ", '"').data == b"a b\x1fc\x1fd\n"
    assert prepare_text(b'"a  b"  c\n', "  ", '"').data == b'"a  b"\x1fc\n'
    assert prepare_text(b'a b\t\tc\t"d\t\te"\n', "\t\t", '"').data == b'a b\x1fc\x1f"d\t\te"\n'
    assert prepare_text(b'a, "x, y"\n', ",", '"').data == b'a,"x, y"\n'
    assert prepare_text(b'a, "",, ",x"\n', ",", '"').data == b'a,"",,",x"\n'


@pytest.mark.parametrize("line", [b'"a, ",b\n', b'b,"a, "\n', b'"a, "",x",b\n', b'"",", "\n'])
def test_a_delimiter_and_a_space_that_end_a_quoted_cell_stay(line: bytes) -> None:
    assert prepare_text(line, ",", '"').data == line
