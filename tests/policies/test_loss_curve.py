"""The curve of a range test: how it is smoothed, where it ends, and when the loss has exploded."""

import math

import numpy as np
import pytest
from loss_curves import RATES, START, STEPS, descent, diverging, noisy

from lrapp.policies.loss_curve import LossCurve, curve, smooth
from lrapp.policies.lr_range import Watch, advise
from lrapp.policies.schedules import FloatArray

# --- smoothing ----------------------------------------------------------------------------------------------------


def test_smoothing_is_a_mean_weighted_by_distance() -> None:
    losses = np.random.default_rng(1).uniform(1, 1.5, 60)
    expected = []
    for step in range(60):
        weights = [math.exp(-(((other - step) / 2.5) ** 2) / 2) for other in range(60)]
        expected.append(
            sum(w * loss for w, loss in zip(weights, losses.tolist(), strict=True)) / sum(weights)
        )
    assert smooth(losses, 2.5) == pytest.approx(expected, rel=1e-6)


def test_smoothing_moves_no_step(subtests: pytest.Subtests) -> None:
    for step in [20, 50, 77]:
        with subtests.test(f"{step!r}"):
            losses = np.ones(STEPS)
            losses[step] = 0.0
            smoothed = smooth(losses, 3)
            assert int(np.argmin(smoothed)) == step
            assert smoothed[step - 5] == pytest.approx(smoothed[step + 5])


def test_smoothing_leaves_a_constant_alone(subtests: pytest.Subtests) -> None:
    for width in [0.0, 0.5, 3.0, 1e3]:
        with subtests.test(f"{width!r}"):
            assert smooth(np.full(30, 0.7), width) == pytest.approx(np.full(30, 0.7))


def test_smoothing_nothing_gives_nothing() -> None:
    assert smooth(np.array([]), 3.0).shape == (0,)
    assert smooth(np.array([0.5]), 3.0).tolist() == [0.5]


def test_smoothing_by_no_width_changes_nothing() -> None:
    losses = np.random.default_rng(2).uniform(1, 1.5, 30)
    assert smooth(losses, 0.0) == pytest.approx(losses)


def test_an_explosion_does_not_reach_back() -> None:
    losses = np.ones(STEPS)
    losses[60:] = 1e30
    assert smooth(losses, 3)[:40] == pytest.approx(np.ones(40))
    assert smooth(losses, 3).max() == pytest.approx(2)


def test_the_longest_test_fits_into_memory() -> None:
    count = 30_000
    rates = np.geomspace(1e-7, 10, count)
    decades = np.log10(rates)
    losses = 0.7 - 0.3 / (1 + np.exp(-(decades + 3) / 0.25)) + 2 * np.maximum(decades + 1, 0)
    advice = advise([curve(rates, losses, count)])
    assert {one.name: one.learning_rate for one in advice.suggestions}["steepest"] == pytest.approx(
        1e-3, rel=0.2
    )


# --- curve and explosion ------------------------------------------------------------------------------------------


def test_a_curve_ends_before_the_first_loss_that_is_not_finite() -> None:
    made = curve([1e-3, 1e-2, 0.1, 1.0], [0.5, 0.4, math.inf, 0.3], 4)
    assert made.losses.tolist() == [0.5, 0.4]
    assert made.learning_rates.tolist() == [1e-3, 1e-2]
    assert made.smoothed.shape == (2,)
    assert made.ended_early


def test_a_whole_curve_has_not_ended_early() -> None:
    made = curve(RATES.astype(np.float32), np.ones(STEPS, np.float32), STEPS)
    assert isinstance(made, LossCurve)
    assert made.losses.dtype == made.learning_rates.dtype == made.smoothed.dtype == np.float64
    assert not made.ended_early


def loop_explosion(losses: list[float]) -> int | None:
    """The running mean as one weighted mean of all losses so far, written out anew for every step."""
    best = math.inf
    for end in range(1, len(losses) + 1):
        if not math.isfinite(losses[end - 1]):
            return end
        weights = [0.9 ** (end - 1 - step) for step in range(end)]
        mean = sum(w * loss for w, loss in zip(weights, losses, strict=False)) / sum(weights)
        if mean > 4 * best:
            return end
        if end >= 10:
            best = min(best, mean)
    return None


def test_it_has_exploded_at_four_times_the_least_mean() -> None:
    # From 1 on, the mean of n losses of L is L - (L - 1) 0.9**n of long running ones: 4.1 is above 4 only late.
    ones = [1.0] * 200
    assert Watch().exploded([*ones, *[4.0] * 500]) is None
    first = next(n for n in range(1, 99) if 4.1 - 3.1 * 0.9**n > 4)
    assert Watch().exploded([*ones, *[4.1] * 99]) == 200 + first
    assert Watch().exploded([*ones, 31.5]) == 201
    assert Watch().exploded([*ones, 30.5]) is None


def test_the_explosion_is_that_of_a_mean_written_out(subtests: pytest.Subtests) -> None:
    for seed in range(5):
        with subtests.test(f"{seed!r}"):
            losses = noisy(diverging(descent(1e-3), 0.1, slope=3), seed, 0.05).tolist()
            expected = loop_explosion(losses)
            assert expected is not None
            assert Watch().exploded(losses) == expected


def test_the_explosion_is_found_in_whatever_pieces_losses_come(subtests: pytest.Subtests) -> None:
    for size in [1, 7, 30]:
        with subtests.test(f"{size!r}"):
            losses = diverging(descent(1e-3), 0.1, slope=3)
            whole, watch = Watch().exploded(losses), Watch()
            for first in range(0, STEPS, size):
                found = watch.exploded(losses[first : first + size])
                if found is not None:
                    assert first + found == whole
                    break
            else:
                pytest.fail("It did not explode.")


def test_no_number_is_an_explosion_at_once(subtests: pytest.Subtests) -> None:
    for loss in [math.nan, math.inf, -math.inf]:
        with subtests.test(f"{loss!r}"):
            assert Watch().exploded([loss]) == 1
            assert Watch().exploded([0.5, loss, 0.5]) == 2


def test_a_small_first_loss_by_chance_is_not_compared_with() -> None:
    assert Watch().exploded([1e-6, *[1.0] * 99]) is None


def test_losses_of_zero_do_not_explode() -> None:
    assert Watch().exploded([0.0] * 50) is None


# --- what makes batches differ ----------------------------------------------------------------------------------------


def weighed(seed: int, fall: float = 0.25) -> tuple[FloatArray, FloatArray]:
    """Losses, and untrained ones, of batches that count differently: the loss falls, the batches hide it."""
    heavy = np.random.default_rng(seed).gamma(4, 0.25, STEPS)
    return heavy * hidden(fall), START * heavy


def hidden(fall: float = 0.25) -> FloatArray:
    return diverging(descent(1e-3, depth=fall), 0.1)


def test_what_makes_a_batch_dear_is_taken_off() -> None:
    losses, untrained = weighed(0)
    quiet = curve(RATES, losses, STEPS, untrained)
    raw, calm = curve(RATES, losses, STEPS), RATES < 0.02
    level = (untrained.mean() / START * hidden())[calm]
    assert np.abs(quiet.smoothed[calm] - level).max() < 0.03
    assert np.abs(raw.smoothed[calm] - level).max() > 0.1


def test_a_fall_that_batches_hide_is_read_where_they_were_measured() -> None:
    both = [weighed(seed) for seed in range(3)]
    assert advise([curve(RATES, losses, STEPS) for losses, _ in both]).refusal == "flat"
    advice = advise([curve(RATES, losses, STEPS, untrained) for losses, untrained in both])
    assert advice.max_lr == pytest.approx(3e-3, rel=0.9)


def test_batches_alone_make_no_fall() -> None:
    for seed in range(50):
        both = [weighed(3 * seed + one, fall=0.0) for one in range(3)]
        noise = np.random.default_rng(seed).normal(0, 0.02, (3, STEPS))
        curves = [
            curve(RATES, losses + more, STEPS, untrained)
            for (losses, untrained), more in zip(both, noise, strict=True)
        ]
        assert advise(curves).max_lr is None, seed


def test_untrained_losses_that_say_nothing_change_nothing() -> None:
    losses, _ = weighed(1)
    plain = curve(RATES, losses, STEPS)
    for untrained in (np.full(STEPS, 0.7), np.full(STEPS, math.inf), np.zeros(STEPS)):
        assert np.allclose(curve(RATES, losses, STEPS, untrained).smoothed, plain.smoothed)
