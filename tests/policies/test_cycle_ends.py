import pytest

from lrapp.policies.schedules import CLR, SGDR, CosLog4, Fixed, OneCycle, Policy, WarmUp
from lrapp.settings import CLRSettings, FixedSettings, RunSettings, SGDRSettings, TrainingSettings


def test_cycles_end_where_the_rate_is_lowest(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Policy, list[int]]] = [
        (Fixed(0.1), []),
        (CLR(0.1, 1, step_size=4), [8, 16, 24]),
        (SGDR(1, T_0=3, T_mult=2), [3, 9, 21]),
        (OneCycle(1, total_steps=30), [30]),
        (CosLog4(1, total_steps=60), [4, 12, 28]),
        (WarmUp(CLR(0.1, 1, step_size=4), 5), [13, 21, 29]),
    ]
    for policy, ends in cases:
        with subtests.test(f"{policy!r}"):
            found = policy.cycle_ends(30)
            assert found.tolist() == pytest.approx(ends)
            rates = policy.plan(31)
            for end in ends[:-1]:
                place = int(end)
                assert rates[place - 2] > min(rates[place - 1], rates[place]) < rates[place + 1]


def test_a_run_counts_its_cycles_in_epochs_that_are_over() -> None:
    training = TrainingSettings(epochs=20, batch_size=10)
    # 95 rows are 10 steps an epoch; a cycle of 25 steps ends within the third epoch.
    clr = RunSettings(training=training, policy=CLRSettings(step_size=12.5, unit="steps"))
    assert clr.cycle_ends(95) == (3, 5, 8, 10, 13, 15, 18, 20)
    sgdr = RunSettings(training=training, policy=SGDRSettings(T_0=4, T_mult=2))
    assert sgdr.cycle_ends(95) == (4, 12)
    assert RunSettings(training=training, policy=FixedSettings()).cycle_ends(95) == ()
