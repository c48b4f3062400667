"""How far the networks of an ensemble are apart in what they answer for a row.

Lakshminarayanan et al. 2017, arXiv 1612.01474: where the training rows say little, networks that began elsewhere
answer differently.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lrapp.phrasing import number, percent, quoted
from lrapp.preparation.fitted import Fitted

if TYPE_CHECKING:
    from lrapp.networks.saved import SavedModel

COLUMN = "spread"
ABOUT = (
    "How far the networks of the ensemble are apart: the standard deviation of their numbers, or of the probabilities "
    "that they give to the predicted class. Where it is large, the training rows say little about such a row. It is no "
    "confidence interval: networks can agree and be wrong, where the target itself varies or a row is unlike others."
)


@dataclass(frozen=True, eq=False)
class Disagreement:
    """How far networks are apart: of a class the probabilities of the one that is predicted, else numbers.

    Args:
        networks: How many count for the answer, at least two.
        spread: Standard deviation of what they answer, each weighed as in the mean; float64, shape (rows,).
        low, high: The least and the most that one of them answers, shape (rows,).
    """

    networks: int
    spread: np.ndarray
    low: np.ndarray
    high: np.ndarray


def measured(
    preprocessor: Fitted, each: np.ndarray, shares: np.ndarray, outputs: np.ndarray
) -> Disagreement | None:
    """Return how far networks are apart; None where only one counts.

    Args:
        each: What each network answers, shape (networks, rows, outputs).
        shares: What each counts for in the mean, shape (networks,); they add up to 1.
        outputs: The mean, shape (rows, outputs).
    """
    counts = shares > 0
    if np.count_nonzero(counts) < 2:
        return None
    each, shares = np.asarray(each[counts], np.float64), np.asarray(shares[counts], np.float64)
    networks, rows = each.shape[:2]
    if not rows:
        return Disagreement(networks, *np.zeros((3, 0)))
    if preprocessor.task == "regression":
        said = preprocessor.decode(each.reshape(networks * rows, -1)).values.reshape(networks, rows)
    else:
        answers = preprocessor.decode(outputs).places
        assert answers is not None
        if preprocessor.task == "binary":
            each = np.concatenate([1 - each, each], axis=2)
        said = np.take_along_axis(each, answers[None, :, None], axis=2)[:, :, 0]
    off = said - shares @ said
    return Disagreement(networks, np.sqrt(shares @ off**2), said.min(axis=0), said.max(axis=0))


def sentence(found: Disagreement, name: str = "") -> str:
    """Return how far networks are apart for the first row, in words.

    Args:
        found: As ``measured`` has it.
        name: The class that is predicted; empty for a number.
    """
    low, high, spread = float(found.low[0]), float(found.high[0]), float(found.spread[0])
    if not name:
        return (
            f"The {found.networks} networks of the ensemble answer between {number(low)} and {number(high)} "
            f"(spread {number(spread)})."
        )
    return (
        f"The {found.networks} networks of the ensemble give {quoted([name])} between {percent(low)} and "
        f"{percent(high)} (spread {100 * spread:.1f} points)."
    )


def answered(model: "SavedModel", x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what a model answers to inputs, and how far its networks are apart; None where there is but one.

    Returns:
        float32, shape (rows, outputs); float64, shape (rows,).
    """
    shares = model.shares
    if np.count_nonzero(shares) < 2:
        return model.outputs(x), None
    outputs, spreads = [], [np.zeros(0)]
    for mean, each in model.answers_of_each(x):
        found = measured(model.preprocessor, each, shares, mean)
        assert found is not None
        outputs.append(mean)
        spreads.append(found.spread)
    return (np.concatenate(outputs) if outputs else model.outputs(x)), np.concatenate(spreads)
