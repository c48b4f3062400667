"""Rows of the layer table -> Keras layers, with seeds of their own.

Every random number of a network follows from the seed that it was built with: initializers, dropout and
augmentation carry their own seeds, so that nothing depends on Keras's global state, which differs from thread to
thread. A layer's name says which row of the table it came from, from which its seeds follow again in ``reset``.
"""

import re
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from lrapp.networks import number_embeddings
from lrapp.settings.network import (
    Activation,
    AugmentationSettings,
    InitialWeights,
    LayerKind,
    LayerSettings,
)

# Glorot keeps the variance with activations that are the identity around zero; He makes up for the half that relu and
# its kin cut away; selu normalises itself only from Lecun's.
_INITIALIZERS: dict[Activation, type[keras.initializers.Initializer]] = {
    "relu": keras.initializers.HeNormal,
    "leaky_relu": keras.initializers.HeNormal,
    "elu": keras.initializers.HeNormal,
    "gelu": keras.initializers.HeNormal,
    "silu": keras.initializers.HeNormal,
    "selu": keras.initializers.LecunNormal,
    "tanh": keras.initializers.GlorotUniform,
    "sigmoid": keras.initializers.GlorotUniform,
    "linear": keras.initializers.GlorotUniform,
}
_CHOSEN_INITIALIZERS: dict[InitialWeights, type[keras.initializers.Initializer]] = {
    "glorot_uniform": keras.initializers.GlorotUniform,
    "he_normal": keras.initializers.HeNormal,
    "lecun_normal": keras.initializers.LecunNormal,
}
# With Keras's 0.99 the averages need some 500 steps; a small table has ten steps an epoch.
NORM_MOMENTUM = 0.9
_POOLS = {"max_pool": keras.layers.MaxPooling2D, "avg_pool": keras.layers.AveragePooling2D}
_GLOBAL_POOLS = {
    "global_max_pool": keras.layers.GlobalMaxPooling2D,
    "global_avg_pool": keras.layers.GlobalAveragePooling2D,
}
OUTPUT = "output"
BASE = "pretrained"
_AUGMENTATION = "augmentation"
_VARIATIONS = ("flip", "rotate", "zoom", "shift", "contrast", "upside")
# The modes of Keras's layers. Its own for both flips both ways or not at all, which is a rotation.
_FLIPS: dict[str, tuple[str, ...]] = {
    "none": (),
    "horizontal": ("horizontal",),
    "vertical": ("vertical",),
    "both": ("horizontal", "vertical"),
}
# Added to a run's seed, so that augmentation and initial weights do not share their random numbers.
_AUGMENTATION_STREAM, _EMBEDDING_STREAM = 1, 3


def initializer_kind(
    activation: Activation, initial_weights: InitialWeights = "automatic"
) -> type[keras.initializers.Initializer]:
    """Return the initializer of a hidden layer."""
    return _CHOSEN_INITIALIZERS.get(initial_weights) or _INITIALIZERS[activation]


class Seeds:
    """The seeds of a network's layers, from the network's seed, zero or more."""

    def __init__(self, seed: int, rows: int, initial_weights: InitialWeights = "automatic") -> None:
        self._initial_weights = initial_weights
        # Seeds that do not repeat one another, in float-safe range.
        self._row = [int(v >> 1) for v in np.random.SeedSequence(seed).generate_state(2 * rows + 1)]
        self._stream = np.random.SeedSequence([seed, _AUGMENTATION_STREAM])
        self.embedding = np.random.SeedSequence([seed, _EMBEDDING_STREAM])

    def weights(self, name: str) -> int:
        """Return the seed of the initial weights of a layer."""
        if name == OUTPUT:
            return self._row[-1]
        first = self._row[2 * row_of(name) - 2]
        place = int(name.rpartition("_")[2]) if name.startswith("residual_") else 0
        # Layers of one row must not start from the same weights.
        return first if not place else int(np.random.SeedSequence([first, place]).generate_state(1)[0] >> 1)

    def initializer(self, activation: Activation, name: str) -> keras.initializers.Initializer:
        """Return the initializer of a hidden layer."""
        return initializer_kind(activation, self._initial_weights)(seed=self.weights(name))

    def noise(self, name: str) -> int:
        """Return the seed of a dropout or augmentation layer."""
        if name.startswith(_AUGMENTATION):
            place = _VARIATIONS.index(name.removeprefix(f"{_AUGMENTATION}_"))
            return int(self._stream.generate_state(len(_VARIATIONS))[place] >> 1)
        return self._row[2 * row_of(name) - 1]


def row_of(name: str) -> int:
    """Return the row of the table, counted from 1, that a layer came from; 0 for one that came from none."""
    found = re.match(r"[a-z_]+_(\d+)", name)
    return int(found[1]) if found and not name.startswith((_AUGMENTATION, OUTPUT, BASE)) else 0


def row(x: Any, number: int, layer: LayerSettings, seeds: Seeds, policy: keras.DTypePolicy) -> Any:
    """Return the output of a row of the table for a tensor.

    Args:
        x: Shape (rows, numbers), or (rows, height, width, channels).
        number: The row's place in the table, from 1.
    """
    return _LAYERS[layer.kind](x, number, layer, seeds, policy)


def flat(x: Any, name: str) -> Any:
    """Return pictures as rows of numbers; rows of numbers as they are."""
    return keras.layers.Flatten(name=name)(x) if len(x.shape) == 4 else x


def _dense(x: Any, number: int, layer: LayerSettings, seeds: Seeds, policy: keras.DTypePolicy) -> Any:
    name = f"dense_{number}"
    dense = keras.layers.Dense(
        layer.units,
        use_bias=not layer.batch_norm,
        kernel_initializer=seeds.initializer(layer.activation, name),
        kernel_regularizer=_regularizer(layer),
        dtype=policy,
        name=name,
    )
    return _finish(dense(flat(x, f"flatten_{number}")), number, layer, seeds, policy)


def _convolution(x: Any, number: int, layer: LayerSettings, seeds: Seeds, policy: keras.DTypePolicy) -> Any:
    x = _conv(x, f"conv_{number}", layer, layer.size, layer.stride, seeds, policy)
    return _finish(x, number, layer, seeds, policy)


def _pool(x: Any, number: int, layer: LayerSettings, seeds: Seeds, policy: keras.DTypePolicy) -> Any:
    return _POOLS[layer.kind](layer.size, dtype=policy, name=f"{layer.kind}_{number}")(x)


def _pool_whole(x: Any, number: int, layer: LayerSettings, seeds: Seeds, policy: keras.DTypePolicy) -> Any:
    return _GLOBAL_POOLS[layer.kind](dtype=policy, name=f"{layer.kind}_{number}")(x)


def _finish(x: Any, number: int, layer: LayerSettings, seeds: Seeds, policy: keras.DTypePolicy) -> Any:
    """Batch normalisation -> activation -> dropout, as in Ioffe and Szegedy 2015, arXiv 1502.03167."""
    if layer.batch_norm:
        x = _batch_norm(x, f"batch_norm_{number}", policy)
    if layer.activation != "linear":
        x = keras.layers.Activation(layer.activation, dtype=policy, name=f"activation_{number}")(x)
    return _dropout(x, number, layer, seeds, policy) if layer.dropout > 0 else x


def _residual(x: Any, number: int, layer: LayerSettings, seeds: Seeds, policy: keras.DTypePolicy) -> Any:
    """Two convolutions, with the input added to their output (He et al. 2015, arXiv 1512.03385)."""
    way = _conv(x, f"residual_{number}_1", layer, layer.size, layer.stride, seeds, policy)
    if layer.batch_norm:
        way = _batch_norm(way, f"batch_norm_{number}_1", policy)
    if layer.activation != "linear":
        way = keras.layers.Activation(layer.activation, dtype=policy, name=f"activation_{number}_1")(way)
    way = _conv(way, f"residual_{number}_2", layer, layer.size, 1, seeds, policy)
    if layer.batch_norm:
        way = _batch_norm(way, f"batch_norm_{number}_2", policy)
    if way.shape[1:] != x.shape[1:]:
        x = _conv(x, f"residual_{number}_3", layer, 1, layer.stride, seeds, policy)
        if layer.batch_norm:
            x = _batch_norm(x, f"batch_norm_{number}_3", policy)
    x = keras.layers.Add(dtype=policy, name=f"add_{number}")([way, x])
    if layer.activation != "linear":
        x = keras.layers.Activation(layer.activation, dtype=policy, name=f"activation_{number}_2")(x)
    return _dropout(x, number, layer, seeds, policy) if layer.dropout > 0 else x


def _conv(
    x: Any,
    name: str,
    layer: LayerSettings,
    size: int,
    stride: int,
    seeds: Seeds,
    policy: keras.DTypePolicy,
) -> Any:
    return keras.layers.Conv2D(
        layer.units,
        size,
        strides=stride,
        padding="same",
        use_bias=not layer.batch_norm,
        kernel_initializer=seeds.initializer(layer.activation, name),
        kernel_regularizer=_regularizer(layer),
        dtype=policy,
        name=name,
    )(x)


def _regularizer(layer: LayerSettings) -> keras.regularizers.Regularizer | None:
    return keras.regularizers.L1L2(l1=layer.l1, l2=layer.l2) if layer.l1 or layer.l2 else None


def _batch_norm_layer(
    x: Any, number: int, layer: LayerSettings, seeds: Seeds, policy: keras.DTypePolicy
) -> Any:
    return _batch_norm(x, f"batch_norm_{number}", policy)


def _batch_norm(x: Any, name: str, policy: keras.DTypePolicy) -> Any:
    return keras.layers.BatchNormalization(momentum=NORM_MOMENTUM, dtype=policy, name=name)(x)


def _dropout(x: Any, number: int, layer: LayerSettings, seeds: Seeds, policy: keras.DTypePolicy) -> Any:
    name = f"dropout_{number}"
    return keras.layers.Dropout(layer.dropout, seed=seeds.noise(name), dtype=policy, name=name)(x)


# The function that builds a row of the table, by its kind.
_LAYERS: dict[LayerKind, Callable[[Any, int, LayerSettings, Seeds, keras.DTypePolicy], Any]] = {
    "dense": _dense,
    "conv": _convolution,
    "residual": _residual,
    "max_pool": _pool,
    "avg_pool": _pool,
    "global_max_pool": _pool_whole,
    "global_avg_pool": _pool_whole,
    "dropout": _dropout,
    "batch_norm": _batch_norm_layer,
}


def augmented(x: Any, settings: AugmentationSettings, seeds: Seeds) -> Any:
    """Return pictures varied at random, in training only.

    Args:
        x: Float pictures between -1 and 1, shape (rows, height, width, channels).
    """
    filled = {"fill_mode": "nearest"}
    flips = zip(("flip", "upside"), _FLIPS[settings.flip], strict=False)
    kinds: list[tuple[str, Any, float, tuple[Any, ...], dict[str, Any]]] = [
        *((name, keras.layers.RandomFlip, True, (mode,), {}) for name, mode in flips),
        ("rotate", keras.layers.RandomRotation, settings.rotate, (settings.rotate / 360,), filled),
        ("zoom", keras.layers.RandomZoom, settings.zoom, (settings.zoom,), filled),
        ("shift", keras.layers.RandomTranslation, settings.shift, (settings.shift, settings.shift), filled),
        (
            "contrast",
            keras.layers.RandomContrast,
            settings.contrast,
            (settings.contrast,),
            {"value_range": (-1.0, 1.0)},
        ),
    ]
    for kind, layer, asked, numbers, more in kinds:
        if asked:
            name = f"{_AUGMENTATION}_{kind}"
            x = layer(*numbers, **more, seed=seeds.noise(name), dtype="float32", name=name)(x)
    return x


def reset(layer: keras.layers.Layer, seeds: Seeds) -> None:
    """Give a layer the initial weights and random numbers of other seeds, as if it had been built with them."""
    name = layer.name
    number_embeddings.reset(layer, seeds.embedding)
    if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D):
        initializer = type(layer.kernel_initializer)(seed=seeds.weights(name))
        layer.kernel.assign(initializer(layer.kernel.shape, dtype=layer.kernel.dtype))
        if layer.bias is not None:
            layer.bias.assign(np.zeros(layer.bias.shape, layer.bias.dtype))
    elif isinstance(layer, keras.layers.BatchNormalization):
        for variable, value in (
            (layer.gamma, 1.0),
            (layer.beta, 0.0),
            (layer.moving_mean, 0.0),
            (layer.moving_variance, 1.0),
        ):
            variable.assign(np.full(variable.shape, value, variable.dtype))
    for place in ("seed_generator", "generator"):
        generator = getattr(layer, place, None)
        if isinstance(generator, keras.random.SeedGenerator):
            generator.state.assign([seeds.noise(name), 0])
