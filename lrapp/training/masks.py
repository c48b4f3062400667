"""Which weights of a network stay, while others are pruned; kept beside its variables by the loop."""

from collections.abc import Iterable, Sequence
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

    With ``keeps_zeros``, whatever is zero when the network starts is pruned from the beginning. What ``leave_out`` was
    given is not pruned, and does not count.
    """

    def __init__(self, kernels: Sequence[Any], members: int = 1) -> None:
        self._kernels, self._members = list(kernels), members
        self._masks = [tf.Variable(np.ones(kernel.shape, np.bool_)) for kernel in kernels]
        self._places = list(range(len(self._kernels)))  # of the kernels that are pruned
        self.keeps_zeros = False

    @classmethod
    def of(cls, model: keras.Model, settings: TrainingSettings) -> "Masks":
        """Return masks for the kernels of a network, or of many from ``members.stack``, where the settings prune."""
        kernels = pruned.kernels(model) if settings.pruning.enabled else []
        return cls(kernels, model.output_shape[0] or 1)

    def leave_out(self, still: Iterable[Any]) -> None:
        """Prune all kernels but these, which cannot recover as they do not learn."""
        out = {id(kernel) for kernel in still}
        self._places = [place for place, kernel in enumerate(self._kernels) if id(kernel) not in out]

    @property
    def _pruned(self) -> list[Any]:
        return [self._kernels[place] for place in self._places]

    @property
    def sizes(self) -> list[int]:
        """Weights of each kernel of a network that is pruned."""
        return [int(np.prod(kernel.shape)) // self._members for kernel in self._pruned]

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
        """
        values = self.values
        before = [values[place] for place in self._places]
        # With an axis of members in front, also of a single network.
        weights, kept = (
            [value.reshape(self._members, -1) for value in values]
            for values in ([np.asarray(kernel) for kernel in self._pruned], before)
        )
        each = [
            pruning.masks([w[member] for w in weights], share, scope, [mask[member] for mask in kept])
            for member in range(self._members)
        ]
        stacked = [np.stack(masks) for masks in zip(*each, strict=True)]
        for place, new, mask in zip(self._places, stacked, before, strict=True):
            values[place] = new.reshape(mask.shape)
        self.put(values)

    def begin(self, epoch: int, settings: TrainingSettings) -> None:
        """Prune as far as the settings want it at the beginning of an epoch, counted from 1."""
        share = pruning.sparsity(settings.pruning, epoch, settings.epochs)
        if share is not None and epoch <= settings.counts_from:
            self.prune(share, settings.pruning.scope)

    def sentence(self, epochs: int, settings: TrainingSettings) -> str:
        """Return a sentence on how sparse a network is after so many epochs, to follow others; empty without masks."""
        if not self._places:
            return ""
        zeros = sum(int((np.asarray(kernel) == 0).sum()) for kernel in self._pruned)
        which = "its weights" if len(self._places) == len(self._kernels) else "the weights that learn"
        said = f" {number(100 * zeros / (self._members * sum(self.sizes)), 3)} % of {which} are zero"
        final = settings.pruning.final_sparsity
        wanted = sum(pruning.pruned_counts(self.sizes, final / 100, settings.pruning.scope))
        if epochs < settings.counts_from and zeros < self._members * wanted:
            end = f"as it ended before the end of epoch {settings.counts_from:,}"
            return f"{said}, {end}, in which {number(final)} % are reached."
        return f"{said}."

    @property
    def sparsity(self) -> float | None:
        """Share of the weights that are pruned, 0 to below 1, the mean of many networks; None where none may be."""
        if not self._places:
            return None
        masks = [np.asarray(self._masks[place]) for place in self._places]
        return 1 - sum(int(mask.sum()) for mask in masks) / sum(mask.size for mask in masks)

    def keep(self) -> None:
        """Set what is pruned to zero again, after an update; for tracing."""
        for mask, kernel in zip(self._masks, self._kernels, strict=True):
            kernel.assign(tf.where(mask, kernel.value, tf.zeros((), kernel.value.dtype)))
