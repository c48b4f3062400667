"""What a range test says while it runs, and what that adds up to."""

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class SweepDone:
    """A range test has gone through the rates with one more seed, or a part of it.

    Args:
        seed: Number of the repetition, from 0.
        steps: Steps of each, if its loss does not explode before.
        first_step: Number of the first step of this event.
        losses: True loss of each batch, with penalties.
        figures: What a linear test watches, as pairs of the rate at which it was measured and its value.
        watched: What that is called; empty in an exponential test.
    """

    type: ClassVar[str] = "sweep_done"
    seed: int
    seeds: int
    steps: int
    first_step: int
    losses: tuple[float, ...]
    learning_rates: tuple[float, ...]
    figures: tuple[tuple[float, float], ...] = ()
    watched: str = ""


@dataclass(frozen=True)
class UntrainedDone:
    """What the batches of a range test cost before anything is learned, where its curves are noisy.

    Args:
        seed: Number of the repetition, from 0.
        first_step: Number of the first step told here.
    """

    type: ClassVar[str] = "untrained_done"
    seed: int
    first_step: int
    losses: tuple[float, ...]


@dataclass
class Sweep:
    """One seed of a range test so far.

    Args:
        steps, seeds: Steps of each repetition and repetitions, as planned.
        learning_rates, losses: Rate and true batch loss of each step that ran.
        untrained: What each batch cost before anything was learned, where that was measured.
        figures, watched: As in ``SweepDone``.
    """

    steps: int
    seeds: int
    learning_rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    untrained: list[float] = field(default_factory=list)
    figures: list[tuple[float, float]] = field(default_factory=list)
    watched: str = ""
