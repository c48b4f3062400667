"""Embeddings of numbers for many networks at once: as ``number_embeddings``, with an axis of members in front."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from lrapp.networks import number_embeddings
from lrapp.networks.layers import Seeds
from lrapp.networks.number_embeddings import LEARNED, WAVES
from lrapp.networks.stacked import Stacked
from lrapp.settings.network import NumberEmbedding


class _Drawn(Stacked):
    """A layer whose kernel and bias are drawn for each member as ``number_embeddings`` draws them for one."""

    kernel_shape: tuple[int, ...]
    drawn_shape: tuple[int, ...]
    bias_shape: tuple[int, ...]

    def __init__(self, members: int, seeds: Sequence[Seeds], **more: Any) -> None:
        super().__init__(members, **more)
        self._seeds = tuple(seeds)

    def _make(self) -> None:
        kernel, bias = self._initial(self._seeds)
        self.kernel = self.add_weight(
            shape=kernel.shape, initializer=lambda shape, dtype=None: kernel, name="kernel"
        )
        self.bias = self.add_weight(shape=bias.shape, initializer=lambda shape, dtype=None: bias, name="bias")

    def _initial(self, seeds: Sequence[Seeds]) -> tuple[np.ndarray, np.ndarray]:
        kernels, biases = [], []
        for each in seeds:
            draws = number_embeddings.initializers(self.name, each.embedding)
            kernels.append(
                np.asarray(draws["kernel_initializer"](self.drawn_shape)).reshape(self.kernel_shape)
            )
            biases.append(np.asarray(draws["bias_initializer"](self.bias_shape)))
        return np.stack(kernels), np.stack(biases)

    def reset(self, seeds: Sequence[Seeds]) -> None:
        """Take the initial weights of other seeds."""
        self._seeds = tuple(seeds)
        kernel, bias = self._initial(seeds)
        self.kernel.assign(kernel)
        self.bias.assign(bias)


class StackedWaves(_Drawn):
    """Cosines of a number at learned frequencies: (rows, numbers) to (members, rows, waves, numbers)."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights."""
        numbers = input_shape[-1]
        assert numbers is not None
        self.kernel_shape, self.drawn_shape = (numbers, WAVES), (numbers, 1, WAVES)
        self.bias_shape = (WAVES, numbers)
        self._make()

    def call(self, inputs: Any) -> Any:
        """Compute the cosines."""
        factors = ops.transpose(self.kernel, (0, 2, 1))[:, None]
        return ops.cos(inputs[None, :, None, :] * factors + self.bias[:, None])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of what comes out."""
        return (self.members, input_shape[0], WAVES, input_shape[-1])


class StackedMix(_Drawn):
    """A few mixtures of the waves of each number: to (members, rows, mixtures, numbers)."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights."""
        numbers = input_shape[-1]
        assert numbers is not None
        self.kernel_shape, self.drawn_shape = (numbers, WAVES * LEARNED), (numbers, WAVES, LEARNED)
        self.bias_shape = (LEARNED, numbers)
        self._make()

    def call(self, inputs: Any) -> Any:
        """Mix the waves."""
        kernel = ops.reshape(self.kernel, (self.members, -1, WAVES, LEARNED))
        return ops.einsum("mbfc,mcfo->mboc", inputs, kernel) + self.bias[:, None]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of what comes out."""
        return (self.members, input_shape[1], LEARNED, input_shape[-1])


class SideBySide(Stacked):
    """The inputs of all members, with what an embedding made of them behind them: (members, rows, all)."""

    def call(self, inputs: Sequence[Any]) -> Any:
        """Put them side by side."""
        x, made = inputs
        made = ops.reshape(made, (self.members, -1, made.shape[-2] * made.shape[-1]))
        return ops.concatenate([ops.repeat(x[None], self.members, axis=0), made], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """Shape of what comes out."""
        x, made = input_shape
        inputs, mixtures, numbers = x[-1], made[-2], made[-1]
        assert inputs is not None
        assert mixtures is not None
        assert numbers is not None
        return (self.members, x[0], inputs + mixtures * numbers)


def embedded(x: Any, kind: NumberEmbedding, numbers: int, seeds: Sequence[Seeds]) -> Any:
    """Return what ``number_embeddings.embedded`` does, for every member.

    Args:
        x: Inputs, shape (rows, inputs).
        kind: Which embedding; not ``none``. Bins are learned from the rows, so all members share them.
    """
    if kind == "bins":
        return number_embeddings.embedded(x, kind, numbers, seeds[0].embedding)
    members, float32 = len(seeds), keras.DTypePolicy("float32")
    first, second = number_embeddings.DRAWN
    columns = x[:, :numbers] if numbers < x.shape[-1] else x
    waves = StackedWaves(members, seeds, name=first, dtype=float32)(columns)
    mixed = StackedMix(members, seeds, name=second, dtype=float32)(waves)
    return SideBySide(members, name="embedding", dtype=float32)([x, mixed])
