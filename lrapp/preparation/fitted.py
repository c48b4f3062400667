"""The preprocessor of any kind of data: all that was learned from the training rows, to prepare new ones."""

from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np

from lrapp.preparation.log_target import LogTarget
from lrapp.preparation.preprocessor import Decoded
from lrapp.preparation.threshold import Threshold
from lrapp.settings import DataKind, Task


class Fitted(Protocol):
    """What was learned from the training rows, except the network."""

    kind: ClassVar[DataKind]

    @property
    def task(self) -> Task:
        """The network's task."""

    @property
    def target(self) -> str:
        """Name of what is predicted."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of the outputs; empty for a regression."""

    @property
    def target_mean(self) -> float:
        """The output 0 in the target's units; 0 unless a regression."""

    @property
    def target_scale(self) -> float:
        """A difference of 1 in the outputs in the target's units; 1 unless a regression."""

    @property
    def logarithm(self) -> LogTarget | None:
        """Takes the place of mean and scale where the network learns the target's logarithm, else None."""

    @property
    def threshold(self) -> Threshold | None:
        """From which probability on the second of two classes is answered; None for the usual half."""

    def with_threshold(self, threshold: Threshold | None) -> Self:
        """Return the same with another threshold."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the network's inputs, where they have names."""

    @property
    def numbers(self) -> int:
        """How many inputs are scaled numbers; they come first."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row's inputs."""

    def decode(self, outputs: np.ndarray) -> Decoded:
        """Return the network's outputs as class names and probabilities, or as numbers in the target's units."""

    def linear(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs or targets, float64; with a logarithm, converted back and standardised."""

    def save(self, folder: Path) -> None:
        """Write it into a folder, for ``preparation.kinds`` to load."""
