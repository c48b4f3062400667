"""Tables as people and programs really write them: right rows, right columns, right values, and said."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lrapp.errors import UserError
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import read_csv

ODD: dict[str, tuple[str, dict[str, list[object]], list[str]]] = {
    "bank export": (
        ("Statement;;;\nAccount: 12;;;\n\nday;what;amount;left\n02.01.2024;Rent;-850,00;1.234,56\n"
        "13.01.2024;Pay;2.500,00;3.734,56\n15.01.2024;\"Shop; Mall\";-45,20;3.689,36\n;;;\nSumme;;1.604,80;\n"),
        {"what": ["Rent", "Pay", "Shop; Mall"], "amount": [-850.0, 2500.0, -45.2]},
        ["2 lines were left out before the table.", "1 row of totals at the end was left out."],
    ),
    "a spreadsheet's lines above, parted by an empty one": (
        "Report,,\nCreated,2020-01-01,\n,,\nn,k,v\n7,x,1.5\n3,y,2.5\n9,x,3.5\n",
        {"n": [7, 3, 9], "k": ["x", "y", "x"], "v": [1.5, 2.5, 3.5]},
        ["3 lines were left out before the table."],
    ),
    "names above rows of all widths": (
        "n,k,v\n1,2\n3,4,5\n6\n7,8,9,\n11,12,13\n14,15,16\n",
        {"n": [1, 3, 6, 7, 11, 14], "k": [2, 4, np.nan, 8, 12, 15]},
        ["3 rows had to be repaired."],
    ),
    "names with another delimiter": (
        'a;"b";c\n1,x,5.5\n2,y,7.5\n3,x,9.5\n',
        {"a": [1, 2, 3], "b": ["x", "y", "x"], "c": [5.5, 7.5, 9.5]},
        ["The column names are delimited by ';', unlike the rows below them."],
    ),
    "a title with a comma above a headless table": (
        "Sales, weekly\n1;2;3\n4;5;6\n7;8;9\n", {"column_1": [1, 4, 7]},
        ["1 line was left out before the table."],
    ),
    "names that span": (
        "2020,,2021,\nQ1,Q2,Q1,Q2\n1,2,3,4\n5,6,7,8\n9,10,11,12\n",
        {"2020 Q1": [1, 5, 9], "2020 Q2": [2, 6, 10], "2021 Q1": [3, 7, 11], "2021 Q2": [4, 8, 12]},
        ["The column names stand in two rows and were joined."],
    ),
    "three rows of names": (
        "Price,Close\nTicker,ABC\nDate,\n2024-01-02,1.5\n2024-01-03,2.5\n2024-01-04,3.5\n",
        {"Close ABC": [1.5, 2.5, 3.5]},
        ["The column names stand in three rows and were joined."],
    ),
    "names twice at the top": (
        "a,b\na,b\n1,2\n3,4\n5,6\n",
        {"a": [1, 3, 5], "b": [2, 4, 6]},
        ["1 repeated line of column names was left out."],
    ),
    "rows that end with a delimiter": (
        "a,b,c\n1,2,3,\n4,5,6,\n7,8,9,\n",
        {"a": [1, 4, 7], "b": [2, 5, 8], "c": [3, 6, 9]},
        ["1 column without name and values was left out."],
    ),
    "commented rows": (
        "a,b\n1,2\n#3,4\n5,6\n", {"a": [1, 5], "b": [2, 6]}, ["1 comment line was left out."],
    ),
    "failed formulas in the first column": (
        "a,b\n1,2\n#N/A,4\n#BEZUG!,6\n7,8\n",
        {"a": [1, np.nan, np.nan, 7], "b": [2, 4, 6, 8]},
        ["Column 'a': 2 values marked as missing ('#N/A', '#BEZUG!')."],
    ),
    "failed formulas and a comment in the first column": (
        "a,b\n1,2\n#N/A,4\n#5,6\n7,8\n", {"a": [1, np.nan, 7], "b": [2, 4, 8]}, ["1 comment line was left out."],
    ),
    "two files with marks in one": (
        "\ufeffa,b\n1,2\n3,4\n\ufeffa,b\n5,6\n",
        {"a": [1, 3, 5], "b": [2, 4, 6]},
        [
            "1 byte-order mark inside the text was removed.",
            "1 repeated line of column names was left out.",
        ],
    ),
    "delimiters behind backslashes, and a row to repair": (
        "a,b,c\n1,x\\,y,5\n2,z,6\n3,q,7,\n4,w\n", {"a": [1, 2, 3, 4], "b": ["x,y", "z", "q", "w"]}, [
            "2 rows had to be repaired."
        ],
    ),
    "delimiters behind backslashes": (
        "a\tb\n1\tx\\\ty\n2\tz\n3\tq\\\\\n", {"a": [1, 2, 3], "b": ["x\ty", "z", "q\\"]}, [],
    ),
    "backslashes that end cells": (
        "a,b\nC:\\x\\,2\nD:\\,4\nE:\\y,6\n", {"a": ["C:\\x\\", "D:\\", "E:\\y"], "b": [2, 4, 6]}, [],
    ),
    "colours that begin like comments": (
        "a,b\n#fff,2\n#000,4\nred,6\n", {"a": ["#fff", "#000", "red"], "b": [2, 4, 6]}, [],
    ),
    "a sign before the names": (
        "# x y\n1.5 2\n3.5 4\n", {"x": [1.5, 3.5], "y": [2, 4]}, ["The # before the column names was taken off."],
    ),
    "an old mark of the end": (
        "a,b\r\n1,2\r\n3,4\r\n\x1a", {"a": [1, 3]}, ["The mark at the end of the file (Ctrl+Z) was removed."],
    ),
    "encoded twice": (
        "name,v\nK\u00c3\u00b6ln,1\nM\u00c3\u00bcnchen,2\n",
        {"name": ["Köln", "München"]},
        ["Letters had been encoded in UTF-8 twice, so that ö stood as Ã¶, and were set right."],
    ),
    "letters that only look encoded twice": ("name,v\nÃ¶,1\nñandú,2\n", {"name": ["Ã¶", "ñandú"]}, []),
    "rows of delimiters only": (
        "a,b\n1,2\n,\n,\n3,4\n", {"a": [1, 3], "b": [2, 4]}, ["2 rows without a value were left out."],
    ),
    "long whole numbers": (
        "a,b\n12345678901234567890,1\n12345678901234567891,2\n12345678901234567892,3\n",
        {"a": ["12345678901234567890", "12345678901234567891", "12345678901234567892"]},
        [],
    ),
    "dates in several ways": (
        "d,v\n2020-01-31,1\n31.01.2020,2\n01/31/2020,3\n",
        {"d": ["2020-01-31", "31.01.2020", "01/31/2020"]},
        ["Column 'd': its dates are written in several ways, so it was read as words."],
    ),
    "two columns and a line below": (
        "id,name\n--,----\n1,a\n2,b\n\n(2 rows affected)\n",
        {"name": ["a", "b"]},
        ["1 drawn line of dashes (line 2) was left out.", "1 line below the table (line 6) was left out."],
    ),
    "a source below the table": (
        "name,v,w\na,1,2\nb,2,5\nc,5,7\n\nSource: Eurostat, 2020\n",
        {"name": ["a", "b", "c"], "v": [1, 2, 5]},
        ["1 line below the table (line 6) was left out."],
    ),
    "edges of bars and no names": (
        "|1|x|\n|4|y|\n", {"column_2": [1, 4], "column_3": ["x", "y"]},
        ["2 columns without name and values were left out."],
    ),
    "a terminal's table": (
        "+----+------+\n| id | age  |\n+----+------+\n|  7 |   12 |\n| 42 | NULL |\n+----+------+\n",
        {"id": ["7", "42"], "age": [12.0, np.nan]},
        ["3 drawn lines of dashes (lines 1, 3, 6) were left out."],
    ),
    "a stray quote before a row whose last cell has two lines": (
        "a,b,c\n" + "".join(f"{place},x,fine\n" for place in range(9)) + '"9,x,"two\nlines"\n10,y,fine\n',
        {"a": [*range(9), 9, 10], "c": [*["fine"] * 9, "two\nlines", "fine"]},
        ["1 row had to be repaired."],
    ),
}  # fmt: skip


def test_an_odd_table_is_read_as_a_person_would(subtests: pytest.Subtests) -> None:
    for name, (text, columns, notes) in ODD.items():
        with subtests.test(name):
            table = read_csv(text.encode(), "a.csv")
            for column, values in columns.items():
                np.testing.assert_array_equal(table.frame[column].tolist(), values)
            for note in notes:
                assert note in table.notes
            assert len(table.notes) >= len(notes)
            if not notes:
                assert table.repaired_rows == 0


def test_the_code_page_of_dos_is_known_by_its_bytes() -> None:
    table = read_csv("name,v\nKöln,1\nMünchen,2\n".encode("cp437"), "a.csv")
    assert table.frame["name"].tolist() == ["Köln", "München"]
    assert table.dialect is not None
    assert table.dialect.encoding == "cp850"


def test_long_numbers_among_short_ones_stay_numbers() -> None:
    table = read_csv(b"a,b\n1,1\n2,2\n123456789012345678901,3\n", "a.csv")
    assert table.kinds["a"] is ColumnKind.NUMBER


def test_repairs_keep_the_lines_of_the_file_below_drawn_lines() -> None:
    table = read_csv(b"a,b,c\n----,----,----\n1,2,3\n4,5\n7,8,9\n", "a.csv")
    assert [repair.line for repair in table.repairs] == [4]


@pytest.mark.parametrize("names", ["Name        Age   City\n", ""])
def test_cells_aligned_by_wide_gaps_keep_their_single_spaces(names: str) -> None:
    table = read_csv(
        (
            names + "Anna Bell   12    New York\nBob         40    Rome\nCarl Smith  33    Los Angeles\n"
        ).encode(),
        "a.txt",
    )
    assert list(table.frame.columns) == (names.split() or ["column_1", "column_2", "column_3"])
    assert table.frame.to_numpy().tolist() == [
        ["Anna Bell", 12, "New York"],
        ["Bob", 40, "Rome"],
        ["Carl Smith", 33, "Los Angeles"],
    ]
    assert "Two or more spaces were taken as the delimiter; single spaces stay in the cells." in table.notes
    assert table.repaired_rows == 0


def test_an_aligned_row_that_lacks_a_cell_is_mended() -> None:
    rows = "Anna Bell   12    New York\nCarl Smith        Los Angeles\nEve         20    Rome\nIda  5  Rome\n"
    table = read_csv(("Name        Age   City\n" + rows).encode(), "a.txt")
    assert table.frame["City"].tolist() == ["New York", "Los Angeles", "Rome", "Rome"]
    assert table.frame["Age"].isna().tolist() == [False, True, False, False]
    assert [repair.line for repair in table.repairs] == [3]


@pytest.mark.parametrize(
    "text",
    [
        "name\t\tage\tcity\nAnna Bell\t12\tNew York\nBob\t\t40\tRome\nChristopher\t33\tOslo\n",
        "name\t\tage\t\tcity\nAnna Bell\t\t12\t\tNew York\nBob\t\t40\t\tRome\nChristopher\t\t33\t\tOslo\n",
    ],
)
def test_cells_aligned_by_tabs_are_even_rows(text: str) -> None:
    table = read_csv(text.encode(), "a.txt")
    assert list(table.frame.columns) == ["name", "age", "city"]
    assert table.frame.to_numpy().tolist() == [
        ["Anna Bell", 12, "New York"],
        ["Bob", 40, "Rome"],
        ["Christopher", 33, "Oslo"],
    ]
    assert table.notes == ("Tabs in a row were taken as one delimiter, which makes all rows even.",)
    assert table.repaired_rows == 0


def test_tabs_around_an_empty_cell_stay_two_delimiters() -> None:
    table = read_csv(b"name\tage\tcity\nAnna\t\tRome\nBob\t40\tOslo\nEve\t33\tOslo\n", "a.tsv")
    assert table.frame["age"].isna().tolist() == [True, False, False]
    assert (table.frame["city"].tolist(), table.notes) == (["Rome", "Oslo", "Oslo"], ())


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_amounts_in_parentheses_group_thousands(delimiter: str) -> None:
    text = "name;amount;other\na;(1,234);4,250\nb;1,500;3,125\nc;(900);2,875\n".replace(";", delimiter)
    table = read_csv(text.encode(), "a.tsv")
    assert table.frame["amount"].tolist() == [-1234, 1500, -900]
    assert table.frame["other"].tolist() == [4250, 3125, 2875]


@pytest.mark.parametrize("rows", [3, 6000])
def test_commas_in_a_tab_file_that_could_be_either_are_said(rows: int) -> None:
    lines = [f"{'abc'[place % 3]}\t{place % 9 + 1},{100 + place % 899}" for place in range(rows)]
    table = read_csv("\n".join(["name\tamount", *lines, ""]).encode(), "a.tsv")
    assert table.frame["amount"].tolist()[:3] == [1.1, 2.101, 3.102]
    assert table.notes == ("Column 'amount': commas were read as decimal marks, so that 1,100 is 1.100.",)


def test_a_column_of_decimal_points_and_commas_is_said_beside_clean_ones() -> None:
    table = read_csv(b"a;b;c\n1,5;1.5;x\n2,25;2,25;y\n3,5;3.5;x\n4,75;4,75;y\n", "a.csv")
    assert (table.frame["a"].tolist(), table.frame["b"].tolist()) == (
        [1.5, 2.25, 3.5, 4.75],
        ["1.5", "2,25", "3.5", "4,75"],
    )
    said = "its numbers have decimal points and decimal commas, so it was read as words"
    assert table.notes == (f"Column 'b': {said}.",)


def test_a_row_of_totals_is_left_out_and_said() -> None:
    table = read_csv(b"item,amount\nA,10\nB,20\nC,30\nTotal,60\n", "a.csv")
    assert table.frame["amount"].tolist() == [10, 20, 30]
    assert "1 row of totals at the end was left out." in table.notes
    assert len(read_csv(b"item,amount\nA,10\nB,20\nC,30\nTotal,61\n", "a.csv").frame) == 4


def _variants() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "read_variants.py"
    spec = importlib.util.spec_from_file_location("read_variants", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["read_variants"] = module
    spec.loader.exec_module(module)
    return module


def test_nearly_all_variants_of_one_table_come_back() -> None:
    module = _variants()
    whole = list(module.of_files(module.clean()))
    chosen = [*whole[::5], *list(module.of_rows(module.clean()))[::97]]
    missed = [
        variant.group for variant in chosen if not module.cells_fit(variant, module.cells_of(variant.data))
    ]
    assert len(missed) <= 0.03 * len(chosen), missed


def test_lines_that_do_not_split_alike_are_not_called_names_without_rows() -> None:
    with pytest.raises(
        UserError, match=r"below the last line of 2 cells there is none\. Choose another delimiter"
    ):
        read_csv(b"title\nsubtitle\na,b\n", "a.csv")
