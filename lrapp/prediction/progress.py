"""How far a prediction is, for whoever waits for it, and that it was cancelled."""

from dataclasses import dataclass

from lrapp.errors import Stopped


class Cancelled(Stopped):
    """Somebody asked for it to end."""

    def __init__(self, sentence: str = "The prediction was cancelled; nothing was kept of it.") -> None:
        super().__init__(sentence)


@dataclass(frozen=True)
class Progress:
    """How far a prediction is.

    Args:
        rows: Rows or pictures that are done.
        share: Of the whole way, 0 to 1.
        stage: What is being done, in one word.
    """

    rows: int
    share: float
    stage: str = "Predicting"
