"""All settings of a run, validated, as JSON in and out.

The same tree is what the page edits, what the run folder keeps, what ``python -m lrapp`` takes and what one person
can send to another. Ranges, units and the sentence of help stand beside each field; the widgets read them there.
"""

import math
from typing import Literal

import numpy as np
from pydantic import Field

from lrapp.errors import UserError
from lrapp.policies import schedules
from lrapp.policies.lr_range import RatesFound
from lrapp.policies.momentum import CyclicalMomentum
from lrapp.settings.base import SettingsModel, ui
from lrapp.settings.data import DataSettings
from lrapp.settings.groups import GroupSettings
from lrapp.settings.in_files import InFiles
from lrapp.settings.made_from import MadeFrom
from lrapp.settings.network import FreshStart, ModelSettings
from lrapp.settings.policy import (
    MOST_STEPS,
    CLRSettings,
    PolicySettings,
    RangeTestSettings,
    with_rates,
)
from lrapp.settings.pruning import PruningSettings
from lrapp.settings.stopping import EarlyStoppingSettings

Optimizer = Literal["sgd", "adam", "adamw", "rmsprop"]
Precision = Literal["float32", "mixed_float16", "mixed_bfloat16"]


MOST_NETWORKS = 64


class TrainingSettings(SettingsModel):
    """How the network is trained."""

    optimizer: Optimizer = Field(
        "adam",
        title="Optimizer",
        description="SGD is what the papers on cyclical rates use; Adam and its kin need rates ten times smaller.",
        json_schema_extra=ui(labels={"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}),
    )
    momentum: float = Field(
        0.9,
        ge=0,
        lt=1,
        title="Momentum",
        description="How much of the last update is carried on (SGD and RMSprop).",
        json_schema_extra=ui(step=0.05),
    )
    nesterov: bool = Field(
        False,
        title="Nesterov",
        description="Looks ahead along the momentum before taking the gradient (SGD).",
    )
    weight_decay: float = Field(
        0.004,
        ge=0,
        le=10,
        title="Weight decay",
        description="Pulls weights towards zero apart from the gradient (AdamW).",
        json_schema_extra=ui(step=1e-3),
    )
    beta_1: float = Field(
        0.9,
        ge=0,
        lt=1,
        title="beta_1",
        description="How much of the running mean of the gradient is kept in each step (Adam and AdamW).",
        json_schema_extra=ui(step=0.01),
    )
    beta_2: float = Field(
        0.999,
        ge=0,
        lt=1,
        title="beta_2",
        description="The same for the gradient's square (Adam and AdamW); 0.95 follows it sooner, as in RealMLP.",
        json_schema_extra=ui(step=0.001),
    )
    batch_size: int = Field(
        32,
        ge=1,
        le=1_000_000,
        title="Batch size",
        description="Rows in one update. Larger is faster an epoch, smaller takes more steps.",
        json_schema_extra=ui("rows"),
    )
    epochs: int = Field(
        50,
        ge=1,
        le=100_000,
        title="Epochs",
        description="How often every training row is used.",
        json_schema_extra=ui("epochs"),
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        title="Seed",
        description="Initial weights, order of rows and dropout. The same seed gives the same history.",
    )
    precision: Precision = Field(
        "float32",
        title="Precision",
        description="Mixed precision pays on recent GPUs with large networks; on a CPU it is slower.",
    )
    xla: Literal["auto", "on", "off"] = Field(
        "auto",
        title="XLA compilation",
        description="Compiles the loop once, then runs faster. Automatic: for long runs of small networks.",
        json_schema_extra=ui(labels={"auto": "Automatic", "on": "On", "off": "Off"}),
    )
    members: int = Field(
        1,
        ge=1,
        le=MOST_NETWORKS,
        title="Ensemble",
        description="How many networks train at once, each from other initial weights. The mean of their answers is "
        "nearly always better than one of them.",
        json_schema_extra=ui("networks"),
    )
    combine: Literal["all", "selected", "best"] = Field(
        "all",
        title="Networks in the model",
        description="All: their plain mean; in a race another choice if it does clearly better. Selected: those whose "
        "mean does best on the validation rows (Caruana et al. 2004). Only the best: the single best there.",
        json_schema_extra=ui(labels={"all": "All", "selected": "Selected", "best": "Only the best"}),
    )
    early_stopping: EarlyStoppingSettings = EarlyStoppingSettings()
    groups: GroupSettings = GroupSettings()
    pruning: PruningSettings = PruningSettings()

    @property
    def counts_from(self) -> int:
        """The first epoch that can be the best or end the run, from 1; of a pruned network, with the final sparsity."""
        return self.pruning.last(self.epochs) if self.pruning.enabled else 1

    @property
    def momentum_name(self) -> str:
        """What the optimizer calls its momentum."""
        return "beta_1" if self.optimizer in ("adam", "adamw") else "momentum"

    @property
    def own_momentum(self) -> float:
        """The optimizer's momentum where it does not move, 0 for none."""
        return self.beta_1 if self.optimizer in ("adam", "adamw") else self.momentum


# Rates in a race, and how far they are apart in all, in powers of ten.
RACERS = 8
RACE_DECADES = 2.0


class RunSettings(InFiles):
    """All that decides what a run computes.

    The same settings on the same machine give the same history, bit for bit.
    """

    version: Literal[1] = 1
    name: str = Field("", title="Name", description="A name of your choice for this run.", max_length=200)
    data: DataSettings = DataSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    policy: PolicySettings = CLRSettings()
    mode: Literal["train", "range test"] = Field(
        "train", title="What to do", description="Train, or only look for learning rates."
    )
    range_test: RangeTestSettings = RangeTestSettings()
    made_from: MadeFrom | None = None
    closer_look: bool = Field(
        True,
        title="A closer look",
        description="Computes curves and the importance of columns at the end; comparisons leave it out.",
    )

    @property
    def networks(self) -> int:
        """How many networks the run trains at once; a range test has one."""
        if self.mode == "range test":
            return 1
        if self.policy.source == "raced":
            return min(self.training.members + RACERS - 1, MOST_NETWORKS)
        return self.data.folds if self.crossed else self.training.members

    @property
    def crossed(self) -> bool:
        """Whether each network leaves out a fold of the rows."""
        return self.mode == "train" and self.data.folds > 1 and not self.data.all_rows

    @property
    def leaves_ensemble(self) -> bool:
        """Whether the run's model is the mean of several networks."""
        return self.networks > 1 and (self.crossed or self.training.combine != "best")

    @property
    def obstacle(self) -> str:
        """Why the run cannot begin, as a sentence; empty if it can."""
        if self.networks_obstacle or self.mode == "range test":
            return self.networks_obstacle
        return self.training.pruning.obstacle(self.training.epochs)

    @property
    def networks_obstacle(self) -> str:
        """Why the run cannot train several networks at once, as a sentence; empty if it can, or trains one."""
        if self.networks == 1:
            return ""
        if self.crossed:
            return self._crossed_obstacle
        one = (
            "choose the rates yourself" if self.policy.source == "raced" else "set the ensemble to 1 network"
        )
        if self._of_pictures:
            return f"Several networks at once are for tables; for pictures, {one}."
        start = self.model.start
        if not isinstance(start, FreshStart) and (self.policy.source == "raced" or start.type != "run"):
            return f"Several networks at once start from fresh weights; choose fresh weights, or {one}."
        return ""

    @property
    def _of_pictures(self) -> bool:
        """Whether data or layers have height and width, for which one network trains at a time."""
        return self.data.facts.pixels or any(layer.facts.pictures for layer in self.model.layers)

    @property
    def _crossed_obstacle(self) -> str:
        """Why the run cannot cross-validate."""
        off = "set the folds to 1"
        if self._of_pictures:
            return f"Cross-validation is for tables; for pictures, {off}."
        if self.policy.source == "raced":
            return (
                "Cross-validation and a race of rates do not go together, as both need the networks for themselves; "
                f"choose the rates yourself, or {off}."
            )
        return ""

    def factors(self) -> tuple[float, ...]:
        """Return what each of the run's networks multiplies the policy's rates with.

        In a race the first of them, as many as the run trains otherwise, follow the policy's own rates, so that the
        very networks take part that it would train without a race. One more races at each of seven other rates, which
        are spread evenly over two decades about the policy's own, on a logarithmic scale. Without a race all are 1.
        """
        if self.policy.source != "raced" or self.mode == "range test":
            return (1.0,) * self.networks
        apart = RACE_DECADES / (RACERS - 1)
        others = [place - RACERS // 2 for place in range(RACERS) if place != RACERS // 2]
        return (1.0,) * (self.networks - len(others)) + tuple(10 ** (apart * place) for place in others)

    def plan(self, training_rows: int) -> schedules.FloatArray:
        """Return the learning rate of every step of the run.

        Args:
            training_rows: Rows to train on, at least 1; the last short batch of an epoch is a step too.

        Returns:
            Learning rates, float64, shape (epochs * steps per epoch,).

        Raises:
            UserError: If the policy's numbers do not go together, or there are too many steps.
        """
        steps_per_epoch = math.ceil(training_rows / self.training.batch_size)
        total_steps = steps_per_epoch * self.training.epochs
        if total_steps > MOST_STEPS:
            raise UserError(
                f"A run can have at most {MOST_STEPS:,} steps; lower the epochs or make the batch larger. "
                f"Received: {total_steps:,}."
            )
        policy = self.policy.build(steps_per_epoch, total_steps)
        self._momentum(policy)
        return policy.plan(total_steps)

    def momentum_plan(self, training_rows: int) -> schedules.FloatArray | None:
        """Return the momentum of every step, where it moves against the rate; None where it stays.

        Args:
            training_rows: As for ``plan``.

        Returns:
            Momentum (beta_1 of Adam and AdamW), float64, shape (epochs * steps per epoch,).

        Raises:
            UserError: As ``plan``.
        """
        policy, total_steps = self._built(training_rows)
        moving = self._momentum(policy)
        return None if moving is None else moving.plan(total_steps)

    def _built(self, training_rows: int) -> tuple[schedules.Policy, int]:
        steps_per_epoch = math.ceil(training_rows / self.training.batch_size)
        total_steps = steps_per_epoch * self.training.epochs
        return self.policy.build(steps_per_epoch, total_steps), total_steps

    def check_momentum(self) -> None:
        """Check that momentum can move as the settings say, whatever rates may still be found.

        Raises:
            UserError: If it cannot.
        """
        fixed = self.policy.type == "fixed"
        self._momentum(schedules.Fixed(1.0) if fixed else schedules.CLR(0.0, 1.0, 1.0))

    def _momentum(self, policy: schedules.Policy) -> CyclicalMomentum | None:
        moving = self.policy.momentum(policy)
        if moving is not None and not self.training.own_momentum:
            name = self.training.momentum_name
            raise UserError(
                f"Cyclical momentum needs an optimizer with momentum, and {name} is 0: raise {name}, or switch "
                "cyclical momentum off."
            )
        return moving

    def cycle_ends(self, training_rows: int) -> tuple[int, ...]:
        """Return the epochs after which a cycle of the learning rate has ended, counted from 1."""
        policy, total = self._built(training_rows)
        steps = total // self.training.epochs
        return tuple(sorted({math.ceil(end / steps) for end in policy.cycle_ends(total).tolist()}))

    def group_plan(self, training_rows: int) -> schedules.FloatArray:
        """Return the learning rate of every step for each group of layers.

        Differential rates: each group follows the policy at a factor of its own, and those before the head stand
        still while they are frozen: both at first, then the early ones alone (gradual unfreezing).

        Args:
            training_rows: As for ``plan``.

        Returns:
            Learning rates, float64, shape (steps, 3) for early, middle and head; shape (steps, 1) where all follow
            the policy itself.

        Raises:
            UserError: As ``plan``.
        """
        plan = self.plan(training_rows)
        groups = self.training.groups
        if not groups.differ:
            return plan[:, None]
        rates = plan[:, None] * np.array([groups.early, groups.middle, groups.head])
        steps_per_epoch = math.ceil(training_rows / self.training.batch_size)
        for group, epochs in enumerate(groups.unfreezing):
            rates[: epochs * steps_per_epoch, group] = 0.0
        return rates

    def with_found(self, found: RatesFound) -> "RunSettings":
        """Return the settings with the rates that the run's own range test found.

        Raises:
            UserError: If it found none; says why, and what to change.
        """
        if found.base_lr is None or found.max_lr is None or found.learning_rate is None:
            raise UserError(f"No learning rate was found. {found.sentence}")
        policy = with_rates(self.policy, found.base_lr, found.max_lr, found.learning_rate, found.origin)
        return self.model_copy(update={"policy": policy})
