"""Networks with weights of eight bits: Keras's own ``quantize("int8")``, which covers dense layers only."""

import warnings

import keras

from lrapp.networks.models import every_layer


def quantize(network: keras.Model) -> None:
    """Turn the dense layers of a network into int8, in place; convolutions and embeddings of numbers stay as they are.

    Each column of a kernel is divided by its largest weight and rounded to -127 to 127; what comes in is rounded
    likewise, row by row, while the layer answers.

    Args:
        network: In float32, from ``members.answering``; it cannot be trained any more.
    """
    with warnings.catch_warnings():
        # Keras warns of every layer that it has no int8 for.
        warnings.filterwarnings("ignore", message=".*does not have a `quantize` method", category=UserWarning)
        network.quantize("int8", filters=_is_covered)


def covered(network: keras.Model) -> float:
    """Return the share of a network's weights, 0 to 1, that ``quantize`` would turn into int8."""
    weights = sum(layer.kernel.shape.num_elements() for layer in every_layer(network) if _is_covered(layer))
    return weights / network.count_params()


def _is_covered(layer: keras.layers.Layer) -> bool:
    # The mean of an ensemble's answers is a dense layer that nothing trains.
    return isinstance(layer, keras.layers.Dense) and layer.trainable
