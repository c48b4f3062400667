"""Names of columns, against lists that can be seen."""

from lrapp.tables.text.column_names import column_names, without_sign
from lrapp.tables.text.layouts import Layout


def test_names_are_all_there_and_all_different() -> None:
    cases: list[tuple[list[list[str]], list[str]]] = [
        ([["a", "b", "c"]], ["a", "b", "c"]),
        ([["a", "a", ""]], ["a", "a_2", "column_3"]),
        ([["a", "b"]], ["a", "b", "column_3"]),
        ([["2020", "", "2021"], ["x", "y", "x"]], ["2020 x", "2020 y", "2021 x"]),
        ([["w", "h", "b"], ["kg", "cm", ""]], ["w kg", "h cm", "b"]),
        ([["# a", "b", "c"]], ["a", "b", "c"]),
        ([["#", "b", "c"]], ["#", "b", "c"]),
        ([], ["column_1", "column_2", "column_3"]),
    ]
    for header, expected in cases:
        assert column_names(header, Layout(0, len(header), 3), [])[0] == expected, (header, expected)


def test_what_was_changed_is_said() -> None:
    notes: list[str] = []
    assert column_names([[" a", "a", ""]], Layout(0, 1, 3), notes)[1] == {2}
    assert notes == [
        "Spaces around 1 column name were removed.",
        "1 column name repeats an earlier one: now 'a_2'.",
    ]


def test_a_sign_that_stands_alone_before_the_names_goes() -> None:
    notes: list[str] = []
    assert without_sign([["#", "x", "y"], ["1", "2"]], notes) == [["x", "y"], ["1", "2"]]
    assert notes == ["The # before the column names was taken off."]
    assert without_sign([["#", "x"], ["1", "2"]], notes) == [["#", "x"], ["1", "2"]]
