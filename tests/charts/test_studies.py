"""The charts of a study: thinned policy by policy, and asking for columns that are there."""

import json
import re

import numpy as np
import pandas as pd

from lrapp.charts import training
from lrapp.charts.studies import study_frame, study_spec


def study_curves(points: int) -> pd.DataFrame:
    """Two policies with a peak each."""
    parts = []
    for panel in ("loss", "rate", "metric"):
        for policy in (0, 1):
            mean = np.ones(points)
            mean[points // 3] = 9.0 + policy
            line = pd.DataFrame({"epoch": np.arange(1.0, points + 1), "mean": mean, "low": mean - 1})
            parts.append(line.assign(panel=panel, policy=policy, high=mean + 1, seeds=3))
    return pd.concat(parts, ignore_index=True)


def test_a_study_s_lines_are_thinned_each_for_itself() -> None:
    names = ["CLR (found)", "a.b[\"c']\nd"]
    frame = study_frame(study_curves(5_000), names)
    assert len(frame) <= 6 * training.MOST_POINTS
    for policy, name in enumerate(names):
        own = frame[frame["name"] == name]
        assert set(own["panel"]) == {"loss", "rate", "metric"}
        peaks = own[own["mean"] == 9.0 + policy]
        assert len(peaks) == 3
        assert (peaks["low"] == 8.0 + policy).all()
        assert (own["high"] - own["low"] == 2.0).all()


def test_a_study_s_specification_asks_for_columns_that_are_there() -> None:
    names = ["Fixed 0.01", "a.b[\"c']\nd"]
    spec = study_spec(names, 50, "accuracy", log_loss=True)
    asked = set(re.findall(r'"field": "(\w+)"', json.dumps(spec)))
    assert asked <= set(study_frame(study_curves(10), names).columns)
    assert {"epoch", "mean", "low", "high", "name"} <= asked
    assert [panel["layer"][1]["name"] for panel in spec["vconcat"]] == [
        "loss_lines",
        "rate_lines",
        "metric_lines",
    ]
    scales = [
        panel["layer"][number]["encoding"]["y"]["scale"]["type"]
        for panel in spec["vconcat"]
        for number in (0, 1)
    ]
    assert scales == ["log", "log", "linear", "linear", "linear", "linear"]
    json.dumps(spec)


def test_hues_of_policies_differ() -> None:
    spec = study_spec([str(number) for number in range(8)], 5, "accuracy")
    color = spec["vconcat"][0]["layer"][1]["encoding"]["color"]
    assert len(set(color["scale"]["range"])) == 8
    assert "data" not in spec["vconcat"][0]
