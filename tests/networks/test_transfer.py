from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np
import pretrained_weights
import pytest
from small_networks import prepared as table

from lrapp.errors import UserError
from lrapp.networks import models, transfer
from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.preparation.table_arrays import Prepared, Split
from lrapp.settings import LayerSettings, ModelSettings, PretrainedName, PretrainedStart, RunSettings

SHAPE = (8, 8, 1)
LAYERS = (
    LayerSettings(kind="conv", units=3, batch_norm=True),
    LayerSettings(kind="global_avg_pool"),
    LayerSettings(units=4),
)
CLASSES = ("boot", "coat", "dress")


def pictures(classes: tuple[str, ...] = CLASSES, shape: tuple[int, int, int] = SHAPE) -> Prepared:
    x = np.zeros((4, *shape), np.uint8)
    part = Split(x, np.zeros(4, np.int32), None, np.arange(4))
    preprocessor = PicturePreprocessor("multi-class", classes, shape)
    return Prepared("multi-class", "class", classes, (), part, part, part, 1.0, (), preprocessor)


def network(model: ModelSettings, classes: int = 3, seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Any:
    return models.build(model, shape, "multi-class", classes, seed)


@pytest.fixture
def source(tmp_path: Path) -> tuple[Path, Any]:
    """A folder that a run left, and its network."""
    settings = RunSettings(model=ModelSettings(layers=LAYERS))
    known = network(settings.model, seed=5)
    known.get_layer("batch_norm_1").moving_mean.assign([1.0, 2.0, 3.0])
    (tmp_path / "run.json").write_text(settings.to_json())
    PicturePreprocessor("multi-class", CLASSES, SHAPE).save(tmp_path)
    known.save(tmp_path / "model.keras")
    return tmp_path, known


def test_all_but_the_output_layer_is_taken_over_for_other_classes(source: tuple[Path, Any]) -> None:
    folder, known = source
    fresh = network(ModelSettings(layers=LAYERS), 4)
    output = fresh.get_layer("output").get_weights()
    knowledge = transfer.of_run(folder, fresh, pictures(("a", "b", "c", "d")))
    knowledge.give(fresh)
    for name in ("conv_1", "batch_norm_1", "dense_3"):
        for ours, theirs in zip(
            fresh.get_layer(name).get_weights(), known.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    for ours, before in zip(fresh.get_layer("output").get_weights(), output, strict=True):
        np.testing.assert_array_equal(ours, before)
    assert knowledge.note.startswith(
        "3 hidden layers start with the weights of an earlier run, while the output"
    )


def test_as_many_but_other_classes_get_a_fresh_output_layer(source: tuple[Path, Any]) -> None:
    folder, _ = source
    fresh = network(ModelSettings(layers=LAYERS))
    output = fresh.get_layer("output").get_weights()[0]
    transfer.of_run(folder, fresh, pictures(("boot", "coat", "shirt"))).give(fresh)
    np.testing.assert_array_equal(fresh.get_layer("output").get_weights()[0], output)


def test_the_same_classes_keep_the_output_layer(source: tuple[Path, Any]) -> None:
    folder, known = source
    fresh = network(ModelSettings(layers=LAYERS))
    knowledge = transfer.of_run(folder, fresh, pictures())
    knowledge.give(fresh)
    x = np.random.default_rng(0).integers(0, 256, (5, *SHAPE), dtype=np.uint8)
    np.testing.assert_array_equal(fresh(x), known(x))
    assert "tells the same classes apart" in knowledge.note


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ((LayerSettings(kind="conv", units=4, batch_norm=True), *LAYERS[1:]), "layer 1"),
        ((*LAYERS[:2], LayerSettings(units=5)), "layer 3"),
        ((LAYERS[0], LAYERS[2]), "layer 2"),
    ],
)
def test_other_layers_are_refused_with_their_place(
    source: tuple[Path, Any], changed: tuple[LayerSettings, ...], place: str
) -> None:
    with pytest.raises(UserError, match=rf"\({place} differs\)"):
        transfer.of_run(source[0], network(ModelSettings(layers=changed)), pictures())


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            table("binary"),
            "has learned from pictures, and this one learns from a table. Choose a run of a table",
        ),
        (pictures(("a", "b", "c")), "There is nothing to take over: this network has no hidden layers"),
    ],
)
def test_what_cannot_be_taken_over_is_told_in_words_that_fit(
    source: tuple[Path, Any], data: Prepared, sentence: str
) -> None:
    linear = network(ModelSettings(layers=()))
    with pytest.raises(UserError, match=sentence):
        transfer.of_run(source[0], linear, data)


def test_a_run_without_a_model_is_refused(source: tuple[Path, Any]) -> None:
    (source[0] / "model.keras").unlink()
    with pytest.raises(UserError, match="left no model"):
        transfer.of_run(source[0], network(ModelSettings(layers=LAYERS)), pictures())


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Where Keras keeps what it has downloaded; it looks the place up when it is imported.
    monkeypatch.setattr(keras.src.utils.file_utils.config, "keras_home", lambda: str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", get_args(PretrainedName))
def test_a_network_from_imagenet_answers_as_keras_own_does(
    name: PretrainedName, keras_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keras.src.utils.file_utils.validate_file", lambda *_, **__: True)
    pretrained_weights.keep(name, 96, keras_home)
    make = getattr(keras.applications, name)
    theirs = make(include_top=False, weights="imagenet", pooling="avg", input_shape=(96, 96, 3))
    start = PretrainedStart(name=name, size=96)
    ours = network(ModelSettings(layers=(), start=start), shape=(96, 96, 3))
    knowledge = transfer.of_imagenet(start)
    knowledge.give(ours)
    assert "ImageNet" in knowledge.note
    x = np.random.default_rng(1).integers(0, 256, (3, 96, 96, 3), dtype=np.uint8)
    wanted = theirs(pretrained_weights.as_learned(name, x))
    found = keras.Model(ours.input, ours.get_layer("output").input)(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)
    assert np.std(np.asarray(wanted)) > 0.01
    # And so do weights that were saved and read again.
    ours.save_weights(keras_home / "kept.weights.h5")
    again = network(ModelSettings(layers=(), start=start), shape=(96, 96, 3))
    again.load_weights(keras_home / "kept.weights.h5")
    np.testing.assert_allclose(again(x), ours(x), rtol=1e-4, atol=1e-6)


def test_sizes_that_keras_has_no_weights_for_take_those_of_224_pixels_without_a_warning(
    keras_home: Path,
) -> None:
    pretrained_weights.keep("MobileNetV2", 224, keras_home)
    assert "ImageNet" in transfer.of_imagenet(PretrainedStart(size=40)).note


def test_offline_is_a_sentence(keras_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", offline)
    names: tuple[PretrainedName, ...] = ("MobileNetV2", "VGG16")
    for name in names:
        sentence = (
            rf"^The weights of {name} are not .* could not be downloaded\. Connect it to the internet once"
        )
        with pytest.raises(UserError, match=sentence):
            transfer.of_imagenet(PretrainedStart(name=name))
