"""The charts of range tests: what a click and the pointer meet."""

from typing import Any

import pytest

from lrapp.charts import linear_test, range_test


@pytest.mark.parametrize(
    "spec", [range_test.spec(1e-6, 10), linear_test.linear_spec(0, 1, "R2")], ids=["loss", "accuracy"]
)
def test_a_click_meets_the_points_of_the_mean(spec: dict[str, Any]) -> None:
    (curve,) = (layer for layer in spec["layer"] if layer.get("name") == "curve")
    assert curve["mark"]["type"] == "point"
    assert curve["mark"]["opacity"] == 0
    (click,) = spec["params"]
    assert (click["name"], click["views"]) == ("line", ["curve"])
    filters = {layer["transform"][0]["filter"] for layer in spec["layer"] if layer["mark"]["type"] == "line"}
    assert curve["transform"][0]["filter"] in filters
