"""Why a range test's curve suggests no rate, and what can be changed about it. Numpy only."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lrapp.policies.loss_curve import EDGE, WIDTH, LossCurve

# Why there is no rate: the loss never fell; was least at the start; still fell at the end; exploded at once, or was no
# number at all; the rows were learned by heart; there are too few steps; or no range held when it was tried.
Refusal = Literal["", "flat", "high", "low", "exploded", "no number", "by heart", "short", "tried"]
# A curve that stays within this share of its start, or of its own noise, is called flat.
_LEAST_FALL, _LEAST_FALL_NOISE = 0.02, 4.0
# With fewer points there is no usable curve.
LEAST_POINTS = 10

# A loss that ends below this share of its start, after more passes over the rows than this, was learned by heart.
_BY_HEART, _MOST_PASSES = 0.01, 30


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


def silence(one: LossCurve, room: Room) -> tuple[Refusal, str]:
    """Return why a curve suggests nothing, in a word and in a sentence that says what to change; empty if it does."""
    if not len(one.losses):
        return "no number", (
            "The loss was not finite before the network had learned anything, so no rate can be found: scale the "
            "inputs or the target, or choose float32 precision."
        )
    if len(one.losses) < LEAST_POINTS:
        if one.ended_early:
            change = "start the test at a rate at least a hundred times lower, or " if room.lower else ""
            sentence = (
                f"The loss exploded at once, so there is no curve to read: {change}normalise the layers."
            )
            return "exploded", sentence
        return "short", f"A range test needs at least {LEAST_POINTS} steps. Received: {len(one.losses)}."
    edge = max(1, int(EDGE * len(one.losses)))
    lowest = int(np.argmin(one.smoothed))
    start = float(one.smoothed[: edge + 1].mean())
    fall = start - float(one.smoothed[lowest])
    # From step to step the curve itself hardly moves: what does is noise.
    noise = float(np.std(np.diff(one.losses[: max(LEAST_POINTS, lowest)]))) / np.sqrt(2)
    # The mean of a Gaussian window of width w has the noise of about 3.5 w independent losses.
    averaged = noise / np.sqrt(max(1.0, 3.5 * WIDTH * len(one.losses)))
    least = max(_LEAST_FALL * abs(start), _LEAST_FALL_NOISE * averaged)
    if lowest <= edge and (one.ended_early or float(one.smoothed.max()) - start > least):
        sentence = "The loss was least at the start of the test, so every rate in it was too high: "
        return "high", sentence + (
            "start the test lower." if room.lower else "scale the inputs or the target."
        )
    if lowest <= edge or fall < least:
        higher = "raise the highest rate, " if room.higher else ""
        more = "take more steps or a larger batch" if room.larger_batch else "take more steps"
        change = f"{higher}{more}, and check that the inputs have any relation to the target."
        return "flat", (
            "The curve is flat: at no rate did the loss fall by more than its noise. "
            f"{change[:1].upper()}{change[1:]}"
        )
    if lowest >= len(one.losses) - 1 - edge and not one.ended_early:
        if by_heart(one, room):
            return "by heart", (
                f"The network has learned its {room.rows:,} training rows by heart: the test used each "
                f"{room.passes:,.0f} times, and the loss fell to nothing whatever the rate. Add rows, or choose the "
                "learning rate yourself."
            )
        if not room.higher:
            return "low", (
                "The loss was still falling at the end of the test, at the highest rate that a test can have. Scale "
                "the inputs or the target, or choose the learning rate yourself."
            )
        return "low", "The loss was still falling at the end of the test: raise its highest rate."
    return "", ""


def by_heart(one: LossCurve, room: Room) -> bool:
    """Return whether hardly anything was left of the loss, after each row had been used again and again."""
    start = float(np.median(one.losses[: max(1, len(one.losses) // 10)]))
    return room.passes > _MOST_PASSES and float(one.smoothed.min()) < _BY_HEART * start
