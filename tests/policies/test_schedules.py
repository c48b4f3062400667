"""Policies against lists typed by hand, plain loops, Keras's own schedule, and bounds for any numbers."""

import math
import os
from itertools import pairwise, product
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrapp.errors import UserError
from lrapp.policies.schedules import (
    CLR,
    SGDR,
    CLRMode,
    CosLog4,
    Fixed,
    OneCycle,
    Policy,
    RangeSweep,
    WarmUp,
)

POLICIES: list[Policy] = [
    Fixed(0.1),
    CLR(0.1, 0.5, 3.5),
    CLR(0.1, 0.5, 3, "triangular2"),
    CLR(0.1, 0.5, 3, "exp_range", 0.9),
    SGDR(0.5, 4, 0.1),
    SGDR(0.5, 2.5, 0.1, T_mult=1.5, decay=0.7),
    OneCycle(0.5, 20),
    CosLog4(0.5, 20, 0.1),
    WarmUp(SGDR(0.5, 4, 0.1), 3),
    WarmUp(OneCycle(0.5, 17), 3.5),
]


# --- cyclical rates -----------------------------------------------------------------------------------------


def test_triangular_typed_by_hand() -> None:
    assert CLR(1, 5, 4).plan(12).tolist() == [1, 2, 3, 4, 5, 4, 3, 2, 1, 2, 3, 4]


def test_triangular2_halves_each_peak() -> None:
    rates = CLR(1, 5, 4, "triangular2").plan(25)
    assert rates.tolist() == [
        *[1, 2, 3, 4, 5, 4, 3, 2],
        *[1, 1.5, 2, 2.5, 3, 2.5, 2, 1.5],
        *[1, 1.25, 1.5, 1.75, 2, 1.75, 1.5, 1.25],
        1,
    ]


def test_exp_range_shrinks_the_upper_bound_in_every_step() -> None:
    rates = CLR(1, 5, 2, "exp_range", gamma=0.5).plan(8)
    heights = [0, 0.5, 1, 0.5, 0, 0.5, 1, 0.5]
    assert rates.tolist() == [1 + 4 * height * 0.5**step for step, height in enumerate(heights)]
    assert rates[6] == 1.0625


def test_half_a_cycle_need_not_be_whole() -> None:
    # step_size 2.5: peaks at 2.5 and 7.5 lie between steps, the valley at 5 on one.
    assert CLR(0, 1, 2.5).plan(11) == pytest.approx([0, 0.4, 0.8, 0.8, 0.4, 0, 0.4, 0.8, 0.8, 0.4, 0])


def test_cycles_like_a_walk_up_and_down(subtests: pytest.Subtests) -> None:
    modes: tuple[Literal["triangular", "triangular2", "exp_range"], ...] = (
        "triangular",
        "triangular2",
        "exp_range",
    )
    for mode in modes:
        with subtests.test(f"{mode!r}"):
            base, top, size, gamma = 0.01, 0.3, 7, 0.999
            rates, height, direction, peak = [], 0, 1, top - base
            for step in range(1_000):
                amplitude = (top - base) * gamma**step if mode == "exp_range" else peak
                rates.append(base + amplitude * height / size)
                height += direction
                if height == size:
                    direction = -1
                elif height == 0:
                    direction = 1
                    if mode == "triangular2":
                        peak /= 2
            assert CLR(base, top, size, mode, gamma).plan(1_000) == pytest.approx(rates, rel=1e-9)


def test_cycles_stay_in_step_for_a_million_steps() -> None:
    policy = CLR(1, 5, 640)
    rates = policy.plan(1_000_001)
    assert (rates[640::1280] == 5).all()
    assert (rates[::1280] == 1).all()
    assert rates[:1280].tolist() == pytest.approx(rates[780 * 1280 : 781 * 1280].tolist())


# --- warm restarts ------------------------------------------------------------------------------------------


def test_first_cycle_typed_by_hand() -> None:
    # (1 + cos 0, 45, 90, 135 degrees) / 2, then up again.
    assert SGDR(1, 4).plan(6) == pytest.approx([1, 0.8535533906, 0.5, 0.1464466094, 1, 0.8535533906])


def _walk(max_lr: float, min_lr: float, first: float, mult: float, decay: float, steps: int) -> list[float]:
    """One step after the other, restarting whenever a cycle is used up."""
    rates, start, length, peak = [], 0.0, first, max_lr - min_lr
    for step in range(steps):
        while step >= start + length:
            start += length
            length *= mult
            peak *= decay
        angle = math.pi * (step - start) / length
        rates.append(min_lr + peak * math.cos(angle / 2) ** 2)
    return rates


def test_restarts_like_a_loop_over_steps(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, float, float]] = [
        (10, 1, 1),
        (1, 2, 1),
        (10, 2, 0.5),
        (3, 1.5, 0.8),
        (2.5, 1, 0.9),
        (7.3, 1.37, 1),
        (1, 3, 1),
        (5, 1.01, 1),
    ]
    for first, mult, decay in cases:
        with subtests.test(f"{first!r}"):
            rates = SGDR(0.5, first, 0.001, mult, decay).plan(5_000)
            assert rates == pytest.approx(_walk(0.5, 0.001, first, mult, decay, 5_000), rel=1e-6, abs=1e-9)


def test_restarts_at_the_right_steps_of_a_million(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, float]] = [(10, 1), (10, 2), (1, 2), (8, 1.5), (160, 3), (4, 1.25)]
    for first, mult in cases:
        with subtests.test(f"{first!r}"):
            rates = SGDR(1, first, T_mult=mult).plan(1_000_000)
            rises = [*(np.flatnonzero(np.diff(rates) >= 0) + 1)]
            expected, start, cycle = [], 0.0, 0
            # Powers of these multipliers are exact in binary, and so are their sums.
            while (start := start + first * mult**cycle) < 1_000_000:
                expected.append(math.ceil(start))
                cycle += 1
            assert rises == sorted(set(expected))
            if mult == int(mult):
                assert (rates[rises] == 1).all()


def test_agrees_with_the_schedule_of_keras() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    for first, mult, decay, least in ((10, 1.0, 1.0, 0.0), (10, 2.0, 0.5, 0.1), (25, 1.5, 0.9, 0.01)):
        theirs = keras.optimizers.schedules.CosineDecayRestarts(
            0.2, first, t_mul=mult, m_mul=decay, alpha=least / 0.2
        )
        steps = np.arange(3, 9 * first, 4)
        # Theirs computes in float32.
        assert SGDR(0.2, first, least, mult, decay).plan(steps) == pytest.approx(
            [float(theirs(int(step))) for step in steps], abs=2e-6
        )


# --- one cycle and warm-up ----------------------------------------------------------------------------------


def test_one_cycle_typed_by_hand() -> None:
    # 9 steps, half of them up: quarter points of both cosines.
    rates = OneCycle(1, 9, rise=0.5, start_div=5, end_div=10).plan(9)
    quarter = (1 - math.sqrt(0.5)) / 2
    up = [0.2 + 0.8 * share for share in (0, quarter, 0.5, 1 - quarter, 1)]
    down = [1 - 0.9 * share for share in (quarter, 0.5, 1 - quarter, 1)]
    assert rates == pytest.approx(up + down)


def test_one_cycle_like_the_cosines_of_fastai() -> None:
    total, rise, top = 1_000, 0.25, 0.03

    def annealed(start: float, end: float, share: float) -> float:
        return start + (1 + math.cos(math.pi * (1 - share))) * (end - start) / 2

    expected = []
    for step in range(total):
        done = step / (total - 1)
        if done < rise:
            expected.append(annealed(top / 25, top, done / rise))
        else:
            expected.append(annealed(top, top / 1e5, (done - rise) / (1 - rise)))
    assert OneCycle(top, total).plan(total) == pytest.approx(expected, rel=1e-6)


def test_one_cycle_rises_once_and_falls_once(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, float]] = [(5, 0.25), (101, 0.5), (1_000, 0.1), (7.5, 0.3)]
    for total, rise in cases:
        with subtests.test(f"{total!r}"):
            rates = OneCycle(2, total, rise, start_div=4, end_div=100).plan(int(total))
            top = int(rates.argmax())
            assert rates[0] == pytest.approx(0.5)
            assert (np.diff(rates[: top + 1]) > 0).all()
            assert (np.diff(rates[top:]) < 0).all()
            assert abs(top - rise * (total - 1)) <= 0.5
            if total == int(total):
                assert rates[-1] == pytest.approx(0.02)


def test_one_cycle_stays_down_after_its_end() -> None:
    assert OneCycle(1, 10, end_div=100).plan([9, 10, 1_000]) == pytest.approx([0.01, 0.01, 0.01])


def test_the_shortest_one_cycle() -> None:
    assert OneCycle(1, 2, start_div=4, end_div=8).plan(2).tolist() == [0.25, 0.125]


def test_warm_up_then_the_policy_from_its_start() -> None:
    assert WarmUp(CLR(4, 8, 2), 4).plan(9).tolist() == [1, 2, 3, 4, 4, 6, 8, 6, 4]
    assert WarmUp(Fixed(1), 1).plan(3).tolist() == [1, 1, 1]


def test_warm_up_of_a_broken_number_of_steps_takes_the_whole_ones() -> None:
    assert WarmUp(CLR(2, 8, 2), 2.9).plan(4).tolist() == [1, 2, 2, 5]


# --- ever longer cycles -------------------------------------------------------------------------------------


def test_four_cycles_meet_the_lowest_rate_at_1_3_7_and_15_fifteenths() -> None:
    rates = CosLog4(9, 15, base_lr=1).plan(17)
    assert rates[[0, 1, 3, 7, 15, 16]] == pytest.approx([1] * 6, abs=1e-9)
    assert (rates[[2, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14]] > 1.1).all()
    assert rates[[2, 5, 11]] == pytest.approx([8.443448] * 3)  # log2(3), log2(6), log2(12)


def test_each_cycle_has_its_peak_half_way_in_the_logarithm() -> None:
    at = 100 * (2 ** np.array([0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]) - 1) / 15
    assert CosLog4(2, 100).plan(at) == pytest.approx([0, 2, 0, 2, 0, 2, 0, 2, 0], abs=1e-9)


def test_ever_longer_cycles_like_a_walk_from_cycle_to_cycle(subtests: pytest.Subtests) -> None:
    for total in [1, 2, 60, 1_237]:
        with subtests.test(f"{total!r}"):
            base, top = 0.01, 0.3
            rates, cycle = [], 0
            for step in range(total):
                while 15 * step >= (2 ** (cycle + 1) - 1) * total:
                    cycle += 1
                turn = math.log((1 + 15 * step / total) / 2**cycle) / math.log(2)
                rates.append(base + (top - base) * math.sin(math.pi * turn) ** 2)
            assert CosLog4(top, total, base).plan(total) == pytest.approx(rates, rel=1e-9)


# --- all policies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
def test_plan_is_a_function_of_the_step_alone(policy: Policy) -> None:
    rates = policy.plan(40)
    assert rates.dtype == np.float64
    assert rates.shape == (40,)
    assert policy.plan(np.arange(40)).tolist() == rates.tolist()
    assert policy.plan(np.int64(40)).tolist() == rates.tolist()
    assert policy.plan(list(range(40))).tolist() == rates.tolist()
    backwards = np.arange(40)[::-1].reshape(5, 8)
    assert policy.plan(backwards).tolist() == rates[::-1].reshape(5, 8).tolist()
    assert policy.plan([[7]]).tolist() == [[rates[7]]]
    for step in (0, 3, 39):
        alone = policy.plan(np.array(step))
        assert alone.shape == ()
        assert float(alone) == rates[step]
    assert policy.plan(0).tolist() == []
    assert policy.plan([]).tolist() == []


def test_steps_before_the_first_are_refused() -> None:
    wrong: list[Any] = [[-1], [3, -2, 5], np.array(-4), [float("nan")], -1, -3]
    for policy, steps in product(POLICIES, wrong):
        with pytest.raises(UserError, match=r"^Step numbers start at 0\. Received: "):
            policy.plan(steps)


_rates = st.floats(0, 1e3)


@st.composite
def _policies(draw: st.DrawFn) -> tuple[Policy, float, float]:
    """A policy with the least and the greatest rate that it may give."""
    low, high = sorted((draw(_rates), draw(_rates)))
    length = draw(st.floats(1, 1e6))
    kind = draw(st.sampled_from(["fixed", "clr", "sgdr", "coslog4", "one-cycle"]))
    policy: Policy
    if kind == "fixed":
        policy, low = Fixed(high), high
    elif kind == "clr":
        mode: CLRMode = draw(st.sampled_from(["triangular", "triangular2", "exp_range"]))
        policy = CLR(low, high, length, mode, draw(st.floats(1e-6, 1)))
    elif kind == "sgdr":
        policy = SGDR(high, length, low, draw(st.floats(1, 100)), draw(st.floats(1e-6, 1)))
    elif kind == "coslog4":
        policy = CosLog4(high, length, low)
    else:
        start, end = draw(st.floats(1, 1e9)), draw(st.floats(1, 1e12))
        policy = OneCycle(high, max(2, length), draw(st.floats(1e-3, 1 - 1e-3)), start, end)
        low = high / max(start, end)
    if draw(st.booleans()):
        policy, low = WarmUp(policy, draw(st.floats(1, 1e5))), 0
    return policy, low, high


@settings(max_examples=300, deadline=None, derandomize=True)
@given(_policies(), st.lists(st.integers(0, 10**5), min_size=1, max_size=30))
def test_rates_stay_within_their_bounds(drawn: tuple[Policy, float, float], steps: list[int]) -> None:
    policy, low, high = drawn
    rates = policy.plan(steps)
    slack = 1e-9 * high
    assert np.isfinite(rates).all()
    assert (rates >= max(0, low - slack)).all()
    assert (rates <= high + slack).all()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(1, 50), st.floats(1, 3), st.integers(1, 3_000))
def test_any_warm_restarts_like_a_loop_over_steps(first: float, mult: float, steps: int) -> None:
    ours = SGDR(1, first, 0, mult).plan(steps)
    loop = np.array(_walk(1, 0, first, mult, 1, steps))
    # Where a restart falls on a step to the last bit, either side of it is right.
    apart = np.flatnonzero(np.abs(ours - loop) > 1e-4)
    assert len(apart) <= 2
    assert all({round(ours[step], 3), round(loop[step], 3)} == {0.0, 1.0} for step in apart)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Fixed(-1), "The learning rate must be zero or a positive number. Received: -1."),
        (lambda: Fixed(math.nan), "The learning rate must be zero or a positive number. Received: nan."),
        (lambda: Fixed(math.inf), "The learning rate must be zero or a positive number. Received: inf."),
        (lambda: CLR(-0.1, 1, 2), "base_lr must be zero or a positive number. Received: -0.1."),
        (lambda: CLR(0.1, math.nan, 2), "max_lr must be zero or a positive number. Received: nan."),
        (
            lambda: CLR(0.5, 0.1, 2),
            "max_lr must be at least base_lr; raise max_lr or lower base_lr. Received: base_lr 0.5, max_lr 0.1.",
        ),
        (lambda: CLR(0.1, 0.5, 0), "Step size must be at least 1 step. Received: 0."),
        (lambda: CLR(0.1, 0.5, 0.25), "Step size must be at least 1 step. Received: 0.25."),
        (lambda: CLR(0.1, 0.5, math.inf), "Step size must be at least 1 step. Received: inf."),
        (lambda: CLR(0.1, 0.5, 1, gamma=0), "gamma must be above 0 and at most 1. Received: 0."),
        (lambda: CLR(0.1, 0.5, 1, gamma=1.5), "gamma must be above 0 and at most 1. Received: 1.5."),
        (
            lambda: CLR(0.1, 0.5, 1, "square"),  # type: ignore[arg-type]
            "The CLR mode must be triangular, triangular2 or exp_range. Received: square.",
        ),
        (lambda: SGDR(-1, 1), "max_lr must be zero or a positive number. Received: -1."),
        (lambda: SGDR(1, 1, -2), "min_lr must be zero or a positive number. Received: -2."),
        (
            lambda: SGDR(0.1, 1, 0.5),
            "max_lr must be at least min_lr; raise max_lr or lower min_lr. Received: min_lr 0.5, max_lr 0.1.",
        ),
        (lambda: SGDR(0.1, 0.5), "The first cycle (T_0) must be at least 1 step. Received: 0.5."),
        (lambda: SGDR(0.1, math.nan), "The first cycle (T_0) must be at least 1 step. Received: nan."),
        (
            lambda: SGDR(0.1, 1, T_mult=0.5),
            "The cycle multiplier (T_mult) must be at least 1. Received: 0.5.",
        ),
        (lambda: SGDR(0.1, 1, decay=0), "The peak decay must be above 0 and at most 1. Received: 0."),
        (
            lambda: OneCycle(0.1, 1),
            "One-cycle needs a run of at least 2 steps; add epochs or make the batch smaller. Received: 1.",
        ),
        (lambda: OneCycle(-0.1, 5), "max_lr must be zero or a positive number. Received: -0.1."),
        (lambda: OneCycle(0.1, 5, rise=1), "The rising share must lie between 0 and 1. Received: 1."),
        (lambda: OneCycle(0.1, 5, rise=0), "The rising share must lie between 0 and 1. Received: 0."),
        (lambda: OneCycle(0.1, 5, start_div=0.5), "The start divisor must be at least 1. Received: 0.5."),
        (lambda: OneCycle(0.1, 5, end_div=math.nan), "The end divisor must be at least 1. Received: nan."),
        (lambda: CosLog4(-1, 5), "max_lr must be zero or a positive number. Received: -1."),
        (
            lambda: CosLog4(0.1, 5, 0.5),
            "max_lr must be at least base_lr; raise max_lr or lower base_lr. Received: base_lr 0.5, max_lr 0.1.",
        ),
        (lambda: CosLog4(0.1, 0.5), "The coslog4 policy needs a run of at least 1 step. Received: 0.5."),
        (lambda: WarmUp(Fixed(1), 0.5), "Warm-up must be at least 1 step. Received: 0.5."),
    ],
)
def test_an_error_states_the_rule_and_what_was_received(make: object, sentence: str) -> None:
    assert callable(make)
    with pytest.raises(UserError) as raised:
        make()
    assert str(raised.value) == sentence


def test_policies_cannot_be_changed() -> None:
    for policy in POLICIES:
        with pytest.raises(AttributeError):
            policy.max_lr = 1  # type: ignore[attr-defined]


def test_more_decay_lowers_every_later_peak() -> None:
    peaks = SGDR(1, 10, 0.2, decay=0.5).plan([0, 10, 20, 30])
    assert peaks == pytest.approx([1, 0.6, 0.4, 0.3])
    assert all(later < earlier for earlier, later in pairwise(peaks))


# --- the range test's sweep ---------------------------------------------------------------------------------------


def test_a_sweep_multiplies_by_the_same_factor_in_every_step(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, float, int]] = [(1e-7, 10, 100), (0.5, 1000, 2), (1e-12, 1e-11, 37)]
    for start, end, steps in cases:
        with subtests.test(f"{start!r}"):
            expected, rate = [], start
            for _ in range(steps):
                expected.append(rate)
                rate *= (end / start) ** (1 / (steps - 1))
            assert RangeSweep(start, end, steps).plan(steps) == pytest.approx(expected, rel=1e-9)


def test_a_sweep_typed_out() -> None:
    assert RangeSweep(0.001, 10, 5).plan(5) == pytest.approx([0.001, 0.01, 0.1, 1, 10])
    assert RangeSweep(1, 16, 5).plan([4, 0, 2]) == pytest.approx([16, 1, 4])


def test_a_sweep_keeps_its_last_rate() -> None:
    assert RangeSweep(1, 4, 3).plan(6) == pytest.approx([1, 2, 4, 4, 4, 4])


def test_a_sweep_that_does_not_rise_is_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, float, int, str]] = [
        (
            1,
            0.1,
            9,
            "end above where it starts; lower the start or raise the end. Received: start 1, end 0.1.",
        ),
        (1, 1, 9, "end above where it starts; lower the start or raise the end. Received: start 1, end 1."),
        (0, 1, 9, "A range test must start above 0 and end above where it starts;"),
        (-1, 1, 9, "The test's first rate must be zero or a positive number. Received: -1."),
        (0.1, math.inf, 9, "The test's last rate must be zero or a positive number. Received: inf."),
        (math.nan, 1, 9, "The test's first rate must be zero or a positive number. Received: nan."),
        (0.1, 1, 1, "A range test needs at least 2 steps. Received: 1."),
    ]
    for start, end, steps, sentence in cases:
        with subtests.test(f"{start!r}"):
            with pytest.raises(UserError) as raised:
                RangeSweep(start, end, steps)
            assert sentence in str(raised.value)
