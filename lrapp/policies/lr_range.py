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
from lrapp.policies.loss_curve import EDGE, LossCurve
from lrapp.policies.refusals import LEAST_POINTS, Refusal, Room, by_heart, silence
from lrapp.policies.schedules import FloatArray

Name = Literal["steepest", "tenth", "valley", "slide"]
_AGREE, _ROUGHLY = 3.0, 10.0
# True until the range is narrowed.
ENDS_EARLY, COVERS_ALL = " The range ends where the first of them diverged.", " The range covers them all."


@dataclass(frozen=True)
class RatesFound:
    """What a range test suggests.

    Args:
        sentence: How certain the rates are; or why there are none, and what to change.
        base_lr, max_lr: A range for policies that move; None when the test gave no number.
        minimum: Rate at which the loss was least, or what was watched highest, median over the seeds.
        suggestions: Rates by rule: ``(name, median, least, greatest)`` over the seeds.
        refusal: Why there are none, in one word; empty where there are some.
        tried: Ranges that were tried, in this order: ``(base_lr, max_lr, whether every seed's loss fell)``.
        more_steps: Steps that the test took besides those of its curves: in trials, and with batches that were measured
            without training; 0 where an older version of the app did not say.
        watched: What a linear test was read off, for example ``validation accuracy``; empty for the loss.
    """

    type: ClassVar[str] = "rates_found"
    sentence: str
    base_lr: float | None = None
    max_lr: float | None = None
    minimum: float | None = None
    suggestions: tuple[tuple[str, float, float, float], ...] = ()
    refusal: Refusal = ""
    tried: tuple[tuple[float, float, bool], ...] = ()
    more_steps: int = 0
    watched: str = ""

    @property
    def learning_rate(self) -> float | None:
        """The single rate for a policy that does not move: a tenth of the minimum, but none above the range.

        After a linear test it is half of the upper end: the best rate is usually within a factor of two of the largest
        that does not diverge (Bengio 2012, arXiv 1206.5533).
        """
        if self.watched:
            return None if self.max_lr is None else self.max_lr / 2
        tenth = next((rate for name, rate, _, _ in self.suggestions if name == "tenth"), None)
        return tenth if tenth is None or self.max_lr is None else min(tenth, self.max_lr)

    @property
    def origin(self) -> str:
        """The origin of these rates, in words."""
        if self.minimum is None:
            return ""
        if self.watched:
            return f"Linear range test, highest {self.watched} at {number(self.minimum, 3)}. {self.sentence}"
        return f"Range test, least loss at {number(self.minimum, 3)}. {self.sentence}"


@dataclass(frozen=True)
class Suggestion:
    """One rule's rate.

    Args:
        name: ``steepest`` descent, a ``tenth`` of the minimum, or fastai's ``valley`` or ``slide``.
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
        refusal: Why there is no number, in one word; empty where there is one.
        tried: Ranges that were tried, and whether every seed's loss fell.
        more_steps: Steps besides those of the curves, as in ``RatesFound``.
    """

    suggestions: tuple[Suggestion, ...]
    minimum: float | None
    base_lr: float | None
    max_lr: float | None
    sentence: str
    refusal: Refusal = ""
    tried: tuple[tuple[float, float, bool], ...] = ()
    more_steps: int = 0


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
            if self._steps >= LEAST_POINTS:
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
    start = float(losses[: max(1, int(EDGE * len(losses)) + 1)].mean())
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


# A step of fastai's default test, which has 99 from 1e-7 to 10. Its slide rule spans 15, and stops where the slopes at
# its ends differ by 0.005 a step at most; a loss above so many times its start has exploded.
_EXPLODED = 1.5
_SLIDE_STEP, _SLIDE_SPAN, _SLIDE_LEAST = 8 * np.log(10) / 99, 15, 0.005


def slide(learning_rates: FloatArray, losses: FloatArray) -> float:
    """Return the rate at which an interval that slides down from the highest rate comes to rest, as fastai's does.

    It slides on while the slopes of the loss at its two ends differ, which they do while it spans the divergence; its
    left end is the rate. Tests with other steps than fastai's are read as if they had these.
    """
    if len(losses) < 2:
        return float(learning_rates[0])
    finer = _SLIDE_STEP / float(np.log(learning_rates[1] / learning_rates[0]))
    span = min(max(1, round(_SLIDE_SPAN * finer)), len(losses) - 1)
    slopes = np.gradient(losses) * finer
    differ = np.abs(slopes[span:] - slopes[:-span])[::-1] > _SLIDE_LEAST
    moves = len(differ) if differ.all() else int(np.argmin(differ))
    return float(learning_rates[len(losses) - 1 - span - max(0, moves - 1)])


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


_ANY_ROOM = Room()


def advise(curves: Sequence[LossCurve], room: Room = _ANY_ROOM) -> Advice:
    """Return the advice from the curves of all seeds.

    Args:
        curves: One of each seed, at least one.
        room: What can still be changed, for the sentence when there is no advice.
    """
    silent = [reason for one in curves if (reason := silence(one, room))[0]]
    if len(silent) * 2 > len(curves):
        refusal, sentence = max(silent, key=silent.count)
        return Advice((), None, None, None, sentence, refusal)
    spoken = [one for one in curves if not silence(one, room)[0]]
    minima = [float(one.learning_rates[int(np.argmin(one.smoothed))]) for one in spoken]
    floors = np.array([floor(one.learning_rates, one.smoothed) for one in spoken])
    whole = [(one.learning_rates, one.smoothed) for one in spoken]
    read = {name: [rule(*curve) for curve in whole] for name, rule in _RULES.items()}
    read["slide"] = [slide(*_for_slide(one)) for one in spoken]
    suggestions = tuple(_suggestion(name, rates) for name, rates in read.items())
    base_lr = float(floors.min()) / 10
    max_lr = min(float(floors.max()), *map(_last_gain, spoken))
    sentence = _certainty(floors, len(curves), covered=max_lr >= floors.max())
    if any(by_heart(one, room) for one in spoken):
        sentence += f" But the network learned its {room.rows:,} training rows by heart, so this is a guess."
    return Advice(suggestions, float(np.median(minima)), base_lr, max_lr, sentence)


_RULES = {"steepest": steepest, "tenth": tenth_of_minimum, "valley": valley}


def _suggestion(name: str, rates: list[float]) -> Suggestion:
    assert name in ("steepest", "tenth", "valley", "slide")
    return Suggestion(name, float(np.median(rates)), min(rates), max(rates))  # type: ignore[arg-type]


def _for_slide(one: LossCurve) -> tuple[FloatArray, FloatArray]:
    """The curve up to where its losses are capped, as a share of its start.

    Behind that its slopes say nothing, and would stop a slide; fastai ends its test there. And its 0.005 a step is for
    losses of about 1: a loss may be in any unit.
    """
    start = float(one.smoothed[: max(1, int(EDGE * len(one.losses)) + 1)].mean())
    if start <= 0:
        return one.learning_rates, one.smoothed
    high = np.flatnonzero(one.smoothed > _EXPLODED * start)
    end = max(2, int(high[0])) if len(high) else len(one.smoothed)
    return one.learning_rates[:end], one.smoothed[:end] / start


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
        sure += ENDS_EARLY
    elif spread > _AGREE:
        sure += COVERS_ALL
    return sure + left_out
