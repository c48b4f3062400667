"""Settings of the groups of layers: differential learning rates, and which groups are frozen for how long."""

from collections.abc import Collection, Sequence

from pydantic import Field

from lrapp.settings.base import SettingsModel, ui


def _named(groups: Sequence[str], there: Sequence[str], after: str = "") -> str:
    names = [name for name in there if name in groups]
    if names == there:
        return "all layers"
    return f"{'head alone' if names == ['head'] else ' and '.join(names)} {after}".rstrip()


def _epochs(first: int, last: int) -> str:
    return f"in epoch {first:,}" if first == last else f"in epochs {first:,} to {last:,}"


class GroupSettings(SettingsModel):
    """Differential learning rates: what the policy's rate is multiplied with in each third of the network.

    The head is the output layer with the dense layers before it that follow pooling or pictures; what is before it
    is cut into halves, early and middle. A factor of 0 freezes the group.
    """

    early: float = Field(
        1.0,
        ge=0,
        le=100,
        title="Early layers",
        description="Factor on the learning rate of the first half of the layers before the head; 0 freezes them.",
        json_schema_extra=ui("× rate", step=0.1),
    )
    middle: float = Field(
        1.0,
        ge=0,
        le=100,
        title="Middle layers",
        description="Factor on the learning rate of the second half of the layers before the head; 0 freezes them.",
        json_schema_extra=ui("× rate", step=0.1),
    )
    head: float = Field(
        1.0,
        gt=0,
        le=100,
        title="Head",
        description="Factor on the learning rate of the last layers, which are new to the task.",
        json_schema_extra=ui("× rate", step=0.1),
    )
    frozen_epochs: int = Field(
        0,
        ge=0,
        le=100_000,
        title="Only the head at first",
        description="Epochs in which only the head learns, so that its first, wild steps spoil nothing before it.",
        json_schema_extra=ui("epochs"),
    )
    early_frozen_epochs: int = Field(
        0,
        ge=0,
        le=100_000,
        title="Then head and middle",
        description="Epochs after these in which the early layers are still frozen, so that they move last (gradual "
        "unfreezing).",
        json_schema_extra=ui("epochs"),
    )

    @property
    def differ(self) -> bool:
        """Whether the groups do not all follow the policy's own rate."""
        return self != GroupSettings()

    @property
    def unfreezing(self) -> tuple[int, int]:
        """After how many epochs the early and the middle layers begin to move; a factor of 0 keeps them for good."""
        return self.frozen_epochs + self.early_frozen_epochs, self.frozen_epochs

    def still(self, epochs: int) -> tuple[bool, bool, bool]:
        """Return for the early, the middle and the head layers whether they never move in so many epochs."""
        factors = self.lasting_factors(epochs)
        # A single factor is that of all groups.
        return not factors[0], len(factors) > 1 and not factors[1], False

    def frozen_for(self, epochs: int) -> bool:
        """Return whether nothing before the head moves in so many epochs."""
        return all(self.still(epochs)[:2])

    def lasting_factors(self, epochs: int) -> tuple[float, ...]:
        """Return the factors with 0 for what is frozen in all of so many epochs, as in a range test before these."""
        if not self.differ:
            return self.factors
        early, middle = (0.0 if wait >= epochs else 1.0 for wait in self.unfreezing)
        return self.early * early, self.middle * middle, self.head

    def sentence(self, epochs: int, without: Collection[str] = ()) -> str:
        """Return in which epochs groups that have layers learn, as a sentence; empty where all do from the first on."""
        there = [name for name in ("head", "middle", "early") if name not in without]
        waits = dict(zip(("early", "middle"), self.unfreezing, strict=True))
        waits = {name: wait for name, wait in waits.items() if name in there}
        factors = {"early": self.early, "middle": self.middle}
        starts = {name: wait for name, wait in waits.items() if factors[name] and wait < epochs}
        stays = [name for name in waits if name not in starts]
        if not stays and not any(starts.values()):
            return ""
        stages = [(0, ["head", *(name for name, wait in starts.items() if not wait)])]
        for wait in sorted({wait for wait in starts.values() if wait}):
            stages.append((wait, [*stages[-1][1], *(name for name in starts if starts[name] == wait)]))
        ends = [*(start for start, _ in stages[1:]), epochs]
        parts = [
            f"{_named(learning, there)} {_epochs(start + 1, end)}"
            for (start, learning), end in zip(stages, ends, strict=True)
        ]
        frozen = f" {_named(stays, there, 'layers').capitalize()} stay frozen." if stays else ""
        return f"What learns: {'; '.join(parts)}.{frozen}"

    @property
    def factors(self) -> tuple[float, ...]:
        """What each group multiplies the rate with: early, middle and head; a single 1 where none differs."""
        return (self.early, self.middle, self.head) if self.differ else (1.0,)
