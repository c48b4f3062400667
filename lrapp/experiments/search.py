"""Random search: which settings may vary and between what, and the settings of each trial that are drawn from there.

Drawing at random beats a grid where few of the settings matter, as each trial then tries another value of every one of
them (Bergstra and Bengio 2012, "Random Search for Hyper-Parameter Optimization", JMLR 13, 281-305). Trial n of a seed
is the same however many are asked for, and the values of one setting do not depend on which others vary.
"""

import math
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from lrapp.errors import UserError
from lrapp.experiments import search_space
from lrapp.experiments.search_space import NAMES, OF_LAYERS, Space, Value, title
from lrapp.settings import (
    CLRSettings,
    CosLog4Settings,
    FixedSettings,
    LayerSettings,
    OneCycleSettings,
    PolicySettings,
    RunSettings,
    SGDRSettings,
    with_rates,
)
from lrapp.settings.base import SettingsModel, checked

ORIGIN = "Drawn by a random search."
MOST_TRIALS = 200
# What counts as "among the best" in the probability of finding one.
BEST_SHARE = 0.05


class Search(SettingsModel):
    """A random search: from where, how many trials, by which seed."""

    space: Space = Space()
    trials: int = Field(
        20, ge=2, le=MOST_TRIALS, title="Trials", description="How many settings are drawn and trained."
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        title="Seed of the draws",
        description="Another seed draws other settings; initial weights and rows are those of the Train page's seed.",
    )


def obstacle(name: str, base: RunSettings) -> str | None:
    """Return why a setting of ``NAMES`` cannot vary, in one sentence; None if it can."""
    if name == "learning_rate" and base.policy.source != "chosen":
        return "Every run finds its own rates; set Rates to “Chosen here” on the Train page to vary it."
    if name not in OF_LAYERS:
        return None
    if not base.model.layers or any(layer.kind != "dense" for layer in base.model.layers):
        return "Varies only where the network has hidden layers and all of them are dense."
    if name in ("units", "layers") and base.model.start.type == "run":
        return "The network starts from a finished run, so its layers have to stay those of that run."
    return None


def check(search: Search, base: RunSettings, training_rows: int | None = None) -> list[str]:
    """Return warnings about a search, in plain sentences.

    Args:
        training_rows: Rows to train on, at least 1; None when not known yet.

    Raises:
        UserError: If nothing varies, a range is not valid, a setting cannot vary here, a trial cannot train its
            networks or move its momentum, or a policy's numbers do not go together in it.
    """
    trials = draw(search, base)
    for trial in trials:
        if obstacle := trial.model_copy(update={"mode": "train"}).obstacle:
            raise UserError(obstacle)
        trial.check_momentum()
    remarks = []
    if training_rows is not None:
        by_batch = sorted(trials, key=lambda one: one.training.batch_size)
        for extreme in (by_batch[0], by_batch[-1]):
            _with_some_rate(extreme).plan(training_rows)
            if extreme.policy.source == "found":
                extreme.range_test.check(math.ceil(training_rows / extreme.training.batch_size))
        batches = search.space.batch_size
        if batches is not None and batches.highest > training_rows:
            remarks.append(
                f"There are {training_rows:,} rows to train on: a batch of more than that is all of them, and each "
                "epoch one update."
            )
    different = distinct(search.space, trials)
    if different < len(trials):
        remarks.append(
            f"Only {different} of the {len(trials)} trials differ; the others draw the same settings again and come to "
            "the same figures. Vary more settings, or make their ranges wider."
        )
    return remarks


def draw(search: Search, base: RunSettings) -> tuple[RunSettings, ...]:
    """Return the settings of each trial: the base's, with other values for those that vary.

    Returns:
        As many settings as trials; the first n are the same whatever ``search.trials`` is.

    Raises:
        UserError: If nothing varies, a range is not valid, or a setting cannot vary here.
    """
    varied = search.space.varied
    if not varied:
        raise UserError("A search must vary at least one setting; choose one. Received: none.")
    for name, one in varied:
        if why := obstacle(name, base):
            raise UserError(f"{title(name)} cannot vary here; leave it out. {why}")
        search_space.refuse(name, one)
    return tuple(_with_values(base, drawn(search, number)) for number in range(1, search.trials + 1))


def drawn(search: Search, trial: int) -> dict[str, Value]:
    """Return the values that a trial, numbered from 1, draws, by the name of the setting."""
    # A generator for each value, so that none depends on how many were drawn before it.
    return {
        name: search_space.draw(
            name, one, float(np.random.default_rng([search.seed, trial, NAMES.index(name)]).random())
        )
        for name, one in search.space.varied
    }


def values(space: Space, settings: RunSettings) -> dict[str, Value]:
    """Return a trial's values of the settings that vary, by name."""
    first = settings.model.layers[0] if settings.model.layers else LayerSettings()
    all_: dict[str, Value] = {
        "learning_rate": _peak(settings.policy),
        "batch_size": settings.training.batch_size,
        "units": first.units,
        "layers": len(settings.model.layers),
        "dropout": first.dropout,
        "l2": first.l2,
        "optimizer": settings.training.optimizer,
    }
    return {name: all_[name] for name, _ in space.varied}


def distinct(space: Space, trials: Sequence[RunSettings]) -> int:
    """Return how many of the trials differ in what varies."""
    return len({tuple(values(space, one).items()) for one in trials})


def outlook(space: Space, trials: Sequence[RunSettings]) -> str:
    """Return how much of the space trials from ``draw`` see, as a sentence; empty where some repeat others."""
    number, every = distinct(space, trials), search_space.combinations(space)
    if every is not None:
        which = f"All {every:,}" if number == every else f"{number:,} of {every:,}"
        return f"{which} combinations of these values are tried."
    if number < len(trials):
        return ""
    return (
        f"With a probability of {100 * chance(number):.0f} % one of {number} draws is among the best twentieth of all "
        "that these ranges hold."
    )


def chance(trials: int) -> float:
    """Return how likely one draw or more lies among the best twentieth of all that could be drawn."""
    return float(1 - (1 - BEST_SHARE) ** trials)


def _with_values(base: RunSettings, found: dict[str, Value]) -> RunSettings:
    training = checked(
        base.training, **{name: found[name] for name in ("batch_size", "optimizer") if name in found}
    )
    layers: tuple[LayerSettings, ...] = base.model.layers
    if "layers" in found:
        wanted = int(found["layers"])
        layers = (*layers, *(layers[-1:] * wanted))[:wanted]
    changes = {name: found[name] for name in ("units", "dropout", "l2") if name in found}
    layers = tuple(checked(layer, **changes) for layer in layers)
    policy = base.policy
    if "learning_rate" in found:
        policy = _with_peak(policy, float(found["learning_rate"]))
    return checked(base, training=training, model=checked(base.model, layers=layers), policy=policy)


def _peak(policy: PolicySettings) -> float:
    return policy.learning_rate if isinstance(policy, FixedSettings) else policy.max_lr


def _with_peak(policy: PolicySettings, rate: float) -> PolicySettings:
    def kept(bound: float) -> float:
        before = _peak(policy)
        return min(float(f"{rate * bound / before:.3g}"), rate) if before else 0.0

    match policy:
        case FixedSettings():
            rates = {"learning_rate": rate}
        case CLRSettings() | CosLog4Settings():
            rates = {"base_lr": kept(policy.base_lr), "max_lr": rate}
        case SGDRSettings():
            rates = {"min_lr": kept(policy.min_lr), "max_lr": rate}
        case OneCycleSettings():
            rates = {"max_lr": rate}
    return checked(policy, **rates, origin=ORIGIN)


def _with_some_rate(settings: RunSettings) -> RunSettings:
    """Rates that a range test will replace may be in any order, so valid ones take their place."""
    if settings.policy.source != "found":
        return settings
    return settings.model_copy(update={"policy": with_rates(settings.policy, 0.001, 0.01, 0.001, "")})
