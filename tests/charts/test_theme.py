"""What holds for every chart: text that is read on both pages, marks that are seen, a sentence, names side by side."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from charts.contrast import PAGES, contrast, over, rgb
from charts.every import CHARTS, DIGITS

from lrapp.charts import theme
from lrapp.palette import BLUE, INK

_COLOUR = re.compile(r"color-mix\([^)]*\)|currentColor|#[0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?\b")


def layers(part: Any) -> Iterator[dict[str, Any]]:
    """Each part of a specification that has a mark."""
    if isinstance(part, dict):
        if "type" in part.get("mark", {}):  # the configuration of marks has none
            yield part
        for value in part.values():
            yield from layers(value)
    elif isinstance(part, list):
        for value in part:
            yield from layers(value)


def colours(layer: dict[str, Any], default: str) -> list[str]:
    """All colours that a mark may have."""
    encoded = layer.get("encoding", {}).get("color", {})
    if "value" in encoded:
        return [encoded["value"]]
    if "scale" in encoded:
        return list(encoded["scale"]["range"])
    return _COLOUR.findall(str(layer["mark"].get("color", default)))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", CHARTS)
def test_what_is_written_is_read_on_both_pages(name: str, page: str) -> None:
    ground, page_ink = (rgb(colour) for colour in PAGES[page])
    spec = CHARTS[name].spec
    default = spec["config"]["text"]["color"]
    grounds = [ground]
    for layer in layers(spec):
        if layer["mark"]["type"] == "rect" and "color" in layer["encoding"]:
            strongest = layer["encoding"]["color"]["scale"]["range"][-1]
            grounds.append(over(rgb(strongest[:7]), ground, int(strongest[7:], 16) / 255))
    for layer in layers(spec):
        if layer["mark"]["type"] != "text":
            continue
        opacity = layer["mark"].get("opacity", 1)
        for colour in colours(layer, default):
            written = rgb(colour, PAGES[page][1])
            for under in grounds:
                seen = over(written, under, opacity if isinstance(opacity, int | float) else 1)
                assert contrast(seen, under) >= 4.5, (colour, opacity)
    axis = spec["config"]["axis"]
    assert (axis["labelColor"], axis["titleColor"], default) == (INK, INK, INK)
    assert contrast(over(page_ink, ground, axis["labelOpacity"]), ground) >= 4.5


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", CHARTS)
def test_marks_are_seen_on_both_pages(name: str, page: str) -> None:
    ground = rgb(PAGES[page][0])
    for layer in layers(CHARTS[name].spec):
        faint = layer["mark"].get("opacity", 1)
        if layer["mark"]["type"] in ("line", "point", "bar", "circle") and faint in (1, None):
            for colour in colours(layer, BLUE):
                assert contrast(rgb(colour[:7]), ground) >= 3, colour


def test_every_chart_has_a_sentence(subtests: pytest.Subtests) -> None:
    for name in CHARTS:
        with subtests.test(name):
            told = CHARTS[name].spec["description"]
            assert told.endswith(".")
            assert told[0].isupper()
            assert len(told.split()) >= 5
            assert len(told) <= 300


def test_single_digits_stand_upright(subtests: pytest.Subtests) -> None:
    for name in CHARTS:
        with subtests.test(name):
            for layer in layers(CHARTS[name].spec):
                axis = layer["encoding"].get("x", {}).get("axis") or {}
                domain = layer["encoding"].get("x", {}).get("scale", {}).get("domain", [])
                if tuple(domain) == DIGITS:
                    assert axis["labelAngle"] == 0
                assert axis.get("labelAngle", 0) >= -45
                if layer["encoding"].get("x", {}).get("type") == "nominal":
                    assert "labelAngle" in axis, "Vega would write them upwards"


def test_names_are_slanted_only_where_they_would_overlap(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Sequence[str], bool]] = [
        (("no", "yes"), True),
        (DIGITS, True),
        (["a long name", "another one"] * 4, False),
    ]
    for names, level in cases:
        with subtests.test(f"{names!r}"):
            assert (theme.category_axis(names).to_dict()["labelAngle"] == 0) is level


def test_two_shares_are_a_square(subtests: pytest.Subtests) -> None:
    for name in ["roc", "precision and recall", "calibration", "predicted"]:
        with subtests.test(name):
            ranges = {
                (axis, scale["rangeMax"]["expr"])
                for layer in layers(CHARTS[name].spec)
                for axis in ("x", "y")
                if "rangeMax" in (scale := layer["encoding"].get(axis, {}).get("scale", {}))
            }
            assert ranges == {("x", "min(width, height)"), ("y", "height - min(width, height)")}


@pytest.mark.parametrize("name", ["residuals", "predicted numbers"])
def test_the_least_bar_is_seen(name: str) -> None:
    (formula,) = (part["calculate"] for part in CHARTS[name].spec["transform"] if "calculate" in part)
    assert formula == "datum.rows > 0 ? max(datum.rows, datum.most / 100) : 0"
    assert CHARTS[name].spec["height"] / 100 >= 2


def test_a_histogram_says_what_it_clips() -> None:
    assert CHARTS["residuals"].spec["encoding"]["x"]["title"] == [
        "predicted − true",
        "outer bars: all beyond -4 and 5",
    ]
