"""Every format gives the app's predictions of runs with embeddings of numbers, robust scaling and logarithms."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lrapp.execution import worker
from lrapp.export import finished_run, registry
from lrapp.networks import saved
from lrapp.prediction import single_row
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CosLog4Settings,
    DataSettings,
    LayerSettings,
    ModelSettings,
    RunSettings,
    TrainingSettings,
)

LAYERS = (LayerSettings(units=6, batch_norm=True), LayerSettings(units=5))
CASES: dict[str, dict[str, Any]] = {
    "waves and a logarithm": {"target": "price", "embedding": "periodic", "target_transform": "log"},
    "bins and classes": {"target": "kind", "embedding": "bins"},
    "waves of three networks": {"target": "kind", "embedding": "periodic", "members": 3},
}


def _run(
    store: Store, target: str, embedding: str, target_transform: str = "standard", members: int = 1
) -> Run:
    rng = np.random.default_rng(4)
    rows = 260
    size = rng.lognormal(0, 1, rows).round(3)
    frame = pd.DataFrame(
        {"size": size, "age": rng.integers(0, 60, rows), "colour": rng.choice(["red", "blue"], rows)}
    )
    frame["day"] = pd.to_datetime("2001-05-06") + pd.to_timedelta(rng.integers(0, 9_000, rows), unit="h")
    frame["price"] = (np.exp(rng.normal(0, 0.2, rows)) * 50 * size).round(2)
    frame["kind"] = np.where(size > 1.5, "large", np.where(frame["age"] > 30, "old", "young"))
    source = store.keep_file(frame.to_csv(index=False).encode(), "t.csv")
    other = {"price", "kind"} - {target}
    settings = {
        "data": {
            "source": source,
            "target": target,
            "scaling": "robust",
            "kinds": dict.fromkeys(other, "text"),
            "target_transform": target_transform,
        },
        "model": {"layers": LAYERS, "number_embedding": embedding},
        "training": {"epochs": 4, "members": members},
    }
    run = store.create(
        RunSettings(
            data=DataSettings.model_validate(settings["data"]),
            model=ModelSettings.model_validate(settings["model"]),
            training=TrainingSettings.model_validate(settings["training"]),
            policy=CosLog4Settings(),
            closer_look=False,
        )
    )
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message)
    assert outcome.state == "completed"
    return run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("ingredients"))


@pytest.fixture(scope="module", params=CASES)
def run(request: pytest.FixtureRequest, store: Store) -> Run:
    return _run(store, **CASES[request.param])


@pytest.mark.parametrize("kind", ["keras", "savedmodel", "onnx", "litert"])
def test_each_format_gives_the_apps_predictions(kind: str, run: Run, store: Store) -> None:
    if kind == "onnx":
        pytest.importorskip("onnx", reason="needs the optional package onnx")
        pytest.importorskip("onnxruntime", reason="needs the optional package onnxruntime")
    # An export is compared with the app's own answers, and refused where they differ.
    assert registry.export(run.folder, store.home, kind).exists()


def test_one_row_is_answered_as_the_network_does(run: Run, store: Store) -> None:
    single_row.make(run.folder, store.home)
    model = single_row.load(run)
    assert model is not None
    recipe = finished_run.recipe(run, store)
    rows = recipe.frame.iloc[:30]
    told = recipe.preprocessor
    own = told.decode(saved.outputs(recipe.model.network, told.transform(rows)))
    given = [
        {
            column.name: row[column.name].timestamp() / 86_400
            if isinstance(row[column.name], pd.Timestamp)
            else row[column.name]
            for column in told.columns
        }
        for row in rows.to_dict("records")
    ]
    found = model.answer(given)
    if own.probabilities is None:
        np.testing.assert_allclose(found.values, own.values, rtol=1e-4)
        assert recipe.scores is not None
        first = recipe.scores.metrics[0]
        assert first.value is not None
        assert first.baseline is not None
        assert first.value < first.baseline, "in the target's own units, where always the mean is worse"
    else:
        assert found.probabilities is not None
        np.testing.assert_allclose(found.probabilities, own.probabilities, atol=1e-5)
