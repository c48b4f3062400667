"""Folds -> what each row counts for in each network of a cross-validation."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lrapp.preparation.table_arrays import class_weights

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

Weights = NDArray[np.float32]


def learned(prepared: "Prepared") -> tuple[Weights, Weights]:
    """Return what each training row counts for in each network's loss, and in its metric.

    A row counts for nothing where the network does not learn from it; the others count for so much more that the mean
    over all rows is that over those alone. Where classes are balanced, they are so among the rows that the network
    learns from: what a row of its own fold is decides nothing.

    Args:
        prepared: With folds.

    Returns:
        Two arrays of shape (rows, folds), whose columns have the mean 1.
    """
    assert prepared.folds is not None
    folds, y = prepared.folds, prepared.train.y
    counts = np.zeros((len(y), folds.count), np.float32)
    weights = counts.copy()
    for fold in range(folds.count):
        rows = folds.learned(fold)
        counts[rows, fold] = weights[rows, fold] = len(y) / max(1, int(rows.sum()))
        if prepared.train.weight is not None:
            weights[rows, fold] *= class_weights(y[rows])
    return weights, counts


def watched(prepared: "Prepared") -> Weights:
    """Return what each training row counts for where a network is watched: those of its own fold alone.

    Args:
        prepared: With folds.

    Returns:
        Shape (rows, folds); each column has the mean 1.
    """
    assert prepared.folds is not None
    folds = prepared.folds
    held = np.stack([folds.held(fold) for fold in range(folds.count)], axis=1)
    return (held * (len(held) / np.maximum(1, held.sum(axis=0)))).astype(np.float32)
