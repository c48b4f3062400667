"""Where a model for use comes from: the run whose settings it was trained with, on all rows."""

from pydantic import Field

from lrapp.settings.base import SettingsModel


class MadeFrom(SettingsModel):
    """Which run a model for use was made from: it is trained on all rows, and has no score of its own."""

    run: str = Field(title="Run", description="The run's id.", max_length=100)
    epochs: str = Field(
        "", title="Epochs", description="Where its epochs come from, in words.", max_length=1000
    )
    score: str = Field("", title="Score", description="What that run is worth, in words.", max_length=4000)
    threshold: float | None = Field(
        None,
        gt=0,
        lt=1,
        title="Threshold",
        description="From which probability on that run's model answers with the second of two classes, where one was "
        "chosen; this model answers from the same one on.",
    )
    temperature: float = Field(
        1.0,
        gt=0,
        le=1e6,
        title="Temperature",
        description="By which that run's model was calibrated, 1 where it was not; this model is by the same.",
    )

    @property
    def expected(self) -> str:
        """Which score to expect, as a sentence; empty where that is not known."""
        return f"Expect the score of the run it was made from: {self.score}" if self.score else ""
