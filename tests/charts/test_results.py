"""What a chart of results asks for is there, under names that Vega can read."""

from collections.abc import Iterator
from typing import Any

import pytest

from lrapp.charts import results
from lrapp.evaluation.analysis import ClassCurves
from lrapp.evaluation.counts_and_curves import Calibration, ClassFigures, Confusion, Curve, Residuals
from lrapp.evaluation.explanations import Dependence, Importance, Series

UGLY = "a.b[c]'\\\n\"constructor"
LINE = Curve((0.0, 1.0), (0.0, 1.0), 0.5)
CURVES = (
    ClassCurves(UGLY, "network", LINE, LINE),
    ClassCurves(UGLY, "linear model", LINE, LINE),
    ClassCurves("other", "network", LINE, LINE),
)
FIGURES = {
    "matrix": results.confusion(Confusion((UGLY, "b"), ((3, 1), (0, 2)))),
    "roc": results.roc(CURVES),
    "pr": results.precision_recall(CURVES),
    "calibration": results.calibration(Calibration((0.1, 0.9), (0.2, 0.8), (5, 6), 0.1)),
    "predicted": results.predicted(Residuals((1.0, 2.0), (1.0, 3.0), (0.0, 1.0), (2,), 0, 1), UGLY),
    "residuals": results.residuals(Residuals((1.0, 2.0), (1.0, 3.0), (0.0, 1.0), (2,), 0, 1)),
    "importance": results.importance((Importance(UGLY, 0.2, 0.1),), "fall in accuracy"),
    "numbers": results.dependence(Dependence(UGLY, (1.0, 2.0), (), (Series(UGLY, (0.1, 0.2)),)), UGLY),
    "labels": results.dependence(
        Dependence("b", (), (UGLY, "y"), (Series("p", (0.1, 0.2)), Series(UGLY, (0.9, 0.8)))), "p"
    ),
}


def parts(spec: Any) -> Iterator[dict[str, Any]]:
    if isinstance(spec, dict):
        yield spec
        for value in spec.values():
            yield from parts(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from parts(value)


def test_fields_are_columns_with_plain_names(subtests: pytest.Subtests) -> None:
    for name, figure in FIGURES.items():
        with subtests.test(name):
            made = {part["as"] for part in parts(figure.spec) if "as" in part}
            fields = {part["field"] for part in parts(figure.spec) if "field" in part} - made
            assert fields
            assert fields <= set(figure.frame.columns)
            assert all(field.isidentifier() for field in fields)
            assert "data" in figure.spec
            assert len(figure.frame)


def test_titles_are_one_line(subtests: pytest.Subtests) -> None:
    for name, figure in FIGURES.items():
        with subtests.test(name):
            for part in parts(figure.spec):
                assert "\n" not in str(part.get("title", ""))


def test_names_of_the_chart_are_values_of_the_frame() -> None:
    figure = FIGURES["matrix"]
    (domain,) = {
        tuple(part["y"]["scale"]["domain"])
        for part in parts(figure.spec)
        if isinstance(part.get("y"), dict) and "scale" in part["y"]
    }
    assert domain == (UGLY, "b")
    assert set(figure.frame["truth"]) == set(domain)
    assert figure.frame["rows"].tolist() == [3, 1, 0, 2]
    assert figure.frame["share"].tolist() == [0.75, 0.25, 0.0, 1.0]


def test_only_as_many_bars_as_can_be_read() -> None:
    many = tuple(Importance(f"c{k}", 1 - k / 100, 0.1) for k in range(40))
    figure = results.importance(many, "fall in accuracy", most=15)
    assert figure.frame["column"].tolist() == [f"c{k}" for k in range(15)]
    assert figure.frame["low"].tolist() == pytest.approx((figure.frame["drop"] - 0.1).tolist())


def test_a_fall_in_accuracy_is_in_percent(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, str]] = [("rise in log loss", "labelExpr"), ("fall in accuracy", "format")]
    for what, written in cases:
        with subtests.test(what):
            axis = results.importance((Importance("a", 0.05, 0.01),), what).spec["layer"][0]["encoding"]["x"][
                "axis"
            ]
            assert {"labelExpr", "format"} & set(axis) == {written}


def test_a_class_table_keeps_what_is_not_defined() -> None:
    frame = results.class_frame((ClassFigures("a", 3, None, 0.0, 0.0),))
    assert frame["class"].tolist() == ["a"]
    assert frame["precision"].isna().all()


def test_a_title_is_short() -> None:
    assert results.title(" a\n b ") == "a b"
    assert len(results.title("x" * 99)) == 40
