"""One clean table, polluted in many ways, comes back the same; whatever is no table ends in a sentence."""

import codecs
import csv
import gzip
import io
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lrapp.errors import UserError
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table, read_csv
from lrapp.tables.text.delimited_text import prepare_text
from lrapp.tables.text.dialects import DialectOverrides
from lrapp.tables.text.records import find_records
from lrapp.tables.text.row_reader import Plan, Types, read_body
from lrapp.tables.text.row_repair import Mender

ROWS = 60
NAMES = ["code", "city", "price", "count", "day", "member", "remark"]
CITIES = ["Köln", "Paris", "São Paulo", "Oslo"]


def clean_rows() -> list[list[str]]:
    """The table that every pollution starts from; remarks hold delimiters, quotes and line ends."""
    rng = np.random.default_rng(3)
    remarks = ["fine", "late, but fine", 'he said "yes"', "two\nlines", "", "a; b"]
    return [
        [
            f"{place * 37 % 1000:05d}",
            CITIES[rng.integers(4)],
            f"{rng.uniform(1, 900):.2f}",
            str(rng.integers(0, 500)),
            f"2021-{rng.integers(1, 13):02d}-{rng.integers(13, 29):02d}",
            ["yes", "no"][rng.integers(2)],
            remarks[place % len(remarks)],
        ]
        for place in range(ROWS)
    ]


def written(
    rows: list[list[str]] | None = None,
    names: list[str] | None = None,
    *,
    delimiter: str = ",",
    quotechar: str = '"',
    lineterminator: str = "\n",
    quoting: int = csv.QUOTE_MINIMAL,
    doublequote: bool = True,
) -> str:
    """The table as the csv module writes it."""
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=delimiter,
        quotechar=quotechar,
        lineterminator=lineterminator,
        quoting=quoting,  # type: ignore[arg-type]
        doublequote=doublequote,
        escapechar=None if doublequote else "\\",
    )
    if names is None:
        names = NAMES
    if names:
        writer.writerow(names)
    writer.writerows(clean_rows() if rows is None else rows)
    return out.getvalue()


def plain_rows() -> list[list[str]]:
    """The table without its remarks, so that no cell needs quotes."""
    return [row[:-1] for row in clean_rows()]


def plain(**how: str) -> str:
    """The table without its remarks, as text."""
    return written(plain_rows(), NAMES[:-1], **how)  # type: ignore[arg-type]


def check(table: Table, *, remarks: bool = True, names: bool = True, but: set[int] = frozenset()) -> None:  # type: ignore[assignment]
    """Compare a table with the clean rows, apart from some rows."""
    rows = clean_rows()
    frame = table.frame
    assert frame.shape == (ROWS, len(NAMES) if remarks else len(NAMES) - 1)
    if names:
        assert list(frame.columns) == NAMES[: frame.shape[1]]
    keep = [place for place in range(ROWS) if place not in but]
    columns = [frame.iloc[keep, place] for place in range(frame.shape[1])]
    assert columns[0].tolist() == [rows[place][0] for place in keep]
    assert columns[1].tolist() == [rows[place][1] for place in keep]
    assert columns[2].tolist() == [float(rows[place][2]) for place in keep]
    assert columns[3].tolist() == [int(rows[place][3]) for place in keep]
    assert columns[4].dt.strftime("%Y-%m-%d").tolist() == [rows[place][4] for place in keep]
    assert columns[5].tolist() == [rows[place][5] for place in keep]
    if remarks:
        assert columns[6].fillna("").tolist() == [rows[place][6] for place in keep]


def with_line(text: str, place: int, line: str) -> str:
    """The text with one line put in before a line."""
    lines = text.split("\n")
    return "\n".join([*lines[:place], line, *lines[place:]])


def changed_line(text: str, place: int, change: Callable[[str], str]) -> str:
    """The text with one line changed."""
    lines = text.split("\n")
    return "\n".join([*lines[:place], change(lines[place]), *lines[place + 1 :]])


def decimal_comma() -> list[list[str]]:
    """The rows with prices such as 3,25."""
    return [[*row[:2], row[2].replace(".", ","), *row[3:]] for row in clean_rows()]


SAME: dict[str, bytes] = {
    "as it is": written().encode(),
    "CRLF": written(lineterminator="\r\n").encode(),
    "CR": plain(lineterminator="\r").encode(),
    "no last line end": written().rstrip("\n").encode(),
    "empty lines at the end": (written() + "\n\n\n").encode(),
    "everything quoted": written(quoting=csv.QUOTE_ALL).encode(),
    "semicolons": written(delimiter=";").encode(),
    "semicolons and decimal commas": written(decimal_comma(), delimiter=";").encode(),
    "tabs": written(delimiter="\t").encode(),
    "bars": written(delimiter="|").encode(),
    "carets": written(delimiter="^").encode(),
    "unit separators": written(delimiter="\x1f").encode(),
    "single quotes": written(quotechar="'").encode(),
    "single quotes everywhere": written(quotechar="'", quoting=csv.QUOTE_ALL).encode(),
    "backslash escapes": written(doublequote=False).encode(),
    "UTF-8 mark": codecs.BOM_UTF8 + written().encode(),
    "UTF-16 LE with mark": written().encode("utf-16"),
    "UTF-16 BE with mark": codecs.BOM_UTF16_BE + written().encode("utf-16-be"),
    "UTF-16 LE": written().encode("utf-16-le"),
    "UTF-16 BE": written().encode("utf-16-be"),
    "UTF-32": written().encode("utf-32"),
    "cp1252": written().encode("cp1252"),
    "cp1252 and semicolons": written(decimal_comma(), delimiter=";").encode("cp1252"),
    "sep line": ("sep=;\n" + written(delimiter=";")).encode(),
    "gzip": gzip.compress(written().encode()),
    "preamble": ("Sales of the north\nmade by hand\n\n" + written()).encode(),
    "preamble with delimiters": ("Report,2021\nby,me\n\n" + written()).encode(),
    "comment before": ("# exported 2021-03-02\n# by hand\n" + written()).encode(),
    "comment amid": with_line(written(), 30, "# checked up to here").encode(),
    "empty line amid": with_line(written(), 30, "").encode(),
    "blank line amid": with_line(written(), 30, "   ").encode(),
    "names again": with_line(written(), 30, ",".join(NAMES)).encode(),
    "empty rows at the end": (written() + ",,,,,,\n,,,,,,\n").encode(),
    "source below": (written() + "Source: the bureau of numbers\n").encode(),
    "trailing delimiters": written([[*row, ""] for row in clean_rows()], [*NAMES, ""]).encode(),
    "spaces after delimiters": plain(delimiter=",").replace(",", ", ").encode(),
    "spaces around cells": written().replace(",yes,", ", yes ,").encode(),
    "NUL bytes": written().replace("Paris", "Pa\0ris").encode(),
    "names with spaces": written(names=[f" {name} " for name in NAMES]).encode(),
    "stray quote inside": changed_line(written(), 2, lambda line: line[:8] + '"' + line[8:]).encode(),
    "one row too short": changed_line(written(), 1, lambda line: line[: line.rfind(",")]).encode(),
    "one row too long": changed_line(written(), 1, lambda line: line + ",,").encode(),
    "one row with semicolons": changed_line(written(), 1, lambda line: line.replace(",", ";")).encode(),
}  # fmt: skip
SAID = {
    "empty lines at the end": "3 empty lines were left out.",
    "sep line": "The first line, which only names the delimiter, was left out.",
    "preamble": "2 lines were left out before the table.",
    "comment before": "2 lines were left out before the table.",
    "comment amid": "1 comment line (line 31) was left out.",
    "empty line amid": "1 empty line was left out.",
    "blank line amid": "1 empty line was left out.",
    "names again": "1 repeated line of column names was left out.",
    "empty rows at the end": "2 empty rows at the end were left out.",
    "source below": "1 line below the table (line 72) was left out.",
    "trailing delimiters": "1 column without name and values was left out.",
    "NUL bytes": "NUL bytes were removed from the text.",
    "names with spaces": "Spaces around 7 column names were removed.",
    "stray quote inside": "1 row had to be repaired.",
    "one row too short": "1 row had to be repaired.",
    "one row too long": "1 row had to be repaired.",
    "one row with semicolons": "1 row had to be repaired.",
    "UTF-16 LE": "The file is in UTF-16-LE without a mark that says so.",
    "gzip": "The file was unpacked from gzip.",
}
WITHOUT_REMARKS = {"CR", "spaces after delimiters"}


def test_a_polluted_table_reads_as_the_clean_one(subtests: pytest.Subtests) -> None:
    for pollution, data in SAME.items():
        with subtests.test(pollution):
            table = read_csv(data, "a.csv")
            but = (
                {1}
                if pollution == "stray quote inside"
                else {0}
                if pollution == "one row too short"
                else set()
            )
            check(table, remarks=pollution not in WITHOUT_REMARKS, but=but)
            assert SAID.get(pollution, "") in " ".join(table.notes)
            assert (
                table.repaired_rows
                == len(table.repairs)
                == (pollution in SAID and "repaired" in SAID[pollution])
            )


def test_without_names_the_columns_are_numbered() -> None:
    table = read_csv(written(names=[]).encode(), "a.csv")
    check(table, names=False)
    assert list(table.frame.columns) == [f"column_{place}" for place in range(1, 8)]
    assert "The file has no column names; the columns were numbered." in table.notes


def test_kinds_are_those_of_the_clean_table() -> None:
    kinds = read_csv(written().encode(), "a.csv").kinds
    assert kinds == {
        "code": ColumnKind.IDENTIFIER,
        "city": ColumnKind.CATEGORY,
        "price": ColumnKind.NUMBER,
        "count": ColumnKind.NUMBER,
        "day": ColumnKind.DATE,
        "member": ColumnKind.YES_NO,
        "remark": ColumnKind.CATEGORY,
    }


def test_repairs_are_listed_with_their_lines() -> None:
    table = read_csv(b"a,b,c\n1,2,3\n4,5\n6,7,8\n9,10,11,12\n", "a.csv")
    assert [repair.line for repair in table.repairs] == [3, 5]
    assert len(table.frame) == 4


def test_repairs_beyond_a_thousand_are_counted() -> None:
    rows = "".join(f"{place},x,2\n" if place % 2 else f"{place},x\n" for place in range(5000))
    table = read_csv(("a,b,c\n" + rows).encode(), "a.csv")
    assert (len(table.frame), table.repaired_rows, len(table.repairs)) == (5000, 2500, 1000)


def test_a_stray_quote_swallows_no_rows() -> None:
    lines = [f"{place},name {place},{place * 2}" for place in range(200)]
    lines[50] = '50,"name 50,100'
    lines[120] = '120,name 120",240'
    frame = read_csv("\n".join(["n,name,double", *lines]).encode(), "a.csv").frame
    assert frame.shape == (200, 3)
    assert frame["double"].tolist() == [place * 2 for place in range(200)]


def test_a_row_broken_in_two_is_joined_where_the_kinds_of_cells_tell() -> None:
    lines = [f"{place},name {place},{place * 2},x" for place in range(50)]
    lines[20] = "20,first\nhalf,40,x"
    lines[30] = "30,name\n,60,x"
    table = read_csv("\n".join(["n,name,double,mark", *lines]).encode(), "a.csv")
    assert table.frame.shape == (50, 4)
    assert table.frame["name"].iloc[20] == "first\nhalf"
    assert table.frame["double"].tolist() == [place * 2 for place in range(50)]
    assert [repair.what for repair in table.repairs] == ["a line end in a cell had broken the row in two"] * 2


def test_a_late_surprise_does_not_lose_a_number() -> None:
    lines = [f"{place}.5,red" for place in range(9000)]
    lines[8000] = "oops,red"
    lines[8500] = '"1,234.5",blue'
    table = read_csv(("x,colour\n" + "\n".join(lines)).encode(), "a.csv")
    assert table.frame["x"].isna().sum() == 1
    assert table.frame["x"].iloc[[0, 8500, 8999]].tolist() == [0.5, 1234.5, 8999.5]
    assert table.notes == ("Column 'x': 1 value that is no number became missing ('oops').",)


def test_a_late_leading_zero_keeps_codes_as_text() -> None:
    lines = [f"{10000 + place},{place % 7}" for place in range(9000)]
    lines[8000] = "01234,1"
    frame = read_csv(("area,v\n" + "\n".join(lines)).encode(), "a.csv").frame
    assert frame["area"].iloc[8000] == "01234"


def test_the_dialect_can_be_overruled() -> None:
    data = b"a;b\n1,234;x\n2,345;y\n"
    assert read_csv(data, "a").frame["a"].tolist() == [1.234, 2.345]
    assert read_csv(data, "a", dialect=DialectOverrides(decimal=".", thousands=",")).frame["a"].tolist() == [
        1234,
        2345,
    ]
    assert read_csv(data, "a", dialect=DialectOverrides(header=False)).frame.shape == (3, 2)
    assert read_csv(data, "a", dialect=DialectOverrides(delimiter=",")).frame.shape[1] == 2
    assert read_csv(b"a\n\xe4\n\xf6\n", "a", dialect=DialectOverrides(encoding="cp1251")).frame[
        "a"
    ].tolist() == ["д", "ц"]


def test_kinds_can_be_overruled() -> None:
    table = read_csv(b"area,size,price\n01234,small,$1\n98765,7,$2\n12345,large,$3\n", "a.csv")
    assert table.kinds["area"] is ColumnKind.CATEGORY
    changed = table.with_kinds(
        {"area": ColumnKind.NUMBER, "size": ColumnKind.NUMBER, "price": ColumnKind.CATEGORY}
    )
    assert changed.frame["area"].tolist() == [1234, 98765, 12345]
    np.testing.assert_array_equal(changed.frame["size"], [np.nan, 7, np.nan])
    assert changed.frame["price"].tolist() == ["$1", "$2", "$3"]
    assert "Column 'size': 2 values that are no numbers became missing ('small', 'large')." in changed.notes
    assert changed.with_kinds({"area": ColumnKind.CATEGORY}).frame["area"].tolist() == [
        "01234",
        "98765",
        "12345",
    ]
    assert table.frame["price"].tolist() == [1, 2, 3]
    with pytest.raises(UserError, match="must read as a number"):
        read_csv(b"a,b\nx,1\ny,2\n", "a").with_kinds({"a": ColumnKind.NUMBER})
    with pytest.raises(UserError, match="exactly two"):
        table.with_kinds({"size": ColumnKind.YES_NO})


def test_what_is_no_table_ends_in_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[bytes, str]] = [
        (b"", "empty"),
        (b"  \n\n", "empty"),
        (b"a,b\n", "rows below its column names"),
        (b"<!doctype html><html><body></body></html>", "web page"),
        (b'[{"a": 1}, {"a": 2}]', "JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "JSON"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "PNG"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PAR1" + bytes(64), "Parquet"),
        (bytes(1000), "not text"),
        (bytes(range(256)) * 40, "not text"),
    ]
    for data, sentence in cases:
        with subtests.test(f"{data!r}"), pytest.raises(UserError, match=sentence):
            read_csv(data, "a.csv")


def test_one_row_and_one_column_are_tables() -> None:
    assert read_csv(b"a,b\n1,2\n", "a").frame.shape == (1, 2)
    assert read_csv(b"a\n1\n2\n", "a").frame.shape == (2, 1)
    assert read_csv(b"7", "a").frame.shape == (1, 1)


def test_odd_names_stay_and_doubles_are_told_apart() -> None:
    text = 'a.b[0],"x\ny",$x^2$,<b>,**m**,😀,"q""q",a,a,,a_2\n' + "\n".join(
        [",".join(map(str, range(11)))] * 2
    )
    table = read_csv(text.encode(), "a.csv")
    expected = ["a.b[0]", "x\ny", "$x^2$", "<b>", "**m**", "😀", 'q"q', "a", "a_3", "column_10", "a_2"]
    assert list(table.frame.columns) == expected
    assert any("no name" in note for note in table.notes)
    assert any("repeats an earlier one" in note for note in table.notes)


def test_numbers_beyond_1e100_are_gaps_and_counted(subtests: pytest.Subtests) -> None:
    for form in ["{}", "{} kg", "{}%"]:
        with subtests.test(form):
            written = [
                f"1{'0' * 30}",
                "1e100",
                "-1e100",
                "1e101",
                "inf",
                "-Infinity",
                "1e400",
                *map(str, range(20)),
            ]
            cells = [word if "nf" in word else form.format(word) for word in written]
            table = read_csv(("a,b\n" + "".join(f"{cell},1.5\n" for cell in cells)).encode(), "a.csv")
            expected = [1e30, 1e100, -1e100, *[np.nan] * 4, *range(20)]
            np.testing.assert_array_equal(table.frame.iloc[:, 0], expected)
            assert (
                "Column 'a': 4 values beyond 1e100 or infinite became missing, as no network can learn from them."
            ) in table.notes


def test_ten_thousand_columns_are_read() -> None:
    names = ",".join(f"c{place}" for place in range(10_000))
    row = ",".join(str(place % 17) for place in range(10_000))
    assert read_csv(f"{names}\n{row}\n{row}\n".encode(), "a.csv").frame.shape == (2, 10_000)


def test_one_huge_cell_is_read() -> None:
    frame = read_csv(b"a,b\n" + b"x" * 5_000_000 + b",1\ny,2\n", "a.csv").frame
    assert frame["a"].str.len().tolist() == [5_000_000, 1]


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\x1d\x1e\x1f", exclude_categories=["Cc", "Cs"]),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 5).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=2, max_size=8)
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)
@example([["", ""], ["", '\\"']], ",", "\n")
@example([['C:\\"x"', 'b\\"'], ["", "c"]], ";", "\n")
def test_any_cells_come_back_when_the_dialect_is_told(
    rows: list[list[str]], delimiter: str, ending: str
) -> None:
    rows = [[f"k{place}", *row] for place, row in enumerate(rows)]
    names = [f"name {place}" for place in range(len(rows[0]))]
    text = written(rows, names, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    told = DialectOverrides(encoding="utf-8", delimiter=delimiter, quote='"', header=True)
    table = read_csv(text.encode(), "a.csv", dialect=told)
    assert table.frame.shape == (len(rows), len(names))
    assert table.repaired_rows == 0
    assert table.frame.iloc[:, 0].tolist() == [row[0] for row in rows]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 5).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=2, max_size=8)
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_every_raw_cell_comes_back(rows: list[list[str]], delimiter: str, ending: str, quoting: int) -> None:
    rows = [[f"k{place}", *row] for place, row in enumerate(rows)]
    text = written(rows, [], delimiter=delimiter, lineterminator=ending, quoting=quoting)
    width = len(rows[0])
    records = find_records(prepare_text(text.encode(), delimiter, '"'), width)
    mender = Mender(rows, width, delimiter)
    types = Types([pa.string()] * width)
    body = read_body(Plan(records, 0, types, None, mender, mender.join))
    assert body.repaired_rows == 0
    assert [[cell or "" for cell in column.to_pylist()] for column in body.columns] == [
        list(column) for column in zip(*rows, strict=True)
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200), st.text(alphabet=",;\t\"'\n\r0123456789.-ab ", max_size=200).map(str.encode)
    )
)
def test_any_bytes_are_a_table_or_a_sentence(data: bytes) -> None:
    try:
        table = read_csv(data, "a.csv")
    except UserError as error:
        assert str(error).endswith(".")  # noqa: PT017
    else:
        assert table.frame.shape[1] == len(table.columns)
        assert table.frame.columns.is_unique
