"""A trained network as plain arrays, and its arithmetic, written once for all runtimes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrapp.errors import UserError
from lrapp.prediction import plain_embedding
from lrapp.prediction.plain_embedding import Embedding
from lrapp.prediction.plain_model import Arithmetic


@dataclass(frozen=True, eq=False)
class Layer:
    """A step of a network: a product, then a factor, then a sum, then a function; None is left out.

    Args:
        weights: float32, shape (inputs, units).
        scale, shift: float32, shape (units,) each.
        activation: The function, by Keras's name.
        embedding: Comes before all that.
    """

    weights: np.ndarray | None = None
    scale: np.ndarray | None = None
    shift: np.ndarray | None = None
    activation: str = "linear"
    embedding: Embedding | None = None


@dataclass(frozen=True, eq=False)
class Member:
    """One network, and its share of the prediction, above 0; those of all members add up to 1."""

    share: float
    layers: tuple[Layer, ...]


def learned(network: Any) -> tuple[Member, ...]:
    """Return a run's network as arrays: its one network, or those of the ensemble that count.

    Raises:
        UserError: If it has layers that a table's network cannot have.
    """
    from lrapp.networks import members

    each = members.each(network)
    if not each:
        return (Member(1.0, layers(network)),)
    return tuple(
        Member(float(share), layers(member))
        for member, share in zip(each, members.shares(network), strict=True)
        if share
    )


def layers(network: Any) -> tuple[Layer, ...]:
    """Return a network of ``models.build`` as arrays.

    Raises:
        UserError: If it has layers that a table's network cannot have.
    """
    embedding = plain_embedding.of_network(network)
    found = [] if embedding is None else [Layer(embedding=embedding)]
    for layer in network.layers[1:]:
        if layer.name.startswith("embedding"):
            continue
        weights = [np.asarray(value, np.float32) for value in layer.get_weights()]
        match type(layer).__name__:
            case "Dense":
                bias = weights[1] if layer.use_bias else None
                found.append(Layer(weights[0], None, bias, layer.activation.__name__))
            case "BatchNormalization":
                gamma, beta, mean, variance = weights
                scale = gamma / np.sqrt(variance + np.float32(layer.epsilon))
                found.append(Layer(None, scale, beta - mean * scale))
            case "Activation":
                found.append(Layer(activation=layer.activation.__name__))
            case "Dropout":
                continue
            case other:
                raise UserError(f"This network has layers that this format does not know: {other}.")
    return tuple(found)


def answers(members: Sequence[Member], x: Any, ops: Arithmetic) -> list[Any]:
    """Return what each network answers; arguments as for ``answer``."""
    return [_answer(member.layers, x, ops) for member in members]


def answer(members: Sequence[Member], x: Any, ops: Arithmetic) -> Any:
    """Return the outputs of a run's network.

    Args:
        members: From ``learned``.
        x: Inputs, float32.
    """
    if len(members) == 1:
        return _answer(members[0].layers, x, ops)
    total = None
    for member in members:
        part = _answer(member.layers, x, ops) * ops.constant(np.array([member.share], np.float32))
        total = part if total is None else total + part
    return total


def _answer(layers: Sequence[Layer], x: Any, ops: Arithmetic) -> Any:
    for layer in layers:
        if layer.embedding is not None:
            x = plain_embedding.embedded(x, layer.embedding, ops)
        if layer.weights is not None:
            x = ops.product(x, layer.weights)
        if layer.scale is not None:
            x = x * ops.constant(layer.scale)
        if layer.shift is not None:
            x = x + ops.constant(layer.shift)
        x = ops.activation(layer.activation, x)
    return x
