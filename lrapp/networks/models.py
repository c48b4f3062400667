"""Settings and shapes -> a Keras network, its optimizer and its loss."""

import math
from typing import Any

import keras
import numpy as np

from lrapp.networks import layers, number_embeddings, shapes
from lrapp.networks.group_rates import GROUPS, grouped
from lrapp.networks.moving_momentum import moving
from lrapp.settings import (
    ModelSettings,
    Optimizer,
    Precision,
    PretrainedName,
    PretrainedStart,
    Task,
    TrainingSettings,
)

# Mean and spread of ImageNet's photographs, red, green and blue, on 0 to 1. EfficientNet has learned from pictures
# that were divided by the spread and by its root once more; its own layers for that keep their defaults, which is
# without effect but for a division by 255.
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_DIVISORS = [spread * math.sqrt(spread) for spread in _SPREAD]
# What VGG16 has subtracted, red, green and blue on 0 to 255. Its own order is blue, green, red: ``transfer`` turns the
# weights of its first layer instead of the pictures.
_MEAN_BYTES = (123.68, 116.779, 103.939)
# The scale of pictures that a network from keras.applications expects: factor and offset on -1 to 1.
BASES: dict[PretrainedName, tuple[Any, Any, Any]] = {
    "MobileNetV2": (keras.applications.MobileNetV2, 1.0, 0.0),
    "ResNet50V2": (keras.applications.ResNet50V2, 1.0, 0.0),
    "InceptionV3": (keras.applications.InceptionV3, 1.0, 0.0),
    "VGG16": (keras.applications.VGG16, 127.5, [127.5 - mean for mean in _MEAN_BYTES]),
    "EfficientNetB0": (
        keras.applications.EfficientNetB0,
        [255 * 0.5 / divisor for divisor in _DIVISORS],
        [255 * (0.5 - mean) / divisor for mean, divisor in zip(_MEAN, _DIVISORS, strict=True)],
    ),
}
_OPTIMIZERS: dict[Optimizer, Any] = {
    "sgd": keras.optimizers.SGD,
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
}


def build(
    settings: ModelSettings,
    inputs: int | tuple[int, ...],
    task: Task,
    classes: int = 2,
    seed: int = 0,
    precision: Precision = "float32",
    numbers: int | None = None,
) -> keras.Model:
    """Return the network that the settings describe, with fresh weights.

    Dense layers, convolutions and residual blocks are followed by batch normalisation -> activation -> dropout, as
    in Ioffe and Szegedy 2015, arXiv 1502.03167; what is normalised has no bias, since the normalisation brings its
    own. Pictures come as bytes and are brought to -1..1 in the network, then augmented. Hidden layers compute in the
    given precision, the output layer always in float32: one sigmoid (binary), a softmax over the classes
    (multi-class) or one linear unit (regression).

    Unless the settings choose one way to draw them for all hidden layers, the initial weights follow from the
    activation: He et al. 2015, arXiv 1502.01852 (relu and its kin); Klambauer et al. 2017, arXiv 1706.02515 (selu);
    Glorot and Bengio 2010 (the others, and the output layer in any case).

    Args:
        settings: The hidden layers. A pretrained network in front of them has random weights here; ``transfer``
            loads those that it has learned.
        inputs: Numbers per row, at least 1; for pictures their shape, (height, width, 1 or 3).
        classes: Classes to tell apart, only looked at for multi-class, at least 2.
        seed: What initial weights, dropout and augmentation follow from, zero or more.
        numbers: How many of the first inputs are numbers, which an embedding is for; all by default.

    Raises:
        UserError: If a layer cannot be built on what reaches it; names the layer.
    """
    shape = (inputs,) if isinstance(inputs, int) else inputs
    shapes.shapes(settings, shape, outputs(task, classes), numbers)
    seeds = layers.Seeds(seed, len(settings.layers), settings.initial_weights)
    policy = keras.DTypePolicy(precision)
    if len(shape) == 1:
        x = start = keras.Input(shape, dtype="float32", name="inputs")
        if number := shapes.embedded_numbers(settings, shape, numbers):
            x = number_embeddings.embedded(x, settings.number_embedding, number, seeds.embedding)
    else:
        start = keras.Input(shape, dtype="uint8", name="inputs")
        x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, dtype="float32", name="scale")(start)
        x = layers.augmented(x, settings.augmentation, seeds)
        if settings.base is not None:
            x = _pretrained(x, settings.base, policy)
    for number, layer in enumerate(settings.layers, start=1):
        x = layers.row(x, number, layer, seeds, policy)
    answer = keras.layers.Dense(
        outputs(task, classes),
        activation=answer_activation(task),
        kernel_initializer=keras.initializers.GlorotUniform(seed=seeds.weights(layers.OUTPUT)),
        dtype=keras.DTypePolicy("float32"),
        name=layers.OUTPUT,
    )(layers.flat(x, "flatten_output"))
    return keras.Model(start, answer, name="network")


def _pretrained(x: Any, start: PretrainedStart, policy: keras.DTypePolicy) -> Any:
    """A network from keras.applications in front of the table's layers, without its own output.

    It always runs in inference mode: its batch normalisation has learned from millions of photographs, and a few
    small batches would only spoil that. ``training=False`` would not do, since Keras passes its own on to networks
    inside of networks.
    """
    make, factor, offset = BASES[start.name]
    if x.shape[-1] == 1:
        x = keras.layers.Concatenate(dtype="float32", name="grey_to_colour")([x, x, x])
    x = keras.layers.Resizing(start.size, start.size, dtype="float32", name="resize")(x)
    x = keras.layers.Rescaling(factor, offset=offset, dtype="float32", name="scale_pretrained")(x)
    # The constructors take no precision. The global policy is per thread, and is put back.
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        base = make(
            include_top=False,
            weights=None,
            pooling="avg",
            input_shape=(start.size, start.size, 3),
            name=layers.BASE,
        )
    finally:
        keras.config.set_dtype_policy(before)
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
        elif isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return base(x)


def every_layer(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a network in their order; a nested network is replaced by its layers."""
    return [
        inner
        for layer in model.layers
        for inner in (every_layer(layer) if isinstance(layer, keras.Model) else [layer])
    ]


def seen(settings: ModelSettings, pixels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return pictures as the network sees them in training: varied at random.

    Args:
        pixels: uint8, shape (rows, height, width, channels).
        seed: As for ``build``.

    Returns:
        uint8, of the same shape.
    """
    seeds = layers.Seeds(seed, len(settings.layers))
    x = start = keras.Input(pixels.shape[1:], dtype="float32")
    vary = keras.Model(start, layers.augmented(x, settings.augmentation, seeds))
    varied = np.asarray(vary(pixels / np.float32(127.5) - 1, training=True))
    return np.clip(np.rint((varied + 1) * 127.5), 0, 255).astype(np.uint8)


def owners(model: keras.Model, settings: ModelSettings) -> tuple[int, ...]:
    """Return the group of each trainable variable of a network: 0 early, 1 middle, 2 head; see ``shapes.groups``.

    Args:
        model: A network from ``build``.
    """
    shape = tuple(model.input_shape[1:])
    by_row = [layer.group for layer in shapes.shapes(settings, shape, model.output_shape[-1])]
    found: dict[str, int] = {}
    for layer in model.layers:
        if layer.name == layers.BASE:
            weighted = [inner for inner in every_layer(layer) if inner.trainable_variables]
            for place, inner in enumerate(weighted):
                group = int(place >= -(-len(weighted) // 2))
                found |= {variable.path: group for variable in inner.trainable_variables}
        elif number_embeddings.is_part(layer.name):
            first = next(group for group in by_row if group is not None)
            found |= {variable.path: GROUPS.index(first) for variable in layer.trainable_variables}
        elif layer.trainable_variables:
            owner = by_row[-1 if layer.name == layers.OUTPUT else layers.row_of(layer.name) - 1]
            found |= {variable.path: GROUPS.index(owner or "head") for variable in layer.trainable_variables}
    return tuple(found[variable.path] for variable in model.trainable_variables)


def outputs(task: Task, classes: int) -> int:
    """Return the number of outputs."""
    return classes if task == "multi-class" else 1


def answer_activation(task: Task) -> str:
    """Return the output layer's activation, by Keras's name."""
    return {"binary": "sigmoid", "multi-class": "softmax", "regression": "linear"}[task]


def reset(model: keras.Model, seed: int) -> None:
    """Give a network from ``build`` the weights and dropout of another seed, as if it had been built with it.

    Traced functions stay valid, so this is much faster than building again. A
    pretrained network inside it is left as it is.

    Args:
        model: A network from ``build``; changed in place.
        seed: As for ``build``.
    """
    seeds = layers.Seeds(seed, max(layers.row_of(layer.name) for layer in model.layers))
    for layer in model.layers:
        if layer.name != layers.BASE:
            layers.reset(layer, seeds)


def optimizer(
    settings: TrainingSettings,
    owners: tuple[int, ...] = (),
    members: int = 0,
    moving_momentum: bool = False,
) -> keras.optimizers.Optimizer:
    """Return a fresh optimizer whose learning rate is a plain number, to be set before every step.

    Momentum counts for SGD and RMSprop, Nesterov for SGD, the betas for Adam and AdamW (Kingma and Ba 2015, arXiv
    1412.6980), weight decay for AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101). For mixed_float16 a
    ``LossScaleOptimizer`` is around it (Micikevicius et al. 2018, arXiv 1710.03740).

    Args:
        owners: The group of each trainable variable, where groups or members have rates of their own; see
            ``group_rates``.
        members: Networks that train at once, 0 for a single one.
        moving_momentum: Whether the momentum is to be set before every step, too; see ``moving_momentum``.
    """
    kind = _OPTIMIZERS[settings.optimizer]
    if moving_momentum:
        kind = moving(kind)
    if owners:
        kind = grouped(kind, owners, members)
    more: dict[str, Any] = {}
    match settings.optimizer:
        case "sgd":
            more = {"momentum": settings.momentum, "nesterov": settings.nesterov}
        case "adam":
            more = {"beta_1": settings.beta_1, "beta_2": settings.beta_2}
        case "adamw":
            more = {
                "weight_decay": settings.weight_decay,
                "beta_1": settings.beta_1,
                "beta_2": settings.beta_2,
            }
        case "rmsprop":
            more = {"momentum": settings.momentum}
    made = kind(0.0, **more)
    if settings.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(made)
    return made


def loss(task: Task, dtype: str = "float32") -> keras.losses.Loss:
    """Return the task's loss: cross-entropy for classes, mean squared error for numbers.

    Args:
        dtype: In which it is computed; training takes float32 whatever the precision of the layers.
    """
    kinds: dict[Task, Any] = {
        "binary": keras.losses.BinaryCrossentropy,
        "multi-class": keras.losses.SparseCategoricalCrossentropy,
        "regression": keras.losses.MeanSquaredError,
    }
    return kinds[task](dtype=dtype)
