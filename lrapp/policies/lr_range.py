"""What a range test suggests, and how sure it is. Numpy only.

A range test trains a throwaway network for some steps while the rate grows geometrically, once for each seed. Here
its losses become smooth curves, the curves become suggestions, and the seeds' disagreement becomes a sentence.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from lrapp.phrasing import number
from lrapp.policies.schedules import FloatArray

Name = Literal["steepest", "tenth", "valley"]
# Width of the smoothing, as a share of the test's steps: about a quarter of a decade in the default test.
_WIDTH = 0.03
# A curve that stays within this share of its start, or of its own noise, is called flat.
_LEAST_FALL, _LEAST_FALL_NOISE = 0.02, 4.0
# With fewer points there is no usable curve.
_LEAST_POINTS = 10
_EDGE = 0.03
# A loss that ends below this share of its start, after more passes over the rows than this, was learned by heart.
_BY_HEART, _MOST_PASSES = 0.01, 30
_AGREE, _ROUGHLY = 3.0, 10.0


@dataclass(frozen=True)
class RatesFound:
    """What a range test suggests.

    Args:
        sentence: How certain the rates are; or why there are none, and what to change.
        base_lr, max_lr: A range for policies that move; None when the test gave no number.
        minimum: Rate at which the loss was least, median over the seeds.
        suggestions: Rates by rule: ``(name, median, least, greatest)`` over the seeds.
    """

    type: ClassVar[str] = "rates_found"
    sentence: str
    base_lr: float | None = None
    max_lr: float | None = None
    minimum: float | None = None
    suggestions: tuple[tuple[str, float, float, float], ...] = ()

    @property
    def learning_rate(self) -> float | None:
        """The single rate for a policy that does not move: a tenth of the minimum."""
        return next((rate for name, rate, _, _ in self.suggestions if name == "tenth"), None)

    @property
    def origin(self) -> str:
        """The origin of these rates, in words."""
        if self.minimum is None:
            return ""
        return f"Range test, least loss at {number(self.minimum, 3)}. {self.sentence}"


@dataclass(frozen=True, eq=False)
class LossCurve:
    """One seed's test.

    Args:
        learning_rates: Rate of each step, rising, float64, shape (steps,).
        losses: True batch loss of each step, float64, shape (steps,); steps after the first that is not finite
            are left out.
        smoothed: The losses, smoothed around each step, float64, shape (steps,).
        ended_early: Whether the test stopped because the loss exploded.
    """

    learning_rates: FloatArray
    losses: FloatArray
    smoothed: FloatArray
    ended_early: bool


@dataclass(frozen=True)
class Suggestion:
    """One rule's rate.

    Args:
        name: ``steepest`` descent, a ``tenth`` of the minimum, or fastai's ``valley``.
        learning_rate: Median over the seeds.
        low, high: Least and greatest over the seeds.
    """

    name: Name
    learning_rate: float
    low: float
    high: float


@dataclass(frozen=True)
class Advice:
    """The advice from all seeds' curves.

    Args:
        suggestions: Empty when the curves show nothing.
        minimum: Rate at which the smoothed loss is least, median over the seeds; None when there is no advice.
        base_lr, max_lr: A range for CLR, SGDR and one-cycle: from a tenth of the lowest ``floor`` to the highest,
            but not to where any seed had lost half of what it had gained.
        sentence: How sure this is; or why there is no number, and what to change.
    """

    suggestions: tuple[Suggestion, ...]
    minimum: float | None
    base_lr: float | None
    max_lr: float | None
    sentence: str


def curve(
    learning_rates: Sequence[float] | FloatArray, losses: Sequence[float] | FloatArray, planned: int
) -> LossCurve:
    """Return one seed's curve.

    Args:
        learning_rates: Rate of each step that ran, rising, above 0.
        losses: Loss of each step that ran.
        planned: Steps that the test would have had.
    """
    values = np.asarray(losses, np.float64)
    finite = np.isfinite(values)
    count = len(values) if finite.all() else int(np.argmin(finite))
    rates = np.asarray(learning_rates, np.float64)[:count]
    values = values[:count]
    return LossCurve(rates, values, smooth(values, _WIDTH * planned), ended_early=count < planned)


def smooth(losses: FloatArray, width: float) -> FloatArray:
    """Return losses smoothed around each step by a Gaussian of that standard deviation, in steps.

    Centred, so that nothing is moved towards higher rates, as a running mean does. A loss of more than twice the
    first ones counts as twice: that it exploded must not reach back to where it had not.
    """
    if not len(losses):
        return losses
    start = float(np.median(losses[: max(1, len(losses) // 10)]))
    capped = np.minimum(losses, 2 * start) if start > 0 else losses
    # What lies further away weighs less than 1e-7; a table of all pairs of steps would not fit into memory.
    reach = min(len(losses) - 1, int(6 * width) + 1)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(width, 1e-9)) ** 2)
    inside = slice(reach, reach + len(losses))
    total = np.convolve(np.ones(len(losses)), weights)[inside]
    return np.asarray(np.convolve(capped, weights)[inside] / total)


class Watch:
    """Detects the explosion of a loss, which ends a test.

    It has exploded when a loss is not finite, or when the running mean of the losses (bias corrected, as fastai's)
    passes ``factor`` times its own least value. A mean of less than ten losses is not compared with: a small
    batch's loss may be near zero by chance.

    Args:
        factor: Above 1.
        beta: Weight of the past in the running mean, from 0 to below 1.
    """

    def __init__(self, factor: float = 4.0, beta: float = 0.9) -> None:
        self._factor, self._beta = factor, beta
        self._steps, self._mean, self._best = 0, 0.0, np.inf

    def exploded(self, losses: Iterable[float]) -> int | None:
        """Return at which of the next losses it exploded, counted from 1; None if it did not."""
        for place, loss in enumerate(losses, start=1):
            if not np.isfinite(loss):
                return place
            self._steps += 1
            self._mean = self._beta * self._mean + (1 - self._beta) * float(loss)
            corrected = self._mean / (1 - self._beta**self._steps)
            if corrected > self._factor * self._best > 0:
                return place
            if self._steps >= _LEAST_POINTS:
                self._best = min(self._best, corrected)
        return None


def steepest(learning_rates: FloatArray, losses: FloatArray) -> float:
    """Return the rate of the steepest descent over the logarithm of the rate, looked for left of the minimum only.

    Right of it the curve is divergence, whose jumps are steeper than any descent.
    """
    end = int(np.argmin(losses))
    if end == 0:
        return float(learning_rates[0])
    slopes = np.diff(losses[: end + 1]) / np.diff(np.log(learning_rates[: end + 1]))
    return float(learning_rates[int(np.argmin(slopes))])


def tenth_of_minimum(learning_rates: FloatArray, losses: FloatArray) -> float:
    """Return a tenth of the rate at which the loss is least (Smith 2018, arXiv 1803.09820; fastai's ``minimum``)."""
    return float(learning_rates[int(np.argmin(losses))]) / 10


def floor(learning_rates: FloatArray, losses: FloatArray) -> float:
    """Return the lowest rate at which the loss has come within a tenth of its fall to its least.

    The least loss itself may lie anywhere in a flat valley, with Adam tenfold higher from one seed to the next;
    where the valley begins, the seeds agree on, and up to there a rate is sure to be of use.
    """
    least = float(losses.min())
    start = float(losses[: max(1, int(_EDGE * len(losses)) + 1)].mean())
    near = losses <= least + (start - least) / 10
    return float(learning_rates[int(np.argmax(near))])


def valley(learning_rates: FloatArray, losses: FloatArray) -> float:
    """Return the rate in the middle of the longest valley, as fastai finds it.

    The valley is the longest series of losses, not necessarily neighbours, that falls all the way; it is taken to
    end where that series ends and to begin as many steps before as it has members. The rate stands half of it
    in, rounded down in thirds as fastai does.
    """
    lengths = _falling_lengths(losses)
    end = int(np.argmax(lengths))
    if end == 0:
        return float(learning_rates[0])
    start = end - int(lengths[end])
    third = (end - start) / 3
    return float(learning_rates[start + int(third) + int(third / 2)])


def _falling_lengths(losses: FloatArray) -> np.ndarray:
    """For each step, how long the longest falling series is that ends there."""
    lengths = np.ones(len(losses), np.int64)
    # For each length, the highest loss (negated, so that they rise) that a series so long can end with.
    ends: list[float] = []
    for step, loss in enumerate((-losses).tolist()):
        place = bisect_left(ends, loss)
        ends[place : place + 1] = [loss]
        lengths[step] = place + 1
    return lengths


@dataclass(frozen=True)
class Room:
    """What can still be changed about a test, so that no advice is impossible to follow.

    Args:
        higher, lower: Whether its highest rate can be raised, and its lowest lowered a hundredfold.
        larger_batch: Whether there are more rows than a batch has.
        rows: Rows that it trains on.
        passes: How often it uses each.
    """

    higher: bool = True
    lower: bool = True
    larger_batch: bool = True
    rows: int = 0
    passes: float = 0.0


_ANY_ROOM = Room()


def advise(curves: Sequence[LossCurve], room: Room = _ANY_ROOM) -> Advice:
    """Return the advice from the curves of all seeds.

    Args:
        curves: One of each seed, at least one.
        room: What can still be changed, for the sentence when there is no advice.
    """
    silent = [reason for one in curves if (reason := _silence(one, room))]
    if len(silent) * 2 > len(curves):
        return Advice((), None, None, None, max(silent, key=silent.count))
    spoken = [one for one in curves if not _silence(one, room)]
    minima = [float(one.learning_rates[int(np.argmin(one.smoothed))]) for one in spoken]
    floors = np.array([floor(one.learning_rates, one.smoothed) for one in spoken])
    suggestions = tuple(
        _suggestion(name, [rule(one.learning_rates, one.smoothed) for one in spoken])
        for name, rule in _RULES.items()
    )
    base_lr = float(floors.min()) / 10
    max_lr = min(float(floors.max()), *map(_last_gain, spoken))
    sentence = _certainty(floors, len(curves), covered=max_lr >= floors.max())
    if any(_by_heart(one, room) for one in spoken):
        sentence += f" But the network learned its {room.rows:,} training rows by heart, so this is a guess."
    return Advice(suggestions, float(np.median(minima)), base_lr, max_lr, sentence)


_RULES = {"steepest": steepest, "tenth": tenth_of_minimum, "valley": valley}


def _suggestion(name: str, rates: list[float]) -> Suggestion:
    assert name in ("steepest", "tenth", "valley")
    return Suggestion(name, float(np.median(rates)), min(rates), max(rates))  # type: ignore[arg-type]


def _by_heart(one: LossCurve, room: Room) -> bool:
    """Whether hardly anything was left of the loss, after each row had been used again and again."""
    start = float(np.median(one.losses[: max(1, len(one.losses) // 10)]))
    return room.passes > _MOST_PASSES and float(one.smoothed.min()) < _BY_HEART * start


def _silence(one: LossCurve, room: Room) -> str:
    """Why a curve suggests nothing, and what to change; empty when it does suggest something."""
    if not len(one.losses):
        return (
            "The loss was not finite before the network had learned anything, so no rate can be found: scale the "
            "inputs or the target, or choose float32 precision."
        )
    if len(one.losses) < _LEAST_POINTS:
        if one.ended_early:
            change = "start the test at a rate at least a hundred times lower, or " if room.lower else ""
            return f"The loss exploded at once, so there is no curve to read: {change}normalise the layers."
        return f"A range test needs at least {_LEAST_POINTS} steps. Received: {len(one.losses)}."
    edge = max(1, int(_EDGE * len(one.losses)))
    lowest = int(np.argmin(one.smoothed))
    start = float(one.smoothed[: edge + 1].mean())
    fall = start - float(one.smoothed[lowest])
    # From step to step the curve itself hardly moves: what does is noise.
    noise = float(np.std(np.diff(one.losses[: max(_LEAST_POINTS, lowest)]))) / np.sqrt(2)
    # The mean of a Gaussian window of width w has the noise of about 3.5 w independent losses.
    averaged = noise / np.sqrt(max(1.0, 3.5 * _WIDTH * len(one.losses)))
    least = max(_LEAST_FALL * abs(start), _LEAST_FALL_NOISE * averaged)
    if lowest <= edge and (one.ended_early or float(one.smoothed.max()) - start > least):
        sentence = "The loss was least at the start of the test, so every rate in it was too high: "
        return sentence + ("start the test lower." if room.lower else "scale the inputs or the target.")
    if lowest <= edge or fall < least:
        higher = "raise the highest rate, " if room.higher else ""
        more = "take more steps or a larger batch" if room.larger_batch else "take more steps"
        change = f"{higher}{more}, and check that the inputs have any relation to the target."
        return (
            "The curve is flat: at no rate did the loss fall by more than its noise. "
            f"{change[:1].upper()}{change[1:]}"
        )
    if lowest >= len(one.losses) - 1 - edge and not one.ended_early:
        if _by_heart(one, room):
            return (
                f"The network has learned its {room.rows:,} training rows by heart: the test used each "
                f"{room.passes:,.0f} times, and the loss fell to nothing whatever the rate. Add rows, or choose the "
                "learning rate yourself."
            )
        if not room.higher:
            return (
                "The loss was still falling at the end of the test, at the highest rate that a test can have. Scale "
                "the inputs or the target, or choose the learning rate yourself."
            )
        return "The loss was still falling at the end of the test: raise its highest rate."
    return ""


def _last_gain(one: LossCurve) -> float:
    """The highest rate from the minimum on up to which the smoothed loss keeps half of what it had gained."""
    lowest = int(np.argmin(one.smoothed))
    halfway = (one.smoothed[0] + one.smoothed[lowest]) / 2
    lost = np.flatnonzero(one.smoothed[lowest:] > halfway)
    last = lowest + int(lost[0]) - 1 if len(lost) else len(one.smoothed) - 1
    return float(one.learning_rates[last])


def _certainty(floors: FloatArray, curves: int, covered: bool) -> str:
    if curves == 1:
        return "One seed cannot say how sure this is; take three."
    silent = curves - len(floors)
    left_out = f" {silent} of {curves} seeds showed no fall and were left out." if silent else ""
    if len(floors) == 1:
        return (
            "Only one seed showed where the loss levels off, so this is a guess: take more seeds." + left_out
        )
    spread = float(floors.max() / floors.min())
    if spread <= _AGREE:
        sure = f"The seeds agree within a factor of {number(spread, 2)} on where the loss levels off: quite sure."
    elif spread <= _ROUGHLY:
        sure = (
            f"The seeds agree within a factor of {number(spread, 2)} on where the loss levels off: take the order of "
            "magnitude as sure, not the digits."
        )
    else:
        sure = (
            f"The seeds disagree by a factor of {number(spread, 2)}, so this is a guess. More steps or a larger batch "
            "make the curves quieter."
        )
    if not covered:
        sure += " The range ends where the first of them diverged."
    elif spread > _AGREE:
        sure += " The range covers them all."
    return sure + left_out
