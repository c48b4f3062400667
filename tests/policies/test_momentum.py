"""Momentum against lists typed by hand, an oracle written as loops, and its bounds for any numbers."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrapp.errors import UserError
from lrapp.policies.momentum import CyclicalMomentum
from lrapp.policies.schedules import CLR, SGDR, CosLog4, Fixed, OneCycle, Policy, WarmUp

POLICIES: list[Policy] = [
    CLR(0.1, 0.5, 3.5),
    CLR(0.1, 0.5, 3, "triangular2"),
    CLR(0.1, 0.5, 3, "exp_range", 0.9),
    SGDR(0.5, 4, 0.1),
    SGDR(0.5, 2.5, 0.1, T_mult=1.5, decay=0.7),
    OneCycle(0.5, 20),
    OneCycle(0.5, 20, start_div=1.5, end_div=1),
    CosLog4(0.5, 20, 0.1),
    WarmUp(CLR(0.1, 0.5, 3), 3),
    WarmUp(SGDR(0.5, 4, 0.1), 9),
    WarmUp(OneCycle(0.5, 17), 3.5),
]


def test_clr_typed_by_hand() -> None:
    plan = CyclicalMomentum(CLR(1, 5, 4), 0.8, 0.9).plan(13)
    down = [0.9, 0.875, 0.85, 0.825, 0.8, 0.825, 0.85, 0.875]
    assert plan == pytest.approx([*down, *down[:5]])


def test_peaks_that_are_halved_halve_the_dips_as_well() -> None:
    plan = CyclicalMomentum(CLR(1, 5, 2, "triangular2"), 0.8, 0.9).plan(9)
    assert plan == pytest.approx([0.9, 0.85, 0.8, 0.85, 0.9, 0.875, 0.85, 0.875, 0.9])


def test_one_cycle_typed_by_hand() -> None:
    # Over 9 steps, a quarter of them up: from 0.95 to 0.85 in two steps, and back in six, along half cosines.
    plan = CyclicalMomentum(OneCycle(0.1, 9)).plan(9)
    back = [0.85 + 0.1 * share for share in (0.0669873, 0.25, 0.5, 0.75, 0.9330127)]
    assert plan == pytest.approx([0.95, 0.9, 0.85, *back, 0.95])


def test_sgdr_restarts_at_the_lowest_momentum() -> None:
    plan = CyclicalMomentum(SGDR(0.5, 4), 0.5, 0.9).plan(8)
    quarter = 0.9 - 0.4 * (1 + math.sqrt(0.5)) / 2
    three = 0.9 - 0.4 * (1 - math.sqrt(0.5)) / 2
    assert plan == pytest.approx([0.5, quarter, 0.7, three, 0.5, quarter, 0.7, three])


def test_a_warm_up_has_the_momentum_of_its_rates() -> None:
    # Rates .25, .5, .75, 1, then from the top of a cycle between 0.5 and 1.
    plan = CyclicalMomentum(WarmUp(SGDR(1, 2, 0.5), 4), 0.8, 0.9).plan(6)
    assert plan == pytest.approx([0.9, 0.9, 0.85, 0.8, 0.8, 0.85])


def as_pytorch_has_it(steps: int, total: int, rise: float, base: float, most: float) -> list[float]:
    """PyTorch's OneCycleLR in two phases, step by step: ``_annealing_cos`` between momenta."""

    def annealed(start: float, end: float, share: float) -> float:
        return end + (start - end) / 2.0 * (1 + math.cos(math.pi * share))

    top, last = rise * total - 1, total - 1
    made = []
    for step in range(steps):
        if step <= top:
            made.append(annealed(most, base, step / top))
        else:
            made.append(annealed(base, most, (step - top) / (last - top)))
    return made


def test_one_cycle_agrees_with_pytorchs_formula() -> None:
    # PyTorch counts the rise one step shorter: 0.3 of 20 steps end at step 5, which is 5 / 19 of ours.
    ours = CyclicalMomentum(OneCycle(0.1, 20, rise=5 / 19), 0.7, 0.9).plan(20)
    assert ours == pytest.approx(as_pytorch_has_it(20, 20, 0.3, 0.7, 0.9))


def test_momentum_is_highest_where_the_rate_is_lowest(subtests: pytest.Subtests) -> None:
    for policy in POLICIES:
        with subtests.test(f"{policy!r}"):
            rates, momenta = policy.plan(20), CyclicalMomentum(policy).plan(20)
            assert momenta[rates.argmin()] == momenta.max()
            assert momenta[rates.argmax()] == momenta.min() < momenta.max()
            assert ((momenta >= 0.85) & (momenta <= 0.95)).all()
            # Over each stretch in which one rises, the other does not.
            for (rate, momentum), (later, after) in pairwise(zip(rates, momenta, strict=True)):
                assert (later - rate) * (after - momentum) <= 1e-15


@given(
    base=st.floats(0, 0.99),
    most=st.floats(0, 0.99),
    low=st.floats(0, 1),
    high=st.floats(0, 1),
    step_size=st.floats(1, 50),
)
def test_any_bounds_are_kept_or_refused(
    base: float, most: float, low: float, high: float, step_size: float
) -> None:
    low, high = sorted((low, high))
    if base > most or low == high:
        with pytest.raises(UserError):
            CyclicalMomentum(CLR(low, high, step_size), base, most)
        return
    plan = CyclicalMomentum(CLR(low, high, step_size), base, most).plan(200)
    assert ((plan >= base) & (plan <= most)).all()
    assert plan[0] == most


def test_what_cannot_be_is_said_in_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Policy, float, float, str]] = [
        (CLR(1, 5, 4), -0.1, 0.9, "Momentum must be at least 0 and below 1. Received: base_momentum -0.1,"),
        (CLR(1, 5, 4), 0.8, 1.0, "Momentum must be at least 0 and below 1."),
        (CLR(1, 5, 4), 0.9, 0.8, "raise max_momentum or lower base_momentum. Received: base_momentum 0.9,"),
        (Fixed(0.1), 0.8, 0.9, "needs a learning rate that moves"),
        (WarmUp(Fixed(0.1), 3), 0.8, 0.9, "needs a learning rate that moves"),
        (CLR(1, 1, 4), 0.8, 0.9, "needs a learning rate that moves"),
    ]
    for policy, base, most, sentence in cases:
        with subtests.test(f"{policy!r}"), pytest.raises(UserError, match=sentence):
            CyclicalMomentum(policy, base, most)
