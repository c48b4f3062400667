"""Embeddings of numbers: each scaled number becomes several inputs.

Built of Keras's own layers, all in float32, and put in front of the table's layers; the inputs are passed on beside it.
Numbers are one axis of their own in every layer, so that no column sees another.
"""

from typing import Any

import keras
import numpy as np

from lrapp.settings.network import NumberEmbedding

WAVES, LEARNED = 16, 3
BINS = 16
_SPREAD = 0.1  # of the frequencies, in turns
_PREFIX = "embedding"
_NUMBERS_AT_ONCE = 1 << 22  # whose quantiles are found together, 16 MB
# In the order in which they draw random numbers.
DRAWN = (f"{_PREFIX}_waves", f"{_PREFIX}_mixed")
BIN_LAYER = f"{_PREFIX}_bins"


def is_part(name: str) -> bool:
    """Return whether a layer of that name belongs to an embedding."""
    return name.startswith(_PREFIX)


def embedded(x: Any, kind: NumberEmbedding, numbers: int, seed: np.random.SeedSequence) -> Any:
    """Return the inputs with the embeddings of the numbers behind them.

    ``periodic`` is PBLD of RealMLP (Holzmüller et al. 2024, arXiv 2407.04491; periodic embeddings are from Gorishniy
    et al. 2022, arXiv 2203.05556): ``W2 cos(2 pi w1 x + b1) + b2`` with 16 frequencies and 3 results for each number.
    ``bins`` is the piecewise linear encoding of Gorishniy et al. 2022: for each of 16 bins, how much of it lies below
    the number, 0 to 1; ``learn_bins`` gives it its bins.

    Args:
        x: Inputs, shape (rows, inputs).
        kind: Which embedding; not ``none``.
        numbers: How many of the first inputs are numbers, at least 1.
    """
    parts: dict[str, Any] = {"dtype": keras.DTypePolicy("float32")}
    columns = keras.layers.Reshape((x.shape[-1], 1), name=f"{_PREFIX}_columns", **parts)(x)
    if numbers < x.shape[-1]:
        rest = x.shape[-1] - numbers
        columns = keras.layers.Cropping1D((0, rest), name=f"{_PREFIX}_numbers", **parts)(columns)
    made = (_bins if kind == "bins" else _waves)(columns, numbers, seed, parts)
    flat = keras.layers.Flatten(name=f"{_PREFIX}_flat", **parts)(made)
    return keras.layers.Concatenate(name=_PREFIX, **parts)([x, flat])


def _waves(columns: Any, numbers: int, seed: np.random.SeedSequence, parts: dict[str, Any]) -> Any:
    first, second = DRAWN
    draws = {name: initializers(name, seed) for name in DRAWN}
    waves = keras.layers.EinsumDense(
        "bci,cif->bfc", output_shape=(WAVES, numbers), bias_axes="fc", name=first, **draws[first], **parts
    )(columns)
    return keras.layers.EinsumDense(
        "bfc,cfo->boc", output_shape=(LEARNED, numbers), bias_axes="oc", name=second, **draws[second], **parts
    )(keras.ops.cos(waves))


def initializers(name: str, seed: np.random.SeedSequence) -> dict[str, Any]:
    """Return the initializers of the kernel and the bias of one of the layers in ``DRAWN``."""
    kernel, bias = (int(value >> 1) for value in seed.generate_state(4).reshape(2, 2)[DRAWN.index(name)])
    if name == DRAWN[0]:
        return {
            "kernel_initializer": keras.initializers.RandomNormal(0.0, 2 * np.pi * _SPREAD, seed=kernel),
            "bias_initializer": keras.initializers.RandomUniform(-np.pi, np.pi, seed=bias),
        }
    bound = WAVES**-0.5
    return {
        "kernel_initializer": keras.initializers.RandomUniform(-bound, bound, seed=kernel),
        "bias_initializer": keras.initializers.RandomUniform(-bound, bound, seed=bias),
    }


def _bins(columns: Any, numbers: int, seed: np.random.SeedSequence, parts: dict[str, Any]) -> Any:
    places = keras.layers.EinsumDense(
        "bci,cif->bfc",
        output_shape=(BINS, numbers),
        bias_axes="fc",
        kernel_initializer="zeros",
        trainable=False,
        name=BIN_LAYER,
        **parts,
    )(columns)
    return keras.layers.ReLU(max_value=1.0, name=f"{_PREFIX}_shares", **parts)(places)


def reset(layer: keras.layers.Layer, seed: np.random.SeedSequence) -> None:
    """Give a layer the initial weights of another seed; bins, which are learned from the rows, stay."""
    if layer.name not in DRAWN:
        return
    draws = initializers(layer.name, seed)
    for variable, initializer in (
        (layer.kernel, draws["kernel_initializer"]),
        (layer.bias, draws["bias_initializer"]),
    ):
        variable.assign(initializer(variable.shape, dtype=variable.dtype))


def learn_bins(network: keras.Model, x: np.ndarray) -> None:
    """Give a network its bins: equally many training rows in each; without such an embedding, nothing happens.

    Args:
        network: From ``models.build``.
        x: Inputs of the training rows, float32, shape (rows, inputs).
    """
    layer = next((layer for layer in network.layers if layer.name == BIN_LAYER), None)
    if layer is not None:
        numbers = layer.kernel.shape[0]
        layer.set_weights(bins(x[:, :numbers]))


def bins(x: np.ndarray) -> list[np.ndarray]:
    """Return factor and offset of each bin of each number: ``factor * x + offset`` is 0 where it begins, 1 at its end.

    Bins begin and end at values of the rows. Where many rows share a value there are fewer, and the last ones of that
    number are always 0.

    Args:
        x: Numbers of the training rows, float32, shape (rows, numbers).

    Returns:
        Factors, float32, shape (numbers, 1, bins), and offsets, float32, shape (bins, numbers).
    """
    factors = np.zeros((x.shape[1], 1, BINS), np.float32)
    offsets = np.zeros((BINS, x.shape[1]), np.float32)
    shares = np.linspace(0, 1, BINS + 1)
    at_once = max(1, _NUMBERS_AT_ONCE // max(1, len(x)))
    for number in range(x.shape[1]):
        if number % at_once == 0:  # sorting copies what it is given
            edges = np.quantile(x[:, number : number + at_once], shares, axis=0, method="nearest")
        own = np.unique(edges[:, number % at_once])
        widths = np.diff(own)
        factors[number, 0, : len(widths)] = 1 / widths
        offsets[: len(widths), number] = -own[:-1] / widths
    return [factors, offsets]
