"""Whether a range holds when it is tried: losses drawn by hand, with a known answer."""

import numpy as np
import pytest
from loss_curves import RATES, STEPS, descent, diverging, noisy

from lrapp.policies import trials
from lrapp.policies.loss_curve import LossCurve, curve
from lrapp.policies.lr_range import Advice, advise
from lrapp.policies.schedules import FloatArray

CALM = diverging(descent(1e-3), 0.1)
START, LEAST = float(CALM[0]), float(CALM.min())


def seen(noise: float = 0.005, seed: int = 0) -> LossCurve:
    return curve(RATES, noisy(CALM, seed, noise), STEPS)


def falling(to: float, steps: int = STEPS) -> FloatArray:
    """A loss that falls from the untrained one, quickly and then slowly."""
    return to + (START - to) * np.exp(-np.linspace(0, 6, steps))


def test_a_loss_that_falls_as_in_the_test_holds(subtests: pytest.Subtests) -> None:
    for noise in [0.0, 0.005, 0.08]:
        with subtests.test(f"{noise!r}"):
            for seed in range(20):
                assert trials.held(noisy(falling(LEAST), seed, noise), seen(noise, seed)), seed


def test_a_loss_that_jumps_first_does_not_hold_even_if_it_falls_then() -> None:
    jumps = falling(LEAST)
    jumps[:5] = 20 * START
    assert not trials.held(jumps, seen())
    jumps[:5] = 1.5 * START
    assert not trials.held(jumps, seen())


def test_a_dead_network_does_not_hold() -> None:
    assert not trials.held(np.full(STEPS, START), seen())
    assert not trials.held(np.full(STEPS, START - 0.2 * (START - LEAST)), seen())


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_no_number_does_not_hold(number: float) -> None:
    losses = falling(LEAST)
    losses[70] = number
    assert not trials.held(losses, seen())


def test_a_loss_that_rises_at_the_end_does_not_hold() -> None:
    losses = falling(LEAST)
    losses[60:] = np.linspace(losses[60], START, STEPS - 60)
    assert not trials.held(losses, seen())


def test_batches_that_were_measured_do_not_count_as_a_rise() -> None:
    heavy = np.random.default_rng(4).gamma(4, 0.25, STEPS)
    test = curve(RATES, CALM * heavy, STEPS, START * heavy)
    held = [trials.held(falling(LEAST) * heavy, test, untrained) for untrained in ((), START * heavy)]
    assert held[1]
    assert not trials.held(np.full(STEPS, START) * heavy, test, START * heavy)


def test_a_seed_that_exploded_at_once_says_nothing_against_a_calm_trial() -> None:
    assert trials.held(falling(LEAST), curve(RATES[:3], [START, 30 * START, np.inf], STEPS))


def test_it_begins_at_the_highest_rate_and_ends_next_to_the_lowest() -> None:
    rates = trials.rates(0.001, 0.01, 50)
    assert rates[0] == pytest.approx(0.01)
    assert (np.diff(rates) < 0).all()
    assert 0.001 <= rates[-1] < 0.0011


def apart() -> Advice:
    """What seeds say that disagree."""
    falls = [diverging(descent(centre), 1) for centre in (1e-3, 3e-3, 7e-3)]
    return advise([curve(RATES, losses, STEPS) for losses in falls])


def advised() -> Advice:
    advice = advise([seen(seed=seed) for seed in range(3)])
    assert advice.max_lr is not None
    return advice


def test_a_range_is_narrowed_from_above() -> None:
    first = advised()
    second = trials.narrowed(first)
    assert first.max_lr is not None
    assert second.max_lr == pytest.approx(first.max_lr / 3)
    assert second.max_lr is not None
    assert second.base_lr is not None
    assert second.base_lr <= second.max_lr / 10
    assert second.suggestions == first.suggestions


def test_what_was_tried_is_said() -> None:
    advice = apart()
    assert (
        "The range covers them all. Tried for" in trials.settled(advice, [(0.001, 0.01, True)], 100).sentence
    )
    assert trials.settled(advice, [(0.001, 0.01, True)], 100).sentence.endswith(
        "Tried for 100 steps with every seed: from 0.01 down, every loss fell."
    )
    narrowed = trials.settled(advice, [(0.01, 0.09, False), (0.003, 0.03, False), (0.001, 0.01, True)], 100)
    assert narrowed.sentence.endswith(
        "from 0.09 and 0.03 down; so the range ends at 0.01, from where every loss fell."
    )
    assert "covers" not in narrowed.sentence
    assert narrowed.tried[-1] == (0.001, 0.01, True)
    never = trials.settled(advice, [(0.01, 0.09, False), (0.003, 0.03, False)], 100)
    assert (never.max_lr, never.suggestions, never.refusal) == (None, (), "tried")
    assert never.sentence.startswith("No range held when it was tried for 100 steps: from 0.09 and 0.03 down")
    assert "race" not in never.sentence  # whether one is possible, a curve does not know
