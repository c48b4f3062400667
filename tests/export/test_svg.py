"""Inline SVG: well-formed, escaped, and in the right place."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrapp.export.svg import HEIGHT, WIDTH, Line, apart, plot, ticks
from lrapp.palette import BLUE

UGLY = "<script>alert(1)</script>\"'&\n$x$"


def test_ticks_are_round(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, float, list[float]]] = [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (-3, 3, [-2, 0, 2]),
        (0.13, 0.17, [0.13, 0.14, 0.15, 0.16, 0.17]),
    ]
    for low, high, expected in cases:
        with subtests.test(f"{low!r}"):
            assert ticks(low, high) == pytest.approx(expected)


def test_a_line_goes_from_corner_to_corner() -> None:
    svg = plot([Line("a", (0, 1), (0, 1), "red")], "x", "y", (0, 1), (0, 1))
    found = re.search(r'points="([\d.]+),([\d.]+) ([\d.]+),([\d.]+)"', svg)
    assert found is not None
    x0, y0, x1, y1 = map(float, found.groups())
    assert 0 < x0 < x1 < WIDTH
    assert HEIGHT > y0 > y1 > 0


def test_names_are_text() -> None:
    svg = plot([Line(UGLY, (0, 1), (0, 1), "red", dashed=True)], UGLY, UGLY)
    assert "<script" not in svg
    root = ElementTree.fromstring(svg)
    assert any(UGLY in (part.text or "") for part in root.iter("text"))
    legend = next(root.iter("figcaption"))
    assert UGLY in "".join(legend.itertext())


numbers = st.floats(-1e100, 1e100) | st.sampled_from([math.nan, math.inf, -math.inf])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(numbers, numbers), max_size=6))
def test_any_numbers_make_a_picture(points: list[tuple[float, float]]) -> None:
    x, y = [a for a, _ in points], [b for _, b in points]
    svg = plot([Line("", x, y, "red"), Line("", x, y, "red", dots=True)], "x", "y")
    ElementTree.fromstring(svg)
    assert "nan" not in svg
    assert "inf" not in svg


def test_names_at_the_ends_of_lines_lie_apart_and_inside() -> None:
    lines = [Line(name, (1, 2), (1, y), BLUE) for name, y in (("one", 2.0), ("two", 2.01), ("three", 1.99))]
    drawn = plot([*lines, Line("<b>", (1, 2), (5, 1), BLUE)], "x", "y", at_ends=True)
    named = re.findall(r'<text x="[\d.]+" y="([\d.]+)" style="fill:[^"]+">([^<]+)</text>', drawn)
    assert [name for _, name in named] == ["one", "two", "three", "&lt;b&gt;"]
    heights = sorted(float(y) for y, _ in named)
    assert all(lower - upper >= 13.9 for upper, lower in pairwise(heights))
    assert heights[-1] <= HEIGHT
    assert "figcaption" not in drawn


@pytest.mark.parametrize(
    "wanted", [[], [5.0], [5.0, 5.0, 5.0], [99.0, 98.0, 1.0], [100.0, 100.0, 100.0, 0.0]]
)
def test_labels_keep_their_order(wanted: list[float]) -> None:
    found = apart(wanted, 100, 10)
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    assert all(found[below] - found[above] >= 10 for above, below in pairwise(order))
    assert max(found, default=0) <= 100


def test_a_square_is_one() -> None:
    drawn = plot([Line("", (0, 1), (0, 1), BLUE)], "x", "y", (0, 1), (0, 1), square=True)
    (corners,) = re.findall(r'polyline points="([\d.]+),([\d.]+) ([\d.]+),([\d.]+)"', drawn)
    left, bottom, right, top = map(float, corners)
    assert right - left == pytest.approx(bottom - top)
