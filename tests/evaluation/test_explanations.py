"""Columns moved among the prepared inputs, beside the slow way over the table itself."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pictures import some_images
from sklearn.linear_model import LogisticRegression, Ridge

from lrapp.evaluation import explanations, kinds
from lrapp.evaluation.kinds import table as table_kind
from lrapp.evaluation.kinds.pictures import linear_pixels
from lrapp.preparation.image_arrays import prepare_images
from lrapp.preparation.preprocessor import raw_slots
from lrapp.preparation.table_arrays import Prepared, prepare
from lrapp.settings import DataSettings
from lrapp.settings.data import Scaling
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table, read_csv

RNG = np.random.default_rng(8)
ROWS = 300
SIZE = RNG.normal(50, 10, ROWS)
FRAME = pd.DataFrame(
    {
        "size": np.where(RNG.random(ROWS) < 0.1, np.nan, SIZE.round(2)),
        "colour": RNG.choice(["red", "green", "blue", "rust"], ROWS, p=[0.5, 0.3, 0.19, 0.01]),
        "open": RNG.choice(["yes", "no"], ROWS),
        "noise": RNG.normal(0, 1e-3, ROWS),
        "day": pd.date_range("2020-01-01", periods=ROWS).strftime("%Y-%m-%d"),
        "price": SIZE * 3 + RNG.normal(0, 1, ROWS),
        "dear": np.where(SIZE > 50, "dear", "cheap"),
        "size class": np.digitize(SIZE, [45, 55]).astype(str),
    }
)


def table(target: str) -> Table:
    others = {"price", "dear", "size class"} - {target}
    text = FRAME.drop(columns=list(others)).to_csv(index=False)
    return read_csv(text.encode(), "t.csv").with_kinds(
        {"size class": ColumnKind.CATEGORY} if target == "size class" else {}
    )


def data(target: str = "price", scaling: Scaling = "clipped", **more: Any) -> Prepared:
    return prepare(table(target), DataSettings(target=target, scaling=scaling, **more))


def linear(prepared: Prepared) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """A stand-in for a network that reads all inputs."""
    weights = np.random.default_rng(0).normal(size=len(prepared.inputs))
    return lambda x: (x @ weights)[:, None]


def test_inputs_of_a_column_are_those_that_move_with_it() -> None:
    prepared = data()
    preprocessor = prepared.tabular
    slots, _ = raw_slots(table("price").frame, preprocessor.columns)
    whole = preprocessor.transform_slots(slots)
    start = 0
    for column, found in zip(preprocessor.columns, explanations.inputs_of(preprocessor), strict=True):
        moved = slots.copy()
        of_column = slice(start, start + len(column.slots))
        start = of_column.stop
        moved[:, of_column] = RNG.permutation(slots[:, of_column])
        seen = np.flatnonzero((preprocessor.transform_slots(moved) != whole).any(axis=0))
        assert set(seen) <= set(found.every), column.name
        assert len(seen) >= len(found.every) - 2, "but for an input that is the same in every row"
    every = [place for one in explanations.inputs_of(preprocessor) for place in one.every]
    assert sorted(every) == list(range(len(prepared.inputs)))
    by_name = dict(
        zip((c.name for c in preprocessor.columns), explanations.inputs_of(preprocessor), strict=True)
    )
    assert by_name["colour"].labels == ("blue", "green", "red", "(rare)")
    assert len(by_name["size"].flags) == 1


@pytest.mark.parametrize("scaling", ["clipped", "standard", "robust", "quantile"])
def test_dependence_equals_setting_the_column_in_the_table(scaling: Scaling) -> None:
    prepared = data(scaling=scaling)
    answer = linear(prepared)
    rows = np.arange(len(prepared.test.y))
    inputs = explanations.inputs_of(prepared.tabular)
    frame = table("price").frame.iloc[prepared.test.rows]
    checked = []
    for place, column in enumerate(prepared.tabular.columns):
        found = explanations.dependence(prepared, prepared.test, rows, place, inputs[place], answer)
        if found is None:
            assert column.kind is ColumnKind.DATE
            continue
        labels = [label for label in found.labels if label != "(rare)"]
        at: list[Any] = labels or list(found.numbers)
        expected = []
        for value in at:
            changed = frame.copy()
            changed[column.name] = (
                pd.Series([value] * len(frame), index=frame.index, dtype=frame[column.name].dtype)
                if isinstance(value, float) or column.kind is ColumnKind.CATEGORY
                else [value == column.values[1]] * len(frame)
                if pd.api.types.is_bool_dtype(frame[column.name].dtype)
                else value
            )
            outputs = answer(prepared.tabular.transform(changed))
            expected.append(prepared.preprocessor.decode(outputs).values.mean())
        got = list(found.series[0].values[: len(at)])
        assert got == pytest.approx(expected, rel=2e-3, abs=2e-2), column.name
        checked.append(column.name)
    assert checked == ["size", "colour", "open", "noise"]


def test_importance_is_what_shuffling_costs() -> None:
    prepared = data()
    inputs = explanations.inputs_of(prepared.tabular)
    column = next(k for k, c in enumerate(prepared.tabular.columns) if c.name == "size")
    place = inputs[column].numbers[0]
    # Reads one input only, and that one well.
    slope = np.polyfit(prepared.train.x[:, place], prepared.train.y, 1)
    rows = np.arange(len(prepared.test.y))
    calls = []

    def answer(x: NDArray[np.float32]) -> NDArray[Any]:
        calls.append(len(x))
        return np.polyval(slope, x[:, place])[:, None]

    found = [
        explanations.importance(prepared, prepared.test, rows, k, inputs[k], answer)
        for k in range(len(inputs))
    ]
    assert calls == [len(rows) * (explanations.REPEATS + 1)] * len(inputs)
    drops = {one.column: one.drop for one in found}
    assert {name for name, drop in drops.items() if drop != 0} == {"size"}
    y, x = prepared.test.y, prepared.test.x[:, place]
    before = np.abs(np.polyval(slope, x) - y).mean()
    # All pairs: the mean over every possible shuffling.
    after = np.abs(np.polyval(slope, x)[:, None] - y[None, :]).mean()
    assert drops["size"] == pytest.approx((after - before) * prepared.metric_scale, rel=0.15)


def test_the_linear_model_is_scikit_learns() -> None:
    prepared = data("price")
    found = explanations.linear_outputs(prepared, prepared.test.x)
    assert found is not None
    model = Ridge().fit(prepared.train.x.astype(float), prepared.train.y.astype(float))
    assert found[0] == pytest.approx(model.predict(prepared.test.x.astype(float)))
    assert found[1] == len(prepared.train.y)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("target", ["dear", "size class"])
def test_the_linear_classifier_is_scikit_learns(target: str, weights: bool) -> None:
    prepared = data(target, class_weights=weights)
    found = explanations.linear_outputs(prepared, prepared.test.x)
    assert found is not None
    model = LogisticRegression(max_iter=200, class_weight="balanced" if weights else None)
    model.fit(prepared.train.x.astype(float), prepared.train.y.astype(int))
    expected = model.predict_proba(prepared.test.x.astype(float))
    got = found[0] if target == "size class" else np.column_stack([1 - found[0], found[0]])
    assert got == pytest.approx(expected, abs=2e-3)


def test_too_few_rows_have_no_linear_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "of", lambda _: replace(table_kind.KIND, linear_work=10))
    prepared = data()
    assert explanations.linear_outputs(prepared, prepared.test.x) is None


def test_the_column_that_goes_with_the_target_comes_first() -> None:
    prepared = data("dear")
    inputs = explanations.inputs_of(prepared.tabular)
    first = explanations.related(prepared, inputs)[0]
    assert prepared.tabular.columns[first].name == "size"
    assert sorted(explanations.related(prepared, inputs)) == list(range(len(inputs)))


@pytest.mark.parametrize(
    ("shape", "side"), [((8, 8, 1), 1), ((28, 28, 1), 2), ((30, 20, 3), 3), ((224, 2, 1), 16)]
)
def test_the_linear_model_of_pictures_sees_means_of_squares(shape: tuple[int, int, int], side: int) -> None:
    assert linear_pixels(shape) == side
    prepared = prepare_images(some_images((30, 30), shape=shape), DataSettings())

    def small(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        high, wide = max(shape[0] // side, 1), max(shape[1] // side, 1)
        squares = [
            pixels[:, side * row : side * (row + 1), side * column : side * (column + 1)].mean(axis=(1, 2))
            for row in range(high)
            for column in range(wide)
        ]
        return np.concatenate(squares, axis=1) / 255

    found = explanations.linear_outputs(prepared, prepared.test.x)
    assert found is not None
    model = LogisticRegression(max_iter=40).fit(small(prepared.train.x), prepared.train.y)
    expected = model.predict_proba(small(prepared.test.x))[:, 1]
    assert found[0] == pytest.approx(expected, abs=1e-6)
    assert found[1] == len(prepared.train.y)


def test_pictures_are_answered_for_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare_images(some_images((30, 30, 30)), DataSettings())
    whole = explanations.linear_outputs(prepared, prepared.test.x)
    monkeypatch.setattr(explanations, "_NUMBERS_AT_ONCE", 5 * 16)
    pieces = explanations.linear_outputs(prepared, prepared.test.x)
    assert whole is not None
    assert pieces is not None
    assert len(pieces[0]) == 18
    assert pieces[0] == pytest.approx(whole[0])
