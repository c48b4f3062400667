"""Which of many trained networks make up the model, by their predictions on the validation rows.

Few rows flatter a network that is sure of itself: where it never was wrong, its log loss is next to nothing, and the
first mistake on new rows costs it dearly. So classes are judged by a loss that reckons with one mistake more than was
seen, as in Laplace's rule of succession: of n rows, a share of 1 / (n + 2) is taken to be of any class. With 67 rows
that decides much, with 10,000 nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lrapp.phrasing import counted, number
from lrapp.settings import Task

Combine = Literal["all", "leaders", "selected", "best"]
# How often the greedy selection adds a network, at most.
_ROUNDS = 32
_EPSILON = 1e-7
# The leaders of a race are at least so many: the best four of eight were level with eight at the right rate.
LEADERS = 4


@dataclass(frozen=True)
class Selection:
    """What each network counts for.

    Args:
        shares: Zero or more, they add up to 1, shape (members,).
        losses: Mean loss of each on the validation rows; NaN where there are none.
        judged: The same with one mistake more than was seen, as classes are judged; for numbers the same.
        best: The network that is judged best, counted from 0; where nothing was measured, the first that counts.
        level: Which networks are level with the best: worse by at most one standard error of how much worse they are,
            row by row; shape (members,).
    """

    shares: NDArray[np.float64]
    losses: NDArray[np.float64]
    judged: NDArray[np.float64]
    best: int
    level: NDArray[np.bool_]


def select(
    outputs: NDArray[np.floating],
    y: NDArray[np.floating | np.integer],
    task: Task,
    usable: Sequence[bool],
    combine: Combine,
    weight: NDArray[np.floating] | None = None,
) -> Selection:
    """Return what each network counts for.

    Args:
        outputs: What each answers to the validation rows, shape (members, rows, outputs); rows may be 0.
        y: The rows' answers, as in ``Split``.
        task: What kind of answer it is.
        usable: Which networks ended with finite numbers; at least one.
        combine: ``all`` of these alike; the ``leaders`` alike, which are the best four and those level with the best;
            ``selected``, those that a greedy selection with replacement takes (Caruana et al. 2004, "Ensemble selection
            from libraries of models"); or the ``best`` alone.
        weight: Weight of each row in the loss; all alike by default.
    """
    counts = np.asarray(usable, np.bool_)
    members, rows = outputs.shape[:2]
    first = int(np.flatnonzero(counts)[0])
    if not rows:
        shares = np.eye(members)[first] if combine == "best" else counts / counts.sum()
        unknown = np.full(members, np.nan)
        return Selection(shares, unknown, unknown, first, counts)
    weights = np.ones(rows) if weight is None else np.asarray(weight, np.float64)
    answers = np.asarray(outputs, np.float64)
    judged = np.stack([judged_losses(answer, y, task) for answer in answers]) * weights
    mean = np.where(counts, judged.mean(axis=1), np.inf)
    best = int(np.argmin(mean))
    with np.errstate(invalid="ignore"):  # of those that do not count
        behind = judged - judged[best]
        level = counts & (behind.mean(axis=1) <= behind.std(axis=1) / np.sqrt(rows))
    if combine == "all":
        shares = counts / counts.sum()
    elif combine == "leaders":
        leads = level.copy()
        leads[np.argsort(mean, kind="stable")[: min(LEADERS, counts.sum())]] = True
        shares = leads / leads.sum()
    elif combine == "best":
        shares = np.eye(members)[best]
    else:
        shares = _greedy(answers, y, task, counts, weights)
    measured = np.array([(losses(answer, y, task) * weights).mean() for answer in answers])
    return Selection(shares, np.where(counts, measured, np.nan), np.where(counts, mean, np.nan), best, level)


def judged_losses(
    answers: NDArray[np.float64], y: NDArray[np.floating | np.integer], task: Task
) -> NDArray[np.float64]:
    """Return the loss of each row by which networks are judged; arguments as for ``losses``."""
    if task == "regression":
        return losses(answers, y, task)
    share = 1 / (len(y) + 2)
    classes = np.column_stack([1 - answers[:, 0], answers[:, 0]]) if task == "binary" else answers
    any_class = -np.log(np.clip(classes, _EPSILON, 1)).mean(axis=1)
    return np.asarray((1 - share) * losses(answers, y, task) + share * any_class)


def losses(
    answers: NDArray[np.float64], y: NDArray[np.floating | np.integer], task: Task
) -> NDArray[np.float64]:
    """Return the loss of each row: cross-entropy for classes, squared error for numbers.

    Args:
        answers: Shape (rows, outputs).
        y: The rows' answers, as in ``Split``.
        task: What kind of answer it is.
    """
    if task == "regression":
        return np.asarray((answers[:, 0] - y) ** 2)
    if task == "binary":
        right = np.where(np.asarray(y) > 0.5, answers[:, 0], 1 - answers[:, 0])
    else:
        right = answers[np.arange(len(y)), np.asarray(y, np.int64)]
    return np.asarray(-np.log(np.clip(right, _EPSILON, 1)))


def _greedy(
    answers: NDArray[np.float64],
    y: NDArray[np.floating | np.integer],
    task: Task,
    counts: NDArray[np.bool_],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Add, again and again, the network that makes the mean best; keep the mean that was best of all."""
    usable = np.flatnonzero(counts)
    taken: list[int] = []
    found: list[float] = []
    total = np.zeros_like(answers[0])
    for size in range(1, _ROUNDS + 1):
        values = [judged_losses((total + answers[one]) / size, y, task) @ weights for one in usable]
        taken.append(int(usable[int(np.argmin(values))]))
        found.append(float(min(values)))
        total = total + answers[taken[-1]]
    kept = taken[: int(np.argmin(found)) + 1]
    return np.bincount(kept, minlength=len(answers)) / len(kept)


def sentence(
    selection: Selection, combine: Combine, peaks: Sequence[float] | None = None, left_out: int = 0
) -> str:
    """Return what was chosen, in words.

    Args:
        selection: The choice.
        combine: How it was made.
        peaks: In a race of rates, the highest rate of each network.
        left_out: Networks whose numbers became infinite.
    """
    members = len(selection.shares)
    used = np.flatnonzero(selection.shares > 0)
    parts = []
    measured = not np.isnan(selection.losses).all()
    if peaks is not None and measured:
        level = np.flatnonzero(selection.level)
        best = f"The best peak rate is {number(peaks[selection.best], 2)}"
        if len(level) > 1:
            low, high = min(peaks[int(one)] for one in level), max(peaks[int(one)] for one in level)
            best += (
                f"; from {number(low, 2)} to {number(high, 2)} the validation rows show no clear difference"
            )
        parts.append(f"{best}.")
    if combine == "best":
        parts.append(f"The model is the best of {counted(members, 'network')}.")
    elif combine == "leaders" and measured and len(used) < members:
        parts.append(
            f"The model is the mean of {counted(len(used), 'network')} of {members:,}: the best, and those that did "
            "equally well on the validation rows."
        )
    elif combine == "selected" and measured:
        which = "The model is the mean of" if len(used) > 1 else "The model is"
        parts.append(
            f"{which} {counted(len(used), 'network')} of {members:,}, chosen because together they do best on the "
            "validation rows."
        )
    else:
        parts.append(f"The model is the mean of {counted(len(used), 'network')}.")
    if left_out:
        verb = "is" if left_out == 1 else "are"
        parts.append(f"{counted(left_out, 'network')} diverged and {verb} not part of it.")
    return " ".join(parts)
