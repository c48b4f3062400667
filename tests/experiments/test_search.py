"""Trials of a random search: golden draws, what they do not depend on, that all are valid, and what is refused."""

import json
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lrapp.errors import UserError
from lrapp.experiments import search
from lrapp.experiments.search import Search, chance, check, draw, drawn, obstacle, values
from lrapp.experiments.search_space import NAMES, Choice, Range, Space, usual
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PolicySettings,
    RangeTestSettings,
    RunSettings,
    RunStart,
    SGDRSettings,
    TrainingSettings,
)
from lrapp.settings.base import checked

ALL = Space(**{name: usual(name) for name in NAMES})
BASE = RunSettings(policy=FixedSettings(learning_rate=0.01))


def space(**ranges: Any) -> Search:
    return Search(space=Space(**ranges))


# --- what is drawn -------------------------------------------------------------------------------------------


def test_golden_draws() -> None:
    trials = draw(Search(space=ALL, trials=4), BASE)
    assert [tuple(values(ALL, one).values()) for one in trials] == [
        (0.0467, 256, 184, 4, 0.112, 3.4e-05, "sgd"),
        (0.000175, 64, 18, 3, 0.388, 0.00151, "sgd"),
        (0.0484, 16, 212, 1, 0.216, 2.72e-05, "sgd"),
        (0.0446, 256, 77, 2, 0.383, 1.61e-06, "adam"),
    ]


def test_the_first_trials_are_the_same_however_many_are_asked_for() -> None:
    long = draw(Search(space=ALL, trials=40, seed=7), BASE)
    for trials in (2, 3, 17):
        assert draw(Search(space=ALL, trials=trials, seed=7), BASE) == long[:trials]


def test_the_same_seed_draws_the_same_and_another_draws_others() -> None:
    one, again, other = (
        [drawn(Search(space=ALL, seed=seed), number) for number in range(1, 30)] for seed in (1, 1, 2)
    )
    assert one == again
    assert all(mine != yours for mine, yours in zip(one, other, strict=True))


def test_what_one_setting_draws_does_not_depend_on_the_others(subtests: pytest.Subtests) -> None:
    for name in NAMES:
        with subtests.test(name):
            alone = Search(space=Space(**{name: getattr(ALL, name)}))
            for number in range(1, 20):
                assert drawn(alone, number)[name] == drawn(Search(space=ALL), number)[name]


def test_draws_of_many_trials_are_log_uniform_and_independent() -> None:
    asked = space(learning_rate=Range(low=1e-4, high=1.0), l2=Range(low=1e-6, high=1e-2))
    found = [drawn(asked, number) for number in range(1, 4_001)]
    rates, penalties = (np.log10([float(one[name]) for one in found]) for name in ("learning_rate", "l2"))
    assert stats.kstest(rates, "uniform", args=(-4, 4)).pvalue > 0.01
    assert stats.kstest(penalties, "uniform", args=(-6, 4)).pvalue > 0.01
    assert abs(np.corrcoef(rates, penalties)[0, 1]) < 0.05
    # Nor does a trial follow the one before it.
    assert abs(np.corrcoef(rates[1:], rates[:-1])[0, 1]) < 0.05


def test_all_but_what_varies_stays() -> None:
    base = RunSettings(
        name="base",
        model=ModelSettings(layers=(LayerSettings(units=8, activation="tanh", l1=0.5, batch_norm=True),)),
        training=TrainingSettings(momentum=0.5, epochs=3, seed=9),
        policy=OneCycleSettings(max_lr=0.3, rise=0.1),
    )
    before = json.loads(base.to_json())
    for trial in draw(Search(space=ALL, trials=5), base):
        told = json.loads(trial.to_json())
        assert told["policy"].pop("max_lr") != 0.3
        assert told["policy"].pop("origin") == search.ORIGIN
        told["training"].pop("batch_size")
        told["training"].pop("optimizer")
        layers = told["model"].pop("layers")
        expected = json.loads(base.to_json())
        del expected["policy"]["max_lr"], expected["policy"]["origin"]
        del expected["training"]["batch_size"], expected["training"]["optimizer"], expected["model"]["layers"]
        assert told == expected
        for layer in layers:
            kept = {key: value for key, value in layer.items() if key not in ("units", "dropout", "l2")}
            assert kept.items() <= before["model"]["layers"][0].items()


@pytest.mark.parametrize(
    "ends",
    [
        {
            "learning_rate": Range(low=1e-12, high=1000),
            "batch_size": Range(low=1, high=2**19),
            "units": Range(low=1, high=16_384),
            "layers": Range(low=1, high=20),
            "dropout": Range(low=0, high=0.95),
            "l2": Range(low=1e-12, high=10),
            "optimizer": Choice(among=("sgd", "adam", "adamw", "rmsprop")),
        },
        {
            "learning_rate": Range(low=999.9, high=1000),
            "dropout": Range(low=0.9499, high=0.95),
            "l2": Range(low=9.999, high=10),
        },
    ],
)
def test_every_draw_passes_the_settings_own_validation(ends: dict[str, Any]) -> None:
    asked = Search(space=Space(**ends), trials=200)
    for trial in draw(asked, BASE):
        assert RunSettings.from_json(trial.to_json()) == trial
        for name, value in values(asked.space, trial).items():
            if name != "optimizer":
                assert ends[name].low <= value <= ends[name].high


def test_what_a_trial_has_is_what_it_drew() -> None:
    asked = Search(space=ALL, trials=30)
    for number, trial in enumerate(draw(asked, BASE), start=1):
        assert values(ALL, trial) == drawn(asked, number)


# --- rates and layers ----------------------------------------------------------------------------------------


def test_a_policy_s_peak_is_drawn_and_its_lower_bound_keeps_its_share(subtests: pytest.Subtests) -> None:
    cases: list[tuple[PolicySettings, dict[str, float]]] = [
        (FixedSettings(learning_rate=0.5), {}),
        (CLRSettings(base_lr=0.001, max_lr=0.01), {"base_lr": 0.1}),
        (CLRSettings(base_lr=0.0, max_lr=0.0), {"base_lr": 0.0}),
        (CLRSettings(base_lr=0.02, max_lr=0.02), {"base_lr": 1.0}),
        (SGDRSettings(min_lr=0.0, max_lr=0.01), {"min_lr": 0.0}),
        (SGDRSettings(min_lr=0.005, max_lr=0.01), {"min_lr": 0.5}),
        (OneCycleSettings(max_lr=0.2), {}),
    ]
    for policy, low in cases:
        with subtests.test(f"{policy!r}"):
            asked = space(learning_rate=Range(low=1.0001e-4, high=0.12344))
            for trial in draw(asked, checked(BASE, policy=policy)):
                peak = values(asked.space, trial)["learning_rate"]
                assert getattr(trial.policy, "learning_rate", getattr(trial.policy, "max_lr", None)) == peak
                for name, share in low.items():
                    assert getattr(trial.policy, name) == pytest.approx(share * float(peak), rel=0.006)
                assert trial.plan(100).max() <= float(peak) * (1 + 1e-12)


def test_layers_are_the_first_of_the_network_and_copies_of_its_last() -> None:
    layers = (LayerSettings(units=64, activation="tanh"), LayerSettings(units=32))
    base = checked(BASE, model=ModelSettings(layers=layers))
    asked = Search(space=Space(layers=Range(low=1, high=4)), trials=40)
    seen = {}
    for trial in draw(asked, base):
        seen[len(trial.model.layers)] = [(one.units, one.activation) for one in trial.model.layers]
    first, last = (64, "tanh"), (32, "relu")
    assert seen == {1: [first], 2: [first, last], 3: [first, last, last], 4: [first, last, last, last]}


def test_all_hidden_layers_share_what_is_drawn() -> None:
    for trial in draw(space(units=usual("units"), dropout=usual("dropout"), l2=usual("l2")), BASE):
        assert len(trial.model.layers) == 2
        assert len({(one.units, one.dropout, one.l2) for one in trial.model.layers}) == 1


# --- what is refused and said --------------------------------------------------------------------------------


CONVOLUTION = ModelSettings(layers=(LayerSettings(kind="conv"), LayerSettings(units=10)))


def test_what_cannot_vary_here_is_named_with_its_reason(subtests: pytest.Subtests) -> None:
    cases: list[tuple[RunSettings, str, str]] = [
        (checked(BASE, policy=CLRSettings(source="found")), "learning_rate", "finds its own rates"),
        (checked(BASE, policy=CLRSettings(source="raced")), "learning_rate", "finds its own rates"),
        (checked(BASE, model=CONVOLUTION), "units", "all of them are dense"),
        (checked(BASE, model=CONVOLUTION), "layers", "all of them are dense"),
        (checked(BASE, model=CONVOLUTION), "dropout", "all of them are dense"),
        (checked(BASE, model=CONVOLUTION), "l2", "all of them are dense"),
        (checked(BASE, model=ModelSettings(layers=())), "units", "has hidden layers"),
        (
            checked(BASE, model=ModelSettings(start=RunStart(run="20260101-000000000000-0123456789abcdef"))),
            "layers",
            "have to stay those of that run",
        ),
    ]
    for base, name, why in cases:
        with subtests.test(f"{base!r}"):
            assert why in (obstacle(name, base) or "")
            with pytest.raises(UserError, match=rf"cannot vary here; leave it out\. .*{why}"):
                draw(space(**{name: usual(name)}), base)


def test_networks_of_pictures_vary_in_the_rest() -> None:
    base = checked(BASE, model=CONVOLUTION)
    trials = draw(
        space(
            learning_rate=usual("learning_rate"), batch_size=usual("batch_size"), optimizer=usual("optimizer")
        ),
        base,
    )
    assert {one.model for one in trials} == {base.model}
    assert len({one.policy for one in trials}) == len(trials)


def test_a_bad_search_is_refused_in_one_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[Search, str]] = [
        (Search(), r"^A search must vary at least one setting; choose one\. Received: none\.$"),
        (
            space(learning_rate=Range(low=0.1, high=0.01)),
            r"^Learning rate: the range must end above its start",
        ),
        (space(batch_size=Range(low=24, high=64)), r"^Batch size: both ends must be powers of two"),
        (space(optimizer=Choice(among=("sgd",))), r"^Optimizer: there must be two different ones"),
    ]
    for asked, sentence in cases:
        with subtests.test(f"{asked!r}"):
            for refuse in (draw, check):
                with pytest.raises(UserError, match=sentence):
                    refuse(asked, BASE)


def test_the_number_of_trials_has_its_limits(subtests: pytest.Subtests) -> None:
    for trials in [0, 1, 201]:
        with subtests.test(f"{trials!r}"), pytest.raises(ValueError, match="trials"):
            Search(trials=trials)


def test_a_search_with_nothing_odd_is_let_pass() -> None:
    assert check(Search(space=ALL), BASE, training_rows=10_000) == []


def test_the_longest_and_the_shortest_trial_are_looked_at() -> None:
    base = checked(BASE, training=TrainingSettings(epochs=1_000))
    with pytest.raises(UserError, match="at most 20,000,000 steps"):
        check(space(batch_size=Range(low=1, high=1024)), base, training_rows=100_000)
    # A cycle of a fortieth of an epoch is no step where the batch is large, but many where it is small.
    short = checked(BASE, policy=CLRSettings(step_size=1 / 40))
    check(space(batch_size=Range(low=1, high=2)), short, training_rows=1_000)
    with pytest.raises(UserError, match=r"[Ss]tep"):
        check(space(batch_size=Range(low=1, high=512)), short, training_rows=1_000)


def test_networks_that_cannot_train_at_once_are_refused() -> None:
    base = checked(BASE, policy=CLRSettings(source="raced"), data=DataSettings(folds=5))
    with pytest.raises(UserError, match="choose the rates yourself"):
        check(space(units=usual("units")), base)
    check(space(units=usual("units")), checked(BASE, data=DataSettings(folds=5)))


def test_trials_that_draw_the_same_are_counted() -> None:
    asked = Search(space=Space(optimizer=Choice(among=("sgd", "adam"))), trials=10)
    (said,) = check(asked, BASE)
    assert said.startswith("Only 2 of the 10 trials differ;")


def test_batches_larger_than_the_table_are_said() -> None:
    (said,) = check(Search(space=Space(batch_size=Range(low=1, high=256)), trials=2), BASE, training_rows=206)
    assert said.startswith("There are 206 rows to train on")


def test_the_chance_of_a_good_draw(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, float]] = [(1, 0.05), (2, 0.0975), (60, 0.954)]
    for trials, expected in cases:
        with subtests.test(f"{trials!r}"):
            assert chance(trials) == pytest.approx(expected, abs=5e-4)
            # Drawn by lot: the best of so many shares is above 0.95 as often.
            best = np.random.default_rng(3).random((20_000, trials)).max(axis=1)
            assert (best > 0.95).mean() == pytest.approx(chance(trials), abs=0.01)
            assert math.isfinite(chance(200))


def test_rates_that_a_range_test_will_find_may_be_in_any_order() -> None:
    base = checked(BASE, policy=CLRSettings(source="found", base_lr=0.5, max_lr=0.1))
    assert check(space(units=usual("units")), base, training_rows=1_000) == []


def test_momentum_is_checked_in_every_trial() -> None:
    training = TrainingSettings(optimizer="adam", momentum=0.0)
    base = RunSettings(training=training, policy=CLRSettings(cycle_momentum=True))
    space = Space(optimizer=Choice(among=("adam", "sgd")))
    # One that draws SGD, whose momentum is 0, neither first nor last.
    for seed in range(50):
        asked = Search(space=space, trials=4, seed=seed)
        optimizers = [one.training.optimizer for one in search.draw(asked, base)]
        if optimizers[0] == optimizers[-1] == "adam" != optimizers[1]:
            break
    for rows in (None, 100):
        with pytest.raises(UserError, match="raise momentum, or switch cyclical momentum off"):
            search.check(asked, base, rows)


@pytest.mark.parametrize("rise", ["exponential", "linear"])
def test_a_range_test_that_cannot_be_read_is_said_before_the_search(rise: str) -> None:
    # Of 1 epoch, or from 1 to 2.
    test = RangeTestSettings.model_validate({"rise": rise, "epochs": 1, "start_lr": 1, "end_lr": 2})
    base = RunSettings(policy=CLRSettings(source="found"), range_test=test)
    with pytest.raises(UserError, match=r"range test (needs at least 2 epochs|must end at ten times)"):
        check(Search(space=Space(units=Range(low=4, high=8)), trials=2), base, 100)


def test_the_outlook_counts_combinations_where_they_can_be_counted() -> None:
    lists = Space(units=Range(low=4, high=16, step=4), optimizer=Choice(among=("adam", "sgd")))
    trials = draw(Search(space=lists, trials=3, seed=1), RunSettings())
    number = search.distinct(lists, trials)
    assert search.outlook(lists, trials) == f"{number} of 8 combinations of these values are tried."
    many = draw(Search(space=lists, trials=100), RunSettings())
    assert search.outlook(lists, many) == "All 8 combinations of these values are tried."
    ranges = Space(learning_rate=usual("learning_rate"))
    of_any = search.outlook(ranges, draw(Search(space=ranges, trials=10), RunSettings()))
    assert of_any.startswith("With a probability of 40 % one of 10 draws is among the best twentieth")
