"""Lines that are records, against a walk from byte to byte."""

import random

import pytest

from lrapp.tables.text import line_scan
from lrapp.tables.text.line_scan import even_lines


def by_hand(data: bytes) -> int | None:
    """The same with commas and double quotes, one byte after the other."""
    if b'"' not in data:
        lone = any(
            data[place : place + 1] == b"\r" and data[place + 1 : place + 2] != b"\n"
            for place in range(len(data))
        )
        return None if lone else data.count(b"\n") + (not data.endswith(b"\n") and len(data) > 0)
    inside = False
    for place, code in enumerate(data):
        before, after = data[place - 1 : place] if place else b"\n", data[place + 1 : place + 2] or b"\n"
        if code == ord("\r") and data[place + 1 : place + 2] != b"\n":
            return None
        if code == ord("\n") and inside:
            return None
        if code == ord('"'):
            if (before if not inside else after) not in (b",", b"\n", b"\r", b'"'):
                return None
            inside = not inside
    return None if inside else data.count(b"\n") + (not data.endswith(b"\n"))


def test_lines_are_counted_where_each_is_a_record() -> None:
    cases: list[tuple[bytes, int | None]] = [
        (b"", 0),
        (b"a,b", 1),
        (b"a,b\n1,2\n", 2),
        (b'a,"b, ""c"""\r\n"",2\r\n', 2),
        (b"a\rb\n", None),
        (b"a\r", None),
        (b'a,"b\nc"\n', None),
        (b'a,b"c\n', None),
        (b'a,"b"c\n', None),
        (b'a,"b\n', None),
        (b'ab"",c\n', None),
    ]
    for data, expected in cases:
        assert even_lines(data, ",", '"') == by_hand(data) == expected, (data, expected)


@pytest.mark.parametrize("block", [64, 128, 1 << 18])
def test_blocks_and_words_of_bits_meet_without_a_seam(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(line_scan, "_BLOCK", block)
    rng = random.Random(1)
    cells = ["", "a", "12.5", '"b, c"', '""', '"say ""so"""', '"' + "x" * 70 + '"', "y" * 61]
    odd = ['"d\ne"', 'f"', '"g', '"h"i', "j\r"]
    found = set()
    for _ in range(300):
        rows = [[rng.choice(cells) for _ in range(3)] for _ in range(rng.randint(1, 12))]
        if rng.random() < 0.3:
            rng.choice(rows)[rng.randrange(3)] = rng.choice(odd)
        data = rng.choice(["\n", "\r\n"]).join(",".join(row) for row in rows).encode()
        expected = by_hand(data)
        assert even_lines(data, ",", '"') == expected, data
        found.add(expected is None)
    assert found == {True, False}


def test_without_quotes_they_are_letters() -> None:
    assert even_lines(b'a,"b\n1,2\n', ",", "") == 2
