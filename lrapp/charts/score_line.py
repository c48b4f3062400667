"""A run's score on one line with what it is compared with: the baseline, a linear model, boosted trees."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import altair as alt
import pandas as pd

from lrapp.charts.figure import Figure
from lrapp.charts.theme import BLUE, GREY, INK, LETTER, SOFT, finished, ink
from lrapp.charts.training import kept
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.boosted_trees import BesideTrees
from lrapp.evaluation.scores import Scores
from lrapp.phrasing import measured

Side = Literal["left", "right"]
OWN, BEFORE = "this network", "run before"
# On which side of its mark a label begins or ends, and how far away it is.
_SIDES: dict[Side, int] = {"left": 4, "right": -4}
# The narrowest plot that nothing may overlap on, and what the scale leaves free at each end, in pixels.
NARROWEST, _FREE = 320, 14
_GAP = 10
# Where things stand, in pixels from the top.
_VALUE, _NAME, _LINE, _FIRST, _ROW = 15, 36, 53, 75, 16


@dataclass(frozen=True)
class Point:
    """One model on the line."""

    name: str
    value: float


def of(
    scores: Scores,
    insight: Insight | None = None,
    beside: BesideTrees | None = None,
    before: Scores | None = None,
) -> Figure | None:
    """Return the line of the figure of a finished run that tells most; None where that is not defined.

    Args:
        insight: Has the linear model, where there is one.
        beside: Has the boosted trees, where there are some.
        before: Of another run on the same rows, whose settings were changed.
    """
    metric = scores.leading
    if metric.value is None:
        return None
    others = [("baseline", metric.baseline)]
    if insight is not None and insight.part == scores.part:
        others += [("linear model", one.value) for one in insight.linear if one.name == metric.name]
    if beside is not None and beside.part == scores.part:
        others += [("boosted trees", one.value) for one in beside.metrics if one.name == metric.name]
    if before is not None and before.part == scores.part:
        others += [(BEFORE, one.value) for one in before.metrics if one.name == metric.name]
    folded = scores.out_of_fold.figures if scores.out_of_fold is not None else ()
    spread = next((one.spread for one in folded if one.name == metric.name), None)
    points = [Point(name, value) for name, value in others if value is not None]
    what = f"{metric.name} on {scores.rows:,} {scores.part} {scores.unit}"
    return figure(metric.name, metric.value, points, what, up=metric.higher_is_better, spread=spread)


def figure(
    metric: str,
    score: float,
    others: Sequence[Point],
    what: str = "",
    *,
    up: bool = True,
    spread: float | None = None,
) -> Figure:
    """Return the line of any score.

    Args:
        metric: Name of the figure, which says how its values are written.
        what: The axis' title; the metric's name by default.
        up: Whether more is better. Better is always to the right.
        spread: How far scores of the same settings lie apart, drawn to both sides of the score.
    """
    made = frame(metric, score, others, up=up, spread=spread)
    beside = "; ".join(f"{one.name} {measured(metric, one.value)}" for one in others)
    told = f"{OWN} {measured(metric, score)}" + (f" ± {measured(metric, spread)}" if spread else "")
    better = f"{'more' if up else 'less'} is better"
    subject = what or metric
    sentence = f"{subject[0].upper()}{subject[1:]}, {better}: {told}" + (f"; {beside}." if beside else ".")
    return Figure(spec(what or metric, int(made["row"].max()), up=up, description=sentence), made, "score")


def frame(
    metric: str,
    score: float,
    others: Sequence[Point],
    *,
    up: bool = True,
    spread: float | None = None,
    width: float = NARROWEST,
) -> pd.DataFrame:
    """Return what the line draws: ``name``, ``value``, ``text``, ``low``, ``high``, ``row`` and ``side``.

    Args:
        metric, score, others, up, spread: As for ``figure``.
        width: Of the narrowest plot, in pixels, on which no label may lie over another.

    Returns:
        ``row`` 0 is the score's own, above the line; others stand below it, in row 1 where there is room. ``side``
        says which end of a label is at its mark.
    """
    reach = spread or 0.0
    low = min([score - reach, *(one.value for one in others)])
    high = max([score + reach, *(one.value for one in others)])

    def at(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return _FREE + (width - 2 * _FREE) * (share if up else 1 - share)

    own: Side = "right" if at(score) > width / 2 else "left"
    rows = [_row(OWN, score, measured(metric, score), 0, own) | {"low": score - reach, "high": score + reach}]
    labels = [f"{one.name} {measured(metric, one.value)}" for one in others]
    places = _places(
        [(at(one.value), len(text) * LETTER) for one, text in zip(others, labels, strict=True)], width
    )
    for one, text, (row, side) in zip(others, labels, places, strict=True):
        rows.append(_row(one.name, one.value, text, row, side))
    return pd.DataFrame(rows, columns=["name", "value", "text", "low", "high", "row", "side"])


def _row(name: str, value: float, text: str, row: int, side: Side) -> dict[str, Any]:
    return {"name": name, "value": value, "text": text, "row": row, "side": side}


def _places(labels: Sequence[tuple[float, float]], width: float) -> list[tuple[int, Side]]:
    """The row and side of labels, given where they point to and how long they are: as few rows as go.

    A label begins or ends beside the rule that leads to it from its mark. Rules cross no label.
    """
    best: list[tuple[int, Side]] = []
    for most in range(1, len(labels) + 1):
        ways = product(product(range(1, most + 1), _SIDES), repeat=len(labels))
        best = min(
            (list(way) for way in ways),
            key=lambda way: (_faults(way, labels, width), *(row for row, _ in way)),
        )
        if _faults(best, labels, width)[0] == 0:
            break
    return best


def _faults(
    way: Sequence[tuple[int, Side]], labels: Sequence[tuple[float, float]], width: float
) -> tuple[float, int]:
    """How far labels lie over others, over rules and over the edge, in pixels; and how many rows they take."""
    spans = [
        (at + _SIDES["left"], at + _SIDES["left"] + long)
        if side == "left"
        else (at - _SIDES["left"] - long, at - _SIDES["left"])
        for (_, side), (at, long) in zip(way, labels, strict=True)
    ]
    fault = sum(max(0.0, -start) + max(0.0, end - width) for start, end in spans)
    for mine, (row, _) in enumerate(way):
        for other, (start, end) in enumerate(spans):
            below = way[other][0]
            if mine < other and row == below:
                fault += max(0.0, min(end, spans[mine][1]) - max(start, spans[mine][0]) + _GAP)
            # From the label's own mark on: on a wider page marks are farther apart.
            if row > below and min(start, labels[other][0]) < labels[mine][0] < max(end, labels[other][0]):
                fault += width
    return fault, max((row for row, _ in way), default=0)


@kept
def spec(what: str, rows: int, *, up: bool = True, description: str = "") -> dict[str, Any]:
    """Return the specification of the line.

    Args:
        what: The axis' title.
        rows: Of labels below the line, 0 to 4.
        description: The sentence for screen readers.
    """
    base = alt.Chart()
    scale = alt.Scale(zero=False, nice=False, padding=_FREE, reverse=not up)
    x = alt.X("value:Q", scale=scale, axis=None)
    tooltip = [alt.Tooltip("name:N", title="model"), alt.Tooltip("text:N", title=what)]
    own, others = base.transform_filter("datum.row == 0"), base.transform_filter("datum.row > 0")
    line = base.mark_rule(color=GREY, strokeWidth=2, strokeCap="round", opacity=0.6)
    spread = own.mark_rule(color=BLUE, strokeWidth=9, opacity=0.3, strokeCap="round")
    layers = [
        line.encode(x=alt.value(0), x2=alt.value(alt.expr("width")), y=alt.value(_LINE)),
        spread.encode(x=alt.X("low:Q", scale=scale, axis=None), x2="high:Q", y=alt.value(_LINE)),
    ]
    for row in range(1, rows + 1):
        low = _FIRST + _ROW * (row - 1)
        here = base.transform_filter(f"datum.row == {row}")
        layers.append(
            here.mark_rule(color=GREY, strokeWidth=1).encode(
                x=x, y=alt.value(_LINE), y2=alt.value(low + 4), tooltip=tooltip
            )
        )
        for side, away in _SIDES.items():
            words = here.transform_filter(f"datum.side == '{side}'").mark_text(align=side, dx=away, color=INK)
            layers.append(words.encode(x=x, y=alt.value(low), text="text:N", tooltip=tooltip))
    layers.append(
        others.mark_point(filled=True, size=90, opacity=1, color=GREY).encode(
            x=x, y=alt.value(_LINE), tooltip=tooltip
        )
    )
    layers.append(
        own.mark_point(filled=True, size=320, opacity=1, color=BLUE).encode(
            x=x, y=alt.value(_LINE), tooltip=tooltip
        )
    )
    for side in _SIDES:
        here = own.transform_filter(f"datum.side == '{side}'")
        large = here.mark_text(align=side, fontSize=24, fontWeight="bold", color=ink(BLUE))
        layers.append(large.encode(x=x, y=alt.value(_VALUE), text="text:N"))
        small = here.mark_text(align=side, color=INK)
        layers.append(small.encode(x=x, y=alt.value(_NAME), text="name:N"))
    height = _FIRST + _ROW * max(0, rows - 1) + 26
    better = f"{'more' if up else 'less'} is better →"
    if (len(what) + len(better)) * LETTER + _GAP > NARROWEST:
        better = "better →"
    title = base.transform_filter("datum.row == 0").mark_text
    room = alt.expr(f"width - {len(better) * LETTER + _GAP:.0f}")
    layers += [
        title(align="left", limit=room, opacity=SOFT).encode(
            x=alt.value(0), y=alt.value(height - 8), text=alt.value(what)
        ),
        title(align="right", opacity=SOFT).encode(
            x=alt.value(alt.expr("width")), y=alt.value(height - 8), text=alt.value(better)
        ),
    ]
    return finished(alt.layer(*layers).properties(height=height), description)
