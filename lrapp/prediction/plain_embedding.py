"""The embedding of numbers as plain arithmetic, written once for all runtimes: columns stay side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lrapp.prediction.plain_model import Arithmetic


@dataclass(frozen=True, eq=False)
class Embedding:
    """The embedding's weights: rows of ``first`` (a factor for each number), each as wide as there are numbers.

    Args:
        first, first_shift: float32, shape (waves or bins, numbers) each: a factor and an offset of each number.
        mixed: The mixture of the waves, float32, shape (results, waves, numbers); None for bins.
        mixed_shift: float32, shape (results, numbers); None for bins.
    """

    first: np.ndarray
    first_shift: np.ndarray
    mixed: np.ndarray | None = None
    mixed_shift: np.ndarray | None = None


def of_network(network: Any) -> Embedding | None:
    """Return the embedding of a network from ``models.build``; None where it has none."""
    weights = {
        layer.name: [np.asarray(value, np.float32) for value in layer.get_weights()]
        for layer in network.layers
        if layer.name.startswith("embedding_") and layer.weights
    }
    if not weights:
        return None
    if "embedding_bins" in weights:
        kernel, shift = weights["embedding_bins"]
        return Embedding(kernel[:, 0].T, shift)
    (kernel, shift), (mixed, mixed_shift) = weights["embedding_waves"], weights["embedding_mixed"]
    return Embedding(kernel[:, 0].T, shift, mixed.transpose(2, 1, 0), mixed_shift)


def embedded(x: Any, learned: Embedding, ops: "Arithmetic") -> Any:
    """Return the inputs with the embeddings of the numbers, which come first among them, behind them.

    Args:
        x: Inputs, float32, shape (rows, inputs).
    """
    numbers = ops.first(x, learned.first.shape[1])
    rows = [
        numbers * ops.constant(factor) + ops.constant(shift)
        for factor, shift in zip(learned.first, learned.first_shift, strict=True)
    ]
    if learned.mixed is None or learned.mixed_shift is None:
        one = ops.constant(np.ones(1, np.float32))
        # Between 0 and 1, in operations that every runtime has.
        return ops.join(
            [x, *(one - ops.activation("relu", one - ops.activation("relu", row)) for row in rows)]
        )
    waves = [ops.cosine(row) for row in rows]
    results = []
    for factors, shift in zip(learned.mixed, learned.mixed_shift, strict=True):
        total = ops.constant(shift)
        for wave, factor in zip(waves, factors, strict=True):
            total = wave * ops.constant(factor) + total
        results.append(total)
    return ops.join([x, *results])


def arrays(learned: Embedding | None) -> dict[str, np.ndarray]:
    """Return the arrays of an embedding by name; none where there is none."""
    found = {} if learned is None else vars(learned)
    return {name: value for name, value in found.items() if value is not None}


def of_arrays(given: Mapping[str, np.ndarray]) -> Embedding | None:
    """Return the embedding that ``arrays`` gave the arrays of."""
    return Embedding(**given) if given else None
