"""What a range test suggests: curves with a known answer, fastai's rules written another way, and how sure it is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loss_curves import RATES, START, STEPS, descent, diverging, noisy

from lrapp.phrasing import number
from lrapp.policies.loss_curve import curve
from lrapp.policies.lr_range import (
    Advice,
    advise,
    floor,
    slide,
    steepest,
    tenth_of_minimum,
    valley,
)
from lrapp.policies.refusals import Room
from lrapp.policies.schedules import FloatArray


def position(rate: float) -> float:
    """Step at which the test comes by a rate."""
    return math.log(rate / 1e-7) / math.log(1e8) * (STEPS - 1)


def three(losses: FloatArray, noise: float = 0.005) -> Advice:
    return advise([curve(RATES, noisy(losses, seed, noise), STEPS) for seed in range(3)])


def silent(advice: Advice) -> bool:
    return (advice.suggestions, advice.minimum, advice.base_lr, advice.max_lr) == ((), None, None, None)


# --- fastai's published rules, as loops -----------------------------------------------------------------------


def loop_steep(rates: FloatArray, losses: FloatArray) -> float:
    best, where = math.inf, 0
    for step in range(len(rates) - 1):
        slope = (losses[step + 1] - losses[step]) / (math.log(rates[step + 1]) - math.log(rates[step]))
        if slope < best:
            best, where = slope, step
    return float(rates[where])


def loop_minimum(rates: FloatArray, losses: FloatArray) -> float:
    where = 0
    for step in range(len(rates)):
        if losses[step] < losses[where]:
            where = step
    return float(rates[where]) / 10


def loop_valley(rates: FloatArray, losses: FloatArray) -> float:
    """Longest falling series by comparing every loss with every earlier one."""
    longest = [1] * len(losses)
    start, end = 0, 0
    for later in range(1, len(losses)):
        for earlier in range(later):
            if losses[later] < losses[earlier]:
                longest[later] = max(longest[later], longest[earlier] + 1)
        if longest[later] > longest[end]:
            end = later
            start = later - longest[later]
    third = (end - start) / 3
    return float(rates[start + math.floor(third) + math.floor(third / 2)])


def loop_slide(rates: FloatArray, losses: FloatArray) -> float:
    """An interval of 15 steps, moved down step by step while the slopes at its ends differ by more than 0.005."""
    slopes = [float(losses[1] - losses[0])]
    slopes += [float(losses[step + 1] - losses[step - 1]) / 2 for step in range(1, len(losses) - 1)]
    slopes.append(float(losses[-1] - losses[-2]))
    right, left = len(losses) - 1, len(losses) - 16
    found = float(rates[left])
    while left >= 0 and abs(slopes[right] - slopes[left]) > 0.005:
        found = float(rates[left])
        right, left = right - 1, left - 1
    return found


def test_the_rules_are_those_of_fastai(subtests: pytest.Subtests) -> None:
    for noise in [0.0, 0.01, 0.2]:
        with subtests.test(f"{noise!r}"):
            for seed in range(20):
                centre = 10.0 ** np.random.default_rng(seed).uniform(-5, -2)
                losses = noisy(diverging(descent(centre), centre * 30), seed, noise)
                # fastai looks for the steepest descent everywhere; left of the minimum both look at the same.
                end = int(np.argmin(losses)) + 1
                assert steepest(RATES, losses) == loop_steep(RATES[:end], losses[:end]), seed
                assert tenth_of_minimum(RATES, losses) == loop_minimum(RATES, losses), seed
                assert valley(RATES, losses) == loop_valley(RATES, losses), seed
                assert slide(RATES, losses) == loop_slide(RATES, losses), seed


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=6, max_size=40))
def test_the_valley_is_that_of_fastai_where_losses_repeat(losses: list[int]) -> None:
    values = np.array(losses, float)
    assert valley(RATES[: len(losses)], values) == loop_valley(RATES[: len(losses)], values)


def test_a_valley_typed_out() -> None:
    # The longest falling series 9 7 6 5 3 2 ends at step 7 and has 6 members: from 1, a third is 2, half of it 1.
    losses = np.array([9.0, 7, 8, 6, 5, 3, 4, 2, 6, 7])
    rates = np.arange(1.0, 11)
    assert valley(rates, losses) == rates[1 + 2 + 1]


def test_a_slide_typed_out() -> None:
    # A loss that falls by 0.01 a step up to step 60 and rises by 0.02 from there on: the interval of 15 steps slides
    # from 84-99, where both ends rise, at once to rest; so it stays there.
    steps = np.arange(STEPS)
    rises = np.where(steps <= 60, 0.7 - 0.01 * steps, 0.1 + 0.02 * (steps - 60))
    assert slide(RATES, rises) == RATES[84]
    # Where the loss rises ever faster, it slides until both ends lie in the straight fall: from 45-60 on it rests, and
    # the last that differed began at 46.
    faster = np.where(steps <= 60, 0.7 - 0.01 * steps, 0.1 + 0.02 * (steps - 60.0) ** 2)
    assert slide(RATES, faster) == RATES[45]


def test_the_slide_reads_a_test_of_more_steps_as_one_of_a_hundred() -> None:
    many = np.geomspace(1e-7, 10, 991)
    losses = diverging(descent(1e-3), 0.03)
    finer = np.interp(np.log(many), np.log(RATES), losses)
    assert position(slide(many, finer)) == pytest.approx(position(slide(RATES, losses)), abs=2)


def test_a_curve_of_a_few_steps_has_a_slide_too() -> None:
    assert slide(RATES[:1], np.ones(1)) == RATES[0]
    assert RATES[0] <= slide(RATES[:8], np.linspace(1, 0, 8)) <= RATES[7]


def test_where_nothing_falls_the_valley_is_at_the_start() -> None:
    assert valley(RATES[:20], np.arange(20.0)) == RATES[0] == loop_valley(RATES[:20], np.arange(20.0))


def test_where_the_first_loss_is_least_the_steepest_descent_is_there() -> None:
    assert steepest(RATES, np.linspace(1, 2, STEPS)) == RATES[0]


# --- curves with a known answer ---------------------------------------------------------------------------------


def test_the_steepest_point_of_an_s_is_its_centre(subtests: pytest.Subtests) -> None:
    for centre in [1e-5, 1e-3, 6.3e-3, 0.1]:
        with subtests.test(f"{centre!r}"):
            losses = diverging(descent(centre), centre * 30)
            found = curve(RATES, losses, STEPS)
            assert position(steepest(found.learning_rates, found.smoothed)) == pytest.approx(
                position(centre), abs=1.5
            )


def test_steep_then_diverging_gives_all_numbers() -> None:
    advice = three(diverging(descent(1e-3), 0.1))
    rates = {one.name: one for one in advice.suggestions}
    assert list(rates) == ["steepest", "tenth", "valley", "slide"]
    assert rates["steepest"].learning_rate == pytest.approx(1e-3, rel=0.8)
    for one in rates.values():
        assert one.low <= one.learning_rate <= one.high
    # An S of this width has come within a tenth of its foot ln(9) widths above its centre.
    levelled_off = 1e-3 * 10 ** (0.25 * math.log(9))
    assert advice.base_lr == pytest.approx(levelled_off / 10, rel=0.5)
    assert advice.max_lr == pytest.approx(levelled_off, rel=0.5)
    assert advice.minimum is not None
    assert 3e-3 < advice.minimum <= 0.2
    assert rates["tenth"].learning_rate == pytest.approx(advice.minimum / 10)
    assert "quite sure" in advice.sentence


def test_the_floor_is_where_nine_tenths_of_the_fall_are_done() -> None:
    losses = np.array([1.0, 1.0, 1.0, 0.8, 0.4, 0.12, 0.09, 0.05, 0.0, 0.5])
    assert floor(RATES[:10], losses) == RATES[6]


def test_a_steeper_fall_inside_the_divergence_is_not_taken() -> None:
    losses = diverging(descent(1e-3), 0.05)
    wild = RATES > 0.5
    losses[wild] = np.where(np.arange(wild.sum()) % 2 == 0, 6.0, 1.0)
    assert loop_steep(RATES, losses) > 0.5, "the naive rule must fail on this curve"
    assert steepest(RATES, losses) == pytest.approx(1e-3, rel=0.5)
    for one in three(losses).suggestions:
        assert one.high < 0.05


def test_what_comes_after_the_divergence_moves_no_advice(subtests: pytest.Subtests) -> None:
    for worth in [3.0, 1e3, 1e30]:
        with subtests.test(f"{worth!r}"):
            calm = diverging(descent(1e-3), 0.1)
            wild = calm.copy()
            far = RATES > 3
            calm[far], wild[far] = 3.0, worth
            first, second = three(calm, noise=0.0), three(wild, noise=0.0)
            assert first.base_lr is not None
            assert first == second


def test_the_range_ends_before_what_was_gained_is_lost() -> None:
    early, late = diverging(descent(1e-4), 1e-2, slope=9), diverging(descent(0.1), 1)
    advice = advise([curve(RATES, losses, STEPS) for losses in (early, early, late)])
    assert advice.max_lr is not None
    assert advice.max_lr < 0.02 < floor(RATES, late)
    assert "The range ends where the first of them diverged." in advice.sentence
    assert "covers" not in advice.sentence


# --- how sure it is -----------------------------------------------------------------------------------------------


def centred(*centres: float) -> Advice:
    return advise([curve(RATES, diverging(descent(centre), 1), STEPS) for centre in centres])


def test_seeds_that_disagree_widen_the_range_and_change_the_sentence() -> None:
    close, apart, far = centred(1e-3, 1e-3, 1.5e-3), centred(1e-3, 3e-3, 7e-3), centred(1e-4, 1e-3, 2e-2)
    assert "quite sure" in close.sentence
    assert "take the order of magnitude as sure, not the digits. The range covers them all." in apart.sentence
    assert "this is a guess" in far.sentence
    assert far.sentence.endswith("The range covers them all.")
    widths = []
    for advice in (close, apart, far):
        assert advice.base_lr is not None
        assert advice.max_lr is not None
        widths.append(advice.max_lr / advice.base_lr)
    assert widths[0] < widths[1] < widths[2]
    assert widths[2] == pytest.approx(10 * 200, rel=0.3)
    assert all(one.low < one.high for one in far.suggestions)


def test_the_factor_in_the_sentence_is_that_between_the_seeds() -> None:
    centres = [float(RATES[20]), float(RATES[30]), float(RATES[45])]
    shifted = [
        np.interp(np.arange(STEPS) - steps, np.arange(STEPS), diverging(descent(centres[0]), 1e-2))
        for steps in (0, 10, 25)
    ]
    advice = advise([curve(RATES, losses, STEPS) for losses in shifted])
    assert f"by a factor of {number(centres[2] / centres[0], 2)}," in advice.sentence


def test_the_middle_seed_gives_the_number() -> None:
    one = {one.name: one for one in centred(1e-2, 1e-4, 1e-3).suggestions}["steepest"]
    assert (one.low, one.learning_rate, one.high) == pytest.approx((1e-4, 1e-3, 1e-2), rel=0.3)


def test_one_seed_says_that_it_cannot_know() -> None:
    advice = centred(1e-3)
    assert advice.base_lr is not None
    assert advice.sentence == "One seed cannot say how sure this is; take three."


def test_a_seed_that_saw_nothing_is_left_out_and_counted() -> None:
    good, flat = diverging(descent(1e-3), 0.1), np.full(STEPS, START)
    advice = advise([curve(RATES, losses, STEPS) for losses in (good, flat, good)])
    assert advice.base_lr is not None
    assert advice.sentence.endswith("1 of 3 seeds showed no fall and were left out.")
    assert silent(advise([curve(RATES, losses, STEPS) for losses in (good, flat, flat)]))


def test_a_seed_alone_among_silent_ones_is_not_called_sure() -> None:
    good, flat = diverging(descent(1e-3), 0.1), np.full(STEPS, START)
    advice = advise([curve(RATES, losses, STEPS) for losses in (good, flat)])
    assert advice.base_lr is not None
    assert "sure" not in advice.sentence
    assert advice.sentence.startswith("Only one seed showed")


# --- no number, but the reason and what to change ---------------------------------------------------------------


def reason(losses: FloatArray | list[float], planned: int = STEPS) -> str:
    advice = advise([curve(RATES[: len(losses)], losses, planned)] * 3)
    assert silent(advice)
    return advice.sentence


def test_flat_gives_no_number(subtests: pytest.Subtests) -> None:
    for level in [0.0, 1e-9, 0.7, 1e6]:
        with subtests.test(f"{level!r}"):
            assert reason(np.full(STEPS, level)).startswith("The curve is flat: ")
            assert "Raise the highest rate" in reason(np.full(STEPS, level))


def test_flat_and_then_exploding_gives_no_number() -> None:
    losses = np.full(80, 0.7)
    losses[:70] -= np.linspace(0, 0.001, 70)
    losses[70:] += np.geomspace(0.1, 5, 10)
    assert reason(losses).startswith("The curve is flat")


def test_noise_alone_is_hardly_ever_taken_for_a_fall() -> None:
    generator = np.random.default_rng(0)
    advices = [
        advise([curve(RATES, 0.69 + 0.05 * generator.normal(size=STEPS), STEPS) for _ in range(3)])
        for _ in range(100)
    ]
    assert sum(not silent(advice) for advice in advices) <= 3


def test_a_fall_far_larger_than_the_noise_is_found_in_it() -> None:
    advice = three(diverging(descent(1e-3), 0.1), noise=0.08)
    assert not silent(advice)
    assert advice.max_lr is not None
    assert 1e-3 < advice.max_lr < 0.1


def test_a_minimum_at_the_left_edge_gives_no_number() -> None:
    sentence = reason(np.linspace(0.5, 3, STEPS))
    assert sentence.startswith("The loss was least at the start of the test")
    assert sentence.endswith("start the test lower.")


def test_still_falling_at_the_right_edge_gives_no_number(subtests: pytest.Subtests) -> None:
    for losses in [np.linspace(3, 0.5, STEPS), descent(5.0)]:
        with subtests.test(f"{losses!r}"):
            assert (
                reason(losses) == "The loss was still falling at the end of the test: raise its highest rate."
            )


def test_a_fall_that_ends_in_no_number_at_all_is_a_minimum() -> None:
    losses = [*np.linspace(3, 0.5, 60), math.nan]
    advice = advise([curve(RATES[:61], losses, STEPS)] * 3)
    assert not silent(advice)
    assert advice.max_lr is not None
    assert advice.max_lr <= RATES[59]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_no_number_before_anything_was_learned_blames_no_rate(loss: float) -> None:
    sentence = reason([loss], planned=STEPS)
    assert sentence.startswith("The loss was not finite before the network had learned anything")
    assert "scale the inputs" in sentence


def test_an_explosion_at_once_says_to_start_lower() -> None:
    sentence = reason([0.7, 30.0, math.inf], planned=STEPS)
    assert sentence.startswith("The loss exploded at once")
    assert "start the test at a rate at least a hundred times lower" in sentence


def test_fewer_steps_than_make_a_curve_are_counted() -> None:
    assert reason([3.0, 2.0, 1.0], planned=3) == "A range test needs at least 10 steps. Received: 3."


def test_the_most_frequent_reason_is_given() -> None:
    falling, flat = np.linspace(3, 0.5, STEPS), np.full(STEPS, 0.7)
    advice = advise([curve(RATES, losses, STEPS) for losses in (falling, flat, falling)])
    assert silent(advice)
    assert "still falling" in advice.sentence


def test_the_unit_of_the_loss_does_not_matter(subtests: pytest.Subtests) -> None:
    for scale in [1e-6, 1.0, 1e8]:
        with subtests.test(f"{scale!r}"):
            losses = [noisy(diverging(descent(1e-3), 0.1), seed) for seed in range(3)]
            plain = advise([curve(RATES, one, STEPS) for one in losses])
            scaled = advise([curve(RATES, one * scale, STEPS) for one in losses])
            assert plain.base_lr is not None
            assert scaled == plain


def test_nobody_is_told_to_do_what_cannot_be_done() -> None:
    falling = [curve(RATES, np.linspace(3, 0.5, STEPS), STEPS)]
    assert "raise its highest rate" in advise(falling, Room()).sentence
    limited = advise(falling, Room(higher=False)).sentence
    assert "raise" not in limited
    assert limited.endswith("choose the learning rate yourself.")
    flat = advise([curve(RATES, np.full(STEPS, 0.7), STEPS)], Room(higher=False, larger_batch=False)).sentence
    assert flat.endswith("Take more steps, and check that the inputs have any relation to the target.")
    rising = advise([curve(RATES, np.linspace(0.5, 3, STEPS), STEPS)], Room(lower=False)).sentence
    assert "start the test lower" not in rising
    exploded = advise([curve(RATES[:3], [0.7, 30.0, math.inf], STEPS)], Room(lower=False)).sentence
    assert exploded.endswith("no curve to read: normalise the layers.")


def test_rows_that_were_learned_by_heart_are_the_reason() -> None:
    losses = 0.7 * np.exp(-np.linspace(0, 12, STEPS))
    few = Room(higher=False, rows=12, passes=100)
    sentence = advise([curve(RATES, losses, STEPS)] * 3, few).sentence
    assert sentence.startswith(
        "The network has learned its 12 training rows by heart: the test used each 100 times"
    )
    assert "raise" not in sentence
    # The same curve over many rows is one that was still falling; and over few that explodes, a guess.
    many = advise([curve(RATES, losses, STEPS)] * 3, Room(rows=10_000, passes=0.3)).sentence
    assert many == "The loss was still falling at the end of the test: raise its highest rate."
    exploding = np.concatenate([losses[: STEPS // 2], losses[STEPS // 2] * np.geomspace(1, 1e4, STEPS // 2)])
    found = advise([curve(RATES, exploding, STEPS)] * 3, Room(rows=12, passes=100))
    assert found.max_lr is not None
    assert found.sentence.endswith(
        "But the network learned its 12 training rows by heart, so this is a guess."
    )
