"""The colours of charts, on pages and in reports, light and dark; and the one colour that a run has everywhere.

Hues are Okabe and Ito's or near them, which colour-blind eyes can tell apart, each at least 3:1 from white and from the
dark page. What is read, and not only seen, is written in the page's own colour, or in a hue mixed with it: no hue alone
is 4.5:1 from both.
"""

from collections.abc import Iterable, Sequence
from zlib import crc32

BLUE, ORANGE, GREY, RED = "#2f7ed8", "#e0662c", "#8a8f98", "#e03a3a"
# What was learned from, and what was not: in curves, bars and reports.
TRAINING, VALIDATION = BLUE, ORANGE
# For classes, columns and other series side by side.
HUES = (BLUE, ORANGE, "#009e73", "#c563a0", "#a08a00", "#0f9bb8", "#a0673a", "#7a5fd0")
# Whatever colour the page writes in: dark on light paper, light on dark.
INK = "currentColor"
# The strongest fill of these hues that the page's ink can still be read on, in both themes.
MOST_FILL = 0.7


def ink(hue: str) -> str:
    """Return a hue that text can have: mixed with the page's ink, so it is darker on light paper and lighter on dark.

    Args:
        hue: As #rrggbb.
    """
    return f"color-mix(in srgb, {hue} 70%, currentColor)"


def colour_of(run: str) -> str:
    """Return the colour that a run has wherever it is drawn; it follows from its id alone."""
    return HUES[crc32(run.encode()) % len(HUES)]


def unlike(runs: Sequence[str]) -> str:
    """Return the colour for a new run: one that no run has yet, or else that no newer run has.

    Args:
        runs: Ids of those that are seen beside it, the newest first.
    """
    given = [colour_of(run) for run in runs]
    return max(HUES, key=lambda hue: given.index(hue) if hue in given else len(given))


def colours_of(runs: Iterable[str]) -> list[str]:
    """Return the colour of each of some runs, in their order; charts tell those of one colour apart by dashes."""
    return [colour_of(run) for run in runs]
