"""Rows of kinds, roles and units below the names are part of one header, and no rows of the table."""

from pathlib import Path

import pytest
from spreadsheets import xlsx

from lrapp.column_formats import chunks
from lrapp.preparation.targets import default_target
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import read_csv
from lrapp.tables.text.header_rows import marked_names, rows_below

ORANGE = (
    "sepal length\tname\tday\tiris\n"
    "continuous\tstring\ttime\tIris-setosa Iris-virginica\n"
    "\tmeta\t\tclass\n"
    + "".join(
        f"{n}.5\tflower {n}\t2020-01-{n + 1:02d}\tIris-{'setosa' if n % 2 else 'virginica'}\n"
        for n in range(28)
    )
)


def test_three_rows_of_a_tab_file_are_one_header() -> None:
    table = read_csv(ORANGE.encode(), "iris.tab")
    assert list(table.frame) == ["sepal length", "name", "day", "iris"]
    assert len(table.frame) == 28
    assert table.kinds["sepal length"] is ColumnKind.NUMBER
    assert table.kinds["day"] is ColumnKind.DATE
    assert table.notes == (
        "The two rows below the column names say their kinds and roles, and were left out.",
    )
    assert table.to_predict == "iris"


MARKED = "C#age,D#ward,mS#who,iC#row,T#seen,cD#ill\n" + "".join(
    f"{20 + n},{1 + n % 3},{'abcd'[n % 4]}ob,{n % 9},{1_500_000_000 + 86_400 * n},{n % 2}\n"
    for n in range(40)
)


def test_marks_before_the_names_are_roles_and_kinds() -> None:
    table = read_csv(MARKED.encode(), "ward.csv")
    assert list(table.frame) == ["age", "ward", "who", "row", "seen", "ill"]
    assert len(table.frame) == 40
    assert table.to_predict == "ill"
    kinds = list(table.kinds.values())
    expected = ("number", "category", "identifier", "identifier", "date", "yes/no")
    assert kinds == [ColumnKind(kind) for kind in expected]
    assert table.notes[0] == (
        "The marks before the column names (such as cD#) say their roles and kinds, and were taken off."
    )
    assert "Column 'ward': a category, as the header says." in table.notes
    assert "Column 'row': left out, as the header says." in table.notes
    chosen = table.with_kinds({"ward": ColumnKind.NUMBER})
    assert chosen.kinds["ward"] is ColumnKind.NUMBER, "a person has the last word"


def test_marks_are_taken_off_in_spreadsheets_and_in_each_portion_of_a_long_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [line.split(",") for line in MARKED.splitlines()]
    sheet = read_csv(xlsx(rows), "ward.xlsx")
    assert list(sheet.frame) == list(read_csv(MARKED.encode(), "ward.csv").frame)
    assert sheet.to_predict == "ill"
    monkeypatch.setattr(chunks, "PORTION_BYTES", 4_000)
    monkeypatch.setattr(chunks, "_BLOCK", 1_000)
    monkeypatch.setattr(chunks, "_LEAST_ROWS", 10)
    head, _, rest = MARKED.partition("\n")
    (tmp_path / "long.csv").write_text(f"{head}\n{100 * rest}")
    portions = list(chunks.Portions(tmp_path / "long.csv", "long.csv", {"age": ColumnKind.NUMBER}))
    assert len(portions) > 3
    assert sum(len(portion.table.frame) for portion in portions) == 4_000
    assert {tuple(portion.table.frame) for portion in portions} == {tuple(sheet.frame)}


def test_rows_of_kinds_and_roles_say_the_same_as_marks() -> None:
    lines = MARKED.splitlines()
    rows = ["age,ward,who,row,seen,ill", "c,d,string,c,time,discrete", ",,meta,ignore,,class", *lines[1:]]
    marked, below = read_csv(MARKED.encode(), "t.csv"), read_csv("\n".join(rows).encode(), "t.csv")
    assert below.kinds == marked.kinds
    assert below.to_predict == marked.to_predict
    assert below.frame.equals(marked.frame)


def test_a_model_that_knows_names_with_their_marks_still_finds_them() -> None:
    known = read_csv(MARKED.encode(), "t.csv", known_names=["C#age", "cD#ill"])
    assert list(known.frame) == MARKED.partition("\n")[0].split(",")
    assert next(iter(read_csv(MARKED.encode(), "t.csv", known_names=["age"]).frame)) == "age"


def test_a_sign_that_means_something_else_stays_in_the_name() -> None:
    cases: list[str] = [
        "C#4,D#4,F#4",  # notes
        "C#,F#,Java",  # languages
        "C#Developers,Java",
        "#,name,n",
        "a#b,cD#y,x",
        "C#_x,C_y,z",
        "cD#y,D#y,x",  # no two names may be the same
    ]
    for names in cases:
        assert marked_names(names.split(",")) is None, names


def test_marks_are_taken_off(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, list[str]]] = [
        ("sepal length,cD#iris", ["sepal length", "iris"]),
        ("C#a,D#b", ["a", "b"]),
        ("Dc#a,Sm#b,w#c", ["a", "b", "c"]),
        ("iS#Größe 1,x", ["Größe 1", "x"]),
    ]
    for names, bare in cases:
        with subtests.test(names):
            found = marked_names(names.split(","))
            assert found is not None
            assert [name for _, name in found] == bare


def test_marked_names_are_a_header_also_above_words() -> None:
    table = read_csv(b"D#a,cD#b\nx,y\nz,w\nx,w\nz,y\n", "t.csv")
    assert list(table.frame) == ["a", "b"]
    assert len(table.frame) == 4


def test_the_role_says_what_to_predict() -> None:
    lines = ORANGE.splitlines()
    moved = "\n".join(["\t".join(line.split("\t")[::-1]) for line in lines])
    assert default_target(read_csv(moved.encode(), "iris.tab")) == "iris"
    without = "\n".join(
        "\t".join(line.split("\t")[::-1]) for place, line in enumerate(lines) if place not in (1, 2)
    )
    assert default_target(read_csv(without.encode(), "iris.tab")) == "sepal length"


def test_names_are_those_of_the_first_row_unless_the_second_tells_them_apart(
    subtests: pytest.Subtests,
) -> None:
    cases: list[tuple[str, list[str], str]] = [
        (
            "c1,c2\nc,d\n,class\n1,x\n2,y\n3,x\n4,y\n",
            ["c1", "c2"],
            "The two rows below the column names say their kinds and roles, and were left out.",
        ),
        (
            "n,word\nINTEGER,VARCHAR(20)\n1,x\n2,y\n3,x\n4,y\n",
            ["n", "word"],
            "The row below the column names says their kinds, and was left out.",
        ),
        (
            "weight,speed,who\nkg,[m/s],\n1,2.5,x\n2,3.5,y\n3,4.5,z\n",
            ["weight", "speed", "who"],
            "The row below the column names holds units: 'weight' in kg, 'speed' in [m/s].",
        ),
        (
            "price,price\nUSD,EUR\n1,2\n3,4\n5,6\n7,8\n",
            ["price USD", "price EUR"],
            "The column names stand in two rows and were joined.",
        ),
        (
            "price,size\nmean,max\n1,2\n3,4\n5,6\n7,8\n",
            ["price mean", "size max"],
            "The column names stand in two rows and were joined.",
        ),
    ]
    for text, names, note in cases:
        with subtests.test(text):
            table = read_csv(text.encode(), "t.csv")
            assert list(table.frame) == names
            assert table.notes == (note,)


def test_names_that_were_joined_are_known_again() -> None:
    text = b"weight,size\nkg,cm\n1,2\n3,4\n5,6\n7,8\n"
    assert list(read_csv(text, "t").frame) == ["weight", "size"]
    assert list(read_csv(text, "t", known_names=["weight kg"]).frame) == ["weight kg", "size cm"]
    known = read_csv(text, "t", known_names=["weight"])
    assert list(known.frame) == ["weight", "size"]
    assert len(known.frame) == 4


def test_rows_of_the_table_are_no_header() -> None:
    cases: list[list[list[str]]] = [
        [["dtype", "n"], ["int", "1"], ["float", "2"], ["date", "3"], ["int", "4"]],
        [["unit", "n"], ["kg", "1"], ["m", "2"], ["kg", "3"], ["s", "4"]],
        [["answer", "right"], ["a", "d"], ["b", "x"], ["c", "y"], ["e", "z"]],
        [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"], ["i", "j"]],
        [["a", "b"], ["1", "2"], ["3", "4"], ["5", "6"]],
        [["a", "b"], ["int", "int"]],
    ]
    for rows in cases:
        assert rows_below(rows).rows == 0, rows
