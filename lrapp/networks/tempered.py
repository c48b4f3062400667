"""A temperature as part of a network: its last layer's weights are divided by it, so that every export has it too."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lrapp.networks.saved import Answering


def answers(network: Any, x: np.ndarray, fast: "Answering | None" = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the outputs of each network of an ensemble, and its share; a single network has share 1.

    Args:
        network: Of a finished run.
        x: Inputs, as for ``saved.outputs``.
        fast: The same network, where it was traced already.

    Returns:
        float32, shape (networks, rows, outputs), and (networks,).
    """
    from lrapp.networks import members, saved

    if fast is not None:
        return fast.of_each(x), fast.shares
    if not members.each(network):
        return saved.outputs(network, x)[None], np.ones(1, np.float32)
    each = saved.outputs(members.member_outputs(network), x) if len(x) else np.zeros((0, 1, 1), np.float32)
    return each.transpose(2, 0, 1), members.shares(network)


def scale(network: Any, temperature: float) -> None:
    """Divide what goes into the last softmax or sigmoid, of every member of an ensemble, by a temperature."""
    from lrapp.networks import layers, members

    for one in members.each(network) or [network]:
        last = one.get_layer(layers.OUTPUT)
        last.set_weights([value / np.float32(temperature) for value in last.get_weights()])
