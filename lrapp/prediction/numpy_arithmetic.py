"""``plain_model.Arithmetic`` with NumPy alone, for the process that serves the pages."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

_ERF = np.frompyfunc(math.erf, 1, 1)
# Klambauer et al. 2017, arXiv 1706.02515.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805
_LEAK = 0.2  # as Keras has it


class NumpyArithmetic:
    """Computes inputs in float64 and the network in float32, as training did."""

    kind: type[np.floating[Any]] = np.float64

    is_nan: Any = staticmethod(np.isnan)
    where: Any = staticmethod(np.where)
    less: Any = staticmethod(np.less)
    floor: Any = staticmethod(np.floor)
    sine: Any = staticmethod(np.sin)
    log: Any = staticmethod(np.log)
    root: Any = staticmethod(np.sqrt)
    cosine: Any = staticmethod(np.cos)

    def join(self, parts: Sequence[Any]) -> Any:
        """Put columns beside one another."""
        return np.concatenate(list(parts), axis=1)

    def first(self, x: Any, columns: int) -> Any:
        """Take the first columns."""
        return x[:, :columns]

    def take(self, table: np.ndarray, places: Any) -> Any:
        """Take the entries of a flat table that stand at whole numbers."""
        return table[np.asarray(places).astype(np.int64)]

    def product(self, x: Any, weights: np.ndarray) -> Any:
        """Multiply float32 rows with a matrix."""
        return x @ weights

    def single(self, x: Any) -> Any:
        """Turn booleans and float64 into float32."""
        return np.asarray(x).astype(np.float32)

    def constant(self, values: np.ndarray) -> Any:
        """Make a tensor of an array."""
        return values

    def activation(self, name: str, x: Any) -> Any:
        """Apply one of the functions that a layer may have, by Keras's name."""
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(_function(name, x)).astype(np.float32)


def _function(name: str, x: np.ndarray) -> np.ndarray:
    match name:
        case "linear":
            return x
        case "relu":
            return np.maximum(x, 0)
        case "leaky_relu":
            return np.where(x > 0, x, _LEAK * x)
        case "elu":
            return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
        case "selu":
            return _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0)))
        case "gelu":
            return 0.5 * x * (1 + np.asarray(_ERF(x / math.sqrt(2)), np.float64))
        case "silu":
            return x * _sigmoid(x)
        case "tanh":
            return np.tanh(x)
        case "sigmoid":
            return _sigmoid(x)
        case "softmax":
            powers = np.exp(x - x.max(axis=1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    raise ValueError(f"There is no activation {name!r} here.")


def _sigmoid(x: np.ndarray) -> np.ndarray:
    # Of the negative size, so that nothing overflows, and small probabilities keep their digits.
    power = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, power) / (1 + power)
