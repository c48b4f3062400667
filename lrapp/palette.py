"""The colours of charts, on pages and in reports, light and dark; and the one colour that a run has everywhere.

Hues are Okabe and Ito's or near them, which colour-blind eyes can tell apart, each at least 3:1 from white and from the
dark page. What is read, and not only seen, is written in the page's own colour, or in a hue mixed with it: no hue alone
is 4.5:1 from both.
"""

import re
from collections.abc import Iterable
from zlib import crc32

BLUE, ORANGE, GREY, RED = "#2f7ed8", "#e0662c", "#8a8f98", "#e03a3a"
# For classes, columns and other series side by side.
HUES = (BLUE, ORANGE, "#009e73", "#c563a0", "#a08a00", "#0f9bb8", "#a0673a", "#7a5fd0")
# The ground and the ink of Streamlit's two themes.
PAGES = {"light": ("#ffffff", "#2f2d2b"), "dark": ("#171614", "#edebe8")}
# Whatever colour the page writes in: dark on light paper, light on dark.
INK = "currentColor"
# The strongest fill of these hues that the page's ink can still be read on, in both themes.
MOST_FILL = 0.7


# How much of a hue stays in what is written in it.
_STAYS, _MIXED = 0.7, "color-mix(in srgb, {} 70%, currentColor)"


def ink(hue: str) -> str:
    """Return a hue that text can have: mixed with the page's ink, so it is darker on light paper and lighter on dark.

    Args:
        hue: As #rrggbb.
    """
    return _MIXED.format(hue)


def colour_of(run: str) -> str:
    """Return the colour that a run has wherever it is drawn; it follows from its id alone."""
    return HUES[crc32(run.encode()) % len(HUES)]


def colours_of(runs: Iterable[str]) -> list[str]:
    """Return the colour of each of some runs, in their order; charts tell those of one colour apart by dashes."""
    return [colour_of(run) for run in runs]


# --- how far colours are apart -------------------------------------------------------------------------------

Colour = tuple[float, float, float]


def rgb(colour: str, page_ink: str = "#000000") -> Colour:
    """Return the red, green and blue (0 to 1) of a colour of this module.

    Args:
        colour: As #rrggbb, ``INK``, or as ``ink`` makes it.
        page_ink: The page's ink, as #rrggbb.
    """
    if colour == INK:
        return rgb(page_ink)
    if mixed := re.fullmatch(re.escape(_MIXED).replace(re.escape("{}"), "(#[0-9a-f]{6})"), colour):
        return over(rgb(mixed[1]), rgb(page_ink), _STAYS)
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise ValueError(f"A colour must be #rrggbb. Received: {colour}")
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def over(colour: Colour, ground: Colour, opacity: float) -> Colour:
    """Return what is seen of a colour over a ground."""
    red, green, blue = (
        opacity * one + (1 - opacity) * other for one, other in zip(colour, ground, strict=True)
    )
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, 1 to 21, as WCAG 2 defines it."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Colour) -> float:
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
