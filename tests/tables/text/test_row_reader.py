"""The body of a table: clean rows fast, broken ones counted, none lost."""

import pyarrow as pa

from lrapp.tables.text.delimited_text import prepare_text
from lrapp.tables.text.dialects import Dialect
from lrapp.tables.text.records import find_records
from lrapp.tables.text.row_reader import Plan, Types, choose_types, read_body
from lrapp.tables.text.row_repair import Mender
from lrapp.tables.text.table_body import Body

FLOAT, TEXT = pa.float64(), pa.string()


def body_of(data: bytes, types: list[pa.DataType], header: list[str] | None = None) -> Body:
    """Read all records of a text with commas."""
    width = len(types)
    records = find_records(prepare_text(data, ",", '"'), width)
    rows = [records.cells(place) for place in range(records.count)]
    mender = Mender(rows, width, ",")
    return read_body(Plan(records, 0, Types(types), header, mender, mender.join))


def cells(body: Body) -> list[list[object]]:
    """Columns as lists."""
    return [column.to_pylist() for column in body.columns]


def test_types_are_chosen_from_a_sample() -> None:
    dialect = Dialect("utf-8", ";", '"', True, ",", "")
    rows = [["1,5", "a", "7"], ["2", "b", "8"], ["", "c", "9"]]
    assert choose_types(rows, 3, dialect).columns == [FLOAT, TEXT, TEXT]


def test_clean_rows_are_read_as_promised() -> None:
    body = body_of(b'1.5,"a, b"\n,\n2,"c\nd"\n', [FLOAT, TEXT])
    assert cells(body) == [[1.5, 2.0], ["a, b", "c\nd"]]
    assert body.left_out == {"empty row": [0]}
    assert body.repaired_rows == 0


def test_only_the_column_that_breaks_its_promise_becomes_text() -> None:
    body = body_of(b"1.5,2.5,x\noops,3.5,y\n", [FLOAT, FLOAT, TEXT])
    assert cells(body) == [["1.5", "oops"], [2.5, 3.5], ["x", "y"]]


def test_repeated_names_are_left_out_whatever_was_promised() -> None:
    body = body_of(b"1.5,2.5\na,b\n3.5,4.5\n", [FLOAT, FLOAT], ["a", "b"])
    assert cells(body) == [["1.5", "3.5"], ["2.5", "4.5"]]
    assert body.left_out == {"header again": [0]}


def test_broken_rows_stand_among_the_others_and_keep_the_types() -> None:
    lines = [f"{place}.5,{place},w" for place in range(9)]
    lines[2], lines[5], lines[7] = "2.5,2", '5.5,5,"w', "7.5,7,w,w"
    body = body_of("\n".join(lines).encode(), [FLOAT, FLOAT, TEXT])
    first, second, third = cells(body)
    assert first == [place + 0.5 for place in range(9)]
    assert second == [float(place) for place in range(9)]
    assert third == ["w", "w", None, "w", "w", "w", "w", "w,w", "w"]
    assert [repair.line for repair in body.repairs] == [3, 6, 8]


def test_delimiters_and_line_ends_in_quotes_do_not_make_a_row_uneven() -> None:
    body = body_of(b'1,"a,b,\nc",2\n3,4\n5,"d,,"",",6\n', [TEXT, TEXT, TEXT])
    assert cells(body) == [["1", "3", "5"], ["a,b,\nc", None, 'd,,",'], ["2", "4", "6"]]
    assert body.repaired_rows == 1
