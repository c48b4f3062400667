"""When a run would stop: criteria as functions of the losses that it recorded, one for each epoch.

GL, PQ and UP are those of Prechelt, "Early Stopping - But When?", 1998. Nothing here needs a network, so that the
criteria that end a run also say of a finished one where each of them would have ended it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrapp.phrasing import counted, number
from lrapp.settings import Criterion, EarlyStoppingSettings

FloatArray = NDArray[np.float64]

PRESETS: dict[Criterion, tuple[float, ...]] = {
    "GL": (1, 2, 3, 5),
    "PQ": (0.5, 0.75, 1, 2, 3),
    "UP": (2, 3, 4, 6, 8),
}
"""The numbers that the paper tries, with strips of 5 epochs."""


@dataclass(frozen=True)
class Stop:
    """Where a criterion ends a run.

    Args:
        epoch: After which epoch, counted from 1.
        reason: Why, as a part of a sentence.
    """

    epoch: int
    reason: str


def generalization_loss(val_loss: ArrayLike) -> FloatArray:
    """Return how far each epoch's validation loss is above the lowest so far, in percent.

    ``GL(t) = 100 * (E_va(t) / E_opt(t) - 1)``; 0 where both are 0, and infinite where only the lowest is.

    Args:
        val_loss: Shape (epochs,), zero or more.

    Returns:
        Shape (epochs,), zero or more.
    """
    losses = np.asarray(val_loss, np.float64)
    lowest = np.minimum.accumulate(losses)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(losses == lowest, 0.0, 100 * (losses / lowest - 1))


def progress(loss: ArrayLike, strip: int) -> FloatArray:
    """Return how much larger the mean training loss of the last epochs was than their lowest, in per mille.

    ``P_k(t) = 1000 * (sum of E_tr over the last k epochs / (k * the lowest of them) - 1)``

    Args:
        loss: Training losses, shape (epochs,), zero or more.
        strip: k, the number of epochs, at least 1.

    Returns:
        Shape (epochs,); NaN for the first ``strip - 1`` epochs.
    """
    losses = np.asarray(loss, np.float64)
    found = np.full(len(losses), np.nan)
    if len(losses) >= strip:
        windows = np.lib.stride_tricks.sliding_window_view(losses, strip)
        means, lowest = windows.mean(axis=1), windows.min(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found[strip - 1 :] = np.where(means == lowest, 0.0, 1000 * (means / lowest - 1))
    return found


def first_gl(val_loss: ArrayLike, alpha: float) -> int | None:
    """Return the first epoch, from 1, whose generalization loss is above alpha percent; None if there is none."""
    return _first(generalization_loss(val_loss) > alpha)


def first_pq(loss: ArrayLike, val_loss: ArrayLike, alpha: float, strip: int) -> int | None:
    """Return the first end of a strip at which the generalization loss is more than alpha times the progress.

    Args:
        loss, val_loss: As for ``progress`` and ``generalization_loss``.
        alpha: The threshold, zero or more.
        strip: Epochs in a strip, at least 1.

    Returns:
        The epoch, counted from 1; None if there is none.
    """
    rise, pace = generalization_loss(val_loss), progress(loss, strip)
    ends = np.arange(1, len(rise) + 1) % strip == 0
    # Without a division, as the training loss may stand still.
    return _first(ends & (rise > alpha * np.nan_to_num(pace, nan=np.inf)))


def first_up(val_loss: ArrayLike, strip: int, strips: int) -> int | None:
    """Return the first end of a strip at which the validation loss has risen so many times in a row.

    It rises where it is higher than at the end of the strip before.

    Args:
        val_loss: Shape (epochs,).
        strip: Epochs in a strip, at least 1.
        strips: Rises in a row, at least 1.

    Returns:
        The epoch, counted from 1; None if there is none.
    """
    at_ends = np.asarray(val_loss, np.float64)[strip - 1 :: strip]
    rises = np.diff(at_ends) > 0
    if len(rises) < strips:
        return None
    first = _first(np.all(np.lib.stride_tricks.sliding_window_view(rises, strips), axis=1))
    return None if first is None else (first + strips) * strip


def first_patience(
    val_loss: ArrayLike, patience: int, *, min_delta: float = 0.0, cycle_ends: Sequence[int] | None = None
) -> int | None:
    """Return the first epoch at which there has been no improvement for so long.

    Args:
        val_loss: Shape (epochs,).
        patience: Epochs, or cycles, at least 1.
        min_delta: Smaller improvements than this do not count.
        cycle_ends: Epochs after which a cycle has ended, in order; None for patience in epochs.

    Returns:
        The epoch, counted from 1; None if there is none.
    """
    best, best_epoch = float("nan"), 0
    for epoch, value in enumerate(np.asarray(val_loss, np.float64).tolist(), 1):
        if not best_epoch or best - value > min_delta:
            best, best_epoch = value, epoch
        elif waited(best_epoch, epoch, cycle_ends) >= patience:
            return epoch
    return None


def waited(since: int, epoch: int, cycle_ends: Sequence[int] | None) -> int:
    """Return how many epochs have passed since one of them, or how many cycles have ended."""
    if cycle_ends is None:
        return epoch - since
    return sum(since < end <= epoch for end in cycle_ends)


def first_stop(settings: EarlyStoppingSettings, loss: ArrayLike, val_loss: ArrayLike) -> Stop | None:
    """Return where GL, PQ or UP ends a run; None where it does not, or another criterion is chosen.

    Args:
        settings: The criterion and its numbers.
        loss, val_loss: Of every epoch so far, shape (epochs,) each.
    """
    strip = settings.strip
    match settings.criterion:
        case "GL":
            epoch, limit = first_gl(val_loss, settings.gl_alpha), f"{number(settings.gl_alpha)} %"
        case "PQ":
            epoch = first_pq(loss, val_loss, settings.pq_alpha, strip)
            limit = f"{number(settings.pq_alpha)} times the progress of the training loss"
        case "UP":
            epoch = first_up(val_loss, strip, settings.up_strips)
            if epoch is None:
                return None
            times = counted(settings.up_strips, "time")
            return Stop(epoch, f"the validation loss has risen {times} in a row, every {strip:,} epochs")
        case _:
            return None
    if epoch is None:
        return None
    above = number(float(generalization_loss(val_loss)[epoch - 1]), 3)
    return Stop(epoch, f"the validation loss is {above} % above its lowest, more than {limit}")


def patience(settings: EarlyStoppingSettings) -> str:
    """Return how long a run waits for an improvement, in words: 20 epochs."""
    return counted(settings.patience, settings.patience_unit.removesuffix("s"))


def reaches(value: float, target: float, *, upwards: bool) -> bool:
    """Return whether a figure is as good as a target."""
    return value >= target if upwards else value <= target


@dataclass(frozen=True)
class Verdict:
    """What a criterion would have made of a finished run.

    Args:
        name: Of the criterion with its number.
        stop: After which epoch it would have ended the run, counted from 1; None if not at all.
        best_epoch: The epoch with the lowest validation loss up to there.
        saved: Share of the epochs that would not have been trained, 0 to 1.
        cost: How far that epoch's validation loss is above the lowest of the whole run, in percent.
    """

    name: str
    stop: int | None
    best_epoch: int
    saved: float
    cost: float


def verdicts(
    loss: ArrayLike,
    val_loss: ArrayLike,
    settings: EarlyStoppingSettings,
    cycle_ends: Sequence[int] = (),
    before: int = 0,
) -> Iterator[Verdict]:
    """Yield where patience, and each criterion of the paper with each of its numbers, would have ended a run.

    Args:
        loss, val_loss: Of every epoch, at least one, shape (epochs,) each.
        settings: The run's: its patience, and how long its strips are.
        cycle_ends: Epochs after which a cycle of the learning rate has ended, for patience in cycles.
        before: Epochs at the beginning that do not count, as the network was not yet pruned.
    """
    if before:
        later = [end - before for end in cycle_ends if end > before]
        rest = len(np.asarray(val_loss)) - before
        for one in verdicts(np.asarray(loss)[before:], np.asarray(val_loss)[before:], settings, later):
            stop, saved = one.stop and one.stop + before, one.saved * rest / (rest + before)
            yield replace(one, stop=stop, best_epoch=one.best_epoch + before, saved=saved)
        return
    val, strip = np.asarray(val_loss, np.float64), settings.strip
    ends = cycle_ends if settings.patience_unit == "cycles" else None
    waits = first_patience(val, settings.patience, min_delta=settings.min_delta, cycle_ends=ends)
    yield _verdict(f"patience, {patience(settings)}", val, waits)
    firsts: dict[Criterion, Callable[[float], int | None]] = {
        "GL": lambda limit: first_gl(val, limit),
        "PQ": lambda limit: first_pq(loss, val, limit, strip),
        "UP": lambda limit: first_up(val, strip, int(limit)),
    }
    for criterion, first in firsts.items():
        for limit in PRESETS[criterion]:
            yield _verdict(f"{criterion} {number(limit)}", val, first(limit))


def _verdict(name: str, val: FloatArray, stop: int | None) -> Verdict:
    seen = val[:stop] if stop else val
    best = int(np.argmin(seen))
    lowest = float(val.min())
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = 0.0 if seen[best] == lowest else float(100 * np.float64(seen[best] / lowest - 1))
    return Verdict(name, stop, best + 1, 1 - len(seen) / len(val), cost)


def _first(holds: ArrayLike) -> int | None:
    """Number of the first that holds, counted from 1."""
    return int(np.argmax(holds)) + 1 if np.any(holds) else None
