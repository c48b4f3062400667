"""How much a network computes for a row, told from its layers."""

import math

import keras


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
            places = math.prod(layer.output.shape[1:-1]) if len(layer.output.shape) == 4 else 1
            total += math.prod(kernel.shape) * places
    return max(1, total)
