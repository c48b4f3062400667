"""Which weights are pruned, and when: by magnitude, along the cubic curve of Zhu and Gupta 2017, arXiv 1710.01878.

Nothing here needs a network: the page draws the sparsity with the function that the loop follows.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lrapp.errors import UserError
from lrapp.phrasing import counted, number
from lrapp.settings.pruning import PruningSettings, Scope


def sparsity(settings: PruningSettings, epoch: int, epochs: int) -> float | None:
    """Return the share of zeros that is reached at the beginning of an epoch.

    ``s(t) = s_f + (s_i - s_f) (1 - (t - t_0) / (n dt))^3``, where ``dt`` is one epoch.

    Args:
        epoch: t, counted from 1.

    Returns:
        0 to below 1; None before the first epoch of pruning, and where nothing is pruned.
    """
    first, last = settings.first_epoch, settings.last(epochs)
    if not settings.enabled or epoch < first:
        return None
    initial, final = settings.initial_sparsity / 100, settings.final_sparsity / 100
    if epoch >= last:
        return final
    return float(final + (initial - final) * (1 - (epoch - first) / (last - first)) ** 3)


def pruned_counts(sizes: Sequence[int], share: float, scope: Scope) -> list[int]:
    """Return how many weights each layer loses, or all together as a single number, rounded to the nearest.

    Args:
        sizes: Weights of each layer, at least one layer.
        share: Share of the weights that becomes zero, 0 to below 1.
    """
    parts = [sum(sizes)] if scope == "all" else list(sizes)
    return [int(np.floor(part * share + 0.5)) for part in parts]


def require_spare(sizes: Sequence[int], settings: PruningSettings) -> None:
    """Check that a network has weights to spare.

    Raises:
        UserError: If nothing would be pruned, or a layer would be left without a weight.
    """
    if not sizes:
        raise UserError("This network has no weights that can be pruned; switch pruning off.")
    final = f"{number(settings.final_sparsity)} %"
    counts = pruned_counts(sizes, settings.final_sparsity / 100, settings.scope)
    if not any(counts):
        raise UserError(
            f"Pruning to {final} would not take one of the {counted(sum(sizes), 'weight')} of this network; choose a "
            "larger final sparsity, or a larger network."
        )
    left = [size - count for size, count in zip(sizes, counts, strict=False)]
    if settings.scope == "all":
        left = [(sum(sizes) - counts[0]) // len(sizes)]
    if min(left) < 1:
        smallest = f"of {counted(sum(sizes), 'weight')} in {counted(len(sizes), 'layer')}"
        if settings.scope == "each":
            smallest = f"of a layer of {counted(min(sizes), 'weight')}"
        raise UserError(
            f"Pruning to {final} {smallest} would leave a layer without weights; choose a smaller final sparsity, "
            "or a larger network."
        )


def masks(
    weights: Sequence[NDArray[np.floating]], share: float, scope: Scope, before: Sequence[NDArray[np.bool_]]
) -> list[NDArray[np.bool_]]:
    """Return which weights stay: all but the smallest. What was pruned before stays so.

    Of equally small weights the earlier go first. Where layers are pruned together, the largest weight of each stays in
    any case, as a layer without weights would let nothing through (Tanaka et al. 2020, arXiv 2006.05467).

    Args:
        weights: Of each layer, any shapes.
        share: Share of the weights that becomes zero, 0 to below 1.
        before: Which weights stayed until now, of the same shapes.
    """
    sizes = [value.size for value in weights]
    magnitudes = [
        np.where(mask, np.abs(value), 0).ravel() for value, mask in zip(weights, before, strict=True)
    ]
    counts = pruned_counts(sizes, share, scope)
    if scope == "all":
        for own in magnitudes:
            own[np.argmax(own)] = np.inf
        together = _largest(np.concatenate(magnitudes), counts[0])
        kept = np.split(together, np.cumsum(sizes)[:-1])
    else:
        kept = [_largest(own, count) for own, count in zip(magnitudes, counts, strict=True)]
    return [new.reshape(mask.shape) & mask for new, mask in zip(kept, before, strict=True)]


def _largest(magnitudes: NDArray[np.floating], pruned: int) -> NDArray[np.bool_]:
    """Which are not among so many of the smallest, shape (weights,)."""
    if not pruned:
        return np.ones(len(magnitudes), np.bool_)
    limit = np.partition(magnitudes, pruned - 1)[pruned - 1]
    kept = ~(magnitudes < limit)
    level = np.flatnonzero(magnitudes == limit)
    kept[level[: pruned - int((~kept).sum())]] = False
    return kept
