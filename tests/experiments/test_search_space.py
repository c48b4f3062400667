"""Ranges of a random search: how likely each value is, by distributions worked out in another way; what is no range."""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from lrapp.errors import UserError
from lrapp.experiments.search_space import (
    NAMES,
    BatchSizes,
    Depths,
    Dropouts,
    Optimizers,
    Penalties,
    Rates,
    Space,
    Varied,
    Widths,
    kind,
    shown,
    spoken,
    title,
    usual_batches,
    usual_rates,
)
from lrapp.settings import LayerSettings, TrainingSettings

SHARES = np.random.default_rng(20_12).random(20_000)


def draws(varied: Varied) -> list[float]:
    return [float(varied.draw(float(share))) for share in SHARES]


# --- how likely each value is --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "varied", [Rates(low=1e-4, high=0.1), Rates(low=0.3, high=0.5), Penalties(low=1e-9, high=10)]
)
def test_the_logarithm_of_what_is_log_uniform_is_uniform(varied: Rates | Penalties) -> None:
    found = np.array(draws(varied))
    low, width = math.log(varied.low), math.log(varied.high / varied.low)
    assert stats.kstest(np.log(found), "uniform", args=(low, width)).pvalue > 0.01
    # The test sees it if they were uniform themselves.
    assert stats.kstest(found, "uniform", args=(varied.low, varied.high - varied.low)).pvalue < 1e-6
    # Half of them lie below the geometric mean.
    assert (found < math.sqrt(varied.low * varied.high)).mean() == pytest.approx(0.5, abs=0.015)
    assert varied.low <= found.min() < varied.low * 1.01
    assert varied.high * 0.99 < found.max() <= varied.high


def test_each_decade_has_as_many_as_the_others() -> None:
    decades = Counter(
        math.floor(math.log10(rate)) for rate in draws(Rates(low=1e-5, high=1e-1)) if rate < 0.1
    )
    assert set(decades) == {-5, -4, -3, -2}
    assert stats.chisquare(list(decades.values())).pvalue > 0.01


@pytest.mark.parametrize(("low", "high"), [(1, 6), (16, 40), (3, 4)])
def test_whole_numbers_are_log_uniform_and_the_ends_have_their_full_share(low: int, high: int) -> None:
    counts = Counter(draws(Widths(low=low, high=high)))
    assert set(counts) == set(range(low, high + 1))
    # The share of the logarithm's axis that rounds to each number.
    shares = np.array([math.log((n + 0.5) / (n - 0.5)) for n in range(low, high + 1)])
    expected = shares / shares.sum() * len(SHARES)
    seen = [counts[n] for n in range(low, high + 1)]
    assert stats.chisquare(seen, expected).pvalue > 0.01


def test_powers_of_two_are_equally_likely() -> None:
    counts = Counter(draws(BatchSizes(low=8, high=128)))
    assert set(counts) == {8, 16, 32, 64, 128}
    assert stats.chisquare(list(counts.values())).pvalue > 0.01


def test_numbers_of_layers_are_equally_likely() -> None:
    counts = Counter(draws(Depths(low=2, high=5)))
    assert set(counts) == {2, 3, 4, 5}
    assert stats.chisquare(list(counts.values())).pvalue > 0.01


def test_dropout_is_uniform() -> None:
    found = draws(Dropouts(low=0.1, high=0.6))
    # Rounded to three decimals: a thousandth of the range is not seen by the test.
    assert stats.kstest(found, "uniform", args=(0.1, 0.5)).statistic < 0.01
    assert min(found) >= 0.1
    assert max(found) <= 0.6


def test_optimizers_are_equally_likely() -> None:
    varied = Optimizers(among=("adam", "sgd", "adamw"))
    counts = Counter(varied.draw(float(share)) for share in SHARES)
    assert set(counts) == {"adam", "sgd", "adamw"}
    assert stats.chisquare(list(counts.values())).pvalue > 0.01


@pytest.mark.parametrize("name", NAMES)
def test_the_ends_of_all_shares_stay_inside(name: str) -> None:
    varied = kind(name)()
    low, high = getattr(varied, "low", None), getattr(varied, "high", None)
    for share in (0.0, math.nextafter(1.0, 0.0)):
        found = varied.draw(share)
        if isinstance(varied, Optimizers):
            assert found in varied.among
        else:
            assert found == (low if share == 0 else high)


@pytest.mark.parametrize(
    ("varied", "share", "expected"),
    [
        # Golden: the middle of the axis, worked out by hand.
        (Rates(low=1e-4, high=1.0), 0.5, 0.01),
        (Rates(low=1e-4, high=1.0), 0.25, 0.001),
        (Rates(low=0.12345, high=0.12399), 0.0, 0.12345),
        (Penalties(low=1e-6, high=1e-2), 0.75, 0.001),
        (BatchSizes(low=16, high=256), 0.5, 64),
        (BatchSizes(low=16, high=256), 0.19, 16),
        (BatchSizes(low=16, high=256), 0.21, 32),
        (Depths(low=1, high=4), 0.5, 3),
        (Dropouts(low=0.0, high=0.5), 0.5, 0.25),
        (Optimizers(among=("sgd", "adam")), 0.49, "sgd"),
        (Optimizers(among=("sgd", "adam")), 0.51, "adam"),
    ],
)
def test_golden_values(varied: Varied, share: float, expected: float | str) -> None:
    found = varied.draw(share)
    assert found == expected
    assert isinstance(found, type(expected))


# --- what is no range ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("varied", "sentence"),
    [
        (
            Rates(low=0.1, high=0.01),
            r"^It: the range must end above its start; .* Received: 0\.1 to 0\.01\.$",
        ),
        (Rates(low=0.1, high=0.1), r"Received: 0\.1 to 0\.1\.$"),
        (Widths(low=64, high=16), r"Received: 64 to 16\.$"),
        (Depths(low=2, high=2), r"Received: 2 to 2\.$"),
        (Dropouts(low=0.5, high=0.2), r"Received: 0\.5 to 0\.2\.$"),
        (Penalties(low=1e-3, high=1e-6), r"Received: 0\.001 to 1e-06\.$"),
        (BatchSizes(low=64, high=32), r"the range must end above its start; .* Received: 64 to 32\.$"),
        (BatchSizes(low=24, high=256), r"^It: both ends must be powers of two, .* Received: 24\.$"),
        (BatchSizes(low=16, high=100), r"Received: 100\.$"),
        (Optimizers(among=()), r"^It: there must be two different ones or more .* Received: none\.$"),
        (Optimizers(among=("adam",)), r"Received: adam\.$"),
        (Optimizers(among=("adam", "adam")), r"Received: adam, adam\.$"),
    ],
)
def test_what_is_no_range_is_refused_in_one_sentence(varied: Varied, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        varied.refuse("It")


@pytest.mark.parametrize("name", NAMES)
def test_the_usual_ranges_are_ranges(name: str) -> None:
    kind(name)().refuse(title(name))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Rates(low=0.0),
        lambda: Rates(high=math.inf),
        lambda: Penalties(low=0.0),
        lambda: Dropouts(high=1.0),
        lambda: Widths(low=0),
        lambda: Widths(high=16_385),
        lambda: Depths(low=0),
        lambda: BatchSizes(high=2**20),
        lambda: Optimizers.model_validate({"among": ["adagrad"]}),
        lambda: Space.model_validate({"momentum": {"low": 0, "high": 1}}),
    ],
)
def test_ends_that_the_setting_itself_would_refuse_cannot_be_said(make: Callable[[], object]) -> None:
    with pytest.raises(ValidationError):
        make()


@pytest.mark.parametrize("end", ["low", "high"])
def test_ends_go_as_far_as_the_settings_do_and_no_further(end: str) -> None:
    def limits(model: type, name: str) -> dict[str, float]:
        return {
            kind: value
            for rule in model.model_fields[name].metadata  # type: ignore[attr-defined]
            for kind in ("ge", "gt", "le", "lt")
            if (value := getattr(rule, kind, None)) is not None
        }

    for varied, model, name in (
        (Widths, LayerSettings, "units"),
        (Penalties, LayerSettings, "l2"),
        (Dropouts, LayerSettings, "dropout"),
        (BatchSizes, TrainingSettings, "batch_size"),
    ):
        ours, theirs = limits(varied, end), limits(model, name)
        assert ours["ge"] >= theirs["ge"]
        assert ours["le"] <= theirs.get("le", theirs.get("lt", math.inf))


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
    assert [shown(value) for value in ("sgd", 0.000012, 1.0, 64)] == ["SGD", "1.2e-05", "1", "64"]


def test_rates_to_start_from_suit_the_optimizers() -> None:
    assert (usual_rates("sgd").low, usual_rates("sgd").high) == (1e-3, 1.0)
    assert (usual_rates("adam").low, usual_rates("adam").high) == (1e-4, 0.1)


@pytest.mark.parametrize("rows", [1, 3, 206, 5_000, 10**7])
def test_batches_to_start_from_are_a_range(rows: int) -> None:
    usual_batches(rows).refuse("It")
    assert usual_batches(rows).high <= max(32, rows // 4)
