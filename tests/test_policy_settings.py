"""A policy's settings: lengths, warm-up, and where to start for each optimizer."""

import pytest

from lrapp import policies
from lrapp.errors import UserError
from lrapp.policy_settings import (
    CLRSettings,
    FixedSettings,
    OneCycleSettings,
    SGDRSettings,
    starting_policy,
)


def test_settings_become_their_policy() -> None:
    assert FixedSettings(learning_rate=0.3).build(10, 100) == policies.Fixed(0.3)
    clr = CLRSettings(base_lr=0.1, max_lr=0.2, step_size=3, mode="exp_range", gamma=0.5)
    assert clr.build(10, 100) == policies.CLR(0.1, 0.2, 30, "exp_range", 0.5)
    sgdr = SGDRSettings(max_lr=0.2, min_lr=0.1, T_0=3, T_mult=1.5, decay=0.9)
    assert sgdr.build(10, 100) == policies.SGDR(0.2, 30, 0.1, 1.5, 0.9)
    one = OneCycleSettings(max_lr=0.2, rise=0.3, start_div=2, end_div=3)
    assert one.build(10, 100) == policies.OneCycle(0.2, 100, 0.3, 2, 3)


def test_lengths_in_steps_are_taken_as_they_are() -> None:
    assert CLRSettings(step_size=7, unit="steps").build(10, 100) == policies.CLR(0.001, 0.01, 7)
    assert SGDRSettings(T_0=7, unit="steps").build(10, 100) == policies.SGDR(0.01, 7, T_mult=2)


def test_warm_up_goes_before_and_one_cycle_ends_with_the_run() -> None:
    built = OneCycleSettings(warmup=2).build(10, 100)
    assert built == policies.WarmUp(policies.OneCycle(0.01, 80), 20)
    rates = built.plan(100)
    assert rates[99] == pytest.approx(0.01 / 1e5)
    assert rates[19] == rates[20] == pytest.approx(0.01 / 25)


def test_no_warm_up_leaves_the_policy_alone() -> None:
    assert isinstance(FixedSettings().build(10, 100), policies.Fixed)


def test_a_warm_up_longer_than_the_run_only_rises() -> None:
    rates = FixedSettings(learning_rate=1, warmup=40, unit="steps").build(10, 20).plan(20)
    assert rates == pytest.approx([(step + 1) / 40 for step in range(20)])


@pytest.mark.parametrize("type_", ["fixed", "clr", "sgdr", "one-cycle"])
def test_sgd_starts_with_ten_times_the_rates(type_: str) -> None:
    sgd = starting_policy(type_, "sgd").build(10, 200).plan(200)
    for other in ("adam", "adamw", "rmsprop"):
        assert starting_policy(type_, other).type == type_
        assert starting_policy(type_, other).build(10, 200).plan(200) == pytest.approx(sgd / 10)


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(UserError, match=r"must be fixed, clr, sgdr or one-cycle\. Received: cosine\."):
        starting_policy("cosine", "sgd")
