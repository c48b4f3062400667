"""Charts of predictions: what they draw, and that odd names do not break them."""

import pandas as pd
import pytest

from lrapp.charts.predictions import MOST_CLASSES, chances, shares, what_if
from lrapp.prediction.summary import Bar

ODD = ("a.b[c]", "<b>&</b>", "constructor")


def test_classes_are_drawn_as_shares() -> None:
    figure = shares([Bar(6, ODD[0]), Bar(3, ODD[1]), Bar(1, ODD[2])], "x\ny")
    assert figure.frame["class"].tolist() == list(ODD)
    assert figure.frame["share"].tolist() == pytest.approx([0.6, 0.3, 0.1])
    many = shares([Bar(1, f"c{number}") for number in range(100)], "y")
    assert len(many.frame) == MOST_CLASSES
    assert many.frame["share"].tolist() == pytest.approx([0.01] * MOST_CLASSES)


def test_numbers_are_drawn_as_a_histogram() -> None:
    figure = shares([Bar(3, low=1, high=2), Bar(4, low=2, high=3)], "a.b")
    assert figure.frame.to_dict("list") == {"low": [1, 2], "high": [2, 3], "rows": [3, 4]}
    assert figure.spec["encoding"]["x"]["bin"] == "binned"
    assert figure.spec["encoding"]["x"]["title"] == "predicted a.b"


def test_the_likeliest_of_many_classes_are_drawn() -> None:
    few = chances(ODD, [0.2, 0.7, 0.1])
    assert few.frame["class"].tolist() == list(ODD), "in their own order, so that bars stay where they are"
    values = [number / 1000 for number in range(40)]
    many = chances([f"c{number}" for number in range(40)], values)
    assert many.frame["class"].tolist() == [f"c{number}" for number in range(39, 39 - MOST_CLASSES, -1)]


@pytest.mark.parametrize(
    ("at", "kind", "field"),
    [
        ([1.0, 2.0], "number", "quantitative"),
        ([pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-02")], "date", "temporal"),
        ([pd.Timestamp("1970-01-01 05:00"), pd.Timestamp("1970-01-01 06:00")], "time", "temporal"),
        (["a.b", "<i>"], "category", "nominal"),
    ],
)
@pytest.mark.parametrize("share", [True, False])
def test_a_curve_marks_where_the_value_stands(at: list[object], kind: str, field: str, share: bool) -> None:
    frame = pd.DataFrame(
        {"at": at * 2, "class": [*["p"] * 2, *["q"] * 2] if share else "", "value": [0.1, 0.9] * 2}
    )
    figure = what_if(frame, "col.umn", "answer", at[1], kind, share)
    assert figure.frame["here"].tolist() == [False, True] * 2
    lines, rule = figure.spec["layer"]
    assert lines["encoding"]["x"]["type"] == field
    assert rule["mark"]["type"] == "rule"
    assert (lines["encoding"]["y"]["scale"].get("domain") == [0, 1]) is share
    missing = what_if(frame, "col.umn", "answer", None, kind, share)
    assert len(missing.spec["layer"]) == 1
    assert not missing.frame["here"].any()


@pytest.mark.parametrize("name", ["image", "title", " image\n"])
@pytest.mark.parametrize("kind", ["number", "category"])
def test_no_tooltip_takes_a_value_for_the_address_of_a_picture(name: str, kind: str) -> None:
    at: list[object] = [1.0, 2.0] if kind == "number" else ["http://elsewhere.example/m.png", "b"]
    frame = pd.DataFrame({"at": at, "class": "", "value": [0.1, 0.9]})
    figure = what_if(frame, name, name, at[0], kind, share=False)
    (lines, _) = figure.spec["layer"]
    titles = [line["title"] for line in lines["encoding"]["tooltip"]]
    assert not {"image", "title"} & set(titles)
    assert [title.strip("\u2060") for title in titles] == [name.strip()] * 2, "and nobody sees a difference"
    assert lines["encoding"]["x"]["title"] == name.strip()
