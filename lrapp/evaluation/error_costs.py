"""What mistakes on two classes cost, and the threshold that follows.

Where probabilities are right, it follows from the costs alone (Elkan 2001, "The foundations of cost-sensitive
learning"). Where they are not, the validation rows say how far off they are: the one is shown beside the other.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lrapp.errors import UserError
from lrapp.files import write_beside
from lrapp.preparation.threshold import NEAREST, Costs, Threshold

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

FILE = "probabilities.npz"
# With fewer rows of either class a threshold hangs on one row.
LEAST_ROWS = 10
_FLAT = 1e-3  # a slope of less says that the probabilities tell nothing
_STEPS, _CLOSE = 100, 1e-10


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


def chosen(rows: Part, costs: Costs) -> Threshold:
    """Return the threshold that costs and some rows suggest.

    Two numbers are fitted on the rows, with which probabilities would be right (Platt 1999, "Probabilistic outputs for
    support vector machines"); the threshold is what the costs alone say of those. The threshold at which these very
    rows cost least hangs on a few of them, and is dearer on new rows.

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
    slope, offset = _right(_odds(rows.chances), rows.positive)
    odds = (np.log(costs.false_alarm) - np.log(costs.miss) - offset) / max(slope, _FLAT)
    return Threshold(float(np.clip(1 / (1 + np.exp(-np.clip(odds, -50, 50))), NEAREST, 1 - NEAREST)), costs)


def _odds(chances: NDArray[np.float32]) -> NDArray[np.float64]:
    clipped = np.clip(chances.astype(np.float64), NEAREST, 1 - NEAREST)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def _right(odds: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset by which log odds become right: a logistic regression, by Newton's method.

    Not scikit-learn's, as the page works it out while somebody types, and its process has no room for scikit-learn.
    """
    hits, others = int(positive.sum()), int((~positive).sum())
    # Platt's targets: no row is quite sure to be of its class.
    wanted = np.where(positive, (hits + 1) / (hits + 2), 1 / (others + 2))
    middle, spread = float(odds.mean()), float(odds.std()) or 1.0
    x = np.column_stack([(odds - middle) / spread, np.ones_like(odds)])
    weights = np.array([1.0, 0.0])

    def loss(weights: NDArray[np.float64]) -> float:
        z = x @ weights
        return float((np.logaddexp(0, z) - wanted * z).mean())

    now = loss(weights)
    for _ in range(_STEPS):
        shares = 1 / (1 + np.exp(-(x @ weights)))
        slope = x.T @ (shares - wanted) / len(x)
        curve = (x * (shares * (1 - shares))[:, None]).T @ x / len(x) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        while (after := loss(weights - step)) > now and np.abs(step).max() > _CLOSE:
            step = step / 2
        weights, gain, now = weights - step, now - after, after
        if gain < _CLOSE:
            break
    return float(weights[0] / spread), float(weights[1] - weights[0] * middle / spread)
