"""The cost of a row: its numbers and multiplications; and tensors without a copy."""

import math
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from lrapp.preparation.image_inputs import ALIGNMENT


def shared(x: NDArray[Any]) -> tf.Tensor:
    """Return inputs as a tensor, sharing their memory if possible, as copying needs it twice more."""
    # TensorFlow crashes if shared memory does not start at a multiple of 64.
    fits = x.flags["C_CONTIGUOUS"] and x.ctypes.data % ALIGNMENT == 0 and x.flags["WRITEABLE"]
    if not fits or not len(x) or tf.config.list_physical_devices("GPU"):
        return tf.constant(x)
    return tf.experimental.dlpack.from_dlpack(x.__dlpack__())


def numbers_of_a_row(layer: keras.layers.Layer) -> int:
    """Return how many numbers a layer makes of one row."""
    return math.prod(size for size in layer.output.shape if size is not None)


def multiplications(layers: list[keras.layers.Layer]) -> int:
    """Return about how many multiplications a network needs for a row, at least 1."""
    total = 0
    for layer in layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            # A convolution uses its weights once for every place of its output.
            places = math.prod(layer.output.shape[1:-1]) if len(kernel.shape) == 4 else 1
            total += math.prod(kernel.shape) * places
    return max(1, total)
