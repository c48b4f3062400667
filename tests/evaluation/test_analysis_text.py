"""Sentences about a close look."""

import pytest

from lrapp.evaluation import analysis_text
from lrapp.evaluation.analysis import ClassCurves, Insight
from lrapp.evaluation.counts_and_curves import Calibration, Confusion, Curve, Thresholds
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores

SCORES = Scores("binary", "test", 10, "no", (Metric("accuracy", 0.9, 0.6, True),))


def test_the_linear_model_stands_beside_the_network() -> None:
    insight = Insight("binary", "test", 10, linear=(Metric("accuracy", 0.7, 0.6, True),))
    frame = analysis_text.score_frame(SCORES, insight)
    assert list(frame.columns) == ["metric", "network", "linear model", "baseline", "better"]
    assert frame.iloc[0].tolist() == ["accuracy", "90.0 %", "70.0 %", "60.0 %", "higher"]
    assert "linear model" not in analysis_text.score_frame(SCORES, None)


def test_areas_name_both_models() -> None:
    roc, pr = Curve((0, 1), (0, 1), 0.5), Curve((0, 1), (1, 1), 0.75)
    curves = (ClassCurves("yes", "network", roc, pr), ClassCurves("yes", "linear model", pr, roc))
    sentence = analysis_text.area_sentence(Insight("binary", "test", 10, curves=curves))
    assert "“yes”: ROC area 0.500, average precision 0.750 (linear model 0.750, 0.500)." in sentence


def test_calibration_leans(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, str, str]] = [
        (0.9, "too high", "too sure"),
        (0.5, "too low", "too modest"),
        (0.7, "neither", "neither"),
    ]
    for predicted, binary, several in cases:
        with subtests.test(f"{predicted!r}"):
            found = Calibration((predicted,), (0.7,), (10,), abs(predicted - 0.7))
            matrix = Confusion(("no", "yes"), ((5, 0), (0, 5)))
            none = (0,) * 201
            two = Insight(
                "binary",
                "test",
                10,
                confusion=matrix,
                calibration=found,
                thresholds=Thresholds(5, 5, none, none),
            )
            assert f"on the whole {binary}" in analysis_text.calibration_sentence(two)
            assert "the probability of “yes”" in analysis_text.calibration_sentence(two)
            more = Insight("multi-class", "test", 10, calibration=found)
            assert f"on the whole {several}" in analysis_text.calibration_sentence(more)
