"""Drawn lines, in tables small enough to see."""

import pytest

from lrapp.tables.text.ruled_lines import without_rulings


def test_drawn_lines_are_left_out(subtests: pytest.Subtests) -> None:
    cases: list[tuple[bytes, bytes, tuple[int, ...]]] = [
        (b"a   b\n--- ----\n1   2\n", b"a   b\n1   2\n", (2,)),
        (b"a,b\r\n---,---\r\n1,2\r\n", b"a,b\r\n1,2\r\n", (2,)),
        (b"| a | b |\n|---|:-:|\n| 1 | 2 |", b"| a | b |\n| 1 | 2 |", (2,)),
        (b"a | b\n-|-\n1 | 2", b"a | b\n1 | 2", (2,)),
        (b"+--+--+\n|a |b |\n+==+==+\n|1 |2 |\n+--+--+\n", b"|a |b |\n|1 |2 |\n", (1, 3, 5)),
        (b"a\tb\n----\t----\n1\t2\na\tb\n----\t----\n3\t4\n", b"a\tb\n1\t2\na\tb\n3\t4\n", (2, 5)),
        (b"a\r----\r1\r----\r", b"a\r1\r", (2, 4)),
    ]
    for data, expected, lines in cases:
        with subtests.test(f"{data!r}"):
            ruled = without_rulings(data)
            assert (ruled.data, ruled.lines) == (expected, lines)


def test_dashes_that_may_be_cells_stay() -> None:
    cases: list[bytes] = [
        b"a,b\n1,2\n---,---\n3,4\n",
        b"a,b\n---,---\n3,4\n---,---\n",
        b"a\n---\n5\n---\n6\n",
        b"a|b\n-1|-2\n",
        b"a,b\n-,-\n1,2\n",
        b"a,b\n,\n1,2\n",
        b"",
    ]
    for data in cases:
        assert without_rulings(data).data is data, data


def test_lines_keep_their_numbers() -> None:
    ruled = without_rulings(b"+--+\n|a|\n+--+\n|1|\n|2|\n+--+\n")
    assert [ruled.line(number) for number in (1, 2, 3)] == [2, 4, 5]
