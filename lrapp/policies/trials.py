"""Whether the range that a range test suggests holds: it is tried before it is used. Numpy only.

In a range test the rate is high for a few steps only, after the network has learned at low rates; a run may begin at
its peak, as warm restarts do. So the range is tried as hardly as any policy takes it: fresh weights, the highest rate
first, and down along half a cosine to the lowest. Where a seed's loss rises, or does not fall as it did in the test,
the range is narrowed from above and tried again.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lrapp.phrasing import number
from lrapp.policies.loss_curve import WIDTH, LossCurve, averaged, quieted
from lrapp.policies.lr_range import COVERS_ALL, ENDS_EARLY, Advice, Watch
from lrapp.policies.refusals import LEAST_POINTS
from lrapp.policies.schedules import SGDR, FloatArray

# What the range is divided by where it did not hold, and how often it is tried at most.
NARROWER, MOST_TRIALS = 3.0, 5
# A loss has risen above its start where the smoothed one is higher by this share, or by this many times its noise.
_RISE, _RISE_NOISE = 0.05, 4.0
# Share of its fall in the range test that a loss must reach again at the end of the trial.
_LEAST_FALL = 0.5


def rates(base_lr: float, max_lr: float, steps: int) -> FloatArray:
    """Return the rate of each step of a trial, float64, shape (steps,)."""
    return SGDR(max_lr, steps, base_lr).plan(steps)


def held(
    losses: Sequence[float] | FloatArray, test: LossCurve, untrained: Sequence[float] | FloatArray = ()
) -> bool:
    """Return whether a seed's loss fell in a trial, and never rose above where it had been before training.

    Args:
        losses: Loss of each step of the trial.
        test: What the range test saw of the same seed.
        untrained: What the same batches cost before anything is learned; none if unknown.
    """
    values = np.asarray(losses, np.float64)
    if not np.isfinite(values).all() or Watch().exploded(values) is not None:
        return False
    if len(test.losses) < LEAST_POINTS:
        return True
    untouched = test.losses[: max(1, len(test.losses) // 10)]
    start = float(np.mean(untouched))
    if len(untrained) == len(values):
        values = quieted(values, np.asarray(untrained, np.float64), WIDTH * len(values))
    # In a test whose batches were measured the first losses are hardly noisy; in the calm half of the trial they are.
    noise = max(
        _noise(test.losses[: max(LEAST_POINTS, len(test.losses) // 3)]), _noise(values[len(values) // 2 :])
    )
    smoothed = averaged(values, WIDTH * len(values))
    # The mean of a Gaussian window of width w has the noise of about 3.5 w independent losses.
    doubt = noise * np.sqrt(1 / max(1.0, 3.5 * WIDTH * len(values)) + 1 / len(untouched))
    if float(smoothed.max()) > start + max(_RISE * abs(start), _RISE_NOISE * doubt):
        return False
    end = values[-max(1, len(values) // 4) :]
    doubt = noise * np.sqrt(1 / len(end) + 1 / len(untouched))
    return bool(end.mean() <= start - _LEAST_FALL * (start - test.smoothed.min()) + doubt)


def _noise(losses: FloatArray) -> float:
    """Standard deviation of a loss about a curve that hardly moves from step to step."""
    return float(np.std(np.diff(losses))) / 2**0.5


def narrowed(advice: Advice) -> Advice:
    """Return advice with its range narrowed from above; it stays ten times as wide as it is high, or wider."""
    assert advice.base_lr is not None
    assert advice.max_lr is not None
    highest = advice.max_lr / NARROWER
    return replace(advice, max_lr=highest, base_lr=min(advice.base_lr, highest / 10))


def settled(advice: Advice, tried: Sequence[tuple[float, float, bool]], steps: int) -> Advice:
    """Return advice that says what became of its trials; without a range where none held.

    Args:
        advice: With the range that was tried last.
        tried: As in ``RatesFound``, at least one.
        steps: Of each trial.
    """
    *failed, (_, highest, good) = tried
    tops = " and ".join(number(top, 2) for _, top, fell in tried if not fell)
    if not good:
        sentence = (
            f"No range held when it was tried for {steps:,} steps: from {tops} down, the loss of a seed rose, or "
            "hardly fell. Take more steps or a larger batch, choose the rates yourself, or keep the default ones."
        )
        return Advice((), None, None, None, sentence, "tried", tuple(tried))
    sentence = f"Tried for {steps:,} steps with every seed: from {number(highest, 2)} down, every loss fell."
    sure = advice.sentence
    if failed:
        sure = sure.replace(ENDS_EARLY, "").replace(COVERS_ALL, "")
        sentence = (
            f"When it was tried for {steps:,} steps, the loss of a seed rose, or hardly fell, from {tops} down; so the "
            f"range ends at {number(highest, 2)}, from where every loss fell."
        )
    return replace(advice, sentence=f"{sure} {sentence}", tried=tuple(tried))
