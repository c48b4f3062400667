"""The space of a random search: which settings may vary, between what, and how likely each value is."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from lrapp.errors import UserError
from lrapp.phrasing import number
from lrapp.settings import Optimizer as OptimizerName
from lrapp.settings import TrainingSettings
from lrapp.settings.base import SettingsModel

Value = float | int | str
_OPTIMIZERS: Any = TrainingSettings.model_fields["optimizer"].json_schema_extra


class Range(SettingsModel):
    """The range of a number; its ``Axis`` says how likely each value is."""

    low: int | float
    high: int | float


class Choice(SettingsModel):
    """Optimizers to choose among."""

    among: tuple[OptimizerName, ...]


@dataclass(frozen=True)
class Axis:
    """How a number varies.

    Args:
        scale: Uniform in the logarithm, powers of two that are equally likely, or uniform.
        least, most: How far a range may go.
        usual: The range to start from.
        whole: Whether it takes whole numbers only.
        step: What one press on plus or minus changes.
    """

    scale: Literal["log", "log2", "linear"]
    least: float
    most: float
    usual: Range
    whole: bool = False
    step: float | None = None

    def draw(self, of: Range, share: float) -> float | int:
        """Return the value below which that share of all draws lies: whole, or of three digits, never outside.

        Args:
            of: The range.
            share: From 0 up to, but not including, 1.
        """
        low, high = of.low, of.high
        if self.scale == "log2":
            first, last = (int(size).bit_length() - 1 for size in (low, high))
            return int(2 ** (first + math.floor(share * (last - first + 1))))
        if self.whole and self.scale == "linear":
            return int(low) + math.floor(share * (int(high) - int(low) + 1))
        if self.scale == "linear":
            return float(min(max(round(low + share * (high - low), 3), low), high))
        # The ends of whole numbers have their full share, as half a unit beyond them still counts.
        from_, to = (low - 0.5, high + 0.5) if self.whole else (low, high)
        drawn = math.exp(math.log(from_) + share * math.log(to / from_))
        if self.whole:
            return int(min(max(round(drawn), low), high))
        return float(min(max(float(f"{drawn:.3g}"), low), high))

    def require_inside(self, of: Range) -> None:
        """Raise a ``ValueError`` if the setting itself would refuse an end of a range."""
        for end in (of.low, of.high):
            if not self.least <= end <= self.most or (self.whole and not isinstance(end, int)):
                kind = "whole numbers" if self.whole else "numbers"
                raise ValueError(
                    f"The ends must be {kind} from {number(self.least, 6)} to {number(self.most, 6)}. "
                    f"Received: {number(end, 6)}."
                )


AXES = {
    "learning_rate": Axis("log", 1e-12, 1000, Range(low=1e-4, high=0.1)),
    "batch_size": Axis("log2", 1, 2**19, Range(low=16, high=256), whole=True),
    "units": Axis("log", 1, 16_384, Range(low=16, high=256), whole=True),
    "layers": Axis("linear", 1, 20, Range(low=1, high=4), whole=True),
    "dropout": Axis("linear", 0, 0.95, Range(low=0.0, high=0.5), step=0.05),
    "l2": Axis("log", 1e-12, 10, Range(low=1e-6, high=1e-2)),
}
"""The numbers that may vary; the optimizer is drawn from a ``Choice``."""


class Space(SettingsModel):
    """Which settings vary, and in which range; the others are fixed."""

    # The draws depend on the order of the fields: new ones go to the end.
    learning_rate: Range | None = Field(
        None,
        title="Learning rate",
        description="Every factor is as likely as any other; where the policy moves the rate this is its peak, and its "
        "lower bound keeps its share of that.",
    )
    batch_size: Range | None = Field(
        None,
        title="Batch size",
        description="Powers of two, each as likely as the others; small batches mean more updates in the same epochs.",
    )
    units: Range | None = Field(
        None,
        title="Width",
        description="Units of every hidden layer, the same for all; every factor is as likely as any other.",
    )
    layers: Range | None = Field(
        None,
        title="Number of layers",
        description="Hidden layers: the first ones of the network; where it has fewer, its last one is repeated.",
    )
    dropout: Range | None = Field(
        None,
        title="Dropout",
        description="Share of every hidden layer's outputs that is dropped; every share is as likely as any other.",
    )
    l2: Range | None = Field(
        None,
        title="L2",
        description="Penalty on the square of every hidden layer's weights; every factor is as likely as any other.",
    )
    optimizer: Choice | None = Field(
        None,
        title="Optimizer",
        description="Each as likely as the others; SGD wants rates some ten times those of Adam, so let the rate vary.",
    )

    @field_validator(*AXES)
    @classmethod
    def _inside(cls, of: Range | None, field: ValidationInfo) -> Range | None:
        if of is not None:
            AXES[str(field.field_name)].require_inside(of)
        return of

    @property
    def varied(self) -> tuple[tuple[str, Range | Choice], ...]:
        """Names and ranges of the settings that vary, in the order of the fields."""
        found = ((name, getattr(self, name)) for name in NAMES)
        return tuple((name, one) for name, one in found if one is not None)


NAMES = tuple(Space.model_fields)
OF_LAYERS = ("units", "layers", "dropout", "l2")


def title(name: str) -> str:
    """Return the title of a setting."""
    return Space.model_fields[name].title or name


def spoken(name: str) -> str:
    """Return the name of a setting within a sentence."""
    word = title(name)
    return word if word.isupper() else word[0].lower() + word[1:]


def usual(name: str) -> Range | Choice:
    """Return the default range of a setting."""
    return AXES[name].usual if name in AXES else Choice(among=("sgd", "adam", "rmsprop"))


def draw(name: str, of: Range | Choice, share: float) -> Value:
    """Return a value for a setting; arguments as for ``Axis.draw``."""
    if isinstance(of, Choice):
        return of.among[math.floor(share * len(of.among))]
    return AXES[name].draw(of, share)


def refuse(name: str, of: Range | Choice) -> None:
    """Check a range.

    Args:
        name: The setting.
        of: Its range.

    Raises:
        UserError: If the ends are equal, out of order, or not valid for the setting; or there is no choice.
    """
    if isinstance(of, Choice):
        if len(set(of.among)) < 2 or len(set(of.among)) < len(of.among):
            raise UserError(
                f"{title(name)}: there must be two different ones or more to choose among; add another. "
                f"Received: {', '.join(of.among) or 'none'}."
            )
        return
    for size in (of.low, of.high):
        if AXES[name].scale == "log2" and int(size).bit_count() != 1:
            raise UserError(
                f"{title(name)}: both ends must be powers of two, such as 16 or 256; choose the next one. "
                f"Received: {size}."
            )
    if of.low >= of.high:
        raise UserError(
            f"{title(name)}: the range must end above its start; raise its end or lower its start. "
            f"Received: {number(of.low, 6)} to {number(of.high, 6)}."
        )


def shown(value: Value) -> str:
    """Return a value as a person reads it: an optimizer by its name, a number with six digits at most."""
    return (
        number(value, 6) if isinstance(value, (int, float)) else str(_OPTIMIZERS["labels"].get(value, value))
    )


def usual_batches(training_rows: int) -> Range:
    """Return a range of batch sizes to start from, whose largest leaves an epoch some updates."""
    high = min(256, max(32, 2 ** ((training_rows // 4).bit_length() - 1)))
    return Range(low=max(4, high // 16), high=high)


def usual_rates(optimizer: str) -> Range:
    """Return a range of rates to start from; SGD's are ten times those of the adaptive optimizers."""
    return Range(low=1e-3, high=1.0) if optimizer == "sgd" else AXES["learning_rate"].usual
