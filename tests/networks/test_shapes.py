"""Shapes and sizes without TensorFlow, against networks of Keras's own layers."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import keras
import pytest

from lrapp.errors import UserError
from lrapp.networks import layers, models
from lrapp.networks.shapes import LayerShape, groups, pretrained, shapes, without_layers
from lrapp.settings import LayerSettings, ModelSettings, PretrainedName, PretrainedStart
from lrapp.settings.network import PRETRAINED
from lrapp.training.row_sizes import multiplications

PICTURE = (28, 28, 1)


def network(*layers: LayerSettings, **more: Any) -> ModelSettings:
    return ModelSettings(layers=layers, **more)


def conv(units: int = 8, **more: Any) -> LayerSettings:
    return LayerSettings(kind="conv", units=units, **more)


def residual(units: int = 8, **more: Any) -> LayerSettings:
    return LayerSettings(kind="residual", units=units, **more)


def pool(size: int = 2, kind: Any = "max_pool") -> LayerSettings:
    return LayerSettings(kind=kind, size=size)


def dense(units: int = 16, **more: Any) -> LayerSettings:
    return LayerSettings(units=units, **more)


GLOBAL = LayerSettings(kind="global_avg_pool")
NORM = LayerSettings(kind="batch_norm")
DROP = LayerSettings(kind="dropout", dropout=0.5)
SMALL_CNN = network(conv(32), pool(), conv(64), pool(), dense(64))
RESIDUAL = network(
    conv(16, batch_norm=True),
    residual(16, batch_norm=True),
    residual(32, stride=2, batch_norm=True),
    residual(64, stride=2, batch_norm=True),
    GLOBAL,
)


def by_keras(
    model: ModelSettings, shape: tuple[int, ...], outputs: int
) -> list[tuple[tuple[int, ...], int, int]]:
    """Output shape, trainable and other parameters of each row and the output, from Keras's layers put together."""
    k = keras.layers
    found = []
    x: Any = keras.Input(shape)
    for layer in model.layers:
        before = x

        def normalised(y: Any, layer: LayerSettings = layer) -> Any:
            return k.BatchNormalization()(y) if layer.batch_norm else y

        def window(y: Any, size: int, stride: int, layer: LayerSettings = layer) -> Any:
            made = k.Conv2D(layer.units, size, stride, padding="same", use_bias=not layer.batch_norm)(y)
            return k.BatchNormalization()(made) if layer.batch_norm else made

        match layer.kind:
            case "dense":
                y = k.Flatten()(x) if len(x.shape) == 4 else x
                x = normalised(k.Dense(layer.units, use_bias=not layer.batch_norm)(y))
            case "conv":
                x = window(x, layer.size, layer.stride)
            case "residual":
                y = window(window(x, layer.size, layer.stride), layer.size, 1)
                x = k.Add()([y, x if x.shape == y.shape else window(x, 1, layer.stride)])
            case "max_pool":
                x = k.MaxPooling2D(layer.size)(x)
            case "avg_pool":
                x = k.AveragePooling2D(layer.size)(x)
            case "global_max_pool":
                x = k.GlobalMaxPooling2D()(x)
            case "global_avg_pool":
                x = k.GlobalAveragePooling2D()(x)
            case "dropout":
                x = k.Dropout(0.5)(x)
            case "batch_norm":
                x = k.BatchNormalization()(x)
        found.append(_row(before, x))
    answer = k.Dense(outputs)(k.Flatten()(x) if len(x.shape) == 4 else x)
    return [*found, _row(x, answer)]


def _row(before: Any, after: Any) -> tuple[tuple[int, ...], int, int]:
    part = keras.Model(before, after)
    trainable = sum(weight.shape.num_elements() for weight in part.trainable_weights)
    return tuple(after.shape[1:]), trainable, part.count_params() - trainable


CASES = [
    (network(dense(64), dense(32, batch_norm=True, dropout=0.1)), (11,), 1),
    (network(), (11,), 3),
    (network(NORM, dense(8), DROP, dense(4)), (5,), 1),
    (network(dense(128)), PICTURE, 10),
    (network(), (8, 8, 3), 4),
    (SMALL_CNN, PICTURE, 10),
    (RESIDUAL, (32, 32, 3), 10),
    (network(residual(3), residual(4, stride=3, size=5)), (7, 9, 3), 2),
    (network(residual(4, stride=2)), (1, 1, 4), 2),
    (network(conv(5, size=5, stride=3, batch_norm=True), NORM, pool(3, "avg_pool"), DROP), (31, 17, 3), 5),
    (network(conv(4), LayerSettings(kind="global_max_pool"), DROP, dense(6)), (9, 8, 3), 2),
    (network(pool(8), conv(3, size=7)), (8, 8, 1), 2),
]


def test_shapes_and_parameters_are_those_of_keras(subtests: pytest.Subtests) -> None:
    for model, shape, outputs in CASES:
        with subtests.test(f"{model!r}"):
            found = [(made.output, made.trainable, made.averages) for made in shapes(model, shape, outputs)]
            assert found == by_keras(model, shape, outputs)


@pytest.mark.parametrize(("model", "shape", "outputs"), CASES)
def test_what_is_built_has_as_many_parameters(
    model: ModelSettings, shape: tuple[int, ...], outputs: int
) -> None:
    built = models.build(model, shape, "multi-class" if outputs > 1 else "binary", outputs)
    made = shapes(model, shape, outputs)
    trainable = sum(weight.shape.num_elements() for weight in built.trainable_weights)
    assert trainable == sum(layer.trainable for layer in made)
    assert built.count_params() == sum(layer.parameters for layer in made)


def test_the_small_network_by_hand() -> None:
    first, pooled, second, again, wide, answer = shapes(SMALL_CNN, PICTURE, 10)
    assert first == LayerShape(
        "Layer 1 (Convolution)",
        (28, 28, 32),
        trainable=320,
        computed=25_088,
        multiplications=28 * 28 * 9 * 32,
        group="early",
    )
    assert pooled == LayerShape("Layer 2 (Max pooling)", (14, 14, 32), computed=6272)
    assert second.multiplications == 14 * 14 * 9 * 32 * 64
    assert (again.output, again.parameters) == ((7, 7, 64), 0)
    assert (wide.output, wide.trainable, wide.multiplications) == ((64,), 3136 * 64 + 64, 3136 * 64)
    assert answer == LayerShape("Output", (10,), 650, computed=10, multiplications=640, group="head")


def test_what_training_keeps_counts_all_parts_of_a_layer() -> None:
    plain, rich = (
        shapes(network(layer), (8, 8, 3), 2)[0]
        for layer in (residual(4, stride=2), residual(4, stride=2, batch_norm=True, dropout=0.1))
    )
    size = 4 * 4 * 4
    # Two convolutions, the one that brings the input to their shape, and the sum.
    assert (plain.computed, plain.normalised, plain.dropped) == (4 * size, 0, 0)
    assert (rich.computed, rich.normalised, rich.dropped, rich.kept) == (4 * size, 3 * size, size, 8 * size)
    assert plain.multiplications == 16 * (9 * 3 * 4 + 9 * 4 * 4 + 3 * 4)


@pytest.mark.parametrize(
    ("model", "shape", "sentence"),
    [
        (
            network(pool(8), conv(), pool(4), pool()),
            (32, 40, 1),
            "Layer 4 (Max pooling) needs pictures of at least 2 x 2 pixels; what reaches it is 1 x 1. Leave it out.",
        ),
        (
            network(pool(9, "avg_pool")),
            (8, 28, 1),
            (
                "Layer 1 (Average pooling) needs pictures of at least 9 x 9 pixels; what reaches it is 8 x 28. Make "
                "its size smaller, or leave it out."
            ),
        ),
        (
            network(dense(), conv()),
            (11,),
            "Layer 2 (Convolution) needs pictures; this is a table. Take Dense layers.",
        ),
        (
            network(conv(), dense(), dense(), residual()),
            PICTURE,
            (
                "Layer 4 (Residual block) needs pictures; what reaches it is a row of numbers, made by Layer 2 "
                "(Dense). Put it before that layer, or leave it out."
            ),
        ),
        (
            network(GLOBAL, GLOBAL),
            PICTURE,
            (
                "Layer 2 (Global average pooling) needs pictures; what reaches it is a row of numbers, made by Layer 1 "
                "(Global average pooling). Put it before that layer, or leave it out."
            ),
        ),
        (
            network(DROP, conv(), start=PretrainedStart()),
            PICTURE,
            (
                "Layer 2 (Convolution) needs pictures; what MobileNetV2 hands on is a row of numbers. Take Dense "
                "layers behind it."
            ),
        ),
        (
            network(start=PretrainedStart(name="InceptionV3", size=74)),
            PICTURE,
            (
                "InceptionV3 needs pictures of at least 75 pixels along a side: set “Pictures are brought to” to 75 or "
                "more, or choose another network. Received: 74."
            ),
        ),
        (
            network(start=PretrainedStart(name="EfficientNetB0")),
            (11,),
            "EfficientNetB0 looks at pictures; this is a table. Start from fresh weights or from a run of your own.",
        ),
    ],
)
def test_a_network_that_cannot_be_built_says_which_layer_and_why(
    model: ModelSettings, shape: tuple[int, ...], sentence: str
) -> None:
    for ask in (lambda: shapes(model, shape, 10), lambda: groups(model, shape)):
        with pytest.raises(UserError) as raised:
            ask()
        assert str(raised.value) == sentence


def test_groups(subtests: pytest.Subtests) -> None:
    cases: list[tuple[ModelSettings, tuple[int, ...], tuple[str, ...]]] = [
        (network(), (5,), ("head",)),
        (network(dense()), (5,), ("early", "head")),
        (network(dense(), dense(), dense()), (5,), ("early", "early", "middle", "head")),
        (network(dense(), NORM, DROP), (5,), ("early", "middle", "head")),
        (network(dense()), PICTURE, ("head", "head")),
        (SMALL_CNN, PICTURE, ("early", "middle", "head", "head")),
        (RESIDUAL, PICTURE, ("early", "early", "middle", "middle", "head")),
        (
            network(conv(), NORM, conv(), GLOBAL, DROP, dense(), NORM, dense()),
            PICTURE,
            ("early", "early", "middle", "head", "head", "head", "head"),
        ),
        # Flattened by the output layer itself.
        (network(conv(), conv()), PICTURE, ("early", "middle", "head")),
        (network(DROP, dense(), start=PretrainedStart()), PICTURE, ("head", "head")),
    ]
    for model, shape, wanted in cases:
        with subtests.test(f"{model!r}"):
            assert groups(model, shape) == wanted


def test_groups_without_layers(subtests: pytest.Subtests) -> None:
    cases: list[tuple[ModelSettings, tuple[int, ...], tuple[str, ...]]] = [
        (network(dense()), PICTURE, ("early", "middle")),
        (network(), (5,), ("early", "middle")),
        (network(dense()), (5,), ("middle",)),
        (network(dense(), dense()), (5,), ()),
        (SMALL_CNN, PICTURE, ()),
        # They are in what comes trained.
        (network(dense(), start=PretrainedStart()), PICTURE, ()),
    ]
    for model, shape, wanted in cases:
        with subtests.test(f"{model!r}"):
            assert without_layers(model, shape) == wanted


def test_layers_without_weights_are_in_no_group() -> None:
    assert [made.group for made in shapes(SMALL_CNN, PICTURE, 10)] == [
        "early",
        None,
        "middle",
        None,
        "head",
        "head",
    ]


@pytest.mark.parametrize("name", get_args(PretrainedName))
def test_a_pretrained_network_has_the_size_of_keras_own(name: PretrainedName) -> None:
    facts = PRETRAINED[name]
    model = network(dense(32), start=PretrainedStart(name=name, size=224))
    base = pretrained(model, PICTURE)
    assert base is not None
    own = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(224, 224, 3), pooling="avg"
    )
    built = models.build(model, PICTURE, "multi-class", 3, 0, "float32").get_layer(layers.BASE)
    trainable = sum(math.prod(variable.shape) for variable in built.trainable_variables)
    assert (base.trainable, base.parameters) == (trainable, own.count_params())
    assert base.output == tuple(own.output.shape[1:])
    assert base.multiplications == pytest.approx(multiplications(own.layers), rel=0.01)
    assert shapes(model, PICTURE, 3)[0].trainable == (base.output[0] + 1) * 32
    half = pretrained(network(start=PretrainedStart(name=name, size=112)), PICTURE)
    assert half is not None
    assert half.multiplications == pytest.approx(base.multiplications / 4, rel=1e-3)
    assert pretrained(SMALL_CNN, PICTURE) is None
    # In MB, as Keras writes them; and Keras itself refuses what is smaller.
    assert facts.megabytes == pytest.approx(4e-6 * base.parameters, rel=0.1)
    smaller = (facts.least - 1, facts.least - 1, 3)
    with pytest.raises(ValueError, match="Input size must be at least"):
        getattr(keras.applications, name)(weights=None, include_top=False, input_shape=smaller)


def test_the_page_needs_no_tensorflow_for_it() -> None:
    program = (
        "import sys, lrapp.networks.shapes; "
        "assert not {'tensorflow', 'keras', 'sklearn', 'streamlit'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=True)
