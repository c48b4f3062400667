"""What is written for spreadsheets, and what they may not make of it."""

import csv
import io

import numpy as np
import pandas as pd
import pyarrow as pa

from lrapp.tables.csv_writer import arrow, csv_header, csv_rows, to_csv_bytes


def test_written_cells_start_no_formula() -> None:
    frame = pd.DataFrame(
        {
            "=HYPERLINK()": [
                "=1+1",
                "+cmd|' /C calc'!A0",
                "@SUM(A1)",
                "-2+3",
                "  =x",
                "\t=x",
                'fine, and "quoted"',
                None,
            ],
            "number": [-1.5, 2, np.nan, 4, 5, 6, 7, 8],
            "text number": ["-5", "+3.25", "-1e3", "5", "-", "=5", "a-b", "é"],
            "day": pd.to_datetime(["2020-01-01"] * 7 + ["NaT"]),
        }
    )

    data = to_csv_bytes(frame)

    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[0] == ["'=HYPERLINK()", "number", "text number", "day"]
    first, numbers, texts, days = zip(*rows[1:], strict=True)
    assert first == (
        "'=1+1", "'+cmd|' /C calc'!A0", "'@SUM(A1)", "'-2+3", "'  =x", "'\t=x", "fine, and \"quoted\"", "",
    )  # fmt: skip
    assert numbers[:3] == ("-1.5", "2", "")
    assert texts == ("-5", "+3.25", "-1e3", "5", "'-", "'=5", "a-b", "é")
    assert days == ("2020-01-01",) * 7 + ("",)


def test_texts_come_back_as_they_were() -> None:
    words = ["a,b", 'say "x"', "two\nlines", "return\rhere", "Åre 🐧", None, " =5", "plain"]
    frame = pd.DataFrame({"word": pd.Series(words, dtype="str"), "n": range(8)})
    rows = list(csv.reader(io.StringIO(to_csv_bytes(frame).decode("utf-8-sig"), newline="")))
    assert rows[0] == ["word", "n"]
    assert [row[0] for row in rows[1:]] == [
        "" if word is None else "' =5" if word == " =5" else word for word in words
    ]


def test_names_and_times_are_written_plainly() -> None:
    times = pd.to_datetime(
        ["2020-01-02", "2020-01-02 03:04:05", "2020-01-02 03:04:05.5", "NaT"], format="mixed"
    )
    frame = pd.DataFrame({"@sum(a)": [1, 2, 3, 4], "t": times.as_unit("ms")})
    assert to_csv_bytes(frame).decode("utf-8-sig").splitlines() == [
        "'@sum(a),t",
        "1,2020-01-02",
        "2,2020-01-02 03:04:05",
        "3,2020-01-02 03:04:05.500",
        "4,",
    ]


def test_parts_put_together_are_the_whole() -> None:
    frame = pd.DataFrame({"a": [1.5, np.nan, -2.0], "b": pd.Series(["x", "=y", None], dtype="str")})
    table = arrow(frame)
    parts = [csv_rows(table.slice(place, 1)) for place in range(3)]
    assert csv_header(table.column_names) + b"".join(parts) == to_csv_bytes(frame)
    assert table.schema == pa.schema({"a": pa.float64(), "b": pa.string()})


def test_half_a_letter_is_replaced() -> None:
    frame = pd.DataFrame({"a": pd.Series(["\udfff", "b"], dtype=object)})
    assert to_csv_bytes(frame).endswith(b"a\n?\nb\n")
