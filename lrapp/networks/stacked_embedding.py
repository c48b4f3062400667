"""Embeddings of numbers for many networks at once; every weight has three axes, the first of them the members."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from lrapp.networks import number_embeddings
from lrapp.networks.layers import Seeds
from lrapp.networks.number_embeddings import BIN_LAYER, BINS, LEARNED, MIXED, WAVES, WAVING
from lrapp.networks.stacked import Stacked


def embedded(x: Any, kind: str, numbers: int, members: int, seeds: Sequence[Seeds]) -> Any:
    """Return the inputs with the embeddings of the numbers behind them, as ``number_embeddings.embedded`` does.

    Args:
        x: Inputs, shape (rows, inputs).
        kind: Which embedding; not ``none``.
        numbers: How many of the first inputs are numbers, at least 1.
        members: Networks, at least 2.
        seeds: Those of the members.

    Returns:
        Shape (members, rows, numbers); of bins, which all members share, (rows, numbers).
    """
    float32: dict[str, Any] = {"dtype": keras.DTypePolicy("float32")}
    if kind == "bins":
        return StackedBins(members, numbers, name=BIN_LAYER, **float32)(x)
    waves = StackedWaves(members, numbers, seeds, name=WAVING, **float32)(x)
    return StackedMixed(members, numbers, seeds, name=MIXED, **float32)([x, waves])


class StackedBins(Stacked):
    """The bins of the numbers, and the inputs before them; the same for all members.

    Args:
        members: How many.
        numbers: How many of the first inputs have bins.
    """

    def __init__(self, members: int, numbers: int, **more: Any) -> None:
        super().__init__(members, trainable=False, **more)
        self.numbers = numbers

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights."""
        self.kernel = self.add_weight(
            shape=(self.members, self.numbers, BINS), initializer="zeros", trainable=False, name="kernel"
        )
        self.bias = self.add_weight(
            shape=(self.members, 1, BINS * self.numbers), initializer="zeros", trainable=False, name="bias"
        )

    def call(self, inputs: Any) -> Any:
        """Say how much of each bin lies below each number."""
        factors = ops.transpose(self.kernel[0])
        places = inputs[:, None, : self.numbers] * factors + ops.reshape(self.bias[0], (BINS, self.numbers))
        shares = ops.reshape(ops.clip(places, 0.0, 1.0), (-1, BINS * self.numbers))
        return ops.concatenate([inputs, shares], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of what comes out, the same for all members."""
        assert input_shape[-1] is not None
        return (input_shape[0], input_shape[-1] + BINS * self.numbers)

    def learn(self, x: np.ndarray) -> None:
        """Take the bins of training rows, float32, shape (rows, inputs)."""
        factors, offsets = number_embeddings.bins(x[:, : self.numbers])
        self.kernel.assign(np.tile(factors[:, 0], (self.members, 1, 1)))
        self.bias.assign(np.tile(offsets.reshape(1, 1, -1), (self.members, 1, 1)))


class _Drawn(Stacked):
    """A layer whose weights are drawn from each member's seed.

    Args:
        members: How many.
        numbers: How many of the first inputs are numbers.
        seeds: Those of the members.
    """

    def __init__(self, members: int, numbers: int, seeds: Sequence[Seeds], **more: Any) -> None:
        super().__init__(members, **more)
        self.numbers = numbers
        self._seeds = tuple(seeds)

    def _make(self, kernel: tuple[int, ...], bias: tuple[int, ...]) -> None:
        """Make the weights, of which one network alone has these shapes."""
        self._alone = kernel, bias
        self.kernel = self.add_weight(
            shape=(self.members, int(np.prod(kernel[:-1])), kernel[-1]),
            initializer=lambda shape, dtype=None: self._initial(0),
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(self.members, 1, int(np.prod(bias))),
            initializer=lambda shape, dtype=None: self._initial(1),
            name="bias",
        )

    def _initial(self, place: int) -> Any:
        """Kernels (0) or biases (1), each as the member would have it alone."""
        made = []
        for seeds in self._seeds:
            draws = number_embeddings.initializers(self.name, seeds.embedding)
            drawn = draws["bias_initializer" if place else "kernel_initializer"](self._alone[place])
            made.append(ops.reshape(drawn, (1, -1) if place else (-1, self._alone[0][-1])))
        return ops.stack(made)

    def reset(self, seeds: Sequence[Seeds]) -> None:
        """Take the initial weights of other seeds."""
        self._seeds = tuple(seeds)
        self.kernel.assign(self._initial(0))
        self.bias.assign(self._initial(1))


class StackedWaves(_Drawn):
    """Cosines of the numbers, shape (members, rows, waves x numbers)."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights."""
        self._make((self.numbers, 1, WAVES), (WAVES, self.numbers))

    def call(self, inputs: Any) -> Any:
        """Multiply, add, and take the cosine."""
        phases = ops.einsum("bc,kcf->kbfc", inputs[:, : self.numbers], self.kernel)
        phases = ops.reshape(phases, (self.members, -1, WAVES * self.numbers))
        return ops.cos(phases + self.bias)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of what comes out."""
        return (self.members, input_shape[0], WAVES * self.numbers)


class StackedMixed(_Drawn):
    """What is made of the cosines, behind the inputs."""

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        self._make((self.numbers, WAVES, LEARNED), (LEARNED, self.numbers))

    def call(self, inputs: Any) -> Any:
        """Multiply, add, and put the inputs before."""
        x, waves = inputs
        waves = ops.reshape(waves, (self.members, -1, WAVES, self.numbers))
        kernel = ops.reshape(self.kernel, (self.members, self.numbers, WAVES, LEARNED))
        made = ops.reshape(
            ops.einsum("kbfc,kcfo->kboc", waves, kernel), (self.members, -1, LEARNED * self.numbers)
        )
        return ops.concatenate([ops.repeat(x[None], self.members, axis=0), made + self.bias], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Shape of what comes out."""
        given, _ = input_shape
        return (self.members, given[0], given[-1] + LEARNED * self.numbers)
