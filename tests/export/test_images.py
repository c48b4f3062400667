"""Models of pictures to take away: from pixels they give the app's answers, and vary nothing."""

import json
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import packed, plain, zipped

from lrapp.errors import UserError
from lrapp.execution import worker
from lrapp.export import finished_image_run, registry, tf_graph
from lrapp.networks import models, saved
from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    AugmentationSettings,
    DataSettings,
    LayerSettings,
    ModelSettings,
    PictureFileSource,
    PictureSettings,
    PicturesSource,
    Precision,
    RunSettings,
    TrainingSettings,
)
from lrapp.settings.network import PRETRAINED, PretrainedStart

Row = LayerSettings
VARIED = AugmentationSettings(flip="both", shift=0.3, rotate=90, zoom=0.3, contrast=0.5)
RICH = ModelSettings(
    layers=(
        Row(kind="conv", units=6, batch_norm=True, dropout=0.2),
        Row(kind="residual", units=6),
        Row(kind="residual", units=8, stride=2, batch_norm=True),
        Row(kind="max_pool", size=2),
        Row(units=8, activation="gelu"),
    ),
    augmentation=VARIED,
)
SMALL = ModelSettings(layers=(Row(kind="conv", units=4, stride=2), Row(kind="global_avg_pool")))


def finished_run(store: Store, data: DataSettings, model: ModelSettings, precision: Precision) -> Run:
    run = store.create(
        RunSettings(
            data=data,
            model=model,
            training=TrainingSettings(epochs=1, precision=precision),
            closer_look=False,
        )
    )
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message)
    return run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("picture-exports"))


@pytest.fixture(scope="module")
def trained(store: Store) -> dict[str, Run]:
    digits = DataSettings(source=PicturesSource(name="digits"), pictures=PictureSettings(most_rows=200))
    files = {
        f"{name}/{number}.png": packed(plain((red, 3 * number, 9), (15, 12)))
        for name, red in (("a|b", 250), ("`other`", 20))
        for number in range(20)
    }
    kept = store.keep_file(zipped(files), "own.zip")
    own = DataSettings(
        source=PictureFileSource(name="own.zip", sha256=kept.sha256), pictures=PictureSettings(size=9)
    )
    return {
        "digits": finished_run(store, digits, RICH, "float32"),
        "two classes, mixed": finished_run(store, own, SMALL, "mixed_bfloat16"),
    }


@pytest.mark.parametrize("case", ["digits", "two classes, mixed"])
@pytest.mark.parametrize("kind", ["keras", "savedmodel", "onnx", "litert"])
def test_an_exported_model_gives_the_apps_answers(
    kind: str,
    case: str,
    trained: dict[str, Run],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if kind == "onnx":
        pytest.importorskip("onnx", reason="needs the optional package onnx")
        pytest.importorskip("onnxruntime", reason="needs the optional package onnxruntime")
    run = trained[case]
    with zipfile.ZipFile(registry.export(run.folder, store.home, kind)) as archive:
        archive.extractall(tmp_path)
    recipe = finished_image_run.picture_recipe(run, store)
    readme = (tmp_path / "README.md").read_text("utf-8")
    assert f"Checked on {len(recipe.checked.y)} test pictures: the largest difference" in readme
    assert ("which is more exact" in readme) == ("mixed" in case and kind in ("onnx", "litert"))
    if "mixed" in case:
        assert "`'other'`" in readme
        assert "`a¦b`" in readme
    # The example of the README runs as it stands, reading the first checked picture from a file.
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "read_picture", raising=False)
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"[\s\S]*tf\.lite\.Interpreter is deprecated")
        exec(readme.split("```python")[1].split("```")[0], names)
    assert names["pictures"].dtype == np.uint8
    np.testing.assert_array_equal(names["pictures"], recipe.checked.x[:1])
    own = recipe.preprocessor.decode(saved.outputs(recipe.model.network, recipe.checked.x[:1]))
    assert own.probabilities is not None
    within = 0.02 if "mixed" in case else 1e-5
    prediction, probabilities = _read(kind, names["answers"], recipe.preprocessor.classes)
    np.testing.assert_allclose(probabilities, own.probabilities[0, -len(probabilities) :], atol=within)
    if prediction is not None:
        assert prediction == own.values[0]
    assert json.loads((tmp_path / "pictures.json").read_text())["classes"] == list(
        recipe.preprocessor.classes
    )


def _read(kind: str, answers: Any, classes: tuple[str, ...]) -> tuple[str | None, NDArray[Any]]:
    """The prediction and the probabilities of the only picture."""
    if kind == "keras":
        return None, answers[0]
    if kind == "onnx":
        return answers[0][0, 0], answers[1][0]
    prediction = np.asarray(answers["prediction"])[0]
    name = classes[prediction] if kind == "litert" else prediction.decode()
    return name, np.asarray(answers["probabilities"])[0]


def test_what_is_exported_varies_nothing(trained: dict[str, Run], store: Store, tmp_path: Path) -> None:
    import keras

    with zipfile.ZipFile(registry.export(trained["digits"].folder, store.home, "keras")) as archive:
        archive.extract("model.keras", tmp_path)
    network = keras.models.load_model(tmp_path / "model.keras")
    assert not [layer.name for layer in network.layers if layer.name.startswith("augmentation")]
    recipe = finished_image_run.picture_recipe(trained["digits"], store)
    assert [layer.name for layer in recipe.model.network.layers if layer.name.startswith("augmentation")]
    np.testing.assert_array_equal(
        saved.outputs(network, recipe.checked.x), saved.outputs(recipe.model.network, recipe.checked.x)
    )


def test_an_answer_that_is_off_is_found(
    trained: dict[str, Run], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = tf_graph.run
    monkeypatch.setattr(
        tf_graph,
        "run",
        lambda *given: {"probabilities": right(*given)["probabilities"] + np.float32(1e-3)},
    )
    with pytest.raises(RuntimeError, match=r"differ by 0.001 in a probability"):
        registry.export(trained["digits"].folder, store.home, "savedmodel")


def test_formats_of_pictures_speak_of_pictures(trained: dict[str, Run]) -> None:
    formats = registry.formats(trained["digits"])
    assert [item.key for item in formats] == [
        "code",
        "onnx",
        "keras",
        "savedmodel",
        "litert",
        "litert-int8",
        "int8",
    ]
    about = [registry.about(item, trained["digits"]) for item in formats]
    assert all("picture" in text and "column" not in text for text in about)


def test_a_run_without_a_model_is_a_sentence(store: Store) -> None:
    run = store.create(RunSettings(data=DataSettings(source=PicturesSource(name="digits"))))
    with pytest.raises(UserError, match="left no model"):
        registry.export(run.folder, store.home, "onnx")


NETWORKS: dict[str, ModelSettings] = {
    "windows of even size, and strides that leave a rest": ModelSettings(
        layers=(
            Row(kind="conv", units=5, size=4, stride=3, activation="silu"),
            Row(kind="conv", units=4, size=2, stride=2, activation="leaky_relu"),
        )
    ),
    "pooling that leaves a rest": ModelSettings(
        layers=(Row(kind="avg_pool", size=3), Row(kind="max_pool", size=2), Row(kind="batch_norm"))
    ),
    "global pooling": ModelSettings(
        layers=(
            Row(kind="conv", units=5, activation="elu"),
            Row(kind="global_max_pool"),
            Row(kind="batch_norm"),
            Row(kind="dropout", dropout=0.5),
        )
    ),
    "residual": ModelSettings(
        layers=(
            Row(kind="residual", units=3, activation="linear"),
            Row(kind="residual", units=3, stride=2, size=5, activation="tanh"),
            Row(kind="global_avg_pool"),
        )
    ),
    "no layers": ModelSettings(layers=()),
    "dense on pixels": ModelSettings(layers=(Row(units=4, batch_norm=True, activation="selu"),)),
    **{
        name: ModelSettings(layers=(Row(units=4),), start=PretrainedStart(name=name, size=facts.least))
        for name, facts in PRETRAINED.items()
    },
}


@pytest.mark.parametrize("case", NETWORKS)
def test_every_layer_in_onnx_is_the_apps(case: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs the optional package onnx")
    pytest.importorskip("onnxruntime", reason="needs the optional package onnxruntime")
    from lrapp.export import image_onnx_graph, onnx_graph

    rng = np.random.default_rng(0)
    shape = (11, 14, 1 if case in PRETRAINED else 3)
    told = PicturePreprocessor("multi-class", ("a", "b", "c"), shape)
    network = models.build(NETWORKS[case], shape, "multi-class", 3, seed=2)
    if case not in PRETRAINED:
        # As if it had been trained: no average is 0 and no variance 1.
        network.set_weights(
            [value + rng.uniform(0.1, 0.4, value.shape).astype(np.float32) for value in network.get_weights()]
        )
    pictures = rng.integers(0, 256, (7, *shape), np.uint8) // rng.integers(1, 9, (7, 1, 1, 1), np.uint8)
    (tmp_path / "model.onnx").write_bytes(image_onnx_graph.build(network, told).SerializeToString())
    answers = onnx_graph.run(tmp_path / "model.onnx", {image_onnx_graph.INPUT: pictures})
    own = saved.outputs(network, pictures)
    np.testing.assert_allclose(answers["probabilities"], own, atol=1e-5)
    assert answers["prediction"].ravel().tolist() == [told.classes[place] for place in own.argmax(axis=1)]
    if case not in PRETRAINED:  # whose initial weights make nearly the same of all
        assert np.ptp(own, axis=0).max() > 1e-3, "different pictures have different answers"
