"""The weights of a network that pruning may set to zero, and how many of them are."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from lrapp.networks.models import every_layer
from lrapp.networks.stacked import StackedDense


@dataclass(frozen=True)
class Zeros:
    """How sparse a network is."""

    weights: int
    zeros: int

    @property
    def share(self) -> float:
        """Share of zeros, 0 to 1."""
        return self.zeros / self.weights if self.weights else 0.0


def kernels(network: keras.Model) -> list[Any]:
    """Return the variables that pruning may set to zero: the kernels of dense layers and convolutions.

    Biases, batch normalisation, embeddings of numbers and convolutions by channel (depthwise) are not pruned: they are
    few beside the others, and each of their weights counts for much.
    """
    return [
        layer.kernel
        for layer in every_layer(network)
        if isinstance(layer, keras.layers.Dense | keras.layers.Conv2D | StackedDense) and layer.trainable
    ]


def zeros(network: keras.Model) -> Zeros:
    """Return how many of the weights that can be pruned are zero."""
    found = [np.asarray(kernel) for kernel in kernels(network)]
    return Zeros(sum(value.size for value in found), sum(int((value == 0).sum()) for value in found))
