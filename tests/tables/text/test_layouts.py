"""Where a table lies among other rows, against small examples that can be seen."""

import pytest

from lrapp.tables.text.layouts import Layout, has_names, layout


def test_names_are_told_from_values() -> None:
    cases: list[tuple[list[list[str]], bool]] = [
        ([["a", "b"], ["1", "2"], ["3", "4"]], True),
        ([["1", "2"], ["3", "4"]], False),
        ([["country", "2019", "2020", "2021"], ["A", "1.5", "2", "3"], ["B", "1", "7", "3"]], True),
        ([["0", "1", "2"], ["5.5", "x", "7"], ["1.5", "y", "9"]], True),
        ([["red", "yes"], ["red", "no"], ["blue", "yes"], ["red", "no"]], False),
        ([["colour", "light"], ["red", "no"], ["blue", "yes"], ["red", "no"]], True),
        ([["5.1", "Iris-setosa"], ["4.9", "Iris-setosa"]], False),
        ([["", "a"], ["0", "7"], ["1", "8"]], True),
        ([["2019", "2020", "2021"], ["²", "1.5", "③"], ["¹", "2.5", "②"]], True),
    ]
    for rows, expected in cases:
        assert has_names(rows) is expected, (rows, expected)


def test_the_table_is_found_among_other_rows(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[list[str]], Layout]] = [
        ([["Report"], ["a", "b"], ["1", "2"], ["3", "4"]], Layout(1, 1, 2)),
        ([["a", "b"], ["1", "2", "3"], ["2", "4", "5"], ["3", "4", "5"]], Layout(0, 1, 3, short_header=True)),
        ([["a", "b", "c"], ["1"], ["2", "3"], ["4"], ["5"]], Layout(0, 1, 3)),
        ([["w", "h"], ["kg", "cm"], ["1", "2"], ["3", "4"], ["5", "6"]], Layout(0, 2, 2, below="units")),
        ([["w", "h"], ["ABC", "DEF"], ["1", "2"], ["3", "4"], ["5", "6"]], Layout(0, 2, 2)),
        ([["w", "w"], ["kg", "lb"], ["1", "2"], ["3", "4"], ["5", "6"]], Layout(0, 2, 2)),
        (
            [["a", "b"], ["c", "d"], ["", "class"], ["1", "x"], ["3", "y"], ["5", "x"]],
            Layout(0, 3, 2, below="kinds"),
        ),
        (
            [["a", "b"], ["int", "varchar(9)"], ["1", "x"], ["3", "y"], ["5", "x"]],
            Layout(0, 2, 2, below="kinds"),
        ),
        ([["type", "n"], ["int", "1"], ["str", "2"], ["int", "4"], ["date", "2"]], Layout(0, 1, 2)),
        ([["unit", "n"], ["kg", "1"], ["m", "2"], ["kg", "4"], ["s", "2"]], Layout(0, 1, 2)),
    ]
    for rows, expected in cases:
        with subtests.test(f"{rows!r}"):
            found = layout(rows)
            assert (found.header_rows, found.width, found.short_header) == (
                expected.header_rows,
                expected.width,
                expected.short_header,
            )
            assert found.below == expected.below
            assert found.skip == expected.skip
