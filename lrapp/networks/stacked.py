"""Layers of many networks at once: every weight has a leading axis, one entry for each member.

What goes in has the shape (rows, numbers), the same for all members, or (members, rows, numbers); what comes out always
has the latter. Member k of a layer computes what Keras's own layer does with weights ``[k]``.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from lrapp.networks.layers import Seeds


class Stacked(keras.layers.Layer):
    """What all stacked layers share, of two networks or more."""

    def __init__(self, members: int, **more: Any) -> None:
        super().__init__(**more)
        self.members = members

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of what comes out, (members, rows, numbers)."""
        return (self.members, input_shape[-2], input_shape[-1])

    def reset(self, seeds: Sequence[Seeds]) -> None:
        """Take the initial weights and random numbers of other seeds, one for each member."""


class StackedDense(Stacked):
    """``keras.layers.Dense``, linear, for every member.

    Args:
        initializer: Makes a member's kernel; its ``seed`` is set by ``reset``.
        l1, l2: Penalties on the kernel; see ``penalty``.
    """

    def __init__(
        self,
        members: int,
        units: int,
        use_bias: bool,
        initializer: type[keras.initializers.Initializer],
        seeds: Sequence[Seeds],
        l1: float = 0.0,
        l2: float = 0.0,
        **more: Any,
    ) -> None:
        super().__init__(members, **more)
        self.units, self.use_bias, self.initializer = units, use_bias, initializer
        self.l1, self.l2 = l1, l2
        self._seeds = tuple(seeds)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights."""
        shape = (self.members, input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, initializer=self._initial, name="kernel")
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.members, 1, self.units), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Multiply and add."""
        if len(inputs.shape) > 2:
            x = ops.matmul(inputs, self.kernel)
        else:
            # What all members see is multiplied once, by all kernels side by side: one large product, not many small.
            side_by_side = ops.transpose(self.kernel, (1, 0, 2))
            x = ops.matmul(inputs, ops.reshape(side_by_side, (-1, self.members * self.units)))
            x = ops.transpose(ops.reshape(x, (-1, self.members, self.units)), (1, 0, 2))
        return x if self.bias is None else ops.add(x, self.bias)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Shape of what comes out."""
        return (self.members, input_shape[-2], self.units)

    def penalty(self) -> Any:
        """What L1 and L2 add to each member's loss, shape (members,); None where they add nothing."""
        if not self.l1 and not self.l2:
            return None
        total = ops.zeros(self.members)
        if self.l1:
            total += self.l1 * ops.sum(ops.absolute(self.kernel), axis=(1, 2))
        if self.l2:
            total += self.l2 * ops.sum(ops.square(self.kernel), axis=(1, 2))
        return total

    def reset(self, seeds: Sequence[Seeds]) -> None:
        """Take the initial weights of other seeds."""
        self._seeds = tuple(seeds)
        self.kernel.assign(self._initial(self.kernel.shape, self.kernel.dtype))
        if self.bias is not None:
            self.bias.assign(np.zeros(self.bias.shape, self.bias.dtype))

    def _initial(self, shape: Sequence[int], dtype: Any = None) -> Any:
        # One by one: each member's fan-in must not include the others.
        return ops.stack(
            [
                self.initializer(seed=seeds.weights(self.name))(tuple(shape[1:]), dtype=dtype)
                for seeds in self._seeds
            ]
        )


class StackedBatchNormalization(Stacked):
    """``keras.layers.BatchNormalization`` for every member, over the rows.

    Args:
        momentum: How much of the old averages stays in each step.
        epsilon: Added to the variance, Keras's own by default.
    """

    def __init__(self, members: int, momentum: float, epsilon: float = 1e-3, **more: Any) -> None:
        super().__init__(members, **more)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights."""
        shape = (self.members, 1, input_shape[-1])
        self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta")
        fixed: dict[str, Any] = {"trainable": False, "autocast": False}
        self.moving_mean = self.add_weight(shape=shape, initializer="zeros", name="moving_mean", **fixed)
        self.moving_variance = self.add_weight(
            shape=shape, initializer="ones", name="moving_variance", **fixed
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Normalise by the batch in training, by the averages else."""
        x = ops.cast(inputs, "float32") if inputs.dtype in ("float16", "bfloat16") else inputs
        mean, variance = self.moving_mean.value, self.moving_variance.value
        if training and self.trainable:
            mean, variance = ops.moments(x, axes=-2, keepdims=True)
            for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                average.assign(average * self.momentum + value * (1.0 - self.momentum))
        scale = ops.rsqrt(variance + self.epsilon) * ops.cast(self.gamma, variance.dtype)
        return ops.cast(x * scale + (ops.cast(self.beta, x.dtype) - mean * scale), self.compute_dtype)

    def reset(self, seeds: Sequence[Seeds]) -> None:
        """Start anew."""
        for variable, value in (
            (self.gamma, 1.0),
            (self.beta, 0.0),
            (self.moving_mean, 0.0),
            (self.moving_variance, 1.0),
        ):
            variable.assign(np.full(variable.shape, value, variable.dtype))


class StackedDropout(Stacked):
    """``keras.layers.Dropout`` of a share, 0 to below 1, for every member, with random numbers of its own."""

    def __init__(self, members: int, rate: float, seeds: Sequence[Seeds], **more: Any) -> None:
        super().__init__(members, **more)
        self.rate = rate
        self.generators = [keras.random.SeedGenerator(each.noise(self.name)) for each in seeds]
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Set numbers to zero in training."""
        shared = len(inputs.shape) == 2
        if not training:
            # Added, so that the shape is the same in both.
            return ops.repeat(inputs[None], self.members, axis=0) if shared else inputs
        return ops.stack(
            [
                keras.random.dropout(inputs if shared else inputs[member], self.rate, seed=generator)
                for member, generator in enumerate(self.generators)
            ]
        )

    def reset(self, seeds: Sequence[Seeds]) -> None:
        """Take the random numbers of other seeds."""
        for generator, each in zip(self.generators, seeds, strict=True):
            generator.state.assign([each.noise(self.name), 0])
