"""A policy's settings: lengths, warm-up, and where to start for each optimizer."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from lrapp.errors import UserError
from lrapp.policies import schedules
from lrapp.policies.linear_test import LinearSweep
from lrapp.settings.base import checked
from lrapp.settings.policy import (
    MOST_STEPS,
    CLRSettings,
    CosLog4Settings,
    FixedSettings,
    OneCycleSettings,
    PolicySettings,
    RangeTestSettings,
    SGDRSettings,
    scaled,
    starting_policy,
    with_rates,
)


def test_settings_become_their_policy() -> None:
    assert FixedSettings(learning_rate=0.3).build(10, 100) == schedules.Fixed(0.3)
    clr = CLRSettings(base_lr=0.1, max_lr=0.2, step_size=3, mode="exp_range", gamma=0.5)
    assert clr.build(10, 100) == schedules.CLR(0.1, 0.2, 30, "exp_range", 0.5)
    sgdr = SGDRSettings(max_lr=0.2, min_lr=0.1, T_0=3, T_mult=1.5, decay=0.9)
    assert sgdr.build(10, 100) == schedules.SGDR(0.2, 30, 0.1, 1.5, 0.9)
    one = OneCycleSettings(max_lr=0.2, rise=0.3, start_div=2, end_div=3)
    assert one.build(10, 100) == schedules.OneCycle(0.2, 100, 0.3, 2, 3)
    growing = CosLog4Settings(base_lr=0.1, max_lr=0.2, warmup=2)
    assert growing.build(10, 100) == schedules.WarmUp(schedules.CosLog4(0.2, 80, 0.1), 20)


def test_lengths_in_steps_are_taken_as_they_are() -> None:
    assert CLRSettings(step_size=7, unit="steps").build(10, 100) == schedules.CLR(0.001, 0.01, 7)
    assert SGDRSettings(T_0=7, unit="steps").build(10, 100) == schedules.SGDR(0.01, 7, T_mult=2)


def test_warm_up_goes_before_and_one_cycle_ends_with_the_run() -> None:
    built = OneCycleSettings(warmup=2).build(10, 100)
    assert built == schedules.WarmUp(schedules.OneCycle(0.01, 80), 20)
    rates = built.plan(100)
    assert rates[99] == pytest.approx(0.01 / 1e5)
    assert rates[19] == rates[20] == pytest.approx(0.01 / 25)


def test_no_warm_up_leaves_the_policy_alone() -> None:
    assert isinstance(FixedSettings().build(10, 100), schedules.Fixed)


def test_a_warm_up_longer_than_the_run_only_rises() -> None:
    rates = FixedSettings(learning_rate=1, warmup=40, unit="steps").build(10, 20).plan(20)
    assert rates == pytest.approx([(step + 1) / 40 for step in range(20)])


def test_sgd_starts_with_ten_times_the_rates(subtests: pytest.Subtests) -> None:
    for type_ in ["fixed", "clr", "sgdr", "one-cycle", "coslog4"]:
        with subtests.test(type_):
            sgd = starting_policy(type_, "sgd").build(10, 200).plan(200)
            for other in ("adam", "adamw", "rmsprop"):
                assert starting_policy(type_, other).type == type_
                assert starting_policy(type_, other).build(10, 200).plan(200) == pytest.approx(sgd / 10)


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(UserError, match=r"must be fixed, clr, sgdr, one-cycle or coslog4\. Received: "):
        starting_policy("cosine", "sgd")


# --- rates that a range test found --------------------------------------------------------------------------------


def test_a_range_test_sweeps_as_its_settings_say() -> None:
    assert RangeTestSettings().sweep() == schedules.RangeSweep(1e-7, 10, 100)
    assert RangeTestSettings(start_lr=0.1, end_lr=1, steps=20).sweep() == schedules.RangeSweep(0.1, 1, 20)


def test_a_linear_test_takes_its_steps_from_epochs() -> None:
    test = RangeTestSettings(rise="linear", linear_start_lr=0.1, linear_end_lr=0.5, epochs=4, seeds=2)
    assert test.linear_sweep(25) == LinearSweep(0.1, 0.5, 100, 25)
    assert test.most_steps(25) == 2 * 4 * 25
    assert test.fields == ("linear_start_lr", "linear_end_lr", "epochs", "seeds")
    assert RangeTestSettings().fields == ("start_lr", "end_lr", "steps", "seeds")
    assert RangeTestSettings(seeds=2).most_steps(25) == RangeTestSettings(seeds=2).most_steps(1) > 200


def test_a_linear_test_of_one_epoch_is_a_sentence() -> None:
    with pytest.raises(UserError, match="at least 2 epochs and 40 steps: give it 2 epochs or more"):
        RangeTestSettings(rise="linear", epochs=1).linear_sweep(100)


def test_a_range_test_that_hardly_rises_is_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[float, float, str]] = [
        (1, 0.1, "A range test must start above 0 and end above where it starts"),
        (1, 1, "A range test must start above 0 and end above where it starts"),
        (
            0.1,
            0.5,
            "end at ten times its first rate or above; lower the start or raise the end. Received: start 0.1, end 0.5",
        ),
    ]
    for start, end, sentence in cases:
        with subtests.test(f"{start!r}"):
            with pytest.raises(UserError) as raised:
                RangeTestSettings(start_lr=start, end_lr=end).sweep()
            assert sentence in str(raised.value)


def test_a_range_test_out_of_its_limits_is_refused(subtests: pytest.Subtests) -> None:
    cases: list[dict[str, Any]] = [
        {"steps": 19},
        {"steps": 100_001},
        {"seeds": 0},
        {"seeds": 21},
        {"start_lr": 0.0},
        {"end_lr": 1001.0},
    ]
    for changes in cases:
        with subtests.test(f"{changes!r}"), pytest.raises(ValidationError, match=next(iter(changes))):
            RangeTestSettings(**changes)


def test_the_lowest_rate_is_still_a_number_in_float32() -> None:
    rates = RangeTestSettings(start_lr=1e-12, end_lr=1e-11).sweep().plan(100).astype(np.float32)
    assert rates[0] > 0
    assert (np.diff(rates) > 0).all()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (FixedSettings(source="found"), {"learning_rate": 0.2}),
        (CLRSettings(source="found", step_size=3, mode="exp_range"), {"base_lr": 0.1, "max_lr": 0.5}),
        (SGDRSettings(source="found", T_0=3, min_lr=0.01), {"max_lr": 0.5}),
        (SGDRSettings(source="found", min_lr=0.7, max_lr=1), {"min_lr": 0.5, "max_lr": 0.5}),
        (OneCycleSettings(source="found", warmup=2), {"max_lr": 0.5}),
        (CosLog4Settings(source="found"), {"max_lr": 0.5}),
        (CosLog4Settings(source="found", base_lr=0.7, max_lr=1), {"base_lr": 0.5, "max_lr": 0.5}),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_found_rates_go_into_the_policy_and_nothing_else_changes(
    policy: PolicySettings, expected: dict[str, float]
) -> None:
    changed = with_rates(policy, base_lr=0.1, max_lr=0.5, learning_rate=0.2, origin="Range test.")
    after = changed.model_dump()
    assert changed.build(10, 1000).plan(1000).max() <= 0.5
    assert after == policy.model_dump() | expected | {"source": "chosen", "origin": "Range test."}
    assert type(changed) is type(policy)


def test_found_rates_are_rounded_to_three_digits() -> None:
    policy = with_rates(CLRSettings(), 0.0079248, 0.200923, 0.1, "")
    assert isinstance(policy, CLRSettings)
    assert (policy.base_lr, policy.max_lr) == (0.00792, 0.201)


def test_found_rates_are_validated() -> None:
    with pytest.raises(ValidationError):
        with_rates(FixedSettings(), 0.1, 0.5, 1e6, "")


def test_rates_of_a_race_keep_their_proportions_and_stay_within_what_a_policy_may_have() -> None:
    policy = scaled(CLRSettings(base_lr=0.1, max_lr=0.5), 3, "Race.")
    assert isinstance(policy, CLRSettings)
    assert (policy.base_lr, policy.max_lr, policy.origin) == (0.3, 1.5, "Race.")
    policy = scaled(CLRSettings(base_lr=100, max_lr=500), 10, "Race.")
    assert isinstance(policy, CLRSettings)
    assert (policy.base_lr, policy.max_lr) == (200, 1000)
    assert scaled(FixedSettings(learning_rate=0), 10, "") == FixedSettings(learning_rate=0)


def test_a_linear_test_has_no_more_steps_than_a_run_may() -> None:
    test = RangeTestSettings(rise="linear", epochs=200, seeds=2)
    test.check(50_000)
    test.check(None)
    longer = checked(test, seeds=3)
    with pytest.raises(UserError, match=r"at most 20,000,000 steps in all; .* Received: 30,000,000"):
        longer.check(50_000)
    with pytest.raises(UserError, match="ten times its first rate"):
        RangeTestSettings(start_lr=1.0, end_lr=2.0).check(None)
    assert RangeTestSettings(steps=100_000, seeds=20).most_steps(1) <= MOST_STEPS


def test_what_a_test_takes_is_said_by_its_kind() -> None:
    assert (
        RangeTestSettings().told(7) == "a range test of up to 2,100 steps, with the trials of what it finds"
    )
    linear = RangeTestSettings(rise="linear", epochs=8, seeds=2)
    assert linear.told(10) == "a range test of up to 160 steps (2 x 8 epochs)"
