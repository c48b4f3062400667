"""Lines and points -> inline SVG, for standalone pages: no script, no font, nothing to load."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lrapp.palette import ink
from lrapp.phrasing import number

WIDTH, HEIGHT = 560, 260
# Of a picture whose axes are of one length: the plot in it is as high as it is wide.
_SIDE = 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 10, 40
_NEAR = 1e-300
# Room for names at the right of lines, and from one to the next below it.
_NAMES, _ROW = 92, 14


@dataclass(frozen=True)
class Line:
    """One line, or a cloud of points.

    Args:
        name: For the legend; empty for no entry.
        x, y: Where it goes; what is not finite is left out.
        dashed, dots: Whether the line is dashed; whether there are points in its place.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dashed: bool = False
    dots: bool = False


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers from low to high, both finite and low < high, at 1, 2 or 5 times a power of ten."""
    rough = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]


def plot(
    lines: Sequence[Line],
    x_title: str,
    y_title: str,
    x_ends: tuple[float, float] | None = None,
    y_ends: tuple[float, float] | None = None,
    *,
    at_ends: bool = False,
    square: bool = False,
) -> str:
    """Return a picture as SVG text; every name in it is escaped.

    Args:
        lines: What to draw, the first at the bottom.
        x_ends, y_ends: Ends of the axes; those of the lines when not given.
        at_ends: Whether lines are named at their ends, not in a legend.
        square: Whether the axes are of one length.
    """
    points = [_finite(line) for line in lines]
    low_x, high_x = x_ends or _ends([x for of_line in points for x, _ in of_line])
    low_y, high_y = y_ends or _ends([y for of_line in points for _, y in of_line], 0.05)
    width, height = (_SIDE, _SIDE - _LEFT - _RIGHT + _TOP + _BOTTOM) if square else (WIDTH, HEIGHT)
    right, bottom = width - (_NAMES if at_ends else _RIGHT), height - _BOTTOM

    def at_x(x: float) -> float:
        return round(_LEFT + (right - _LEFT) * (x - low_x) / (high_x - low_x), 1)

    def at_y(y: float) -> float:
        return round(bottom - (bottom - _TOP) * (y - low_y) / (high_y - low_y), 1)

    parts = [
        f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{at_y(y)}" y2="{at_y(y)}"/>'
        f'<text x="{_LEFT - 6}" y="{at_y(y) + 4}" text-anchor="end">{number(y)}</text>'
        for y in ticks(low_y, high_y)
    ] + [
        f'<line class="grid" x1="{at_x(x)}" x2="{at_x(x)}" y1="{_TOP}" y2="{bottom}"/>'
        f'<text x="{at_x(x)}" y="{bottom + 15}" text-anchor="middle">{number(x)}</text>'
        for x in ticks(low_x, high_x)
    ]
    for line, of_line in zip(lines, points, strict=True):
        colour = escape(line.colour)
        if line.dots:
            dots = "".join(f'<circle cx="{at_x(x)}" cy="{at_y(y)}" r="2.5"/>' for x, y in of_line)
            parts.append(f'<g fill="{colour}" fill-opacity="0.5">{dots}</g>')
        elif of_line:
            path = " ".join(f"{at_x(x)},{at_y(y)}" for x, y in of_line)
            dash = ' stroke-dasharray="5 4"' if line.dashed else ""
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
    middle = (_TOP + bottom) / 2
    parts.append(
        f'<text x="{(_LEFT + right) / 2}" y="{height - 6}" text-anchor="middle">{escape(x_title)}</text>'
        f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{escape(y_title)}</text>'
    )
    if at_ends:
        wanted = [
            (line, at_y(of_line[-1][1])) for line, of_line in zip(lines, points, strict=True) if of_line
        ]
        named = [(line, y) for line, y in wanted if line.name]
        for (line, _), y in zip(named, apart([y for _, y in named], bottom), strict=True):
            colour = f"fill:{escape(ink(line.colour))}"
            parts.append(f'<text x="{right + 6}" y="{y + 4:.1f}" style="{colour}">{escape(line.name)}</text>')
    names = ", ".join(line.name for line in lines if line.name)
    label = escape(f"{y_title} over {x_title}" + (f": {names}" if names else ""))
    style = f' style="max-width:{_SIDE}px"' if square else ""
    picture = (
        f'<svg viewBox="0 0 {width} {height}"{style} role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )
    return f'<figure class="plot">{picture}{"" if at_ends else _legend(lines)}</figure>'


def apart(wanted: Sequence[float], end: float, row: float = _ROW) -> list[float]:
    """Return where labels stand that want to be at some heights, each a row or more from the next, none beyond the end.

    Args:
        wanted: Where they would stand alone, growing downwards.
        end: The lowest place.
        row: From one to the next below it.
    """
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    found = [0.0] * len(wanted)
    before = -math.inf
    for rank, place in enumerate(order):
        found[place] = before = max(wanted[place], before + row)
        found[place] = min(found[place], end - row * (len(order) - 1 - rank))
    return found


def _legend(lines: Sequence[Line]) -> str:
    named = [line for line in lines if line.name]
    if not named:
        return ""
    entries = "".join(
        f'<span><i style="border-top:3px {"dashed" if line.dashed else "solid"} {escape(line.colour)}"></i>'
        f"{escape(line.name)}</span>"
        for line in named
    )
    return f"<figcaption>{entries}</figcaption>"


def _finite(line: Line) -> list[tuple[float, float]]:
    return [(x, y) for x, y in zip(line.x, line.y, strict=True) if math.isfinite(x) and math.isfinite(y)]


def _ends(values: list[float], margin: float = 0.0) -> tuple[float, float]:
    """Least and greatest, with a margin, and far enough apart for an axis."""
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    room = margin * (high - low)
    if high - low <= max(1e-9 * max(abs(low), abs(high)), _NEAR):
        room = max(abs(low), abs(high)) / 2
        room = room if room > _NEAR else 1.0
    return low - room, high + room
