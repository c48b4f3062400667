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

Combine = Literal["all", "raced", "selected", "best"]
# How often the greedy selection adds a network, at most.
_ROUNDS = 32
_EPSILON = 1e-7
# In a race with fewer networks than these at the policy's own rates, the best four of all are averaged instead, and
# those that are level with the best: they were level with eight at the right rate.
LEADERS = 4
# A choice is taken in a race if it does better than what is usual by so many standard errors.
_CLEAR = 2.0
_FOLDS = 5
# More rows than these make no choice better, but slower.
_MOST_ROWS = 20_000


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
        clear: In a race, whether a choice does clearly better than what is usual there.
        leads: In a race, whether usual is the mean of the best and those level with them, as fewer than ``LEADERS``
            were trained at the policy's own rates; else it is the mean of these.
    """

    shares: NDArray[np.float64]
    losses: NDArray[np.float64]
    judged: NDArray[np.float64]
    best: int
    level: NDArray[np.bool_]
    clear: bool = False
    leads: bool = False


def select(
    outputs: NDArray[np.floating],
    y: NDArray[np.floating | np.integer],
    task: Task,
    usable: Sequence[bool],
    combine: Combine,
    weight: NDArray[np.floating] | None = None,
    factors: Sequence[float] | None = None,
) -> Selection:
    """Return what each network counts for.

    Args:
        outputs: What each answers to the validation rows, shape (members, rows, outputs); rows may be 0.
        y: The rows' answers, as in ``Split``.
        usable: Which networks ended with finite numbers; at least one.
        combine: ``all`` of these alike; ``selected``, those that a greedy selection with replacement takes (Caruana et
            al. 2004, "Ensemble selection from libraries of models"); the ``best`` alone; or ``raced``, as in a race of
            rates: the selected if they do clearly better than the networks at the policy's own rates, else these;
            with fewer than ``LEADERS`` of these, the best of all and those level with them take their place.
        weight: Weight of each row in the loss; all alike by default.
        factors: In a race, what each network multiplies the policy's rates with.
    """
    counts = np.asarray(usable, np.bool_)
    members, rows = outputs.shape[:2]
    first = int(np.flatnonzero(counts)[0])
    own = counts & (np.asarray(factors) == 1) if factors is not None else counts
    if not rows:
        kept = own if own.any() else counts
        shares = np.eye(members)[first] if combine == "best" else kept / kept.sum()
        unknown = np.full(members, np.nan)
        return Selection(shares, unknown, unknown, first, counts)
    weights = np.ones(rows) if weight is None else np.asarray(weight, np.float64)
    answers = np.asarray(outputs, np.float64)
    judged = np.stack([judged_losses(answer, y, task) for answer in answers]) * weights
    mean = np.where(counts, judged.mean(axis=1), np.inf)
    best = int(np.argmin(mean)) if factors is None or combine == "best" else _at_best_rate(mean, factors)
    with np.errstate(invalid="ignore"):  # of those that do not count
        behind = judged - judged[best]
        level = counts & (behind.mean(axis=1) <= behind.std(axis=1) / np.sqrt(rows))
    clear = leads = False
    if combine == "all":
        shares = counts / counts.sum()
    elif combine == "raced":
        if leads := bool(own.sum() < LEADERS):
            own = level.copy()
            own[np.argsort(mean, kind="stable")[: min(LEADERS, counts.sum())]] = True
        shares, clear = _raced(answers, np.asarray(y), task, counts, weights, own)
    elif combine == "best":
        shares = np.eye(members)[best]
    else:
        shares = _greedy(answers, y, task, counts, weights)
    measured = np.array([(losses(answer, y, task) * weights).mean() for answer in answers])
    known = np.where(counts, measured, np.nan), np.where(counts, mean, np.nan)
    return Selection(shares, *known, best, level, clear, leads)


def _at_best_rate(mean: NDArray[np.float64], factors: Sequence[float]) -> int:
    """The best network at the best rate; a rate that several networks have is as good as they are on the average."""
    rates = np.asarray(factors)
    finite = np.isfinite(mean)
    of_rates = {rate: mean[finite & (rates == rate)].mean() for rate in np.unique(rates[finite])}
    best = min(of_rates, key=lambda rate: of_rates[rate])
    return int(np.argmin(np.where(rates == best, mean, np.inf)))


def _raced(
    answers: NDArray[np.float64],
    y: NDArray[np.floating | np.integer],
    task: Task,
    counts: NDArray[np.bool_],
    weights: NDArray[np.float64],
    own: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], bool]:
    """Shares of the networks of a race, and whether they are others than ``own``.

    A selection looks better on the rows that it was made on than it is. So it is made five times without a fifth of
    the rows, and judged on that fifth, beside the mean of ``own``. Only if it is better there by two standard errors,
    it is made on all rows and taken: nobody must be worse off for a race.
    """
    rows = np.arange(0, len(y), -(-len(y) // _MOST_ROWS))
    answers, y, weights = answers[:, rows], y[rows], weights[rows]
    usual = own / own.sum()
    fold = np.arange(len(y)) % _FOLDS
    new, old = np.zeros_like(answers[0]), np.tensordot(usual[own], answers[own], 1)
    for one in range(_FOLDS):
        kept, left = np.flatnonzero(fold != one), np.flatnonzero(fold == one)
        if not len(kept) or not len(left):
            return usual, False
        shares = _greedy(answers[:, kept], y[kept], task, counts, weights[kept])
        new[left] = np.tensordot(shares[counts], answers[counts][:, left], 1)
    ahead = (losses(old, y, task) - losses(new, y, task)) * weights
    if task != "regression":
        # The mistake that was not seen, as one row more: it also makes the difference less certain.
        ahead = np.append(ahead, (_of_any_class(old, task) - _of_any_class(new, task)).mean())
    if ahead.mean() <= _CLEAR * ahead.std() / np.sqrt(len(ahead)):
        return usual, False
    return _greedy(answers, y, task, counts, weights), True


def judged_losses(
    answers: NDArray[np.float64], y: NDArray[np.floating | np.integer], task: Task
) -> NDArray[np.float64]:
    """Return the loss of each row by which networks are judged; arguments as for ``losses``."""
    if task == "regression":
        return losses(answers, y, task)
    share = 1 / (len(y) + 2)
    return np.asarray((1 - share) * losses(answers, y, task) + share * _of_any_class(answers, task))


def _of_any_class(answers: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """The loss of each row if any class were as likely the right one."""
    classes = np.column_stack([1 - answers[:, 0], answers[:, 0]]) if task == "binary" else answers
    return np.asarray(-np.log(np.clip(classes, _EPSILON, 1)).mean(axis=1))


def losses(
    answers: NDArray[np.float64], y: NDArray[np.floating | np.integer], task: Task
) -> NDArray[np.float64]:
    """Return the loss of each row: cross-entropy for classes, squared error for numbers.

    Args:
        answers: Shape (rows, outputs).
        y: The rows' answers, as in ``Split``.
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
    elif combine == "raced" and selection.clear:
        parts.append(
            f"The model is the mean of {counted(len(used), 'network')} of {members:,}, chosen because together they do "
            f"clearly better on the validation rows than {_USUAL[selection.leads]}."
        )
    elif combine == "raced" and measured and len(used) < members:
        parts.append(
            f"The model is the mean of {counted(len(used), 'network')} of {members:,}: "
            f"{_USUAL[selection.leads]}, since no other choice does clearly better on the validation rows."
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


_USUAL = {False: "those at the policy's own rates", True: "the best, and those that are level with it"}


def usual_in_race(own: int) -> str:
    """Return which networks become the model of a race if no other choice does clearly better: a sentence's start.

    Args:
        own: Networks at the policy's own rates.
    """
    if own < LEADERS:
        return f"The best {LEADERS}, and those that are level with the best, become the model"
    return "Those at the policy's own rates become the model"
