"""Studies: several policies on the same data, network, budget and seeds, each as ordinary runs.

A study is a small JSON file that names its runs. The runs wait in the ordinary queue, so stopping, resuming and
surviving a restart are theirs; the same seed gives the same first weights and order of rows to every policy.
"""

import os
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lrapp.errors import UserError
from lrapp.runs import ENDED, Run, Store, disk_errors, now, write_beside
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    EarlyStoppingSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PolicySettings,
    RunSettings,
    SGDRSettings,
    Source,
    TrainingSettings,
    with_rates,
)

# As many as hues that can be told apart; and runs that a machine gets through in a day.
MOST_POLICIES, MOST_SEEDS = 8, 20
MOST_LABEL = 40
CYCLICAL = "What cyclical rates do"
_ID = re.compile(r"[0-9]{8}-[0-9]{12}-[0-9a-f]{16}")


@dataclass(frozen=True)
class Contender:
    """A policy that takes part, under the name that the charts give it."""

    label: str
    policy: PolicySettings


@dataclass(frozen=True)
class Plan:
    """A study before it is made.

    Args:
        name: What to call it.
        base: What all runs share: data, split, network, batch size, epochs.
        contenders: The policies, two or more.
        seeds: Training seeds; each gives every policy the same first weights.
    """

    name: str
    base: RunSettings
    contenders: tuple[Contender, ...]
    seeds: tuple[int, ...]


class Member(BaseModel):
    """One run of a study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(min_length=1, max_length=MOST_LABEL)
    seed: int
    run_id: str = Field(pattern=_ID.pattern)


class Study(BaseModel):
    """Which runs belong together, and which policy the others are measured by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    id: str = Field(pattern=_ID.pattern)
    name: str = Field(max_length=200)
    created: datetime
    yardstick: str
    members: tuple[Member, ...] = Field(min_length=1)

    @property
    def labels(self) -> tuple[str, ...]:
        """The policies' names, in their order."""
        return tuple(dict.fromkeys(member.label for member in self.members))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in their order."""
        return tuple(dict.fromkeys(member.seed for member in self.members))


def label_of(policy: PolicySettings) -> str:
    """Return a short name for a policy: what moves the rate, and between which values."""
    found = policy.source == "found"
    match policy:
        case FixedSettings():
            return "Fixed (found)" if found else f"Fixed {policy.learning_rate:.3g}"
        case CLRSettings():
            name = "CLR" if policy.mode == "triangular" else f"CLR {policy.mode}"
            return f"{name} (found)" if found else f"{name} {policy.base_lr:.3g}–{policy.max_lr:.3g}"
        case SGDRSettings():
            return "SGDR (found)" if found else f"SGDR {policy.max_lr:.3g}"
        case OneCycleSettings():
            return "One-cycle (found)" if found else f"One-cycle {policy.max_lr:.3g}"


def contenders(policies: Sequence[PolicySettings]) -> tuple[Contender, ...]:
    """Return the policies with names that differ."""
    taken: dict[str, int] = {}
    named = []
    for policy in policies:
        label = label_of(policy)
        taken[label] = taken.get(label, 0) + 1
        named.append(Contender(label if taken[label] == 1 else f"{label} ({taken[label]})", policy))
    return tuple(named)


def check(plan: Plan, training_rows: int | None = None) -> list[str]:
    """Return what the person should know about a plan, in plain sentences.

    Args:
        plan: The study as it would be made.
        training_rows: Rows to train on, at least 1; None when not known yet, then lengths in steps are not looked at.

    Raises:
        UserError: If it compares nothing, or a policy's numbers do not go together.
    """
    number, seeds = len(plan.contenders), len(plan.seeds)
    if number < 2:
        raise UserError(f"Comparing takes at least two policies; add one. Received: {number}.")
    if number > MOST_POLICIES:
        raise UserError(
            f"At most {MOST_POLICIES} policies can be told apart in one chart. Received: {number}."
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
    remarks = [remark for one in plan.contenders if (remark := _remark(plan.base, one, training_rows))]
    if seeds == 1:
        remarks.append("With one seed nobody can tell a difference from chance; three or more are better.")
    return remarks


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def _remark(base: RunSettings, contender: Contender, training_rows: int | None) -> str | None:
    policy = contender.policy
    batch, epochs = base.training.batch_size, base.training.epochs
    if training_rows is not None:
        try:
            # Rates that a range test will replace may be in any order.
            shown = with_rates(policy, 0.001, 0.01, 0.001, "") if policy.source == "found" else policy
            base.model_copy(update={"policy": shown}).plan(training_rows)
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
        f"{contender.label}: its first cycle ends after {policy.warmup + cycle:g} {policy.unit}, "
        f"the run after {length:g}; the rest is cut off."
    )


def settings_of(plan: Plan, contender: Contender, seed: int) -> RunSettings:
    """Return the settings of one run: all policies get the same number of updates, so none stops early."""
    training = plan.base.training
    stopping = training.early_stopping.model_copy(update={"enabled": False})
    return plan.base.model_copy(
        update={
            "name": f"{plan.name[:100]}: {contender.label}, seed {seed}",
            "mode": "train",
            "policy": contender.policy,
            "training": training.model_copy(update={"seed": seed, "early_stopping": stopping}),
            # It would cost more than the training, and a comparison shows none of it.
            "closer_look": False,
        }
    )


def yardstick_of(contenders: Sequence[Contender]) -> str:
    """Return the policy that the others are measured by: the first that keeps its rate, else the first."""
    fixed = (one.label for one in contenders if isinstance(one.policy, FixedSettings))
    return next(fixed, contenders[0].label)


def what_cyclical_rates_do(source: Source, target: str, batch_size: int = 350) -> Plan:
    """Return the study of a fixed rate against cyclical rates: plain SGD, layers of 64 and 32, 50 epochs.

    Args:
        source: The table.
        target: The column to predict.
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


# --- kept on disk ----------------------------------------------------------------------------------------------


def _folder(store: Store) -> Path:
    return store.home / "studies"


def _binned(store: Store, study_id: str) -> Path:
    # A folder, as everything in the bin is, so that it is emptied like the rest.
    return store.home / "bin" / f"study-{study_id}"


def create(store: Store, plan: Plan, training_rows: int | None = None) -> Study:
    """Make a study and its runs, queued; whoever owns the queue has to submit them.

    Args:
        store: Where runs and studies are kept.
        plan: What to compare.
        training_rows: Rows to train on, for an early word on policies whose numbers do not go together.

    Raises:
        UserError: If the plan compares nothing, or the disk is full; then no run is left behind.
    """
    check(plan, training_rows)
    made: list[Run] = []
    members = []
    try:
        # Seed by seed, so that every policy has a curve before any has its second.
        for seed in plan.seeds:
            for contender in plan.contenders:
                run = store.create(settings_of(plan, contender, seed))
                made.append(run)
                members.append(Member(label=contender.label, seed=seed, run_id=run.id))
        created = now()
        study = Study(
            id=f"{created:%Y%m%d-%H%M%S%f}-{secrets.token_hex(8)}",
            name=plan.name[:200],
            created=created,
            yardstick=yardstick_of(plan.contenders),
            members=tuple(members),
        )
        with disk_errors():
            _folder(store).mkdir(exist_ok=True)
        write_beside(_folder(store) / f"{study.id}.json", study.model_dump_json(indent=2).encode())
    except UserError:
        for run in made:
            shutil.rmtree(run.folder, ignore_errors=True)
        raise
    return study


def get(store: Store, study_id: str) -> Study:
    """Return the study of that id.

    Raises:
        UserError: If there is none, or its file is damaged.
    """
    path = _folder(store) / f"{study_id}.json"
    if not _ID.fullmatch(study_id) or not path.exists():
        raise UserError(
            "There is no such comparison here. It may have been deleted; choose another or start one."
        )
    try:
        return Study.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(
            "The file of this comparison is damaged. Its runs are still on the Runs page; compare again."
        ) from error


def every(store: Store) -> list[Study]:
    """Return all studies whose files can be read, the newest first."""
    studies = []
    for path in sorted(_folder(store).glob("*.json"), reverse=True):
        try:
            studies.append(get(store, path.stem))
        except UserError:
            continue
    return studies


def member_ids(store: Store) -> frozenset[str]:
    """Return the ids of all runs that belong to a study."""
    return frozenset(member.run_id for study in every(store) for member in study.members)


def run_of(store: Store, member: Member) -> Run | None:
    """Return a member's run; None if it was deleted."""
    try:
        return store.get(member.run_id)
    except UserError:
        return None


def delete(store: Store, study: Study) -> None:
    """Put a study and its runs into the bin, from which ``restore`` takes them back within a week.

    Raises:
        UserError: If a run has not ended.
    """
    runs = [run for member in study.members if (run := run_of(store, member)) is not None]
    if not all(_ended(run) for run in runs):
        raise UserError("Stop this comparison before you delete it.")
    binned = _binned(store, study.id)
    with disk_errors():
        binned.mkdir(parents=True, exist_ok=True)
        os.replace(_folder(store) / f"{study.id}.json", binned / "study.json")
    for run in runs:
        store.delete(run)


def _ended(run: Run) -> bool:
    try:
        return run.status.state in ENDED
    except UserError:
        return True  # nobody trains a run whose status cannot be read


def restore(store: Store, study_id: str) -> Study:
    """Take a study and those of its runs that are still there out of the bin.

    Raises:
        UserError: If the study is no longer there.
    """
    binned = _binned(store, study_id)
    if not _ID.fullmatch(study_id) or not (binned / "study.json").exists():
        raise UserError("This comparison is no longer in the bin.")
    with disk_errors():
        _folder(store).mkdir(exist_ok=True)
        os.replace(binned / "study.json", _folder(store) / f"{study_id}.json")
        binned.rmdir()
    study = get(store, study_id)
    for member in study.members:
        try:
            store.restore(member.run_id)
        except UserError:
            continue  # deleted for good, or never deleted; the comparison says which are missing
    return study
