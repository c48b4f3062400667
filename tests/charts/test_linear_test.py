"""The chart of a range test over epochs: its points are those that were measured, and it asks for them by name."""

import json

import altair as alt
import pytest

from lrapp.charts import training
from lrapp.charts.linear_test import linear_frame, linear_spec
from lrapp.policies.lr_range import RatesFound
from lrapp.runs.events import Event, History, SweepDone

FOUND = RatesFound(
    "Sure.", 0.01, 0.04, 0.03, (("rise", 0.01, 0.01, 0.02), ("fall", 0.04, 0.04, 0.05)), watched="accuracy"
)


def history(*more: Event) -> History:
    def sweep(seed: int, *figures: float) -> SweepDone:
        pairs = tuple(zip((0.0, 0.02, 0.05), figures, strict=True))
        return SweepDone(seed, 2, 4, 0, (1.0,) * 4, (0.0, 0.01, 0.02, 0.05), pairs, "accuracy")

    return History.of([sweep(0, 0.5, 0.7, 0.6), sweep(1, 0.5, 0.9, -7.0), *more])


def test_each_seed_and_their_mean_are_lines() -> None:
    frame = linear_frame(history())
    lines = {key: part["figure"].tolist() for key, part in frame.groupby(["part", "seed"], dropna=False)}
    assert lines[("seed", "1")] == [0.5, 0.7, 0.6]
    assert lines[("seed", "2")] == [0.5, 0.9, -1.0], "R2 has no least value; the chart has"
    mean = frame[frame["part"] == "mean"]
    assert mean["learning_rate"].tolist() == [0, 0.02, 0.05]
    assert mean["figure"].tolist() == pytest.approx([0.5, 0.8, -0.2])
    assert set(frame["part"]) == {"seed", "mean"}


def test_what_was_found_is_marked() -> None:
    frame = linear_frame(history(FOUND))
    marks = frame[frame["part"] == "mark"]
    assert dict(zip(marks["name"], marks["learning_rate"], strict=True)) == {
        "starts to rise": 0.01,
        "upper end": 0.04,
    }
    (found,) = frame[frame["part"] == "range"][["learning_rate", "high"]].to_numpy().tolist()
    assert found == [0.01, 0.04]


def test_before_anything_was_measured_the_frame_is_empty() -> None:
    assert list(linear_frame(History()).columns) == list(linear_frame(history(FOUND)).columns)


def test_the_specification_is_valid_and_without_data() -> None:
    spec = linear_spec(0, 0.05, "validation accuracy")
    alt.LayerChart.from_dict(spec, validate=True)
    json.dumps(spec, allow_nan=False)
    assert spec["data"] == {"name": training.POINTS}
    assert spec["params"][0]["views"] == [spec["layer"][3]["name"]]
    assert spec["layer"][1]["encoding"]["x"]["scale"]["domain"] == [0, 0.05]
