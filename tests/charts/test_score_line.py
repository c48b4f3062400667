"""The score and what it is compared with on one line."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrapp.charts import score_line
from lrapp.charts.score_line import NARROWEST, Point
from lrapp.charts.theme import LETTER
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.boosted_trees import BesideTrees
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import FoldFigure, OutOfFold, Scores

OTHERS = ("baseline", "linear model", "boosted trees", score_line.BEFORE)
FREE = 14  # at each end of the scale, in pixels


def test_of_a_run_it_shows_the_first_figure_and_its_rivals() -> None:
    error = ("mean absolute error", False)
    scores = Scores("regression", "test", 206, "40", (Metric(error[0], 2.0, 9.0, error[1]),))
    insight = Insight("regression", "test", 206, linear=(Metric(error[0], 3.0, 9.0, False),))
    trees = BesideTrees("test", 206, (Metric(error[0], 1.5, 9.0, False),))
    figure = score_line.of(scores, insight, trees)
    assert figure is not None
    assert dict(zip(figure.frame["name"], figure.frame["value"], strict=True)) == {
        score_line.OWN: 2.0,
        "baseline": 9.0,
        "linear model": 3.0,
        "boosted trees": 1.5,
    }
    assert figure.spec["description"] == (
        "Mean absolute error on 206 test rows, less is better: this network 2; baseline 9; linear model 3; "
        "boosted trees 1.5."
    )
    scales = [layer["encoding"]["x"]["scale"] for layer in figure.spec["layer"] if "scale" in str(layer)]
    assert all(scale["reverse"] for scale in scales)


def test_where_a_class_is_frequent_it_shows_what_tells_more() -> None:
    metrics = (Metric("accuracy", 0.9, 0.88, True), Metric("ROC AUC", 0.93, 0.5, True))
    figure = score_line.of(Scores("binary", "test", 900, "no", metrics))
    assert figure is not None
    assert figure.frame["value"].tolist() == [0.93, 0.5]
    assert "ROC AUC on 900 test rows" in figure.spec["description"]


def test_figures_of_other_rows_are_not_beside_it() -> None:
    scores = Scores("binary", "test", 9, "no", (Metric("accuracy", 0.9, 0.6, True),))
    other = BesideTrees("validation", 9, (Metric("accuracy", 0.8, 0.6, True),))
    figure = score_line.of(scores, None, other)
    assert figure is not None
    assert figure.frame["name"].tolist() == [score_line.OWN, "baseline"]
    assert "more is better" in str(figure.spec)


def test_the_run_before_shows_whether_a_change_helped() -> None:
    scores, before = (
        Scores("binary", "test", 9, "no", (Metric("accuracy", value, 0.6, True),)) for value in (0.9, 0.8)
    )
    figure = score_line.of(scores, before=before)
    assert figure is not None
    assert "run before 80.0 %" in figure.spec["description"]
    # Figures of validation rows say nothing beside those of test rows.
    figure = score_line.of(scores, before=replace(before, part="validation"))
    assert figure is not None
    assert score_line.BEFORE not in figure.frame["name"].tolist()


def test_without_a_score_there_is_no_line() -> None:
    assert score_line.of(Scores("regression", "test", 1, "4", (Metric("R²", None, None, True),))) is None


def test_the_spread_over_folds_is_drawn_to_both_sides() -> None:
    folds = OutOfFold(90, 3, (FoldFigure("accuracy", 0.8, 0.02, (0.78, 0.8, 0.82), True),))
    metrics = (Metric("accuracy", 0.81, 0.5, True),)
    figure = score_line.of(Scores("binary", "test", 30, "no", metrics, out_of_fold=folds))
    assert figure is not None
    own = figure.frame.iloc[0]
    assert (own["low"], own["high"]) == (pytest.approx(0.79), pytest.approx(0.83))
    assert "± 2.0 %" in figure.spec["description"]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.lists(st.floats(0, 1), min_size=0, max_size=4),
    st.floats(0, 1),
    st.booleans(),
    st.integers(NARROWEST, 1_200),
)
def test_no_label_lies_over_another_or_over_the_edge(
    values: list[float], score: float, up: bool, width: int
) -> None:
    others = [Point(name, value) for name, value in zip(OTHERS, values, strict=False)]
    frame = score_line.frame("accuracy", score, others, up=up)
    low, high = min([score, *values]), max([score, *values])
    boxes = []
    for value, text, row, side in frame[["value", "text", "row", "side"]].to_numpy().tolist():
        share = (value - low) / (high - low) if high > low else 0.5
        at = FREE + (width - 2 * FREE) * (share if up else 1 - share)
        long = len(text if row else score_line.OWN) * LETTER
        start = at + 4 if side == "left" else at - 4 - long
        boxes.append((row, start, start + long, at))
        assert start >= 0
        assert start + long <= width
    for (one, start, end, at), (other, from_, to, there) in combinations(boxes, 2):
        if one == other:
            assert end < from_ or to < start
        # The rule that leads to a lower label goes through none above it.
        assert not (one > other > 0 and from_ < at < to)
        assert not (other > one > 0 and start < there < end)
    assert frame["row"].max() <= 4
