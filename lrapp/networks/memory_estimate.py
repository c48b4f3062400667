"""What a run will cost, before it starts: parameters, steps and memory. Needs no TensorFlow.

Time is not estimated: it depends on the machine, and after one epoch it follows from the run's pace.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrapp.errors import UserError
from lrapp.images.datasets import PICTURE_COPIES
from lrapp.networks.shapes import LayerShape, Shape, before, shapes
from lrapp.phrasing import counted, size
from lrapp.settings import ModelSettings, RunSettings, TrainingSettings

if TYPE_CHECKING:
    from lrapp.preparation.expected_shape import ExpectedShape

_FLOAT = 4
# Copies that live at once, measured at the peak and rounded up a little: of each weight (itself, the best epoch's,
# the last epoch's, its gradient or a checkpoint's) and of each of the optimizer's slots.
_WEIGHT_COPIES = 5.5
_SLOT_COPIES = 2.2
# Numbers kept for each unit and row of a batch, forward and backward, measured likewise.
_KEPT = {"dense": 2.2, "batch_norm": 1.1, "dropout": 1.1}
# TensorFlow's graphs and buffers, which every run needs, with XLA's.
_FIXED_BYTES = 40_000_000
# What a network from ImageNet takes besides: its graphs, with many layers, and copies of the weights that it has
# learned. Measured for whole runs of EfficientNetB0, ResNet50V2, VGG16 and InceptionV3.
_PRETRAINED_BYTES, _PRETRAINED_COPIES = 250_000_000, 2
# What a frozen network keeps for each row, to those that learn: measured 0.35 to 0.5.
_FROZEN = 0.5
# Of what each row counts for in each network of a cross-validation; each has an array besides.
_WEIGHT_TENSORS = 3
# Rows of a batch that is evaluated, at most; each of many networks gets a copy of their inputs.
_EVALUATED = 8192
# A block of rows, where memory does not hold all; one that trains, and the next one.
BLOCK_BYTES, _BLOCKS = 16_000_000, 2
# Runs of neighbouring rows, drawn from the whole table, that make up a block.
RUNS = 256
# Copies of the rows, arrays and their tensors. Of a block of pictures there is one, but a third block is there while
# validation pictures are looked at.
_COPIES = 2


@dataclass(frozen=True)
class Parameters:
    """The number of parameters of a network; ``total`` has the averages that batch normalisation keeps, too."""

    trainable: int
    total: int


@dataclass(frozen=True)
class Estimate:
    """What a run will cost.

    Args:
        memory_bytes: Most memory that the run takes at once, beyond what TensorFlow takes idle.
        networks: How many networks of this size train at once.
        in_blocks: The same where the rows train in blocks; None where they are too few for that.
    """

    parameters: Parameters
    memory_bytes: int
    steps: int
    networks: int = 1
    in_blocks: int | None = None

    def goes_in_blocks(self, available: int | None) -> bool:
        """Return whether memory, of which so many bytes are free, holds blocks of the rows, but not all of them."""
        fits = available is None or self.memory_bytes <= available
        return not fits and self.in_blocks is not None and self.in_blocks <= (available or 0)

    @property
    def _networks(self) -> str:
        return (
            f"{counted(self.networks, 'network')}, their answers averaged, of " if self.networks > 1 else ""
        )

    def sentence(self, available: int | None = None) -> str:
        """Return the estimate in words, for the page.

        Args:
            available: Free bytes; None where that is unknown.
        """
        blocks = self.goes_in_blocks(available)
        memory = size(self.in_blocks or 0) if blocks else size(self.memory_bytes)
        how = ", which does not hold the data, so they train in blocks" if blocks else ""
        return (
            f"{self._networks}{self.parameters.trainable:,} parameters, {counted(self.steps, 'step')}: "
            f"about {memory} of memory{how}."
        )


def count_parameters(
    settings: ModelSettings, inputs: int | Shape, outputs: int, numbers: int | None = None
) -> Parameters:
    """Return how many numbers the network consists of that ``models.build`` would make.

    Args:
        inputs: Numbers per row, at least 1; for pictures their shape, (height, width, channels).
        outputs: Numbers that the network answers with: the classes of a multi-class task, else 1.
        numbers: How many of a table's inputs are numbers; all by default.

    Raises:
        UserError: If the network cannot be built.
    """
    return _parameters(_layers(settings, inputs, outputs, numbers))


def estimate(
    settings: RunSettings,
    inputs: int | Shape,
    outputs: int,
    rows: int,
    validation_rows: int = 0,
    numbers: int | None = None,
) -> Estimate:
    """Return what a run will cost.

    Args:
        inputs, outputs, numbers: As for ``count_parameters``.

    Raises:
        UserError: If the network cannot be built.
    """
    layers = _layers(settings.model, inputs, outputs, numbers)
    shape = _shape(inputs)
    steps = math.ceil(rows / settings.training.batch_size) * settings.training.epochs
    network = _network_memory(settings, layers, shape, rows)
    weights = (
        _FLOAT * settings.networks * 2 if settings.crossed else 0
    )  # what each row counts for in each network
    data = _data_memory(shape, rows + validation_rows) + _WEIGHT_TENSORS * weights * rows
    block_rows = rows_of_a_block(shape, settings.training.batch_size)
    in_blocks = None
    if block_rows < rows:
        of_blocks = _data_memory(shape, block_rows, _COPIES) + _WEIGHT_TENSORS * weights * block_rows
        # The arrays of weights stay, and so does the order of the rows, twice.
        in_blocks = network + _BLOCKS * of_blocks + _WEIGHT_TENSORS * weights // 2 * rows + 2 * _FLOAT * rows
        if settings.networks > 1:
            in_blocks += _FLOAT * settings.networks * min(rows, _EVALUATED) * shape[0]
    return Estimate(_parameters(layers), network + data, steps, settings.networks, in_blocks)


def rows_of_a_block(shape: Shape, batch_size: int) -> int:
    """Return how many training rows are in memory at once where it does not hold them all; whole batches.

    Args:
        shape: Of one row's inputs.
    """
    return max(1, BLOCK_BYTES // (_of_a_row(shape)[0] * batch_size)) * batch_size


def estimate_expected(settings: RunSettings, expected: "ExpectedShape") -> Estimate:
    """Return what a run will cost, by what its network will be given; else as ``estimate``."""
    return estimate(
        *(settings, expected.shape, expected.outputs, expected.rows, expected.validation_rows),
        numbers=expected.numbers,
    )


def check_memory(estimated: Estimate, available: int | None) -> None:
    """Refuse a run that needs more memory than this machine has.

    Args:
        available: Free bytes; None where that is unknown, then nothing is refused.

    Raises:
        UserError: If the run needs more than there is.
    """
    least = min(estimated.memory_bytes, estimated.in_blocks or estimated.memory_bytes)
    if available is not None and least > available:
        raise UserError(
            f"This network needs about {size(least)}, this machine has "
            f"{size(available)} free: make layers narrower or the batch smaller."
        )


def _shape(inputs: int | Shape) -> Shape:
    return (inputs,) if isinstance(inputs, int) else inputs


def _of_a_row(shape: Shape) -> tuple[int, int, int]:
    """Bytes of a row's inputs, bytes of the rest of it that count, and how many copies there are of all rows."""
    numbers = math.prod(shape)
    return (numbers, 0, PICTURE_COPIES) if len(shape) == 3 else (_FLOAT * numbers, 2 * _FLOAT, _COPIES)


def _layers(model: ModelSettings, inputs: int | Shape, outputs: int, numbers: int | None) -> list[LayerShape]:
    """All layers; a pretrained network or an embedding comes first."""
    first = before(model, _shape(inputs), numbers)
    return [*([first] if first else []), *shapes(model, _shape(inputs), outputs, numbers)]


def _parameters(layers: list[LayerShape]) -> Parameters:
    return Parameters(sum(layer.trainable for layer in layers), sum(layer.parameters for layer in layers))


def _network_memory(settings: RunSettings, layers: list[LayerShape], shape: Shape, rows: int) -> int:
    parameters = _parameters(layers)
    weights = (
        parameters.total * _WEIGHT_COPIES + parameters.trainable * _slots(settings.training) * _SLOT_COPIES
    )
    batch = min(settings.training.batch_size, rows) if rows else settings.training.batch_size
    *hidden, answer = layers
    inputs = math.prod(shape)
    kept = inputs + answer.computed + sum(_numbers_kept(layer) for layer in hidden)
    fixed = _FIXED_BYTES
    if settings.model.base is not None:
        base = hidden[0]
        fixed += _PRETRAINED_BYTES + _FLOAT * _PRETRAINED_COPIES * base.parameters
        if settings.training.groups.frozen_for(settings.training.epochs):
            kept -= (1 - _FROZEN) * _numbers_kept(base)
    return fixed + int(_FLOAT * settings.networks * (weights + batch * kept))


def _data_memory(shape: Shape, rows: int, copies: int | None = None) -> int:
    """The arrays and their tensors."""
    inputs, rest, usual = _of_a_row(shape)
    return (copies or usual) * rows * (inputs + rest)


def _slots(settings: TrainingSettings) -> int:
    """Numbers that the optimizer keeps for each weight."""
    if settings.optimizer in ("adam", "adamw"):
        return 2
    return (settings.optimizer == "rmsprop") + (settings.momentum > 0)


def _numbers_kept(layer: LayerShape) -> float:
    return (
        _KEPT["dense"] * layer.computed
        + _KEPT["batch_norm"] * layer.normalised
        + _KEPT["dropout"] * layer.dropped
    )
