"""The space of a random search: which settings may vary, between what, and how likely each value is."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from lrapp.errors import UserError
from lrapp.phrasing import number
from lrapp.settings import Optimizer as OptimizerName
from lrapp.settings import TrainingSettings
from lrapp.settings.base import SettingsModel

Value = float | int | str
_OPTIMIZERS: Any = TrainingSettings.model_fields["optimizer"].json_schema_extra


# As many as can be told apart in a chart.
MOST_NUMBERS = 50


_MOST = 1e9
_LEAST_STEP = 1e-12
_MOST_SHOWN = 60


def _checked(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MOST:
        raise ValueError(
            f"It must be a number from {-_MOST:,.0f} to {_MOST:,.0f}. Received: {str(value)[:_MOST_SHOWN]}."
        )
    return value


Number = Annotated[int | float, BeforeValidator(_checked)]


class Range(SettingsModel):
    """The range of a number; its ``Axis`` says how likely each value is. In steps, each of them is equally likely."""

    low: Number
    high: Number
    step: Number | None = Field(None, ge=_LEAST_STEP)

    @property
    def highest(self) -> int | float:
        """The highest number that can be drawn."""
        return self.on_step(self.steps) if self.step is not None else self.high

    @property
    def steps(self) -> int:
        """How many steps lie between its ends; 0 without a step."""
        # A share of a step is forgiven, as 0.1 three times is not quite 0.3.
        return math.floor((self.high - self.low) / self.step + 1e-9) if self.step is not None else 0

    def on_step(self, number: int) -> int | float:
        """Return the value that lies so many steps above the low end."""
        assert self.step is not None
        value = self.low + number * self.step
        return value if isinstance(value, int) else float(f"{value:.12g}")


class Numbers(SettingsModel):
    """Numbers to choose among, each as likely as the others."""

    among: tuple[Number, ...] = Field(min_length=1, max_length=MOST_NUMBERS)

    @property
    def highest(self) -> int | float:
        """The highest number that can be drawn."""
        return max(self.among)


class Choice(SettingsModel):
    """Optimizers to choose among."""

    among: tuple[OptimizerName, ...]


Varied = Range | Numbers | Choice
# What tells them apart in JSON, and what pydantic then calls them where one is not valid.
WAYS = ("range", "list")


def _way(value: Any) -> str:
    """Which way a number varies: whatever names what it is among is a list."""
    listed = "among" in value if isinstance(value, dict) else isinstance(value, Numbers)
    return WAYS[listed]


Ways = Annotated[
    Annotated[Range, Tag(WAYS[0])] | Annotated[Numbers, Tag(WAYS[1])],
    Discriminator(_way),
]


@dataclass(frozen=True)
class Axis:
    """How a number varies.

    Args:
        scale: Uniform in the logarithm, powers of two that are equally likely, or uniform.
        least, most: How far a range may go.
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
            share: From 0 up to, but not including, 1.
        """
        low, high = of.low, of.high
        if of.step is not None:
            value = of.on_step(math.floor(share * (of.steps + 1)))
            return value if self.whole else float(value)
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

    @property
    def likelihood(self) -> str:
        """How likely each value between two ends is, as a sentence."""
        if self.scale == "log2":
            return "Powers of two, each as likely as the others."
        return f"Every {'factor' if self.scale == 'log' else 'number'} is as likely as any other."

    def require_inside(self, of: Range | Numbers) -> None:
        """Raise a ``ValueError`` if the setting itself would refuse an end of a range, or a number of a list."""
        listed = isinstance(of, Numbers)
        for end in of.among if isinstance(of, Numbers) else (of.low, of.high):
            if not self.least <= end <= self.most or (self.whole and not isinstance(end, int)):
                kind = "whole numbers" if self.whole else "numbers"
                raise ValueError(
                    f"The {'values' if listed else 'ends'} must be {kind} from {number(self.least, 6)} to "
                    f"{number(self.most, 6)}. Received: {number(end, 6)}."
                )
        if isinstance(of, Range) and self.whole and not isinstance(of.step, int | None):
            raise ValueError(f"The step must be a whole number. Received: {number(of.step or 0, 6)}.")


AXES = {
    "learning_rate": Axis("log", 1e-12, 1000, Range(low=1e-4, high=0.1)),
    "batch_size": Axis("log2", 1, 2**19, Range(low=16, high=256), whole=True),
    "units": Axis("log", 1, 16_384, Range(low=16, high=256), whole=True),
    "layers": Axis("linear", 1, 20, Range(low=1, high=4), whole=True),
    "dropout": Axis("linear", 0, 0.95, Range(low=0.0, high=0.5), step=0.05),
    "l2": Axis("log", 1e-12, 10, Range(low=1e-6, high=1e-2)),
}
"""The numbers that may vary; the optimizer is drawn from a ``Choice``."""


_STEPS: dict[str, int | float] = {"learning_rate": 0.01, "units": 32, "layers": 1, "dropout": 0.1, "l2": 1e-3}
_LISTS: dict[str, tuple[int | float, ...]] = {
    "learning_rate": (1e-2, 1e-3, 1e-4),
    "batch_size": (32, 64, 128),
    "units": (32, 64, 128, 256),
    "layers": (1, 2, 3),
    "dropout": (0.0, 0.2, 0.5),
    "l2": (1e-4, 1e-3, 1e-2),
}


class Space(SettingsModel):
    """Which settings vary, and in which range; the others are fixed."""

    # The draws depend on the order of the fields: new ones go to the end.
    learning_rate: Ways | None = Field(
        None,
        title="Learning rate",
        description="Where the policy moves the rate this is its peak, and its lower bound keeps its share of that.",
    )
    batch_size: Ways | None = Field(
        None,
        title="Batch size",
        description="Small batches mean more updates in the same epochs.",
    )
    units: Ways | None = Field(
        None,
        title="Width",
        description="Units of every hidden layer, the same for all.",
    )
    layers: Ways | None = Field(
        None,
        title="Number of layers",
        description="Hidden layers: the first ones of the network; where it has fewer, its last one is repeated.",
    )
    dropout: Ways | None = Field(
        None,
        title="Dropout",
        description="Share of every hidden layer's outputs that is dropped.",
    )
    l2: Ways | None = Field(
        None,
        title="L2",
        description="Penalty on the square of every hidden layer's weights.",
    )
    optimizer: Choice | None = Field(
        None,
        title="Optimizer",
        description="SGD wants rates some ten times those of Adam, so let the rate vary.",
    )

    @field_validator(*AXES)
    @classmethod
    def _inside(cls, of: Range | Numbers | None, field: ValidationInfo) -> Range | Numbers | None:
        if of is not None:
            AXES[str(field.field_name)].require_inside(of)
        return of

    @property
    def varied(self) -> tuple[tuple[str, Varied], ...]:
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


def usual_step(name: str) -> int | float:
    """Return the default step of a number, where it varies in steps."""
    return _STEPS[name]


def usual_numbers(name: str) -> Numbers:
    """Return the default list of a number."""
    return Numbers(among=_LISTS[name])


def draw(name: str, of: Varied, share: float) -> Value:
    """Return a value for a setting; arguments as for ``Axis.draw``."""
    if isinstance(of, Range):
        return AXES[name].draw(of, share)
    value: Value = of.among[math.floor(share * len(of.among))]
    return float(value) if isinstance(of, Numbers) and not AXES[name].whole else value


def numbers(name: str, text: str) -> Numbers:
    """Return the numbers of a list that a person typed, with blanks, commas or semicolons between them.

    Raises:
        UserError: If something is no number, or not one that the setting can be.
    """
    about, found = AXES[name], []
    for word in text.replace(",", " ").replace(";", " ").split():
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not about.least <= value <= about.most or (about.whole and not value.is_integer()):
            kind = "whole numbers" if about.whole else "numbers"
            raise UserError(
                f"{title(name)}: the list must be {kind} from {number(about.least, 6)} to {number(about.most, 6)}, "
                f"such as {listed(usual_numbers(name))}. Received: {word[:40]}."
            )
        found.append(int(value) if about.whole else value)
    if not 2 <= len(set(found)) <= MOST_NUMBERS or len(set(found)) < len(found):
        raise UserError(
            f"{title(name)}: the list must hold 2 to {MOST_NUMBERS} different numbers; add others, or take some out. "
            f"Received: {text.strip()[:60] or 'none'}."
        )
    return Numbers(among=tuple(found))


def listed(of: Numbers) -> str:
    """Return numbers as a person would type them into a list."""
    return ", ".join(f"{value:.12g}" for value in of.among)


def refuse(name: str, of: Varied) -> None:
    """Check a range.

    Raises:
        UserError: If the ends are equal, out of order, or not valid for the setting; a step does not fit between them;
            or there is no choice.
    """
    if isinstance(of, Choice | Numbers):
        if len(set(of.among)) < 2 or len(set(of.among)) < len(of.among):
            received = ", ".join(of.among) if isinstance(of, Choice) else listed(of)
            raise UserError(
                f"{title(name)}: there must be two different ones or more to choose among; add another. "
                f"Received: {received or 'none'}."
            )
        return
    if of.step is not None and AXES[name].scale == "log2":
        raise UserError(
            f"{title(name)}: it goes in powers of two, so there is no step; leave it out, or list the values. "
            f"Received: {number(of.step, 6)}."
        )
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
    if of.step is not None and of.steps < 1:
        raise UserError(
            f"{title(name)}: a step must fit between the ends of the range; make it smaller. "
            f"Received: {number(of.step, 6)}."
        )


def combinations(space: Space) -> int | None:
    """Return how many settings can be drawn, each as likely as the others; None where a number may be any in a range.

    Args:
        space: What varies, as ``refuse`` lets it pass.
    """
    found = 1
    for name, of in space.varied:
        if isinstance(of, Choice | Numbers):
            found *= len(of.among)
        elif of.step is not None:
            found *= of.steps + 1
        elif AXES[name].scale == "log2":
            found *= int(of.high).bit_length() - int(of.low).bit_length() + 1
        elif AXES[name].whole and AXES[name].scale == "linear":
            found *= int(of.high) - int(of.low) + 1
        else:
            return None
    return found


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
