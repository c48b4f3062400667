"""A closer look at a network that learned from pictures: which of them it got wrong."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrapp.evaluation import misclassified
from lrapp.evaluation.kinds import Evaluation

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

# Neighbouring pixels are similar, so in the same time more, smaller pictures of this side teach more.
_SIDE = 14


def linear_pixels(shape: tuple[int, ...]) -> int:
    """Return how many pixels along a side of pictures of (height, width, channels) become one for the linear model."""
    return -(-max(shape[:2]) // _SIDE)


def _linear_inputs(x: NDArray[Any]) -> NDArray[np.float64]:
    side = linear_pixels(x.shape[1:])
    rows, height, width, channels = x.shape
    high, wide = max(height // side, 1), max(width // side, 1)
    cut = x[:, : high * side, : wide * side]
    cut = cut.reshape(rows, high, min(side, height), wide, min(side, width), channels)
    return cut.mean(axis=(2, 4)).reshape(rows, -1) / 255


def _linear_notes(shape: tuple[int, ...]) -> Iterator[str]:
    if (side := linear_pixels(shape)) > 1:
        yield f"The linear model sees the pictures {side} times smaller."


def _leave(prepared: "Prepared", outputs: NDArray[Any]) -> dict[str, bytes]:
    return {misclassified.MISTAKES_FILE: misclassified.mistakes(prepared, outputs).to_json()}


# Less work and fewer rounds than for a table: the solver has farther to go.
KIND = Evaluation(
    linear_inputs=_linear_inputs,
    linear_work=5_000_000,
    linear_rounds=40,
    too_few="there are too few pictures for their size",
    linear_notes=_linear_notes,
    files=(misclassified.MISTAKES_FILE,),
    leave=_leave,
)
