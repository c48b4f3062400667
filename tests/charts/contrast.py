"""How far colours are apart, for tests of what can be seen and read."""

import re

from lrapp.palette import INK, ink

# The ground and the ink of Streamlit's two themes.
PAGES = {"light": ("#ffffff", "#2f2d2b"), "dark": ("#171614", "#edebe8")}
# How much of a hue stays in what is written in it.
_STAYS = 0.7

Colour = tuple[float, float, float]


def rgb(colour: str, page_ink: str = "#000000") -> Colour:
    """Return the red, green and blue (0 to 1) of a colour of this module.

    Args:
        colour: As #rrggbb, ``INK``, or as ``ink`` makes it.
        page_ink: The page's ink, as #rrggbb.
    """
    if colour == INK:
        return rgb(page_ink)
    if mixed := re.fullmatch(re.escape(ink("{}")).replace(re.escape("{}"), "(#[0-9a-f]{6})"), colour):
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
