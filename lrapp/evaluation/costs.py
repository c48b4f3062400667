"""What mistakes on two classes cost, and the threshold at which they cost least.

Where probabilities are right, that threshold follows from the costs alone (Elkan 2001, "The foundations of
cost-sensitive learning"). Where they are not, the validation rows know better: the one is shown beside the other.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lrapp.errors import UserError
from lrapp.files import write_beside
from lrapp.preparation.threshold import Costs, Threshold

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

FILE = "probabilities.npz"
# With fewer rows of either class a threshold hangs on one row.
LEAST_ROWS = 10


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of two classes.

    Args:
        chances: Probability of the second class, float32, shape (rows,).
        positive: Whether they are of it, shape (rows,).
    """

    chances: NDArray[np.float32]
    positive: NDArray[np.bool_]

    def at(self, level: float) -> tuple[int, int, int, int]:
        """Return true positives, false positives, false negatives and true negatives at a threshold."""
        said = self.chances.astype(np.float64) > level
        hits, false = int((said & self.positive).sum()), int((said & ~self.positive).sum())
        positives = int(self.positive.sum())
        return hits, false, positives - hits, len(said) - positives - false

    def cost(self, level: float, costs: Costs) -> float:
        """Return what the mistakes at a threshold cost together."""
        _, false, missed, _ = self.at(level)
        return false * costs.false_alarm + missed * costs.miss


@dataclass(frozen=True, eq=False)
class TwoClasses:
    """What a network says of the validation rows, which choose, and of the rows that its scores are of.

    Args:
        validation: May be empty.
        measured: The test rows; where there are none, the validation rows.
    """

    validation: Part
    measured: Part

    def save(self, folder: Path) -> None:
        """Write it into a run's folder."""
        packed = io.BytesIO()
        np.savez_compressed(
            packed,
            validation=self.validation.chances,
            validation_positive=self.validation.positive,
            measured=self.measured.chances,
            measured_positive=self.measured.positive,
        )
        write_beside(folder / FILE, packed.getvalue())


def of(prepared: "Prepared", validation: NDArray[np.floating], measured: NDArray[np.floating]) -> TwoClasses:
    """Return what a network of two classes says.

    Args:
        prepared: The data.
        validation, measured: Its outputs for the validation rows, and for those that its scores are of.
    """
    part = prepared.test if len(prepared.test.y) else prepared.validation

    def one(outputs: NDArray[np.floating], y: NDArray[np.generic]) -> Part:
        return Part(np.asarray(outputs, np.float32).reshape(-1), np.asarray(y) == 1)

    return TwoClasses(one(validation, prepared.validation.y), one(measured, part.y))


def kept(folder: Path) -> TwoClasses | None:
    """Return what a run's network says; None where that was not kept.

    Raises:
        UserError: If the file is damaged.
    """
    try:
        with (folder / FILE).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            parts = [
                Part(file[name].astype(np.float32), file[f"{name}_positive"].astype(np.bool_))
                for name in ("validation", "measured")
            ]
        if any(part.chances.shape != part.positive.shape or part.chances.ndim != 1 for part in parts):
            raise ValueError("lengths differ")
    except FileNotFoundError:
        return None
    except Exception as error:  # whatever a damaged file makes its reader do
        raise UserError(
            f"The probabilities of this run's rows ({FILE}) are damaged: train it again to have new ones."
        ) from error
    return TwoClasses(*parts)


def cheapest(rows: Part, costs: Costs) -> Threshold:
    """Return the threshold at which mistakes cost least on some rows.

    Of several that cost the same, it is the one nearest to what follows from the costs alone.

    Raises:
        UserError: If there are too few rows of either class to choose by.
    """
    positives = int(rows.positive.sum())
    if min(positives, len(rows.positive) - positives) < LEAST_ROWS:
        raise UserError(
            f"A threshold is chosen by costs where at least {LEAST_ROWS} validation rows are of either class; here "
            f"they are {len(rows.positive) - positives} and {positives}. Give a threshold directly, or use more "
            "validation rows."
        )
    order = np.argsort(rows.chances, kind="stable")
    chances, positive = rows.chances[order].astype(np.float64), rows.positive[order]
    # A threshold at or above the n-th value answers the first n rows with the first class.
    ends = np.append(np.flatnonzero(chances[1:] > chances[:-1]) + 1, len(chances))
    counts = np.append(0, ends)
    missed = np.append(0, np.cumsum(positive))[counts]
    false = len(positive) - positives - (counts - missed)
    paid = false * costs.false_alarm + missed * costs.miss
    low = np.append(0.0, chances[ends - 1])
    high = np.append(chances[0], np.append(chances[ends[:-1]], 1.0))
    # In the middle between two rows, and where the costs alone say, if that lies between them.
    middle = (low + high) / 2
    levels = np.where((low <= costs.level) & (costs.level < high), costs.level, middle)
    best = paid <= paid.min() + 1e-9 * max(1.0, float(paid.min()))
    best &= (levels > 0) & (levels < 1)
    if not best.any():  # all rows at exactly 0 or 1
        return Threshold(costs.level, costs)
    level = min(levels[best].tolist(), key=lambda one: (abs(one - costs.level), one))
    return Threshold(float(level), costs)
