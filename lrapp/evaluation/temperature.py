"""Whether a network's probabilities are calibrated, and the one number that corrects most of it.

Temperature scaling (Guo et al. 2017, arXiv 1706.04599) divides what goes into the last softmax or sigmoid by a number
that makes the log loss of the validation rows least. It changes how sure the network is; one network's answers stay.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lrapp.evaluation import counts_and_curves, selection
from lrapp.evaluation.counts_and_curves import Calibration
from lrapp.settings import Task

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

Floats = NDArray[np.float64]
LEAST_ROWS = 30
_LOWEST, _HIGHEST = 0.2, 10.0
_EPSILON = 1e-7
# Smaller errors need no correction, nor do those below so many times the error that a perfect network has by chance.
_SMALL, _CHANCE = 0.02, 1.5
# A temperature that takes less than this share off the log loss is not worth a change.
_LITTLE = 0.01


@dataclass(frozen=True)
class Tempered:
    """How a temperature would change a network's probabilities, on the rows of its scores.

    Args:
        temperature: Fitted on the validation rows; above 1 it makes the network less sure.
        calibration: With it.
        log_loss, log_loss_after: Without and with it.
        needed: Whether the probabilities are off by more than chance, and the log loss falls by more than chance.
        applied: The temperature that is part of the model already; 1 where none is.
    """

    temperature: float
    calibration: Calibration
    log_loss: float
    log_loss_after: float
    needed: bool
    applied: float = 1.0


def fit(
    answers: NDArray[np.floating], shares: Floats, y: NDArray[np.floating | np.integer], task: Task
) -> float:
    """Return the temperature with the least log loss.

    Args:
        answers: Probabilities that each network gives, shape (networks, rows, outputs); one network or more.
        shares: What each counts for in the mean, shape (networks,).
        y: The rows' answers, as in ``Split``.
        task: Binary or multi-class.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        mean = tempered(answers, shares, task, math.exp(log_temperature))
        return float(selection.judged_losses(mean, y, task).mean())

    found = minimize_scalar(
        loss, bounds=(math.log(_LOWEST), math.log(_HIGHEST)), method="bounded", options={"xatol": 1e-4}
    )
    return float(math.exp(found.x))


def tempered(answers: NDArray[np.floating], shares: Floats, task: Task, temperature: float) -> Floats:
    """Return the mean probabilities of networks at a temperature, shape (rows, outputs); arguments as for ``fit``."""
    logs = np.log(np.clip(np.asarray(answers, np.float64), _EPSILON, 1.0))
    if task == "binary":
        against = np.log(np.clip(1 - np.asarray(answers, np.float64), _EPSILON, 1.0))
        chances = 1 / (1 + np.exp((against - logs) / temperature))
    else:
        scaled = logs / temperature
        powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        chances = powers / powers.sum(axis=-1, keepdims=True)
    mean: Floats = np.tensordot(np.asarray(shares, np.float64), chances, axes=1)
    return mean


def measured(
    prepared: "Prepared",
    validation: NDArray[np.floating],
    test: NDArray[np.floating],
    shares: Floats,
    applied: float = 1.0,
) -> Tempered | None:
    """Return what a temperature would do on the test rows; None where there are too few rows to tell.

    Args:
        prepared: The data, of classes.
        validation, test: Probabilities that each network gives these rows, as for ``fit``.
        applied: The temperature that is part of the model already.
    """
    if prepared.task == "regression" or min(validation.shape[1], test.shape[1]) < LEAST_ROWS:
        return None
    task, y = prepared.task, prepared.test.y
    found = fit(validation, shares, prepared.validation.y, task)
    both = [tempered(test, shares, task, one) for one in (1.0, found)]
    before, after = (counts_and_curves.calibration(*confidence(y.astype(np.int64), one)) for one in both)
    losses = [selection.losses(one, y, task) for one in both]
    gains, whole = losses[0] - losses[1], float(losses[0].mean())
    off = before.error > max(_SMALL, _CHANCE * chance(before))
    # With few rows the calibration error is mostly chance; the log loss of each row shows whether it helps.
    helps = gains.mean() > max(_LITTLE * whole, gains.std(ddof=1) / math.sqrt(len(gains)))
    needed = bool(off and helps and after.error < before.error + chance(after))
    return Tempered(found, after, whole, float(losses[1].mean()), needed, applied)


def confidence(truth: NDArray[np.int64], outputs: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """Return whether a prediction was right, and its probability: of the second class, or of several the predicted one.

    Args:
        truth: Class numbers, shape (rows,).
        outputs: Probabilities, shape (rows, outputs).

    Returns:
        Whether the class was true, and its probability, shape (rows,) each.
    """
    if outputs.shape[1] == 1:
        return truth == 1, outputs[:, 0]
    return outputs.argmax(axis=1) == truth, outputs.max(axis=1)


def chance(found: Calibration) -> float:
    """Return the error that a network with true probabilities is expected to have with so many rows in each bin."""
    rows, predicted = np.array(found.rows, np.float64), np.array(found.predicted)
    errors = np.sqrt(2 / math.pi * predicted * (1 - predicted) / rows)
    return float((rows * errors).sum() / rows.sum())
