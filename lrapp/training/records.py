"""What the loop takes and returns: rows as tensors, the record of some steps, the values of all variables."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


@dataclass(frozen=True)
class Data:
    """Rows as tensors.

    Args:
        tensors: Inputs, shape (rows, inputs), or (rows, height, width, channels) for pictures; answers, shape
            (rows, 1), or (rows,) for multi-class; if rows weigh differently in the loss, their weights, shape (rows,);
            and, of many networks, their weights in the metric where these differ too.
    """

    tensors: tuple[tf.Tensor, ...]
    rows: int


@dataclass(frozen=True)
class Steps:
    """The record of a call of the loop.

    Args:
        losses: True loss of each batch, with penalties, float32, shape (steps,).
        metrics: Sum of the metric over each batch's rows, not weighted, float32, shape (steps,).
        group_rates: Rate of each step for all groups of layers, the head last, read back from the optimizer, float32,
            shape (steps, groups).
        momenta: Momentum of each step, read back from the optimizer, where it moves, float32, shape (steps,); else
            empty.

    Of many networks at once, each has an axis of members behind that of steps.
    """

    losses: NDArray[np.float32]
    metrics: NDArray[np.float32]
    group_rates: NDArray[np.float32]
    momenta: NDArray[np.float32]

    @property
    def learning_rates(self) -> NDArray[np.float32]:
        """The rate of each step, that of the head where groups differ, float32, shape (steps,)."""
        return self.group_rates[..., -1]


@dataclass(frozen=True)
class Snapshot:
    """The values of all variables at one moment.

    Args:
        model: Those of the network: weights, batch normalisation's statistics, states of dropout.
        optimizer: Those of the optimizer: steps done, slots, loss scale.
        finite: Whether every number of the network is finite.
        penalty: What L1 and L2 add to the loss.
    """

    model: tuple[tf.Tensor, ...]
    optimizer: tuple[tf.Tensor, ...]
    finite: bool
    penalty: float
