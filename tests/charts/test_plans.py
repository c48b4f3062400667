"""The plan of one rate, of three groups, of momentum: its points are the plan's, and it asks for them by name."""

import numpy as np
import pytest

from lrapp.charts import training as charts
from lrapp.charts.plans import plan_frame, plan_spec, shape_spec
from lrapp.policies.momentum import CyclicalMomentum
from lrapp.policies.schedules import CLR
from lrapp.settings import FixedSettings, GroupSettings, RunSettings, TrainingSettings


def rates() -> np.ndarray:
    training = TrainingSettings(
        epochs=4, batch_size=10, groups=GroupSettings(early=0.1, middle=0.5, frozen_epochs=1)
    )
    return RunSettings(training=training, policy=FixedSettings(learning_rate=0.2)).group_plan(30)


def test_a_plan_over_epochs() -> None:
    frame = plan_frame(CLR(1, 5, 4).plan(8), steps_per_epoch=4)
    assert frame["at"].tolist() == [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]
    assert frame["learning_rate"].tolist() == [1, 2, 3, 4, 5, 4, 3, 2]


def test_shapes_of_plans_have_no_axes_and_one_scale_from_zero() -> None:
    spec = shape_spec(0.5)
    assert all(spec["encoding"][axis]["axis"] is None for axis in "xy")
    scale = spec["encoding"]["y"]["scale"]
    assert scale["domain"] == [0, 0.5], "a low rate looks low, and a fixed one not like one that moves"
    assert not scale["nice"]
    assert spec["description"]


def test_momentum_has_points_of_its_own() -> None:
    policy = CLR(1, 5, 4)
    frame = plan_frame(policy.plan(8), 4, CyclicalMomentum(policy, 0.8, 0.9).plan(8))
    assert frame["learning_rate"].dropna().tolist() == [1, 2, 3, 4, 5, 4, 3, 2]
    below = frame[frame["momentum"].notna()]
    assert below["momentum"].tolist() == pytest.approx([0.9, 0.875, 0.85, 0.825, 0.8, 0.825, 0.85, 0.875])
    assert below["at"].tolist() == [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2]


def test_each_group_has_its_line() -> None:
    frame = plan_frame(rates(), 3)
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
    frame = plan_frame(long, 100)
    assert len(frame) <= 2 * charts.MOST_POINTS
    assert frame.loc[frame["learning_rate"] > 0, ["at", "group"]].values.tolist() == [[312.35, "middle"]]


def test_the_specification_names_its_points_and_every_line() -> None:
    spec = plan_spec(grouped=True)
    assert spec["data"] == {"name": charts.POINTS}
    encoding = spec["encoding"]
    assert encoding["color"]["scale"]["domain"] == ["early", "middle", "head"]
    assert len(set(encoding["color"]["scale"]["range"])) == 3
    assert "domain" not in encoding["x"]["scale"], "the axis ends where the points end"


@pytest.mark.parametrize("grouped", [False, True])
def test_momentum_is_drawn_below_the_rate(grouped: bool) -> None:
    spec = plan_spec(grouped=grouped, momentum=True)
    rate, momentum = spec["vconcat"]
    assert rate["encoding"]["y"]["field"] == "learning_rate"
    assert momentum["encoding"]["y"]["field"] == "momentum"
    assert spec["data"] == {"name": charts.POINTS}
    assert spec["resolve"]["scale"]["x"] == "shared"
