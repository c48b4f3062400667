"""Ranges of a random search: how likely each value is, by distributions worked out in another way; what is no range."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from lrapp.errors import UserError
from lrapp.experiments.search_space import (
    AXES,
    NAMES,
    Choice,
    Numbers,
    Range,
    Space,
    Varied,
    combinations,
    draw,
    listed,
    numbers,
    refuse,
    shown,
    spoken,
    usual,
    usual_batches,
    usual_numbers,
    usual_rates,
    usual_step,
)
from lrapp.settings import LayerSettings, TrainingSettings

SHARES = np.random.default_rng(20_12).random(20_000)


def draws(name: str, low: float, high: float) -> list[float]:
    return [float(draw(name, Range(low=low, high=high), float(share))) for share in SHARES]


# --- how likely each value is --------------------------------------------------------------------------------


def test_the_logarithm_of_what_is_log_uniform_is_uniform(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, float, float]] = [
        ("learning_rate", 1e-4, 0.1),
        ("learning_rate", 0.3, 0.5),
        ("l2", 1e-9, 10),
    ]
    for name, low, high in cases:
        with subtests.test(name):
            found = np.array(draws(name, low, high))
            ends = (math.log(low), math.log(high / low))
            assert stats.kstest(np.log(found), "uniform", args=ends).pvalue > 0.01
            # The test sees it if they were uniform themselves.
            assert stats.kstest(found, "uniform", args=(low, high - low)).pvalue < 1e-6
            # Half of them lie below the geometric mean.
            assert (found < math.sqrt(low * high)).mean() == pytest.approx(0.5, abs=0.015)
            assert low <= found.min() < low * 1.01
            assert high * 0.99 < found.max() <= high


def test_each_decade_has_as_many_as_the_others() -> None:
    rates = draws("learning_rate", 1e-5, 1e-1)
    decades = Counter(math.floor(math.log10(rate)) for rate in rates if rate < 0.1)
    assert set(decades) == {-5, -4, -3, -2}
    assert stats.chisquare(list(decades.values())).pvalue > 0.01


def test_whole_numbers_are_log_uniform_and_the_ends_have_their_full_share(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, int]] = [(1, 6), (16, 40), (3, 4)]
    for low, high in cases:
        with subtests.test(f"{low!r}"):
            counts = Counter(draws("units", low, high))
            assert set(counts) == set(range(low, high + 1))
            # The share of the logarithm's axis that rounds to each number.
            shares = np.array([math.log((n + 0.5) / (n - 0.5)) for n in range(low, high + 1)])
            expected = shares / shares.sum() * len(SHARES)
            seen = [counts[n] for n in range(low, high + 1)]
            assert stats.chisquare(seen, expected).pvalue > 0.01


def test_powers_of_two_are_equally_likely() -> None:
    counts = Counter(draws("batch_size", 8, 128))
    assert set(counts) == {8, 16, 32, 64, 128}
    assert stats.chisquare(list(counts.values())).pvalue > 0.01


def test_numbers_of_layers_are_equally_likely() -> None:
    counts = Counter(draws("layers", 2, 5))
    assert set(counts) == {2, 3, 4, 5}
    assert stats.chisquare(list(counts.values())).pvalue > 0.01


def test_dropout_is_uniform() -> None:
    found = draws("dropout", 0.1, 0.6)
    # Rounded to three decimals: a thousandth of the range is not seen by the test.
    assert stats.kstest(found, "uniform", args=(0.1, 0.5)).statistic < 0.01
    assert min(found) >= 0.1
    assert max(found) <= 0.6


def test_optimizers_are_equally_likely() -> None:
    varied = Choice(among=("adam", "sgd", "adamw"))
    counts = Counter(draw("optimizer", varied, float(share)) for share in SHARES)
    assert set(counts) == {"adam", "sgd", "adamw"}
    assert stats.chisquare(list(counts.values())).pvalue > 0.01


def test_steps_and_listed_numbers_are_equally_likely_and_the_only_ones(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, Varied, Sequence[float]]] = [
        # As numpy makes them: 32, 64, ..., 512.
        ("units", Range(low=32, high=512, step=32), np.arange(32, 513, 32).tolist()),
        ("layers", Range(low=1, high=6, step=2), [1, 3, 5]),
        ("dropout", Range(low=0.0, high=0.3, step=0.1), [0.0, 0.1, 0.2, 0.3]),
        ("l2", Range(low=0.001, high=0.0035, step=0.001), [0.001, 0.002, 0.003]),
        ("learning_rate", Numbers(among=(1e-2, 1e-3, 1e-4)), [1e-2, 1e-3, 1e-4]),
        ("learning_rate", Numbers(among=(1, 0.5)), [1.0, 0.5]),
        ("batch_size", Numbers(among=(24, 100)), [24, 100]),
    ]
    for name, varied, expected in cases:
        with subtests.test(name):
            found = [draw(name, varied, float(share)) for share in SHARES]
            counts = Counter(found)
            assert set(counts) == set(expected)
            assert {type(one) for one in found} == {int if AXES[name].whole else float}
            assert stats.chisquare(list(counts.values())).pvalue > 0.01
            assert not isinstance(varied, Choice)
            assert varied.highest == max(expected)


def test_the_ends_of_all_shares_stay_inside(subtests: pytest.Subtests) -> None:
    for name in NAMES:
        with subtests.test(name):
            varied = usual(name)
            ends = [draw(name, varied, share) for share in (0.0, math.nextafter(1.0, 0.0))]
            if isinstance(varied, Choice):
                assert ends == [varied.among[0], varied.among[-1]]
            else:
                assert ends == [varied.low, varied.high]


def test_golden_values(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, Range | Choice, float, float | str]] = [
        # Golden: the middle of the axis, worked out by hand.
        ("learning_rate", Range(low=1e-4, high=1.0), 0.5, 0.01),
        ("learning_rate", Range(low=1e-4, high=1.0), 0.25, 0.001),
        ("learning_rate", Range(low=0.12345, high=0.12399), 0.0, 0.12345),
        ("l2", Range(low=1e-6, high=1e-2), 0.75, 0.001),
        ("batch_size", Range(low=16, high=256), 0.5, 64),
        ("batch_size", Range(low=16, high=256), 0.19, 16),
        ("batch_size", Range(low=16, high=256), 0.21, 32),
        ("layers", Range(low=1, high=4), 0.5, 3),
        ("dropout", Range(low=0.0, high=0.5), 0.5, 0.25),
        ("optimizer", Choice(among=("sgd", "adam")), 0.49, "sgd"),
        ("optimizer", Choice(among=("sgd", "adam")), 0.51, "adam"),
    ]
    for name, varied, share, expected in cases:
        with subtests.test(name):
            found = draw(name, varied, share)
            assert found == expected
            assert isinstance(found, type(expected))


# --- what is no range ----------------------------------------------------------------------------------------


def test_what_is_no_range_is_refused_in_one_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, Varied, str]] = [
        (
            "learning_rate",
            Range(low=0.1, high=0.01),
            r"^Learning rate: the range must end above its start; .* Received: 0\.1 to 0\.01\.$",
        ),
        ("learning_rate", Range(low=0.1, high=0.1), r"Received: 0\.1 to 0\.1\.$"),
        ("units", Range(low=64, high=16), r"Received: 64 to 16\.$"),
        ("layers", Range(low=2, high=2), r"Received: 2 to 2\.$"),
        ("dropout", Range(low=0.5, high=0.2), r"Received: 0\.5 to 0\.2\.$"),
        ("l2", Range(low=1e-3, high=1e-6), r"Received: 0\.001 to 0\.000001\.$"),
        (
            "batch_size",
            Range(low=64, high=32),
            r"the range must end above its start; .* Received: 64 to 32\.$",
        ),
        (
            "batch_size",
            Range(low=24, high=256),
            r"^Batch size: both ends must be powers of two, .* Received: 24\.$",
        ),
        ("batch_size", Range(low=16, high=100), r"Received: 100\.$"),
        (
            "optimizer",
            Choice(among=()),
            r"^Optimizer: there must be two different ones or more .* Received: none\.$",
        ),
        ("optimizer", Choice(among=("adam",)), r"Received: adam\.$"),
        ("optimizer", Choice(among=("adam", "adam")), r"Received: adam, adam\.$"),
        (
            "units",
            Range(low=32, high=40, step=32),
            r"^Width: a step must fit between the ends .* Received: 32\.$",
        ),
        ("units", Range(low=32, high=32, step=32), r"^Width: the range must end above its start"),
        (
            "batch_size",
            Range(low=16, high=64, step=16),
            r"powers of two, so there is no step.* Received: 16\.$",
        ),
        (
            "learning_rate",
            Numbers(among=(0.1,)),
            r"^Learning rate: there must be two different .* Received: 0\.1\.$",
        ),
        ("units", Numbers(among=(8, 8, 16)), r"Received: 8, 8, 16\.$"),
    ]
    for name, varied, sentence in cases:
        with subtests.test(name), pytest.raises(UserError, match=sentence):
            refuse(name, varied)


@pytest.mark.parametrize("name", NAMES)
def test_the_usual_ranges_are_ranges(name: str) -> None:
    refuse(name, usual(name))
    if name not in AXES:
        return
    found: list[Varied] = [usual_numbers(name)]
    if AXES[name].scale != "log2":
        whole = usual(name)
        assert isinstance(whole, Range)
        high = max(whole.high, 2 * usual_step(name))
        found.append(Range(low=whole.low, high=high, step=usual_step(name)))
    for one in found:
        refuse(name, one)
        Space(**{name: one})


def test_ends_that_the_setting_itself_would_refuse_cannot_be_said(subtests: pytest.Subtests) -> None:
    for told in [
        {"learning_rate": {"low": 0.0, "high": 0.1}},
        {"learning_rate": {"low": 0.1, "high": math.inf}},
        {"l2": {"low": 0.0, "high": 0.1}},
        {"dropout": {"low": 0.0, "high": 1.0}},
        {"units": {"low": 0, "high": 16}},
        {"units": {"low": 1, "high": 16_385}},
        {"units": {"low": 1.5, "high": 16}},
        {"layers": {"low": 0, "high": 4}},
        {"batch_size": {"low": 16, "high": 2**20}},
        {"optimizer": {"among": ["adagrad"]}},
        {"momentum": {"low": 0, "high": 1}},
        {"units": {"low": 16, "high": 64, "step": 0}},
        {"units": {"low": 16, "high": 64, "step": 1.5}},
        {"units": {"among": [16, 20_000]}},
        {"units": {"among": [16, 16.5]}},
        {"learning_rate": {"among": [0.0, 0.1]}},
        {"learning_rate": {"among": []}},
        {"learning_rate": {"among": ["sgd", "adam"]}},
    ]:
        with subtests.test(f"{told!r}"), pytest.raises(ValidationError):
            Space.model_validate(told)


def test_ends_go_no_further_than_the_settings_do() -> None:
    for name, model in (
        ("units", LayerSettings),
        ("l2", LayerSettings),
        ("dropout", LayerSettings),
        ("batch_size", TrainingSettings),
    ):
        for end in (AXES[name].least, AXES[name].most):
            model.model_validate({name: int(end) if AXES[name].whole else end})


def test_numbers_as_a_person_types_them(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, str, tuple[float, ...]]] = [
        ("learning_rate", "0.01, 0.001, 0.0001", (0.01, 0.001, 0.0001)),
        ("learning_rate", " 1e-2;1e-3 1e-4\n", (0.01, 0.001, 0.0001)),
        ("units", "32, 64.0", (32, 64)),
    ]
    for name, typed, expected in cases:
        with subtests.test(name):
            found = numbers(name, typed)
            assert found.among == expected
            assert numbers(name, listed(found)) == found
            refuse(name, found)


def test_what_is_no_list_is_refused_in_one_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, str, str]] = [
        ("learning_rate", "", "none"),
        ("learning_rate", "0.01", r"0\.01"),
        ("learning_rate", "0.01 0.01", r"0\.01 0\.01"),
        ("learning_rate", "0,01 0,001", "0"),
        ("learning_rate", "0.1, fast", "fast"),
        ("learning_rate", "0.1, nan", "nan"),
        ("learning_rate", "0.1, 1e999", "1e999"),
        ("units", "32, 64.5", r"64\.5"),
        ("units", "32, 0", "0"),
        ("units", " ".join(map(str, range(1, 52))), r"1 2 3 .*"),
    ]
    for name, typed, received in cases:
        with (
            subtests.test(name),
            pytest.raises(
                UserError, match=rf"^{Space.model_fields[name].title}: the list must .*{received}\.$"
            ),
        ):
            numbers(name, typed)


# --- words and where to start --------------------------------------------------------------------------------


def test_names_as_they_are_written() -> None:
    assert [spoken(name) for name in NAMES] == [
        "learning rate",
        "batch size",
        "width",
        "number of layers",
        "dropout",
        "L2",
        "optimizer",
    ]
    assert [shown(value) for value in ("sgd", 0.000012, 1.0, 64)] == ["SGD", "0.000012", "1", "64"]


def test_rates_to_start_from_suit_the_optimizers() -> None:
    assert (usual_rates("sgd").low, usual_rates("sgd").high) == (1e-3, 1.0)
    assert (usual_rates("adam").low, usual_rates("adam").high) == (1e-4, 0.1)


def test_batches_to_start_from_are_a_range(subtests: pytest.Subtests) -> None:
    for rows in [1, 3, 206, 5_000, 10**7]:
        with subtests.test(f"{rows!r}"):
            refuse("batch_size", usual_batches(rows))
            assert usual_batches(rows).high <= max(32, rows // 4)


def test_what_can_be_drawn_is_counted(subtests: pytest.Subtests) -> None:
    cases: list[tuple[dict[str, Any], int | None]] = [
        ({"units": Range(low=32, high=512, step=32), "learning_rate": Numbers(among=(0.1, 0.01, 0.001))}, 48),
        ({"batch_size": Range(low=16, high=256), "layers": Range(low=1, high=4)}, 20),
        ({"optimizer": Choice(among=("adam", "sgd")), "dropout": Range(low=0.0, high=0.3, step=0.1)}, 8),
        ({"units": Range(low=32, high=512), "layers": Range(low=1, high=4)}, None),
        ({"learning_rate": Range(low=0.1, high=0.2)}, None),
    ]
    for space, expected in cases:
        with subtests.test(f"{space!r}"):
            made = Space(**space)
            assert combinations(made) == expected
            if expected is not None:
                found = [{draw(name, of, float(share)) for share in SHARES} for name, of in made.varied]
                assert math.prod(map(len, found)) == expected
