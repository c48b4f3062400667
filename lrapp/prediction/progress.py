"""The progress of a prediction, and the sentence after it was cancelled."""

from dataclasses import dataclass

from lrapp.phrasing import counted

CANCELLED = "The prediction was cancelled; nothing was kept of it."


@dataclass(frozen=True)
class Progress:
    """The progress of a prediction.

    Args:
        share: Of the whole way, 0 to 1.
        stage: What is being done, in one word.
    """

    rows: int
    share: float
    stage: str = "Predicting"

    def words(self, unit: str) -> str:
        """Return that as a person reads it; ``unit`` is one of what is predicted: ``row`` or ``picture``."""
        return f"{self.stage} … {counted(self.rows, unit)} done"
