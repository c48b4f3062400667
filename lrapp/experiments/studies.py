"""Studies: several policies on the same data, network, budget and seeds, or a random search, each as ordinary runs.

A study is a small JSON file that names its runs (``study_files``). The runs wait in the ordinary queue, so stopping,
resuming and surviving a restart are theirs; the same seed gives the same initial weights and order of rows to all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lrapp.errors import UserError
from lrapp.experiments import search as searches
from lrapp.experiments.search import Search
from lrapp.experiments.search_space import Numbers, Range, Space, spoken
from lrapp.experiments.study_files import (
    MOST_LABEL,
    Study,
    make,
)
from lrapp.phrasing import counted, number
from lrapp.runs.store import Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    EarlyStoppingSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    PicturesSource,
    PolicySettings,
    RunSettings,
    SGDRSettings,
    Source,
    TrainingSettings,
    summary,
    with_rates,
)

# As many as there are distinct hues; and as many runs as a machine finishes in a day.
MOST_POLICIES, MOST_SEEDS = 8, 20
CYCLICAL = "What cyclical rates do"
WIDTH_AND_RATE = "Width and rate on Fashion-MNIST"


@dataclass(frozen=True)
class Candidate:
    """A policy of a study, with its name in the charts."""

    label: str
    policy: PolicySettings


@dataclass(frozen=True)
class Plan:
    """A study before it is made.

    Args:
        base: What all runs share: data, split, network, batch size, epochs.
        contenders: The policies, two or more; or one, to see what other seeds change.
        seeds: Training seeds; each gives every policy the same initial weights.
    """

    name: str
    base: RunSettings
    contenders: tuple[Candidate, ...]
    seeds: tuple[int, ...]


def contenders(policies: Sequence[PolicySettings]) -> tuple[Candidate, ...]:
    """Return the policies with names that differ."""
    taken: dict[str, int] = {}
    named = []
    for policy in policies:
        label = summary.policy(policy)
        taken[label] = taken.get(label, 0) + 1
        named.append(Candidate(label if taken[label] == 1 else f"{label} ({taken[label]})", policy))
    return tuple(named)


def check(plan: Plan, training_rows: int | None = None) -> list[str]:
    """Return warnings about a plan, in plain sentences.

    Args:
        training_rows: Rows to train on, at least 1; None when not known yet, then lengths in steps are not checked.

    Raises:
        UserError: If it compares nothing, a policy's numbers do not go together, or it cannot train its networks here.
    """
    number, seeds = len(plan.contenders), len(plan.seeds)
    if number < 2 and not (number and seeds > 1):
        raise UserError(
            "Comparing takes at least two policies, or one over two seeds; add one. "
            f"Received: {number} over {counted(seeds, 'seed')}."
        )
    if number > MOST_POLICIES:
        raise UserError(
            f"At most {MOST_POLICIES} policies can be distinguished in one chart. Received: {number}."
        )
    if not 1 <= seeds <= MOST_SEEDS:
        raise UserError(f"A comparison needs 1 to {MOST_SEEDS} seeds. Received: {seeds}.")
    if len(set(plan.seeds)) < seeds:
        raise UserError(
            f"Each seed must be another number, or it would count twice. Received: {_listed(plan.seeds)}."
        )
    labels = [contender.label for contender in plan.contenders]
    if len(set(labels)) < number:
        raise UserError(f"Each policy needs a name of its own. Received: {', '.join(labels)}.")
    for label in labels:
        if label != " ".join(label.split()) or not 1 <= len(label) <= MOST_LABEL:
            raise UserError(
                f"A policy's name must be one line of 1 to {MOST_LABEL} letters. Received: {label!r}."
            )
    for contender, settings in zip(plan.contenders, one_of_each(plan), strict=True):
        if settings.obstacle:
            raise UserError(f"{contender.label}: {settings.obstacle}")
    remarks = [said for one in plan.contenders if (said := remark(plan.base, one, training_rows))]
    if seeds == 1:
        remarks.append("One seed cannot tell a difference from chance; use three or more.")
    return remarks


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def remark(base: RunSettings, contender: Candidate, training_rows: int | None) -> str | None:
    """Return a sentence on a first cycle that is longer than the run; None where there is nothing to say.

    Args:
        base: With the number of epochs and the batch size.
        training_rows: As for ``check``.

    Raises:
        UserError: If the policy's numbers do not go together.
    """
    policy = contender.policy
    batch, epochs = base.training.batch_size, base.training.epochs
    if training_rows is not None:
        try:
            # Rates that a range test will replace may be in any order.
            shown = with_rates(policy, 0.001, 0.01, 0.001, "") if policy.source == "found" else policy
            base.model_copy(update={"policy": shown}).plan(training_rows)
            if policy.source == "found":
                base.range_test.check(-(-training_rows // batch))
        except UserError as error:
            raise UserError(f"{contender.label}: {error}") from error
    match policy:
        case CLRSettings():
            cycle = 2 * policy.step_size
        case SGDRSettings():
            cycle = policy.T_0
        case _:
            return None
    length = float(epochs)
    if policy.unit == "steps":
        if training_rows is None:
            return None
        length *= -(-training_rows // batch)
    if policy.warmup + cycle <= length:
        return None
    return (
        f"{contender.label}: its first cycle ends after {number(policy.warmup + cycle, 6)} {policy.unit}, "
        f"the run after {number(length, 6)}; the rest is cut off."
    )


def settings_of(plan: Plan, contender: Candidate, seed: int) -> RunSettings:
    """Return the settings of one run: all policies get the same number of updates, so none stops early."""
    training = plan.base.training.model_copy(update={"seed": seed})
    settings = plan.base.model_copy(update={"policy": contender.policy, "training": training})
    return _as_member(settings, f"{plan.name[:100]}: {contender.label}, seed {seed}")


def one_of_each(plan: Plan) -> tuple[RunSettings, ...]:
    """Return the settings of one run of each policy: they differ in how many networks they train at once."""
    return tuple(settings_of(plan, one, plan.seeds[0]) for one in plan.contenders)


def _as_member(settings: RunSettings, name: str) -> RunSettings:
    stopping = settings.training.early_stopping.model_copy(update={"enabled": False})
    return settings.model_copy(
        update={
            "name": name,
            "mode": "train",
            "training": settings.training.model_copy(update={"early_stopping": stopping}),
            # It would cost more than the training, and a comparison does not show it.
            "closer_look": False,
        }
    )


def yardstick_of(contenders: Sequence[Candidate]) -> str:
    """Return the policy that the others are measured by: the first that keeps its rate, else the first."""
    fixed = (one.label for one in contenders if isinstance(one.policy, FixedSettings))
    return next(fixed, contenders[0].label)


def what_cyclical_rates_do(source: Source, target: str, batch_size: int = 350) -> Plan:
    """Return the study of a fixed rate against cyclical rates: plain SGD, layers of 64 and 32, 50 epochs.

    Args:
        batch_size: Rows in one update; 350 suits a table of 70,000 rows.
    """
    base = RunSettings(
        data=DataSettings(source=source, target=target, validation_share=0.2, test_share=0.0),
        model=ModelSettings(layers=(LayerSettings(units=64), LayerSettings(units=32))),
        training=TrainingSettings(
            optimizer="sgd",
            momentum=0.0,
            batch_size=batch_size,
            epochs=50,
            early_stopping=EarlyStoppingSettings(enabled=False, monitor="val_metric"),
        ),
    )
    policies = (FixedSettings(learning_rate=0.01), CLRSettings(source="found"))
    return Plan(CYCLICAL, base, contenders(policies), (0, 1, 2))


def width_and_rate() -> tuple[Search, RunSettings]:
    """Return the search of Keras Tuner's introduction, and the settings that it starts from.

    A dense network with one hidden layer on Fashion-MNIST, trained by Adam: 32 to 512 units in steps of 32, and a rate
    of 0.01, 0.001 or 0.0001. See https://www.tensorflow.org/tutorials/keras/keras_tuner.
    """
    space = Space(units=Range(low=32, high=512, step=32), learning_rate=Numbers(among=(1e-2, 1e-3, 1e-4)))
    base = RunSettings(
        data=DataSettings(source=PicturesSource(name="fashion-mnist")),
        model=ModelSettings(layers=(LayerSettings(units=128),)),
        training=TrainingSettings(optimizer="adam", batch_size=32, epochs=10),
        policy=FixedSettings(learning_rate=1e-3),
    )
    # A seed by which all ten differ.
    return Search(space=space, trials=10, seed=8), base


def create(store: Store, plan: Plan, training_rows: int | None = None, owner: str = "") -> Study:
    """Make a study and its runs, queued; the owner of the queue has to submit them.

    Args:
        training_rows: Rows to train on, to refuse policies with inconsistent numbers early.
        owner: Id of whoever starts it, as in ``Study``.

    Raises:
        UserError: If the plan compares nothing, or the disk is full; then no run is left behind.
    """
    check(plan, training_rows)
    # Seed by seed, so that every policy has a curve before any has its second.
    runs = [(one.label, seed, settings_of(plan, one, seed)) for seed in plan.seeds for one in plan.contenders]
    return make(store, plan.name, runs, yardstick=yardstick_of(plan.contenders), owner=owner)


def create_search(
    store: Store, search: Search, base: RunSettings, training_rows: int | None = None, owner: str = ""
) -> Study:
    """Make a random search and its runs, queued; the owner of the queue has to submit them.

    Args:
        base: All that stays as it is; every trial trains its number of epochs, with its seed.

    Raises:
        UserError: If the search cannot be made, or the disk is full; then no run is left behind.
    """
    searches.check(search, base, training_rows)
    trials = trials_of(search, base)
    runs = [
        (f"Trial {number}", base.training.seed, settings) for number, settings in enumerate(trials, start=1)
    ]
    return make(store, name_of(search), runs, search=search, owner=owner)


def name_of(search: Search) -> str:
    """Return what a search is called: by what it varies."""
    return f"Random search of {', '.join(spoken(one) for one, _ in search.space.varied)}"


def trials_of(search: Search, base: RunSettings) -> tuple[RunSettings, ...]:
    """Return the settings of each trial, as it trains: named, with early stopping off.

    Raises:
        UserError: If the search cannot be made.
    """
    return tuple(
        _as_member(settings, f"{name_of(search)}: trial {number}")
        for number, settings in enumerate(searches.draw(search, base), start=1)
    )
