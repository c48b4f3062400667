"""Colours that can be seen and read on both pages, and the one that a run has."""

import pytest
from charts.contrast import PAGES, contrast, over, rgb

from lrapp import palette
from lrapp.palette import BLUE, GREY, HUES, INK, MOST_FILL, ink

NAMED = (*HUES, GREY, palette.RED)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(rgb("#ffffff"), rgb("#000000")) == pytest.approx(21)
    assert contrast(rgb("#777777"), rgb("#ffffff")) == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("hue", NAMED)
def test_hues_are_seen_and_what_is_written_in_them_is_read(hue: str, page: str) -> None:
    ground, page_ink = PAGES[page]
    assert contrast(rgb(hue), rgb(ground)) >= 3
    assert contrast(rgb(ink(hue), page_ink), rgb(ground)) >= 4.5


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("share", [0, 0.25, 0.5, 0.75, 1])
def test_the_pages_ink_is_read_on_every_fill(share: float, page: str) -> None:
    ground, page_ink = PAGES[page]
    fill = over(rgb(BLUE), rgb(ground), MOST_FILL * share)
    assert contrast(rgb(INK, page_ink), fill) >= 4.5


def test_a_colour_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="#rrggbb"):
        rgb("red")


def test_a_run_keeps_its_colour() -> None:
    runs = [f"20261129-1234{number:08d}-0123456789abcdef" for number in range(40)]
    assert all(palette.colour_of(run) == palette.colour_of(run) for run in runs)
    assert {palette.colour_of(run) for run in runs} == set(HUES)
    assert palette.colours_of(runs[3:]) == [palette.colour_of(run) for run in runs[3:]]


def test_a_new_run_has_the_colour_that_was_given_longest_ago() -> None:
    runs = {palette.colour_of(run): run for run in (f"run {number}" for number in range(200))}
    newest_first = [runs[hue] for hue in (HUES[4], HUES[0], HUES[4], HUES[2])]
    assert palette.unlike([]) == HUES[0]
    assert palette.unlike(newest_first) == HUES[1]
    assert palette.unlike([runs[hue] for hue in (*HUES[3:], *HUES[:3])]) == HUES[2]
