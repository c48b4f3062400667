"""What to try next where a range test found nothing."""

import pytest

from lrapp.policies.refusals import Refusal
from lrapp.settings import (
    CLRSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    RangeTestSettings,
    RunSettings,
    SGDRSettings,
    TrainingSettings,
)
from lrapp.settings.next_tries import next_tries

RUN = RunSettings(
    policy=SGDRSettings(source="found", max_lr=0.7, T_0=3), training=TrainingSettings(optimizer="sgd")
)


def labels(settings: RunSettings, refusal: Refusal, rows: int = 1000) -> list[str]:
    return [one.label for one in next_tries(settings, refusal, rows)]


def test_what_is_offered_fits_the_reason(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Refusal, list[str]]] = [
        ("flat", ["Test with 400 steps", "Test with batches of 128"]),
        ("tried", ["Test with 400 steps", "Test with batches of 128"]),
        ("short", ["Test with 400 steps"]),
        ("low", ["Test up to 1,000"]),
        ("high", ["Test from 1 × 10⁻⁹"]),
        ("exploded", ["Test from 1 × 10⁻⁹"]),
        ("no number", []),
        ("by heart", []),
    ]
    for refusal, tests in cases:
        with subtests.test(f"{refusal!r}"):
            assert labels(RUN, refusal) == [*tests, "Find them for me", "Use the default rates"]


def test_after_a_linear_test_there_are_more_epochs_or_the_other_kind() -> None:
    linear = RUN.model_copy(update={"range_test": RangeTestSettings(rise="linear", epochs=5)})
    usual = ["Find them for me", "Use the default rates"]
    assert labels(linear, "flat") == ["Test with 20 epochs", "Test by the loss", *usual]
    longer, other, *_ = next_tries(linear, "flat", 1000)
    assert (longer.settings.range_test.epochs, longer.tests) == (20, True)
    assert (other.settings.range_test.rise, other.tests) == ("exponential", True)


def test_a_flat_curve_of_low_rates_is_tested_higher_first() -> None:
    low = RUN.model_copy(update={"range_test": RangeTestSettings(end_lr=1e-5)})
    first = next_tries(low, "flat", 1000)[0]
    assert (first.label, first.settings.range_test.end_lr) == ("Test up to 10", 10)


def test_nothing_is_offered_that_cannot_be_done() -> None:
    most = RUN.model_copy(update={"range_test": RangeTestSettings(steps=100_000, end_lr=1000)})
    assert labels(most, "flat", rows=32) == ["Find them for me", "Use the default rates"]
    assert labels(most, "low") == ["Find them for me", "Use the default rates"]
    assert "Test with batches of 50" in labels(RUN, "flat", rows=50)
    pictures = RUN.model_copy(update={"model": ModelSettings(layers=(LayerSettings(kind="conv"),))})
    assert labels(pictures, "by heart") == ["Use the default rates"]
    # A range test has one network; the run after it would have many.
    test = pictures.model_copy(update={"mode": "range test"})
    assert labels(test, "by heart") == ["Use the default rates"]
    crossed = RUN.model_copy(update={"mode": "range test", "data": RUN.data.model_copy(update={"folds": 5})})
    assert labels(crossed, "by heart") == ["Use the default rates"]


def test_a_larger_batch_is_one_that_may_be() -> None:
    def sizes(size: int) -> list[int]:
        training = TrainingSettings(optimizer="sgd", batch_size=size)
        tries = next_tries(RUN.model_copy(update={"training": training}), "flat", 10**8)
        return [one.settings.training.batch_size for one in tries if "batches" in one.label]

    assert sizes(200_000) == [800_000]
    assert sizes(300_000) == [1_000_000]
    assert sizes(1_000_000) == []


def test_each_try_is_another_run_with_that_change_alone(subtests: pytest.Subtests) -> None:
    for policy in [SGDRSettings(source="found"), CLRSettings(source="found"), FixedSettings()]:
        with subtests.test(f"{policy!r}"):
            run = RUN.model_copy(update={"policy": policy})
            longer, larger, race, default = (one.settings for one in next_tries(run, "flat", 1000))
            assert longer == run.model_copy(update={"range_test": RangeTestSettings(steps=400)})
            assert larger.training == TrainingSettings(optimizer="sgd", batch_size=128)
            assert (larger.policy, race.policy.source, default.policy.source) == (policy, "raced", "chosen")
            for one in (race, default):
                peak = getattr(one.policy, "max_lr", getattr(one.policy, "learning_rate", None))
                assert peak == (0.01 if isinstance(policy, FixedSettings) else 0.1)
                assert one.plan(1000).max() == pytest.approx(peak)


def test_the_lengths_of_the_policy_stay() -> None:
    default = next_tries(RUN, "by heart", 1000)[-1].settings
    assert isinstance(default.policy, SGDRSettings)
    assert (default.policy.T_0, default.policy.max_lr) == (3, 0.1)
