"""Where records lie, in texts small enough to count bytes."""

from lrapp.tables.text.delimited_text import prepare_text
from lrapp.tables.text.records import find_records, split_cells


def raws(data: bytes, width: int = 2, quote: str = '"') -> list[str]:
    """The records of a text with commas."""
    records = find_records(prepare_text(data, ",", quote), width)
    return [records.raw(place) for place in range(records.count)]


def test_records_end_where_lines_end_outside_of_quotes() -> None:
    cases: list[tuple[bytes, list[str]]] = [
        (b"a,b\n1,2\n", ["a,b", "1,2"]),
        (b"a,b\r\n1,2", ["a,b", "1,2"]),
        (b"a,b\r1,2\r3,4", ["a,b", "1,2", "3,4"]),
        (b'a,"x\ny"\n1,2\n', ['a,"x\ny"', "1,2"]),
        (b'a,"x""\ny"\n1,2\n', ['a,"x""\ny"', "1,2"]),
        (b'a,"x\n1,2\n3,4\n', ['a,"x', "1,2", "3,4"]),
        (b'a,x"\n1,2\n3,4\n', ['a,x"', "1,2", "3,4"]),
        (b'a,"x\n1,2\n3,y"\n4,5\n', ['a,"x', "1,2", '3,y"', "4,5"]),
    ]
    for data, expected in cases:
        assert raws(data) == expected, (data, expected)


def test_a_lone_quote_makes_one_record_odd() -> None:
    records = find_records(prepare_text(b'a,b\n1,"x\n' + b"2,y\n" * 500, ",", '"'), 2)
    assert (records.odd.tolist(), records.count, records.line(400)) == ([1], 502, 401)


def test_a_record_is_split_leniently() -> None:
    cases: list[tuple[str, list[str]]] = [
        ("a,b", ["a", "b"]),
        ('"a,b",c', ["a,b", "c"]),
        ('"say ""a""",c', ['say "a"', "c"]),
        ('a"b,c', ['a"b', "c"]),
        ("", [""]),
    ]
    for raw, cells in cases:
        assert split_cells(raw, ",", '"') == cells, (raw, cells)
