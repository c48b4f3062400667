"""The plan of three groups: its points are the plan's, and its specification asks for them by name."""

import numpy as np
import pytest

from lrapp.charts import layer_groups
from lrapp.charts import training as charts
from lrapp.settings import FixedSettings, GroupSettings, RunSettings, TrainingSettings


def rates() -> np.ndarray:
    training = TrainingSettings(
        epochs=4, batch_size=10, groups=GroupSettings(early=0.1, middle=0.5, frozen_epochs=1)
    )
    return RunSettings(training=training, policy=FixedSettings(learning_rate=0.2)).group_plan(30)


def test_each_group_has_its_line() -> None:
    frame = layer_groups.plan_frame(rates(), 3)
    found = {group: line["learning_rate"].tolist() for group, line in frame.groupby("group")}
    assert found == {
        "early": pytest.approx([0.0] * 3 + [0.02] * 9),
        "middle": pytest.approx([0.0] * 3 + [0.1] * 9),
        "head": pytest.approx([0.2] * 12),
    }
    assert frame["at"].tolist() == pytest.approx(3 * [step / 3 for step in range(1, 13)])


def test_a_long_plan_is_thinned_and_keeps_its_peaks() -> None:
    long = np.zeros((50_000, 3))
    long[31_234, 1] = 7.0
    frame = layer_groups.plan_frame(long, 100)
    assert len(frame) <= 2 * charts.MOST_POINTS
    assert frame.loc[frame["learning_rate"] > 0, ["at", "group"]].values.tolist() == [[312.35, "middle"]]


def test_the_specification_names_its_points_and_every_line() -> None:
    spec = layer_groups.plan_spec()
    assert spec["data"] == {"name": charts.POINTS}
    encoding = spec["encoding"]
    assert encoding["color"]["scale"]["domain"] == ["early", "middle", "head"]
    assert len(set(encoding["color"]["scale"]["range"])) == 3
    assert "domain" not in encoding["x"]["scale"], "the axis ends where the points end"
