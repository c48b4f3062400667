"""Which weights of a network stay, while others are pruned; kept beside its variables by the loop."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrapp.networks import pruned
from lrapp.phrasing import number
from lrapp.settings import TrainingSettings
from lrapp.settings.pruning import Scope
from lrapp.training import pruning


class Masks:
    """A mask for each kernel; without kernels nothing is pruned, and nothing is traced.

    Args:
        kernels: The variables that may be pruned, from ``pruned.kernels``; of many networks, each with a leading axis
            of members.
        members: How many networks; each has masks of its own.

    With ``keeps_zeros``, whatever is zero when the network starts is pruned from the beginning.
    """

    def __init__(self, kernels: Sequence[Any], members: int = 1) -> None:
        self._kernels, self._members = list(kernels), members
        self._masks = [tf.Variable(np.ones(kernel.shape, np.bool_)) for kernel in kernels]
        self.keeps_zeros = False

    @classmethod
    def of(cls, model: keras.Model, settings: TrainingSettings) -> "Masks":
        """Return masks for the kernels of a network, or of many from ``members.stack``, where the settings prune."""
        kernels = pruned.kernels(model) if settings.pruning.enabled else []
        return cls(kernels, model.output_shape[0] or 1)

    @property
    def sizes(self) -> list[int]:
        """Weights of each kernel of a network."""
        return [int(np.prod(kernel.shape)) // self._members for kernel in self._kernels]

    @property
    def values(self) -> list[NDArray[np.bool_]]:
        """Which weights of each kernel stay."""
        return [np.asarray(mask) for mask in self._masks]

    def put(self, values: Sequence[NDArray[np.bool_]]) -> None:
        """Take masks, and set the other weights to zero."""
        for mask, kernel, value in zip(self._masks, self._kernels, values, strict=True):
            mask.assign(value)
            kernel.assign(np.where(value, np.asarray(kernel), np.zeros((), kernel.dtype)))

    def reset(self) -> None:
        """Start with all weights, or with those that are not zero where these are kept."""
        for mask, kernel in zip(self._masks, self._kernels, strict=True):
            kept = np.asarray(kernel) != 0
            mask.assign(kept if self.keeps_zeros else np.ones_like(kept))

    def prune(self, share: float, scope: Scope) -> None:
        """Set the smallest weights of each network to zero.

        Args:
            share: Share of all its weights that are zero then, 0 to below 1; those that are zero already count.
            scope: Whether its layers are pruned together.
        """
        before = self.values
        # With an axis of members in front, also of a single network.
        weights, kept = (
            [value.reshape(self._members, -1) for value in values]
            for values in ([np.asarray(kernel) for kernel in self._kernels], before)
        )
        each = [
            pruning.masks([w[member] for w in weights], share, scope, [mask[member] for mask in kept])
            for member in range(self._members)
        ]
        stacked = [np.stack(masks) for masks in zip(*each, strict=True)]
        self.put([new.reshape(mask.shape) for new, mask in zip(stacked, before, strict=True)])

    def begin(self, epoch: int, settings: TrainingSettings) -> None:
        """Prune as far as the settings want it at the beginning of an epoch, counted from 1."""
        share = pruning.sparsity(settings.pruning, epoch, settings.epochs)
        if share is not None and epoch <= settings.counts_from:
            self.prune(share, settings.pruning.scope)

    def sentence(self, epochs: int, settings: TrainingSettings) -> str:
        """Return a sentence on how sparse a network is after so many epochs, to follow others; empty without masks."""
        if not self._kernels:
            return ""
        zeros = sum(int((np.asarray(kernel) == 0).sum()) for kernel in self._kernels)
        said = f" {number(100 * zeros / sum(mask.size for mask in self.values), 3)} % of its weights are zero"
        if epochs < settings.counts_from:
            final = number(settings.pruning.final_sparsity)
            return (
                f"{said}, as it ended before epoch {settings.counts_from:,}, in which {final} % are reached."
            )
        return f"{said}."

    @property
    def sparsity(self) -> float | None:
        """Share of the weights that are pruned, 0 to below 1, the mean of many networks; None where none may be."""
        if not self._masks:
            return None
        kept = sum(int(mask.sum()) for mask in self.values)
        return 1 - kept / sum(mask.size for mask in self.values)

    def keep(self) -> None:
        """Set what is pruned to zero again, after an update; for tracing."""
        for mask, kernel in zip(self._masks, self._kernels, strict=True):
            kernel.assign(tf.where(mask, kernel.value, tf.zeros((), kernel.value.dtype)))
