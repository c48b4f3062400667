"""What does a closer look do for each kind of data? A module for each; what they have in common is here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrapp.settings import DataKind
from lrapp.settings.kinds import part

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared


def _nothing(*_: Any) -> dict[str, Any]:
    return {}


def _no_notes(shape: tuple[int, ...]) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Evaluation:
    """What a closer look does for a kind of data.

    Args:
        linear_inputs: Returns rows as a linear model sees them: numbers, float64, shape (rows, numbers). In float64,
            because a solver that minimises to 1e-4 does not come to rest in float32.
        linear_work: Rows times numbers (times classes) that a linear model is fitted on: about a second.
        linear_notes: Says, given the shape of a row, what the linear model sees otherwise than the network.
        further: Returns more of ``Insight``, given the data, the part that is measured and its name, its scores, the
            network, how many numbers it consists of, and notes to add to.
        files: Names of further files that are left in the run's folder.
        leave: Returns what they hold, given the data and the network's outputs for the part that is measured.
    """

    linear_inputs: Callable[[NDArray[Any]], NDArray[np.float64]]
    linear_work: int
    linear_rounds: int
    too_few: str
    linear_notes: Callable[[tuple[int, ...]], Iterable[str]] = _no_notes
    further: Callable[..., dict[str, Any]] = _nothing
    files: tuple[str, ...] = ()
    leave: "Callable[[Prepared, NDArray[Any]], dict[str, bytes]]" = _nothing


def of(kind: DataKind) -> Evaluation:
    """Return what a closer look does for a kind of data."""
    found: Evaluation = part(__name__, kind)
    return found
