"""A network as a picture: a bar for each layer, the higher the wider the layer, as HTML that fits its page's width.

Text keeps its size on a phone, as places along the picture are shares of its width and everything else is in pixels. It
is written in the page's own colour, so that the picture fits both themes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import log2

from lrapp.charts.theme import BLUE, GREY, INK, ORANGE, SOFT
from lrapp.networks import shapes
from lrapp.networks.shapes import LayerShape, Shape
from lrapp.phrasing import counted, number, percent
from lrapp.settings import LayerSettings, ModelSettings

# In pixels: a column of the picture, the highest and the lowest bar, and a bar's width.
COLUMN, TALLEST, LOWEST, _BAR = 78, 110, 10, 26
# Room above the bars for their widths, and where they stand.
_TOP = 40
_FLOOR = _TOP + TALLEST
_LINES = (4, 19, 34)
_HEIGHT = _FLOOR + _LINES[-1] + 18
_KNOWN = "#7a5fd0"
_TITLES = {
    "dense": "dense",
    "max_pool": "max pool",
    "avg_pool": "mean pool",
    "global_max_pool": "max of all",
    "global_avg_pool": "mean of all",
    "dropout": "dropout",
    "batch_norm": "norm",
}


@dataclass(frozen=True)
class Bar:
    """One layer of the picture.

    Args:
        name: What stands below it, first line.
        width: Units, filters or inputs: its height.
        size: Its output's size, above it.
        told: How a screen reader hears it.
        about: The second line, such as its activation.
        parameters: The third line; None where it has none to have.
        dropped: The share that dropout leaves out, 0 to 1.
        striped: Whether it is made of filters.
        colour: As #rrggbb.
    """

    name: str
    width: int
    size: str
    told: str
    about: str = ""
    parameters: int | None = None
    dropped: float = 0.0
    striped: bool = False
    colour: str = BLUE


def bars(
    model: ModelSettings, shape: Shape, outputs: int, numbers: int | None = None, answer: str = ""
) -> list[Bar]:
    """Return the bars of a network, from its input to its output.

    Args:
        model, shape, outputs, numbers: As for ``shapes.shapes``.
        answer: What the output is, such as a target's name.

    Raises:
        UserError: If the network cannot be built.
    """
    made = shapes.shapes(model, shape, outputs, numbers)
    before = shapes.before(model, shape, numbers)
    start = f"{_size(shape)} input{'' if shape == (1,) else 's'}"
    found = [Bar("input", shape[-1], _size(shape), start, colour=GREY)]
    if before is not None:
        found.append(
            Bar(
                before.name if len(before.name) <= 11 else _shorter(before.name),
                before.output[-1],
                _size(before.output),
                f"{before.name}, {before.output[-1]:,}",
                "",
                before.parameters,
                colour=_KNOWN,
            )
        )
    found += [_bar(layer, its) for layer, its in zip(model.layers, made, strict=False)]
    told = counted(outputs, "output") + (f" for {answer}" if answer else "")
    last = made[-1]
    return [*found, Bar("output", outputs, f"{outputs:,}", told, answer, last.parameters, colour=ORANGE)]


def _shorter(name: str) -> str:
    return {"Number embedding": "embedding", "EfficientNetB0": "EffNetB0"}.get(name, name[:11])


def _bar(layer: LayerSettings, its: LayerShape) -> Bar:
    filters = layer.kind in ("conv", "residual")
    window = f" {layer.size}×{layer.size}" if filters or layer.kind in ("max_pool", "avg_pool") else ""
    name = {"conv": "conv", "residual": "resid."}.get(layer.kind) or _TITLES[layer.kind]
    dropped = layer.dropout if "dropout" in layer.facts.reads else 0.0
    about: list[str] = [layer.activation] if layer.computes and layer.activation != "linear" else []
    if dropped:
        about = [f"drop {number(100 * dropped, 3)} %"]
    told = f"{layer.facts.title.lower()}{window} {its.output[-1]:,}"
    extras: list[str] = [layer.activation] if layer.computes else []
    extras += [f"{percent(dropped)} dropped"] if dropped else []
    return Bar(
        name + (window if filters else ""),
        its.output[-1],
        _size(its.output),
        told + (f" ({', '.join(extras)})" if extras else ""),
        " ".join(about),
        its.parameters if layer.facts.weighted else None,
        dropped,
        striped=filters,
    )


def sentence(found: list[Bar], networks: int = 1) -> str:
    """Return what the picture shows of that many such networks, in words."""
    total = sum(bar.parameters or 0 for bar in found)
    many = f"{counted(networks, 'network')}, each: " if networks > 1 else "Network: "
    return f"{many}{' → '.join(bar.told for bar in found)}. {total:,} parameters{' each' if networks > 1 else ''}."


def picture(
    model: ModelSettings,
    shape: Shape,
    outputs: int,
    numbers: int | None = None,
    *,
    networks: int = 1,
    answer: str = "",
) -> str:
    """Return the picture as HTML for ``st.html``; it scrolls sideways where it is wider than the page.

    Args:
        model, shape, outputs, numbers: As for ``shapes.shapes``.
        networks: How many such networks there are: they stand behind one another.
        answer: What the output is, such as a target's name; any text.

    Raises:
        UserError: If the network cannot be built.
    """
    found = bars(model, shape, outputs, numbers, answer)
    least = COLUMN * len(found)
    label = escape(sentence(found, networks), quote=True)
    return (
        '<div style="overflow-x:auto" tabindex="0" role="group" aria-label="Network">'
        f'<div role="img" aria-label="{label}" style="position:relative;height:{_HEIGHT}px;min-width:{least}px;'
        f'max-width:{2 * least}px;font-size:12px;line-height:15px">{"".join(_drawn(found, networks))}</div></div>'
    )


def _drawn(found: list[Bar], networks: int) -> Iterator[str]:
    each = 100 / len(found)
    highest = max(bar.width for bar in found)
    heights = [_height(bar.width, highest) for bar in found]
    for place, (left, right) in enumerate(pairwise(heights)):
        # All of one layer leads to all of the next.
        high = max(left, right)
        yield _box(
            f"left:{each * (place + 0.5):.3f}%;width:{each:.3f}%;top:{_FLOOR - high}px;height:{high}px;"
            f"background:{INK};opacity:0.1;clip-path:polygon(0 {high - left}px,100% {high - right}px,100% 100%,0 100%)"
        )
    for place, (bar, high) in enumerate(zip(found, heights, strict=True)):
        column = "".join(_column(bar, high, networks if bar.colour != GREY else 1))
        yield _box(f"left:{each * place:.3f}%;width:{each:.3f}%;top:0;height:100%", column)
    if networks > 1:
        many = f"× {counted(networks, 'network')}"
        yield _box("left:2px;top:0;font-weight:600", many)


def _height(width: int, highest: int) -> int:
    """On a logarithmic scale, as widths grow by factors."""
    return round(LOWEST + (TALLEST - LOWEST) * log2(1 + width) / log2(1 + highest))


def _column(bar: Bar, high: int, networks: int) -> Iterator[str]:
    top = _FLOOR - high
    shadows = min(networks - 1, 2)
    for back in range(shadows, 0, -1):
        yield _rect(
            5 * back, top - 4 * back, high, f"background:{bar.colour};opacity:{0.6 - 0.15 * back:.2f}"
        )
    dropped = round(high * bar.dropped)
    fill = f"background:{bar.colour}"
    if bar.striped:
        stripe = max(6, round((high - dropped) / max(1, bar.width)))
        fill = (
            f"background:repeating-linear-gradient({bar.colour} 0 {stripe - 2}px,{bar.colour}80 0 {stripe}px)"
        )
    yield _rect(0, top + dropped, high - dropped, fill)
    if dropped:
        hatched = f"repeating-linear-gradient(-45deg,{bar.colour} 0 2px,transparent 0 6px)"
        yield _rect(0, top, dropped, f"background:{hatched};border:1px solid {bar.colour}")
    yield _text(bar.size, top - 18 - 4 * shadows, "font-weight:600;")
    lines = [text for text in (bar.about, _parameters(bar)) if text]
    yield _text(bar.name, _FLOOR + _LINES[0], "")
    for text, line in zip(lines, _LINES[1:], strict=False):
        yield _text(text, _FLOOR + line, f"opacity:{SOFT};")


def _box(style: str, inner: str = "") -> str:
    return f'<div style="position:absolute;{style}">{inner}</div>'


def _rect(aside: int, top: int, high: int, fill: str) -> str:
    left = f"calc(50% + {aside - _BAR // 2}px)"
    return _box(
        f"left:{left};width:{_BAR}px;top:{top}px;height:{max(1, high)}px;border-radius:3px;box-sizing:border-box;{fill}"
    )


def _text(text: str, top: int, style: str) -> str:
    clipped = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
    return _box(f"left:1px;right:1px;top:{top}px;text-align:center;{style}{clipped}", escape(text))


def _parameters(bar: Bar) -> str:
    if bar.parameters is None:
        return ""
    for unit, factor in (("M", 10**6), ("k", 10**3)):
        if bar.parameters >= 10 * factor:
            return f"{number(bar.parameters / factor, 3)}{unit} params"
    return f"{bar.parameters:,} params"


def _size(shape: Shape) -> str:
    return "×".join(f"{side:,}" for side in shape)
