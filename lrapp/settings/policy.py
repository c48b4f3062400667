"""Settings of the learning rate: a policy's numbers, with its lengths in epochs or steps."""

from typing import Annotated, Any, Literal

from pydantic import Field

from lrapp.errors import UserError
from lrapp.phrasing import counted, number
from lrapp.policies import schedules
from lrapp.policies.linear_test import LinearSweep
from lrapp.policies.momentum import CyclicalMomentum
from lrapp.policies.trials import MOST_TRIALS
from lrapp.settings.base import SettingsModel, checked, ui

# Of a run, and of a range test with all of its seeds.
MOST_STEPS = 20_000_000
Unit = Literal["epochs", "steps"]
_MOST_RATE = 1000.0
_RATE: dict[str, Any] = {"ge": 0, "le": _MOST_RATE}
_LENGTH: dict[str, Any] = {"gt": 0, "le": 1e9}


class RangeTestSettings(SettingsModel):
    """How a range test looks for rates (Smith 2017, arXiv 1506.01186, section 3.3)."""

    rise: Literal["exponential", "linear"] = Field(
        "exponential",
        title="Kind of test",
        description="By the loss: the rate grows by the same factor in every step, over many decades. By the accuracy: "
        "it rises evenly over some epochs, as in Smith's paper; for numbers, R2 is watched.",
        json_schema_extra=ui(
            labels={"exponential": "By the loss (exponential)", "linear": "By the accuracy (linear)"}
        ),
    )
    start_lr: float = Field(
        1e-7,
        ge=1e-12,
        le=1000,
        title="Lowest rate",
        description="The test starts here; it should be far too small.",
    )
    end_lr: float = Field(
        10.0,
        ge=1e-12,
        le=1000,
        title="Highest rate",
        description="The test ends here, or as soon as the loss explodes.",
    )
    steps: int = Field(
        100,
        ge=20,
        le=100_000,
        title="Steps",
        description="Steps from the lowest to the highest rate; more make the curve quieter.",
        json_schema_extra=ui("steps"),
    )
    seeds: int = Field(
        3,
        ge=1,
        le=20,
        title="Seeds",
        description="How often the test is repeated, with other initial weights; how far they agree shows how sure "
        "the result is.",
    )
    linear_start_lr: float = Field(
        0.0,
        ge=0,
        le=1000,
        title="First rate",
        description="A linear test starts here.",
        json_schema_extra=ui(step=0.001),
    )
    linear_end_lr: float = Field(
        0.1,
        gt=0,
        le=1000,
        title="Last rate",
        description="A linear test ends here; it should be a little too high. SGD may need 1.",
    )
    epochs: int = Field(
        8,
        ge=1,
        le=10_000,
        title="Epochs of the test",
        description="How often a linear test uses every training row.",
    )

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that count for this kind of test, without the kind itself."""
        linear = ("linear_start_lr", "linear_end_lr", "epochs", "seeds")
        return linear if self.rise == "linear" else ("start_lr", "end_lr", "steps", "seeds")

    def most_steps(self, steps_per_epoch: int) -> int:
        """Return the steps that the test takes at most.

        That are its curves, and of an exponential one the same batches untrained, and every trial of a range.

        Args:
            steps_per_epoch: At least 1.
        """
        if self.rise == "linear":
            return self.seeds * self.epochs * steps_per_epoch
        return (2 + MOST_TRIALS) * self.seeds * self.steps

    def told(self, steps_per_epoch: int) -> str:
        """Return what the test takes, for sentences: ``a range test of up to 2,100 steps, with the trials of …``.

        Args:
            steps_per_epoch: At least 1.
        """
        steps = f"a range test of up to {counted(self.most_steps(steps_per_epoch), 'step')}"
        if self.rise == "exponential":
            return f"{steps}, with the trials of what it finds"
        return f"{steps} ({self.seeds:,} x {counted(self.epochs, 'epoch')})"

    def linear_sweep(self, steps_per_epoch: int) -> LinearSweep:
        """Return the rates of a linear test.

        Args:
            steps_per_epoch: At least 1.

        Raises:
            UserError: If it would not rise, is too short to be read, or too long.
        """
        steps = self.epochs * steps_per_epoch
        if steps * self.seeds > MOST_STEPS:
            raise UserError(
                f"A range test can have at most {MOST_STEPS:,} steps in all; lower its epochs or seeds, or make the "
                f"batch larger. Received: {steps * self.seeds:,}."
            )
        return LinearSweep(self.linear_start_lr, self.linear_end_lr, steps, steps_per_epoch)

    def check(self, steps_per_epoch: int | None) -> None:
        """Check that the rates rise and the test has a length that it can be read by.

        Args:
            steps_per_epoch: At least 1; None where it is not known yet, then the length is not checked.

        Raises:
            UserError: If not; says what to change.
        """
        if self.rise == "exponential":
            self.sweep()
        elif steps_per_epoch is not None:
            self.linear_sweep(steps_per_epoch)

    def sweep(self) -> schedules.RangeSweep:
        """Return the rates of the test.

        Raises:
            UserError: If the test would not rise, or hardly.
        """
        sweep = schedules.RangeSweep(self.start_lr, self.end_lr, self.steps)
        # Rounding must not refuse 0.1 to 1.
        if self.end_lr < 9.999 * self.start_lr:
            raise UserError(
                "A range test must end at ten times its first rate or above; lower the start or raise the end. "
                f"Received: start {number(self.start_lr, 6)}, end {number(self.end_lr, 6)}."
            )
        return sweep


class _PolicySettings(SettingsModel):
    unit: Unit = Field(
        "epochs",
        title="Unit of lengths",
        description="Whether lengths below count epochs or steps (one step is one batch).",
    )
    warmup: float = Field(
        0.0,
        ge=0,
        le=1e9,
        title="Warm-up",
        description="A straight line up to the first rate before the policy starts; 0 for none.",
        json_schema_extra=ui("length"),
    )

    source: Literal["chosen", "found", "raced"] = Field(
        "chosen",
        title="Rates",
        description="Find them: networks at several rates train side by side, and validation decides. From a range "
        "test: it is the first phase of the run.",
        json_schema_extra=ui(
            labels={"chosen": "Chosen here", "raced": "Find them for me", "found": "From a range test"}
        ),
    )
    origin: str = Field(
        "", title="Origin", description="Where the rates came from, in words.", max_length=1000
    )

    cycle_momentum: bool = Field(
        False,
        title="Cyclical momentum",
        description="Momentum moves against the rate: highest where the rate is lowest (Smith 2018). For Adam and "
        "AdamW it is beta_1.",
    )
    base_momentum: float = Field(
        0.85,
        ge=0,
        lt=1,
        title="base_momentum",
        description="Momentum where the rate is highest.",
        json_schema_extra=ui(step=0.01),
    )
    max_momentum: float = Field(
        0.95,
        ge=0,
        lt=1,
        title="max_momentum",
        description="Momentum where the rate is lowest.",
        json_schema_extra=ui(step=0.01),
    )

    def build(self, steps_per_epoch: int, total_steps: int) -> schedules.Policy:
        """Return the policy, with its lengths in steps.

        Args:
            steps_per_epoch: Batches in one epoch, at least 1.
            total_steps: Steps in the whole run, at least 1.

        Raises:
            UserError: If the numbers do not go together (bounds out of order, a cycle below one step).
        """
        warmup = self._steps(self.warmup, steps_per_epoch)
        if warmup == 0:
            return self._policy(steps_per_epoch, total_steps)
        # Below one step there is no line to draw; WarmUp reports that.
        remaining = max(1, total_steps - int(warmup))
        return schedules.WarmUp(self._policy(steps_per_epoch, remaining), warmup)

    def momentum(self, policy: schedules.Policy) -> CyclicalMomentum | None:
        """Return what moves momentum against the rates of the built policy, None where it stays.

        Raises:
            UserError: If the bounds are out of order, or the rate never moves.
        """
        return (
            CyclicalMomentum(policy, self.base_momentum, self.max_momentum) if self.cycle_momentum else None
        )

    def _policy(self, steps_per_epoch: int, total_steps: int) -> schedules.Policy:
        raise NotImplementedError

    def _steps(self, length: float, steps_per_epoch: int) -> float:
        return length * steps_per_epoch if self.unit == "epochs" else length


class FixedSettings(_PolicySettings):
    """The same rate all the way."""

    type: Literal["fixed"] = "fixed"
    learning_rate: float = Field(0.001, **_RATE, title="Learning rate", description="The size of every step.")

    def _policy(self, steps_per_epoch: int, total_steps: int) -> schedules.Policy:
        return schedules.Fixed(self.learning_rate)


class CLRSettings(_PolicySettings):
    """Cyclical rates (Smith 2017)."""

    type: Literal["clr"] = "clr"
    base_lr: float = Field(0.001, **_RATE, title="base_lr", description="The lower bound of the cycle.")
    max_lr: float = Field(
        0.01,
        **_RATE,
        title="max_lr",
        description="The upper bound: a little below where the loss begins to rise.",
    )
    step_size: float = Field(
        4.0,
        **_LENGTH,
        title="step_size",
        description="Half a cycle. The paper recommends 2 to 10 epochs.",
        json_schema_extra=ui("length"),
    )
    mode: schedules.CLRMode = Field(
        "triangular",
        title="Mode",
        description="triangular: the same peaks; triangular2: halved each cycle; exp_range: shrunk by gamma each step.",
    )
    gamma: float = Field(
        0.9999,
        gt=0,
        le=1,
        title="gamma",
        description="For exp_range: the factor on the upper bound in every step.",
        json_schema_extra=ui(step=1e-4),
    )

    def _policy(self, steps_per_epoch: int, total_steps: int) -> schedules.Policy:
        return schedules.CLR(
            self.base_lr, self.max_lr, self._steps(self.step_size, steps_per_epoch), self.mode, self.gamma
        )


class SGDRSettings(_PolicySettings):
    """Warm restarts (Loshchilov and Hutter 2017)."""

    type: Literal["sgdr"] = "sgdr"
    max_lr: float = Field(0.01, **_RATE, title="max_lr", description="The rate right after a restart.")
    min_lr: float = Field(0.0, **_RATE, title="min_lr", description="The least rate, at the end of a cycle.")
    T_0: float = Field(
        10.0,
        **_LENGTH,
        title="First cycle (T_0)",
        description="Length of the first cycle. The paper uses 1 and 10 epochs.",
        json_schema_extra=ui("length"),
    )
    T_mult: float = Field(
        2.0,
        ge=1,
        le=100,
        title="Cycle multiplier (T_mult)",
        description="Each cycle is this many times as long as the one before.",
        json_schema_extra=ui(step=0.5),
    )
    decay: float = Field(
        1.0,
        gt=0,
        le=1,
        title="Peak decay",
        description="Each peak is this share of the one before.",
        json_schema_extra=ui(step=0.05),
    )

    def _policy(self, steps_per_epoch: int, total_steps: int) -> schedules.Policy:
        first = self._steps(self.T_0, steps_per_epoch)
        return schedules.SGDR(self.max_lr, first, self.min_lr, self.T_mult, self.decay)


class OneCycleSettings(_PolicySettings):
    """One rise and one long fall over the whole run (Smith and Topin 2018)."""

    type: Literal["one-cycle"] = "one-cycle"
    max_lr: float = Field(0.01, **_RATE, title="max_lr", description="The peak.")
    rise: float = Field(
        0.25,
        gt=0,
        lt=1,
        title="Rising share",
        description="Share of the run spent on the way up.",
        json_schema_extra=ui(step=0.05),
    )
    start_div: float = Field(
        25.0, ge=1, le=1e9, title="Start divisor", description="The first rate is max_lr divided by this."
    )
    end_div: float = Field(
        1e5, ge=1, le=1e12, title="End divisor", description="The last rate is max_lr divided by this."
    )

    def _policy(self, steps_per_epoch: int, total_steps: int) -> schedules.Policy:
        return schedules.OneCycle(self.max_lr, total_steps, self.rise, self.start_div, self.end_div)


class CosLog4Settings(_PolicySettings):
    """Four cosine cycles over the whole run, each twice as long as the one before (RealMLP, 2024)."""

    type: Literal["coslog4"] = "coslog4"
    base_lr: float = Field(0.0, **_RATE, title="base_lr", description="The rate between two cycles, often 0.")
    max_lr: float = Field(0.01, **_RATE, title="max_lr", description="The peak of each of the four cycles.")

    def _policy(self, steps_per_epoch: int, total_steps: int) -> schedules.Policy:
        return schedules.CosLog4(self.max_lr, total_steps, self.base_lr)


PolicySettings = Annotated[
    FixedSettings | CLRSettings | SGDRSettings | OneCycleSettings | CosLog4Settings,
    Field(discriminator="type"),
]


def with_rates(
    policy: PolicySettings, base_lr: float, max_lr: float, learning_rate: float, origin: str
) -> PolicySettings:
    """Return the policy with rates that a range test found.

    Args:
        policy: What moves the rate, with its lengths.
        base_lr, max_lr: A range; CLR takes both, SGDR, one-cycle and coslog4 their peak, below which their lowest
            rate stays.
        learning_rate: A single rate, for the fixed policy.
        origin: Where the rates came from, in words.

    Returns:
        The policy with the rates rounded to three digits: a range test knows no more.
    """
    base_lr, max_lr, learning_rate = (float(f"{rate:.3g}") for rate in (base_lr, max_lr, learning_rate))
    match policy:
        case FixedSettings():
            rates = {"learning_rate": learning_rate}
        case CLRSettings():
            rates = {"base_lr": base_lr, "max_lr": max_lr}
        case SGDRSettings() | OneCycleSettings() | CosLog4Settings():
            rates = {"max_lr": max_lr}
            if isinstance(policy, CosLog4Settings):
                rates["base_lr"] = min(policy.base_lr, max_lr)
            if isinstance(policy, SGDRSettings):
                rates["min_lr"] = min(policy.min_lr, max_lr)
    return checked(policy, **rates, source="chosen", origin=origin)


def scaled(policy: PolicySettings, factor: float, origin: str) -> PolicySettings:
    """Return the policy with all its rates multiplied, as a network in a race follows it.

    Args:
        factor: What its rates are multiplied with, above 0.

    Returns:
        The policy with its rates rounded to three digits; none is above the highest that a policy may have, and they
        keep their proportions.
    """
    names = [name for name in ("learning_rate", "base_lr", "max_lr", "min_lr") if hasattr(policy, name)]
    highest = max(getattr(policy, name) for name in names)
    if factor * highest > _MOST_RATE:
        factor = _MOST_RATE / highest
    rates = {name: float(f"{factor * getattr(policy, name):.3g}") for name in names}
    return checked(policy, **rates, source="chosen", origin=origin)


def starting_policy(type_: str, optimizer: str) -> PolicySettings:
    """Return a policy to start from, with rates that suit the optimizer.

    Args:
        type_: ``fixed``, ``clr``, ``sgdr``, ``one-cycle`` or ``coslog4``.
        optimizer: SGD gets rates ten times those of Adam, AdamW and RMSprop.
    """
    scale = 10 if optimizer == "sgd" else 1
    match type_:
        case "fixed":
            return FixedSettings(learning_rate=0.001 * scale)
        case "clr":
            return CLRSettings(base_lr=0.001 * scale, max_lr=0.01 * scale)
        case "sgdr":
            return SGDRSettings(max_lr=0.01 * scale)
        case "one-cycle":
            return OneCycleSettings(max_lr=0.01 * scale)
        case "coslog4":
            return CosLog4Settings(max_lr=0.01 * scale)
    raise UserError(f"A policy must be fixed, clr, sgdr, one-cycle or coslog4. Received: {type_}.")
