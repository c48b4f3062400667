"""The space of a random search: which settings may vary, between what, and how likely each value is."""

import math
from typing import Any, ClassVar, Literal

from pydantic import Field

from lrapp.errors import UserError
from lrapp.settings import Optimizer as OptimizerName
from lrapp.settings import TrainingSettings
from lrapp.settings.base import SettingsModel, ui

Value = float | int | str
Scale = Literal["log", "log2", "linear", "whole", "choice"]
_OPTIMIZERS: Any = TrainingSettings.model_fields["optimizer"].json_schema_extra


class Varied(SettingsModel):
    """What one setting may become."""

    scale: ClassVar[Scale]

    def draw(self, share: float) -> Value:
        """Return the value below which that share of all draws lies.

        Args:
            share: From 0 up to, but not including, 1.
        """
        raise NotImplementedError

    def refuse(self, name: str) -> None:
        """Refuse what is no range.

        Args:
            name: What sentences call the setting.

        Raises:
            UserError: If its ends are equal or out of order, or its values are none that the setting takes.
        """
        low, high = getattr(self, "low", 0), getattr(self, "high", 1)
        if low >= high:
            raise UserError(
                f"{name}: the range must end above its start; raise its end or lower its start. "
                f"Received: {low:g} to {high:g}."
            )


def _log_uniform(low: float, high: float, share: float) -> float:
    """Every factor between the ends is as likely as any other of its size; three digits, never outside."""
    value = float(f"{math.exp(math.log(low) + share * math.log(high / low)):.3g}")
    return min(max(value, low), high)


class Rates(Varied):
    """Learning rates, uniform in the logarithm."""

    scale: ClassVar[Scale] = "log"
    low: float = Field(1e-4, ge=1e-12, le=1000, title="Learning rate from")
    high: float = Field(0.1, ge=1e-12, le=1000, title="Learning rate to")

    def draw(self, share: float) -> float:
        """Return a rate of three digits."""
        return _log_uniform(self.low, self.high, share)


class BatchSizes(Varied):
    """Powers of two, each as likely as the others."""

    scale: ClassVar[Scale] = "log2"
    low: int = Field(16, ge=1, le=2**19, title="Batch size from", json_schema_extra=ui("rows"))
    high: int = Field(256, ge=1, le=2**19, title="Batch size to", json_schema_extra=ui("rows"))

    def draw(self, share: float) -> int:
        """Return a power of two."""
        first, last = (size.bit_length() - 1 for size in (self.low, self.high))
        return int(2 ** (first + math.floor(share * (last - first + 1))))

    def refuse(self, name: str) -> None:
        """Refuse ends that are no powers of two, too."""
        for size in (self.low, self.high):
            if size.bit_count() != 1:
                raise UserError(
                    f"{name}: both ends must be powers of two, such as 16 or 256; choose the next one. "
                    f"Received: {size}."
                )
        super().refuse(name)


class Widths(Varied):
    """Whole numbers, uniform in the logarithm."""

    scale: ClassVar[Scale] = "log"
    low: int = Field(16, ge=1, le=16_384, title="Width from")
    high: int = Field(256, ge=1, le=16_384, title="Width to")

    def draw(self, share: float) -> int:
        """Return a whole number; the ends have their full share, as half a unit beyond them still counts."""
        low, high = self.low - 0.5, self.high + 0.5
        drawn = round(math.exp(math.log(low) + share * math.log(high / low)))
        return min(max(drawn, self.low), self.high)


class Depths(Varied):
    """Whole numbers, each as likely as the others."""

    scale: ClassVar[Scale] = "whole"
    low: int = Field(1, ge=1, le=20, title="Layers from")
    high: int = Field(4, ge=1, le=20, title="Layers to")

    def draw(self, share: float) -> int:
        """Return a whole number."""
        return self.low + math.floor(share * (self.high - self.low + 1))


class Dropouts(Varied):
    """Shares, uniform."""

    scale: ClassVar[Scale] = "linear"
    low: float = Field(0.0, ge=0, le=0.95, title="Dropout from", json_schema_extra=ui(step=0.05))
    high: float = Field(0.5, ge=0, le=0.95, title="Dropout to", json_schema_extra=ui(step=0.05))

    def draw(self, share: float) -> float:
        """Return a share of three decimals, never outside."""
        return min(max(round(self.low + share * (self.high - self.low), 3), self.low), self.high)


class Penalties(Varied):
    """Penalties, uniform in the logarithm."""

    scale: ClassVar[Scale] = "log"
    low: float = Field(1e-6, ge=1e-12, le=10, title="L2 from")
    high: float = Field(1e-2, ge=1e-12, le=10, title="L2 to")

    def draw(self, share: float) -> float:
        """Return a penalty of three digits."""
        return _log_uniform(self.low, self.high, share)


class Optimizers(Varied):
    """Optimizers, each as likely as the others."""

    scale: ClassVar[Scale] = "choice"
    among: tuple[OptimizerName, ...] = Field(
        ("sgd", "adam", "rmsprop"), title="Optimizers to choose among", json_schema_extra=_OPTIMIZERS
    )

    def draw(self, share: float) -> str:
        """Return the name of an optimizer."""
        return self.among[math.floor(share * len(self.among))]

    def refuse(self, name: str) -> None:
        """Refuse what leaves no choice, or counts one twice."""
        if len(set(self.among)) < 2 or len(set(self.among)) < len(self.among):
            raise UserError(
                f"{name}: there must be two different ones or more to choose among; add another. "
                f"Received: {', '.join(self.among) or 'none'}."
            )


class Space(SettingsModel):
    """Which settings may vary, and between what; the others stay as they are."""

    # What is drawn follows from a field's place: new ones go to the end.
    learning_rate: Rates | None = Field(
        None,
        title="Learning rate",
        description="Every factor is as likely as any other; where the policy moves the rate this is its peak, and its "
        "lower bound keeps its share of that.",
    )
    batch_size: BatchSizes | None = Field(
        None,
        title="Batch size",
        description="Powers of two, each as likely as the others; small batches mean more updates in the same epochs.",
    )
    units: Widths | None = Field(
        None,
        title="Width",
        description="Units of every hidden layer, the same for all; every factor is as likely as any other.",
    )
    layers: Depths | None = Field(
        None,
        title="Number of layers",
        description="Hidden layers: the first ones of the network; where it has fewer, its last one is repeated.",
    )
    dropout: Dropouts | None = Field(
        None,
        title="Dropout",
        description="Share of every hidden layer's outputs that is dropped; every share is as likely as any other.",
    )
    l2: Penalties | None = Field(
        None,
        title="L2",
        description="Penalty on the square of every hidden layer's weights; every factor is as likely as any other.",
    )
    optimizer: Optimizers | None = Field(
        None,
        title="Optimizer",
        description="Each as likely as the others; SGD wants rates some ten times those of Adam, so let the rate vary.",
    )

    @property
    def varied(self) -> tuple[tuple[str, Varied], ...]:
        """Names and ranges of the settings that vary, in the order of the fields."""
        found = ((name, getattr(self, name)) for name in NAMES)
        return tuple((name, one) for name, one in found if one is not None)


NAMES = tuple(Space.model_fields)
OF_LAYERS = ("units", "layers", "dropout", "l2")


def title(name: str) -> str:
    """Return what a setting that may vary is called."""
    return Space.model_fields[name].title or name


def spoken(name: str) -> str:
    """Return what a setting is called within a sentence."""
    word = title(name)
    return word if word.isupper() else word[0].lower() + word[1:]


def kind(name: str) -> type[Varied]:
    """Return the class of a setting's ranges, with its usual ends and its ``scale``."""
    return _KINDS[name]


_KINDS: dict[str, type[Varied]] = {
    "learning_rate": Rates,
    "batch_size": BatchSizes,
    "units": Widths,
    "layers": Depths,
    "dropout": Dropouts,
    "l2": Penalties,
    "optimizer": Optimizers,
}


def shown(value: Value) -> str:
    """Return a value as a person reads it: an optimizer by its name, a number as short as it is."""
    return f"{value:.6g}" if isinstance(value, (int, float)) else str(_OPTIMIZERS["labels"].get(value, value))


def usual_batches(training_rows: int) -> BatchSizes:
    """Return a range of batch sizes to start from, whose largest leaves an epoch some updates."""
    high = min(256, max(32, 2 ** ((training_rows // 4).bit_length() - 1)))
    return BatchSizes(low=max(4, high // 16), high=high)


def usual_rates(optimizer: str) -> Rates:
    """Return a range of rates to start from; SGD's are ten times those of the adaptive optimizers."""
    return Rates(low=1e-3, high=1.0) if optimizer == "sgd" else Rates()
