"""Settings of pruning: which weights become zero while a network trains, and when."""

from typing import Literal

from pydantic import Field

from lrapp.phrasing import counted, number
from lrapp.settings.base import SettingsModel, ui

Scope = Literal["all", "each"]


class PruningSettings(SettingsModel):
    """Gradual pruning by magnitude: Zhu and Gupta, "To prune, or not to prune", 2017, arXiv 1710.01878."""

    enabled: bool = Field(
        False,
        title="Pruning",
        description="Sets the smallest weights to zero while the network trains, and keeps them there. The model "
        "compresses better; on a CPU it is no faster.",
    )
    final_sparsity: float = Field(
        80.0,
        ge=0,
        le=100,
        title="Final sparsity",
        description="Share of the weights of dense layers and convolutions that are zero in the end.",
        json_schema_extra=ui("%", step=5),
    )
    initial_sparsity: float = Field(
        0.0,
        ge=0,
        le=100,
        title="Initial sparsity",
        description="Share that is zero from the first of these epochs on.",
        json_schema_extra=ui("%", step=5),
    )
    first_epoch: int = Field(
        1,
        ge=1,
        le=100_000,
        title="First epoch of pruning",
        description="At its beginning the initial sparsity is reached; then more weights become zero at the beginning "
        "of every epoch, many at first and few in the end.",
    )
    last_epoch: int = Field(
        0,
        ge=0,
        le=100_000,
        title="Last epoch of pruning",
        description="At its beginning the final sparsity is reached, and only from here on an epoch can be the best "
        "or early stopping end the run. 0 to prune for a quarter of the run.",
    )
    scope: Scope = Field(
        "all",
        title="Smallest weights",
        description="Of all layers together, so that layers lose as many as they can spare; or of each layer, so that "
        "all become equally sparse.",
        json_schema_extra=ui(labels={"all": "Of all layers together", "each": "Of each layer by itself"}),
    )

    def last(self, epochs: int) -> int:
        """Return the epoch, counted from 1, at whose beginning a run of so many reaches its final sparsity."""
        return self.last_epoch or min(epochs, self.first_epoch + (epochs + 3) // 4 - 1)

    def haste(self, epochs: int, fresh: bool) -> str:
        """Return that all weights go at once, as a sentence; empty where they do not, or nothing can be pruned.

        Args:
            epochs: Of the run, at least 1.
            fresh: Whether the network starts with random weights.
        """
        first, last = self.first_epoch, self.last(epochs)
        if not self.enabled or self.obstacle(epochs) or first < last:
            return ""
        learned = f", after {counted(first - 1, 'epoch')} of learning" if fresh else ""
        if fresh and first == 1:
            learned = ", before the network has learned anything"
        final = number(self.final_sparsity)
        unused = f"; the initial sparsity, {number(self.initial_sparsity)} %, is not used"
        return (
            f"Pruning begins and ends in epoch {first:,}, so {final} % of the weights become zero "
            f"at once{learned}{unused if self.initial_sparsity else ''}."
        )

    def obstacle(self, epochs: int) -> str:
        """Return why a run of so many epochs cannot be pruned so, as a sentence; empty if it can, or is not to be."""
        if not self.enabled:
            return ""
        first, last = self.first_epoch, self.last(epochs)
        initial, final = number(self.initial_sparsity), number(self.final_sparsity)
        if self.final_sparsity == 0:
            return "Pruning to 0 % leaves all weights as they are; choose a larger final sparsity, or switch it off."
        if self.final_sparsity == 100:
            return "Pruning to 100 % would leave no weight; choose a smaller final sparsity, such as 90 %."
        if self.initial_sparsity > self.final_sparsity:
            return (
                f"Pruning cannot begin with more zeros ({initial} %) than it ends with ({final} %); lower the initial "
                "sparsity, or raise the final one."
            )
        if first > epochs:
            return (
                f"Pruning would begin in epoch {first:,}, after the last, which is {epochs:,}; begin earlier, or "
                "train for more epochs."
            )
        if last < first:
            return (
                f"Pruning would end in epoch {last:,}, before it begins in epoch {first:,}; choose a later end, or an "
                "earlier beginning."
            )
        if last > epochs:
            return (
                f"Pruning would reach {final} % in epoch {last:,}, after the last, which is {epochs:,}; choose an "
                "earlier end, or train for more epochs."
            )
        return ""
