from typing import Any, get_args

import keras
import numpy as np
import pytest

from lrapp.errors import UserError
from lrapp.networks import layers, models, shapes
from lrapp.settings import (
    AugmentationSettings,
    LayerSettings,
    ModelSettings,
    Precision,
    PretrainedName,
    PretrainedStart,
)
from lrapp.settings.network import LAYER_KINDS, PRETRAINED, LayerKind

Row = LayerSettings
# Every kind of row, with all that can come with it.
ALL_KINDS = ModelSettings(
    layers=(
        Row(kind="conv", units=4, dropout=0.1, l2=0.01, batch_norm=True),
        Row(kind="max_pool", size=2),
        Row(kind="residual", units=6, stride=2, batch_norm=True, dropout=0.2),
        Row(kind="residual", units=6, activation="tanh"),
        Row(kind="avg_pool", size=2),
        Row(kind="batch_norm"),
        Row(kind="dropout", dropout=0.3),
        Row(kind="global_avg_pool"),
        Row(units=5, l1=0.01),
    ),
    augmentation=AugmentationSettings(flip="both", shift=0.1, rotate=20, zoom=0.2, contrast=0.3),
)
SHAPE = (12, 10, 3)


def pictures(rows: int = 4, shape: tuple[int, ...] = SHAPE) -> Any:
    return np.random.default_rng(0).integers(0, 256, (rows, *shape), dtype=np.uint8)


@pytest.mark.parametrize("shape", [SHAPE, (8, 8, 1)])
def test_what_keras_builds_has_the_shapes_and_sizes_that_were_told(shape: tuple[int, ...]) -> None:
    model = models.build(ALL_KINDS, shape, "multi-class", 7)
    told = shapes.shapes(ALL_KINDS, shape, 7)
    for number, row in enumerate(told[:-1], start=1):
        made = [layer for layer in model.layers if layers.row_of(layer.name) == number]
        assert made[-1].output.shape[1:] == row.output, row.name
        assert sum(layer.count_params() for layer in made) == row.parameters, row.name
    assert model.output_shape[1:] == told[-1].output
    assert model.count_params() == sum(row.parameters for row in told)


def test_pictures_enter_as_bytes_and_are_brought_to_minus_one_to_one() -> None:
    model = models.build(ModelSettings(layers=()), (2, 2, 1), "regression")
    kernel, bias = model.get_layer("output").get_weights()
    x = np.array([[[[0], [255]], [[127], [128]]]], np.uint8)
    scaled = x.reshape(1, 4) / 127.5 - 1
    assert model.inputs[0].dtype == "uint8"
    assert np.asarray(model(x)) == pytest.approx(scaled @ kernel + bias, abs=1e-6)


def test_reset_equals_building_with_the_other_seed() -> None:
    model = models.build(ALL_KINDS, SHAPE, "multi-class", 3, seed=3)
    wanted = models.build(ALL_KINDS, SHAPE, "multi-class", 3, seed=8)
    x = pictures()
    model(x, training=True)
    models.reset(model, 8)
    for one, two in zip(model.variables, wanted.variables, strict=True):
        np.testing.assert_array_equal(one, two, err_msg=one.path)
    np.testing.assert_array_equal(model(x, training=True), wanted(x, training=True))


def test_no_two_kernels_and_no_two_random_layers_share_a_seed() -> None:
    twice = ModelSettings(
        layers=(Row(kind="residual", units=3, dropout=0.5), Row(kind="residual", units=3, dropout=0.5)),
        augmentation=ALL_KINDS.augmentation,
    )
    model = models.build(twice, (6, 6, 3), "binary")
    kernels = [
        layer.kernel.numpy().tobytes() for layer in model.layers if isinstance(layer, keras.layers.Conv2D)
    ]
    seeds = [
        int(generator.state.numpy()[0])
        for layer in model.layers
        for generator in (getattr(layer, "seed_generator", None), getattr(layer, "generator", None))
        if generator is not None
    ]
    assert len(kernels) == len(set(kernels)) == 4
    assert len(seeds) == len(set(seeds)) == 8


def test_a_residual_block_adds_what_went_in_before_its_last_activation() -> None:
    block = ModelSettings(layers=(Row(kind="residual", units=1),))
    model = models.build(block, (4, 4, 1), "regression")
    for name in ("residual_1_1", "residual_1_2"):
        kernel, bias = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([0 * kernel, 0 * bias - 0.25])
    inner = keras.Model(model.input, model.get_layer("activation_1_2").output)
    x = pictures(shape=(4, 4, 1))
    # The convolutions make -0.25 of anything, so that relu cuts what went in, less a quarter.
    assert np.asarray(inner(x)) == pytest.approx(np.maximum(x / 127.5 - 1 - 0.25, 0), abs=1e-6)


def test_augmentation_varies_training_only_and_differs_from_batch_to_batch() -> None:
    settings = ModelSettings(layers=(), augmentation=AugmentationSettings(shift=0.3, rotate=40))
    model = models.build(settings, SHAPE, "binary")
    plain = models.build(ModelSettings(layers=()), SHAPE, "binary")
    x = pictures()
    np.testing.assert_array_equal(model(x, training=False), plain(x, training=False))
    first, second = np.asarray(model(x, training=True)), np.asarray(model(x, training=True))
    assert not np.allclose(first, plain(x))
    assert not np.allclose(first, second)


def test_pictures_as_the_network_sees_them() -> None:
    x = pictures(40, (6, 6, 1))
    assert np.array_equal(models.seen(ModelSettings(), x), x)
    flipped = models.seen(ModelSettings(augmentation=AugmentationSettings(flip="horizontal")), x, seed=1)
    mirrored = (flipped == x[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (flipped == x).all(axis=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert 8 <= mirrored.sum() <= 32


def test_mirrored_both_ways_a_picture_is_seen_in_all_four() -> None:
    x = np.repeat(pictures(1, (6, 6, 1)), 60, axis=0)
    seen = models.seen(ModelSettings(augmentation=AugmentationSettings(flip="both")), x)
    ways = [x[0], x[0, ::-1], x[0, :, ::-1], x[0, ::-1, ::-1]]
    counts = [sum(np.array_equal(one, way) for one in seen) for way in ways]
    assert sum(counts) == 60
    assert min(counts) >= 6


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_convolutions_compute_in_the_precision_and_answers_come_in_float32(precision: Precision) -> None:
    model = models.build(ALL_KINDS, SHAPE, "multi-class", 3, precision=precision)
    short = precision.removeprefix("mixed_")
    assert model.get_layer("conv_1").compute_dtype == short
    assert model.get_layer("residual_3_2").compute_dtype == short
    assert model.get_layer("conv_1").kernel.dtype == "float32"
    assert model(pictures()).dtype.name == "float32"


def test_a_table_that_cannot_be_built_names_the_layer() -> None:
    wrong = ModelSettings(layers=(Row(), Row(kind="conv")))
    with pytest.raises(UserError, match=r"^Layer 2 \(Convolution\) needs pictures"):
        models.build(wrong, (8, 8, 1), "binary")
    with pytest.raises(UserError, match="this is a table"):
        models.build(ModelSettings(layers=(Row(kind="max_pool"),)), 5, "binary")


# What white and black are to a network, in red. MobileNetV2, ResNet50V2 and InceptionV3 learned from -1 to 1,
# EfficientNet from how far pictures are from ImageNet's mean, in its spread, VGG16 from the same in bytes.
WHITE_AND_BLACK: dict[PretrainedName, tuple[float, float]] = {
    "MobileNetV2": (1, -1),
    "ResNet50V2": (1, -1),
    "InceptionV3": (1, -1),
    "VGG16": (255 - 123.68, -123.68),
    "EfficientNetB0": (255 * 0.515 / 0.229**1.5, 255 * -0.485 / 0.229**1.5),
}


@pytest.mark.parametrize(
    ("name", "grey"), [(name, name in ("MobileNetV2", "VGG16")) for name in get_args(PretrainedName)]
)
def test_pretrained_networks_are_built_as_told_and_see_what_they_learned_from(
    name: PretrainedName, grey: bool
) -> None:
    size = PRETRAINED[name].least
    settings = ModelSettings(layers=(Row(units=4),), start=PretrainedStart(name=name, size=size))
    shape = (9, 9, 1 if grey else 3)
    model = models.build(settings, shape, "binary", precision="mixed_bfloat16")
    base = model.get_layer(layers.BASE)
    before = shapes.pretrained(settings, shape)
    assert before is not None
    assert base.count_params() == before.parameters
    assert base.output_shape[1:] == before.output
    assert {layer.compute_dtype for layer in base.layers if isinstance(layer, keras.layers.Conv2D)} == {
        "bfloat16"
    }
    x = np.full((1, *shape), 255, np.uint8)
    x[:, 0] = 0
    entering = keras.Model(model.input, model.get_layer("scale_pretrained").output)
    assert entering.output_shape == (None, size, size, 3)
    seen = np.asarray(entering(x))
    white, black = WHITE_AND_BLACK[name]
    assert seen[..., 0].max() == pytest.approx(white, rel=1e-4)
    assert seen[..., 0].min() == pytest.approx(black, rel=1e-4)
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize("name", get_args(PretrainedName))
def test_a_pretrained_network_runs_as_after_training_even_while_training(name: PretrainedName) -> None:
    settings = ModelSettings(layers=(), start=PretrainedStart(name=name, size=PRETRAINED[name].least))
    model = models.build(settings, (32, 32, 3), "binary")
    x = pictures(shape=(32, 32, 3))
    before = [np.asarray(value) for value in model.get_layer(layers.BASE).variables]
    np.testing.assert_allclose(model(x, training=True), model(x, training=False), rtol=1e-5)
    for value, old in zip(model.get_layer(layers.BASE).variables, before, strict=True):
        np.testing.assert_array_equal(value, old)


@pytest.mark.parametrize("kind", get_args(LayerKind))
def test_every_kind_of_layer_is_known_in_all_its_places(kind: LayerKind) -> None:
    facts = LAYER_KINDS[kind]
    layer = LayerSettings(kind=kind, **facts.first)
    shape = (8, 8, 2) if facts.pictures else (5,)
    settings = ModelSettings(layers=(layer,))
    (foretold, _) = shapes.shapes(settings, shape, outputs=1)
    built = models.build(settings, shape, "regression")
    assert built.layers[-1].name == layers.OUTPUT
    weights = sum(int(np.prod(one.shape)) for one in built.trainable_variables)
    output = int(np.prod(foretold.output)) + 1
    assert weights == foretold.trainable + output
    assert (foretold.trainable > 0) == facts.weighted
    assert all(name in LayerSettings.model_fields for name in (*facts.reads, *facts.first))
