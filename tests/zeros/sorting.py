"""Masks found in another way: by sorting all weights."""

from collections.abc import Sequence

import numpy as np

from lrapp.settings.pruning import Scope


def by_sorting(
    weights: Sequence[np.ndarray], share: float, scope: Scope, before: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The masks, written another way: one weight after the other, the smallest first."""
    kept = [mask.copy() for mask in before]
    for group in [range(len(weights))] if scope == "all" else [[layer] for layer in range(len(weights))]:
        order = []
        for layer in group:
            flat = [
                abs(w) if stays else 0.0
                for w, stays in zip(weights[layer].flat, before[layer].flat, strict=True)
            ]
            largest = flat.index(max(flat))
            order += [
                (value, layer, place)
                for place, value in enumerate(flat)
                if scope == "each" or place != largest
            ]
        size = sum(weights[layer].size for layer in group)
        for _, layer, place in sorted(order)[: int(size * share + 0.5)]:
            kept[layer].flat[place] = False
    return kept
