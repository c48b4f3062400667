"""Columns that give the answer away are named, and honest ones are not."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lrapp.runs.store import SAMPLES
from lrapp.tables import leaks
from lrapp.tables.reading import Table, read_csv


def table_of(frame: pd.DataFrame) -> Table:
    return read_csv(frame.to_csv(index=False).encode(), "t.csv")


def people(rows: int = 600) -> pd.DataFrame:
    """Age and sex say something of the answer, neither all of it."""
    random = np.random.default_rng(0)
    age, sex = random.integers(18, 80, rows), random.choice(["f", "m"], rows)
    chance = 1 / (1 + np.exp(-(age - 50) / 12 - np.where(sex == "f", 1.5, -1.5)))
    bought = random.random(rows) < chance
    return pd.DataFrame({"age": age, "sex": sex, "bought": np.where(bought, "yes", "no")})


def test_a_recoded_copy_is_named(subtests: pytest.Subtests) -> None:
    codes: list[dict[str, Any]] = [
        {"yes": 7.0, "no": 3.0},
        {"yes": "B", "no": "A"},
        {"yes": "2021-03-04", "no": "2020-01-01"},
    ]
    for code in codes:
        with subtests.test(f"{code!r}"):
            frame = people()
            frame.insert(1, "code", frame["bought"].map(code))
            (leak,) = leaks.suspects(table_of(frame), "bought", classes=True)
            assert (leak.column, leak.copy) == ("code", True)
            assert leak.alone > 0.97
            assert leak.others < 0.6


@pytest.mark.parametrize("change", [lambda y: y**3 + 5, lambda y: -y, np.exp])
def test_a_copy_of_a_number_is_named_whatever_its_scale(change: object) -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(500, 3))
    y = x.sum(axis=1) + random.normal(size=500)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "again": change(y), "y": y})  # type: ignore[operator]
    assert [leak.column for leak in leaks.suspects(table_of(frame), "y", classes=False)] == ["again"]


def test_a_column_that_is_nearly_the_answer_is_named_where_all_others_give_far_less() -> None:
    """As the number of a lifeboat: who had one survived, but for some."""
    frame = people(900)
    random = np.random.default_rng(2)
    boat = random.integers(1, 16, len(frame)).astype(str)
    wrong = random.random(len(frame)) < 0.02
    frame.insert(0, "boat", np.where((frame["bought"] == "yes") ^ wrong, boat, ""))
    (leak,) = leaks.suspects(table_of(frame), "bought", classes=True)
    assert leak.column == "boat"
    assert not leak.copy


def test_what_is_only_known_afterwards_is_named_if_it_gives_as_much_as_all_others() -> None:
    random = np.random.default_rng(3)
    frame = people(1_500)
    longer = np.where(frame["bought"] == "yes", 400, 200) * np.exp(0.6 * random.normal(size=len(frame)))
    frame["age"] = random.integers(18, 80, len(frame))
    frame["sex"] = random.choice(["f", "m"], len(frame))
    for name, found in (("duration", ["duration"]), ("call duration", ["call duration"]), ("weight", [])):
        named = frame.assign(**{name: longer})
        assert [leak.column for leak in leaks.suspects(table_of(named), "bought", classes=True)] == found


def test_noise_and_small_tables_have_no_leak() -> None:
    random = np.random.default_rng(4)
    frame = pd.DataFrame(random.normal(size=(400, 40)), columns=[f"outcome {n}" for n in range(40)])
    frame["y"] = random.choice(["a", "b"], len(frame))
    assert leaks.suspects(table_of(frame), "y", classes=True) == ()
    assert (
        leaks.suspects(table_of(people(40).assign(copy=people(40)["bought"])), "bought", classes=True) == ()
    )


def test_the_samples_have_none(subtests: pytest.Subtests) -> None:
    for entry in json.loads((SAMPLES / "index.json").read_text("utf-8")):
        with subtests.test(f"{entry!r}"):
            table = read_csv((SAMPLES / entry["file"]).read_bytes(), entry["file"])
            assert leaks.suspects(table, entry["target"], classes=entry["target"] != "mpg") == ()


_DATA = os.environ.get("LRAPP_TEST_DATA")


@pytest.mark.skipif(_DATA is None, reason="LRAPP_TEST_DATA is not set")
@pytest.mark.parametrize(
    ("file", "target", "classes", "found"),
    [
        ("bank.csv", "deposit", True, ["duration"]),
        ("bike.csv", "cnt", False, []),
        ("churn.csv", "Churn", True, []),
        ("concrete.csv", "strength", False, []),
        ("energy.csv", "Heating Load", False, []),
        ("wine.csv", "quality", True, []),
    ],
)
def test_tables_as_they_are_found(file: str, target: str, classes: bool, found: list[str]) -> None:
    path = Path(str(_DATA)) / "tables" / file
    table = read_csv(path.read_bytes(), file)
    assert [leak.column for leak in leaks.suspects(table, target, classes=classes)] == found
