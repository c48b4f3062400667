"""A finished run's figures -> Altair charts, each beside the frame that it draws.

As in ``charts``, frames have column names of our own making; names of classes and columns are values, or titles.
"""

import re
from dataclasses import asdict
from typing import Any

import altair as alt
import pandas as pd

from lrapp.charts import theme
from lrapp.charts.figure import Figure
from lrapp.charts.theme import GREY, INK, LETTER, finished
from lrapp.evaluation.analysis import ClassCurves
from lrapp.evaluation.counts_and_curves import Calibration, ClassFigures, Confusion, Residuals
from lrapp.evaluation.explanations import Dependence, Importance
from lrapp.palette import TRAINING
from lrapp.phrasing import counted, number, percent, quoted

_BLANKS = re.compile(r"\s+")
COLOURS = theme.HUES
# Of cells: the strongest is one that the page's ink can still be read on.
_FILLS = [f"{TRAINING}0d", f"{TRAINING}{round(255 * theme.MOST_FILL):02x}"]
_TENTHS = alt.Axis(values=[0, 0.2, 0.4, 0.6, 0.8, 1], grid=True)
# With axes and legend around it.
_SQUARE = 420
# A bar of a histogram is two pixels high at least, or one row of many would have no bar.
VISIBLE = "datum.rows > 0 ? max(datum.rows, datum.most / 100) : 0"
# A chart's height on the page includes titles, labels and legends.
_AROUND = 110


def title(text: str, most: int = 40) -> str:
    """Return a name from a file as one short line."""
    flat = _BLANKS.sub(" ", text).strip()
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def confusion(found: Confusion) -> Figure:
    """Return the confusion matrix; colour tells the share of each true class."""
    places = range(len(found.names))
    frame = pd.DataFrame(
        [
            {
                "truth": found.names[row],
                "answer": found.names[column],
                "rows": found.counts[row][column],
                "share": found.counts[row][column] / max(1, sum(found.counts[row])),
            }
            for row in places
            for column in places
        ]
    )
    names = alt.Scale(domain=list(found.names))
    few = len(found.names) <= 12
    x = alt.X("answer:N", title="answer", scale=names, axis=theme.category_axis(found.names))
    y = alt.Y(
        "truth:N",
        title="truth",
        scale=names,
        axis=alt.Axis(labelLimit=90, labelOverlap=False, ticks=False, domain=False),
    )
    tooltip = [
        alt.Tooltip("truth:N", title="truth"),
        alt.Tooltip("answer:N", title="answer"),
        alt.Tooltip("rows:Q", format=","),
        alt.Tooltip("share:Q", title="of this class", format=".1%"),
    ]
    cells = (
        alt.Chart()
        .mark_rect(stroke=GREY, strokeWidth=0.5, strokeOpacity=0.4)
        .encode(
            x=x,
            y=y,
            color=alt.Color("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=_FILLS)),
            tooltip=tooltip,
        )
    )
    layers: list[alt.Chart] = [cells]
    if few:
        # Where the longest number does not fit its cell, all are left to the tooltip.
        longest = max(len(f"{count:,}") for row in found.counts for count in row) * LETTER
        fits = alt.expr(f"bandwidth('x') >= {longest:.0f} ? 1 : 0")
        numbers = alt.Chart().mark_text(color=INK, opacity=fits, fontSize=14)
        layers.append(numbers.encode(x=x, y=y, text=alt.Text("rows:Q", format=",")))
    height = max(150 if few else 0, (36 if few else 18) * len(found.names)) + _AROUND
    right = sum(found.counts[place][place] for place in places)
    rows = sum(map(sum, found.counts))
    classes = counted(len(found.names), "class", "classes")
    told = f"Confusion of {classes}: {right:,} of {counted(rows, 'row')} on the diagonal."
    return Figure(finished(alt.layer(*layers).properties(height=height), told), frame, "confusion")


def class_frame(figures: tuple[ClassFigures, ...]) -> pd.DataFrame:
    """Return a row per class to show: rows, precision, recall, F1."""
    return pd.DataFrame(
        [
            {"class": f.name, "rows": f.rows, "precision": f.precision, "recall": f.recall, "F1": f.f1}
            for f in figures
        ]
    )


def roc(found: tuple[ClassCurves, ...]) -> Figure:
    """Return the ROC curves; those of the linear model are dashed."""
    chance = pd.DataFrame({"class": "", "model": "chance", "x": [0.0, 1.0], "y": [0.0, 1.0]})
    frame = pd.concat([*(_curve_frame(one, "roc") for one in found), chance])
    areas = ", ".join(f"{one.name} {one.roc.area:.3f} ({one.model})" for one in found)
    told = f"ROC curves, the true positive rate over the false one. Areas: {areas}."
    return Figure(_curves(found, "false positive rate", "true positive rate", told), frame, "roc")


def precision_recall(found: tuple[ClassCurves, ...]) -> Figure:
    """Return precision over recall; the curves of the linear model are dashed."""
    frame = pd.concat([_curve_frame(one, "pr") for one in found])
    areas = ", ".join(f"{one.name} {one.pr.area:.3f} ({one.model})" for one in found)
    told = f"Precision over recall. Average precision: {areas}."
    return Figure(_curves(found, "recall", "precision", told), frame, "precision-recall")


def _curve_frame(one: ClassCurves, kind: str) -> pd.DataFrame:
    curve = one.roc if kind == "roc" else one.pr
    return pd.DataFrame({"class": one.name, "model": one.model, "x": curve.x, "y": curve.y})


def _curves(found: tuple[ClassCurves, ...], x: str, y: str, told: str) -> dict[str, Any]:
    names = list(dict.fromkeys(one.name for one in found))
    models = list(dict.fromkeys(one.model for one in found))
    base, ends = alt.Chart(), theme.square()
    sides = {
        "x": alt.X("x:Q", title=x, scale=alt.Scale(domain=[0, 1]), axis=_TENTHS),
        "y": alt.Y("y:Q", title=y, scale=alt.Scale(domain=[0, 1]), axis=_TENTHS),
        "order": alt.Order("x:Q"),
    }
    lines = (
        base.transform_filter("datum.model != 'chance'")
        .mark_line(strokeWidth=2)
        .encode(
            **sides,
            color=_colour("class", names),
            strokeDash=alt.StrokeDash(
                "model:N",
                title=None,
                scale=alt.Scale(domain=["network", "linear model"], range=[[1, 0], [4, 4]]),
                legend=alt.Legend(orient="top", symbolStrokeColor=GREY) if len(models) > 1 else None,
            ),
            tooltip=[
                alt.Tooltip("class:N", title="class"),
                alt.Tooltip("model:N", title="model"),
                alt.Tooltip("x:Q", title=x, format=".3f"),
                alt.Tooltip("y:Q", title=y, format=".3f"),
            ],
        )
    )
    # The layers share the scales of the first.
    chance = (
        base.transform_filter("datum.model == 'chance'")
        .mark_line(color=GREY, strokeWidth=1)
        .encode(
            x=alt.X("x:Q", title=x, scale=alt.Scale(domain=[0, 1], **ends["x"]), axis=_TENTHS),
            y=alt.Y("y:Q", title=y, scale=alt.Scale(domain=[0, 1], **ends["y"]), axis=_TENTHS),
            order=alt.Order("x:Q"),
        )
    )
    return finished(alt.layer(chance, lines).properties(height=_SQUARE), told)


def _colour(field: str, names: list[str]) -> alt.Color:
    return alt.Color(
        f"{field}:N",
        title=None,
        scale=alt.Scale(domain=names, range=[COLOURS[k % len(COLOURS)] for k in range(len(names))]),
        legend=alt.Legend(orient="bottom", columns=3, labelLimit=110) if len(names) > 1 else None,
    )


def calibration(found: Calibration, after: Calibration | None = None) -> Figure:
    """Return observed shares over predicted probabilities; on the diagonal both are equal.

    Args:
        after: Of the network with a temperature, to be drawn beside.
    """
    frame, colour = _calibration_frame(found), dict[str, Any]()
    if after is not None:
        names = ["as it is", "calibrated"]
        frame = pd.concat(
            [
                _calibration_frame(one).assign(model=name)
                for one, name in zip((found, after), names, strict=True)
            ]
        )
        colour["color"] = _colour("model", names)
    else:
        colour["color"] = alt.value(TRAINING)
    ends = theme.square()
    square = {axis: alt.Scale(domain=[0, 1], **ends[axis]) for axis in ends}
    both = {
        "x": alt.X("predicted:Q", title="predicted probability", axis=_TENTHS),
        "y": alt.Y("observed:Q", title="observed share", axis=_TENTHS),
    }
    ideal = _diagonal(0, 1, **square)
    line = alt.Chart().mark_line(strokeWidth=1).encode(**both, **colour)
    points = (
        alt.Chart()
        .mark_point(filled=True, opacity=1)
        .encode(
            **both,
            **colour,
            size=alt.Size("rows:Q", legend=None, scale=alt.Scale(range=[30, 300])),
            tooltip=[
                alt.Tooltip("predicted:Q", title="predicted probability", format=".1%"),
                alt.Tooltip("observed:Q", title="observed share", format=".1%"),
                alt.Tooltip("rows:Q", format=","),
            ],
        )
    )
    told = (
        f"Calibration: observed shares over predicted probabilities, off by {percent(found.error)} on average; on the "
        "diagonal both are equal."
    )
    chart = alt.layer(ideal, line, points).properties(height=_SQUARE)
    return Figure(finished(chart, told), frame, "calibration")


def _diagonal(low: float, high: float, x: Any, y: Any) -> alt.Chart:
    """Where both axes say the same; with their scales, unless another layer has these."""
    return (
        alt.Chart()
        .mark_rule(color=GREY, strokeDash=[4, 3])
        .encode(
            x=alt.XDatum(low, type="quantitative", scale=x),
            y=alt.YDatum(low, type="quantitative", scale=y),
            x2=alt.datum(high),
            y2=alt.datum(high),
        )
    )


def _calibration_frame(found: Calibration) -> pd.DataFrame:
    return pd.DataFrame({"predicted": found.predicted, "observed": found.observed, "rows": found.rows})


def predicted(found: Residuals, target: str) -> Figure:
    """Return predicted beside true values; on the diagonal, the prediction is right."""
    frame = pd.DataFrame({"truth": found.truth, "predicted": found.predicted})
    low = float(min(frame["truth"].min(), frame["predicted"].min()))
    high = float(max(frame["truth"].max(), frame["predicted"].max()))
    name = title(target)
    reach = {"domain": [low, high] if low < high else [low - 1, high + 1], "nice": True, "zero": False}
    x, y = (alt.Scale(**reach | end) for end in theme.square().values())
    ideal = _diagonal(low, high, alt.Undefined, alt.Undefined)
    points = (
        alt.Chart()
        .mark_point(filled=True, color=TRAINING, opacity=0.5, size=30)
        .encode(
            x=alt.X("truth:Q", title=f"true {name}", scale=x, axis=alt.Axis(tickCount=6)),
            y=alt.Y("predicted:Q", title=f"predicted {name}", scale=y),
            tooltip=[alt.Tooltip("truth:Q", format=",.5~r"), alt.Tooltip("predicted:Q", format=",.5~r")],
        )
    )
    told = (
        f"Predicted {name} over true {name} for {counted(len(frame), 'row')}; half are off by no more than "
    )
    chart = alt.layer(points, ideal).properties(height=_SQUARE)
    return Figure(finished(chart, f"{told}{number(found.median)}."), frame, "predicted")


def residuals(found: Residuals) -> Figure:
    """Return the histogram of predicted minus true; the outer bars hold what lies beyond them, and say so."""
    frame = pd.DataFrame({"start": found.edges[:-1], "end": found.edges[1:], "rows": found.counts})
    errors = [answer - truth for truth, answer in zip(found.truth, found.predicted, strict=True)]
    low, high = found.edges[0], found.edges[-1]
    clipped = bool(errors) and (min(errors) < low or max(errors) > high)
    title = ["predicted − true"]
    if clipped:
        title.append(f"outer bars: all beyond {number(low, 3)} and {number(high, 3)}")
    chart = (
        alt.Chart()
        .transform_joinaggregate(most="max(rows)")
        .transform_calculate(shown=VISIBLE)
        .mark_rect(color=TRAINING)
        .encode(
            x=alt.X(
                "start:Q", title=title, scale=alt.Scale(zero=False, padding=4), axis=alt.Axis(tickCount=6)
            ),
            x2="end:Q",
            y=alt.Y("shown:Q", title="rows"),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip("start:Q", title="from", format=",.4~r"),
                alt.Tooltip("end:Q", title="to", format=",.4~r"),
                alt.Tooltip("rows:Q", format=","),
            ],
        )
    )
    told = (
        f"Histogram of predicted minus true over {counted(sum(found.counts), 'row')}: nine in ten are off by no more "
        f"than {number(found.ninety)}."
    )
    return Figure(finished(chart.properties(height=280), told), frame, "residuals")


def importance(found: tuple[Importance, ...], what: str, most: int = 15) -> Figure:
    """Return a bar for each column, with its spread.

    Args:
        found: The columns, those first that matter most.
        what: What grows when a column is shuffled: the bars' title.
    """
    frame = pd.DataFrame(map(asdict, found))
    frame = frame.assign(low=frame["drop"] - frame["spread"], high=frame["drop"] + frame["spread"])
    shown = [one.column for one in found[:most]]
    y = alt.Y(
        "column:N",
        title=None,
        scale=alt.Scale(domain=shown),
        axis=alt.Axis(labelLimit=130, ticks=False, labelOverlap=False),
    )
    tooltip = [
        alt.Tooltip("column:N", title="column"),
        alt.Tooltip("drop:Q", title=what, format=",.4~r"),
        alt.Tooltip("spread:Q", title="spread", format=",.2~r"),
    ]
    axis = alt.Axis(tickCount=5, format=".1~%" if "accuracy" in what else alt.Undefined)
    bars = (
        alt.Chart()
        .mark_bar(color=TRAINING)
        .encode(x=alt.X("drop:Q", title=what, axis=axis), y=y, tooltip=tooltip)
    )
    spread = alt.Chart().mark_rule(color=GREY, strokeWidth=2).encode(x="low:Q", x2="high:Q", y=y)
    chart = alt.layer(bars, spread).properties(height=22 * len(shown) + _AROUND)
    told = f"What matters, by {what} when a column is shuffled; the first are {quoted(shown, 3)}."
    return Figure(finished(chart, told), frame.head(most), "importance")


def dependence(found: Dependence, answer: str) -> Figure:
    """Return the mean answer over a column's values.

    Args:
        answer: What the answer is: the vertical axis' title.
    """
    at: tuple[float, ...] | tuple[str, ...] = found.numbers or found.labels
    frame = pd.concat(
        [pd.DataFrame({"at": at, "class": one.name, "value": one.values}) for one in found.series]
    )
    names = [one.name for one in found.series]
    name = title(found.column)
    numeric = bool(found.numbers)
    chart = alt.Chart().encode(
        x=alt.X(
            "at:Q" if numeric else "at:N",
            title=name,
            scale=alt.Scale(zero=False, nice=False) if numeric else alt.Scale(domain=list(found.labels)),
            axis=alt.Axis(tickCount=6, labelLimit=90) if numeric else theme.category_axis(found.labels),
        ),
        y=alt.Y("value:Q", title=title(answer), scale=alt.Scale(zero=False, padding=6)),
        color=_colour("class", names),
        tooltip=[
            alt.Tooltip("at:Q", title=name, format=",.5~r") if numeric else alt.Tooltip("at:N", title=name),
            alt.Tooltip("class:N", title="answer"),
            alt.Tooltip("value:Q", title="mean", format=",.4~r"),
        ],
    )
    marked = (
        chart.mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=14))
        if numeric
        else chart.mark_point(filled=True, size=90, opacity=1)
    )
    told = f"How the {title(answer)} changes with {name}" + (
        f", for {quoted(names, 3)}." if len(names) > 1 else "."
    )
    return Figure(finished(marked.properties(height=280), told), frame, "dependence")
