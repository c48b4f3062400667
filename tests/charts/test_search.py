"""The charts of a search: columns that are there, logarithmic where it was drawn so, nobody out of sight."""

import json
import re

import pandas as pd
import pytest

from lrapp.charts.search import setting_frame, setting_spec, wide
from lrapp.experiments.search_space import NAMES, Numbers, Range, Space, usual

SPACE = Space(**{name: usual(name) for name in NAMES})


def points(*measures: float | None) -> pd.DataFrame:
    rows = [
        (
            name,
            number,
            None if name == "optimizer" else 0.01 * number,
            "SGD" if name == "optimizer" else None,
            measure,
            "diverged" if measure is None else "trial",
        )
        for number, measure in enumerate(measures, start=1)
        for name in NAMES
    ]
    frame = pd.DataFrame(rows, columns=["setting", "trial", "value", "name", "measure", "part"])
    return frame.astype({"value": "float64", "measure": "float64"})


def test_a_chart_asks_for_columns_that_are_there(subtests: pytest.Subtests) -> None:
    for name in NAMES:
        with subtests.test(name):
            frame = setting_frame(points(0.5, 0.6, None), name)
            assert len(frame) == 3
            spec = setting_spec(SPACE, name, "validation accuracy", upwards=True)
            asked = set(re.findall(r'"field": "(\w+)"', json.dumps(spec)))
            assert asked == set(frame.columns) - {"part"}
            assert "data" in spec


def test_the_axis_is_logarithmic_where_it_was_drawn_so(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, str | None]] = [
        ("learning_rate", "log"),
        ("batch_size", "log"),
        ("units", "log"),
        ("l2", "log"),
        ("layers", None),
        ("dropout", None),
    ]
    for name, type_ in cases:
        with subtests.test(name):
            spec = setting_spec(SPACE, name, "validation accuracy", upwards=True)
            for layer in spec["layer"]:
                scale = layer["encoding"]["x"]["scale"]
                assert scale.get("type") == type_
                varied = getattr(SPACE, name)
                assert scale["domain"] == [varied.low, varied.high]


def test_marks_are_powers_within_the_range(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Space, str, list[float] | None]] = [
        (Space(learning_rate=Range(low=1e-4, high=0.1)), "learning_rate", [1e-4, 1e-3, 1e-2, 0.1]),
        (Space(learning_rate=Range(low=2e-4, high=0.5)), "learning_rate", [1e-3, 1e-2, 0.1]),
        (Space(units=Range(low=10, high=100)), "units", [16, 32, 64]),
        (Space(learning_rate=Range(low=0.02, high=0.05)), "learning_rate", None),
    ]
    for space, name, marks in cases:
        with subtests.test(f"{space!r}"):
            axis = setting_spec(space, name, "m", upwards=True)["layer"][0]["encoding"]["x"]["axis"]
            assert axis.get("values") == (None if marks is None else pytest.approx(marks))


def test_another_range_is_another_chart() -> None:
    one, other = (
        setting_spec(Space(units=Range(low=4, high=high)), "units", "m", upwards=True) for high in (64, 128)
    )
    assert one != other


def test_what_diverged_lies_at_the_bad_edge(subtests: pytest.Subtests) -> None:
    cases: list[tuple[bool, object]] = [(True, {"expr": "height"}), (False, 0)]
    for upwards, edge in cases:
        with subtests.test(f"{upwards!r}"):
            spec = setting_spec(SPACE, "units", "m", upwards=upwards)
            assert spec["layer"][-1]["encoding"]["y"] == {"value": edge}


def test_measures_far_apart_are_drawn_in_their_logarithm(subtests: pytest.Subtests) -> None:
    cases: list[tuple[tuple[float | None, ...], bool]] = [
        ((0.5, 0.9), False),
        ((2.0, 30.0), False),
        ((2.0, 50.0), True),
        ((0.0, 50.0), False),
        ((None, 3.0), False),
    ]
    for measures, expected in cases:
        with subtests.test(f"{measures!r}"):
            assert wide(points(*measures)) is expected
            spec = setting_spec(SPACE, "units", "m", upwards=False, log_measure=expected)
            assert spec["layer"][0]["encoding"]["y"]["scale"]["type"] == ("log" if expected else "linear")


def test_steps_are_evenly_apart_and_listed_numbers_are_the_marks() -> None:
    space = Space(units=Range(low=32, high=512, step=32), learning_rate=Numbers(among=(1e-2, 1e-4, 1e-3)))
    for name, type_, domain, marks in (
        ("units", None, [32, 512], None),
        ("learning_rate", "log", [1e-4, 1e-2], [1e-4, 1e-3, 1e-2]),
    ):
        x = setting_spec(space, name, "validation accuracy", upwards=True)["layer"][0]["encoding"]["x"]
        assert (x["scale"].get("type"), x["scale"]["domain"]) == (type_, domain)
        assert x["axis"].get("values") == marks
