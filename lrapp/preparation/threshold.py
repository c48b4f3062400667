"""From which probability on a model answers with the second of two classes, where somebody has chosen it.

Kept beside the model as ``threshold.json``; without it, the answer is the more probable class. Probabilities stay as
they are.
"""

import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from lrapp.errors import UserError
from lrapp.files import write_beside
from lrapp.phrasing import number, quoted

FILE = "threshold.json"
USUAL = 0.5
MOST_COST = 1e12
NEAREST = 1e-6  # to 0 and 1: what is nearer in float32 says no more


@dataclass(frozen=True)
class Costs:
    """What mistakes cost, in any unit: only their ratio counts.

    Args:
        false_alarm: To answer with the second class where it is the first; above 0.
        miss: To answer with the first class where it is the second; above 0.
    """

    false_alarm: Annotated[float, Field(gt=0, le=MOST_COST)] = 1.0
    miss: Annotated[float, Field(gt=0, le=MOST_COST)] = 1.0

    @property
    def level(self) -> float:
        """The threshold with the least cost where probabilities are right: Elkan 2001, "The foundations of
        cost-sensitive learning"; no nearer to 0 and 1 than probabilities in float32 can tell."""
        level = self.false_alarm / (self.false_alarm + self.miss)
        return min(max(level, NEAREST), 1 - NEAREST)


@dataclass(frozen=True)
class Threshold:
    """A threshold.

    Args:
        level: The second class is answered where its probability is above; between 0 and 1.
        costs: What it was chosen by on the validation rows; None where a person gave the number.
    """

    level: Annotated[float, Field(gt=0, lt=1)]
    costs: Costs | None = None

    def tempered(self, temperature: float) -> "Threshold":
        """Return the threshold at which a network gives the same answers once its probabilities have a temperature.

        Args:
            temperature: What goes into its last sigmoid is divided by this; above 0.
        """
        odds = math.log(self.level / (1 - self.level)) / temperature
        level = 1 / (1 + math.exp(min(max(-odds, -50), 50)))
        return replace(self, level=min(max(level, NEAREST), 1 - NEAREST))

    def sentence(self, name: str) -> str:
        """Return what it is, in words, with the name of the second class."""
        why = ""
        if self.costs is not None:
            why = (
                f", chosen on the validation rows for a false alarm that costs {number(self.costs.false_alarm)} and a "
                f"miss that costs {number(self.costs.miss)}"
            )
        return f"Answers {quoted([name])} where its probability is above {number(self.level)}{why}."


def level_of(threshold: Threshold | None) -> float:
    """Return the threshold as a number; the usual one where none was chosen."""
    return USUAL if threshold is None else threshold.level


@cache
def _adapter() -> TypeAdapter[Threshold]:
    return TypeAdapter(Threshold)


def keep(folder: Path, threshold: Threshold | None) -> None:
    """Write a model's threshold into its folder; None takes it away.

    Raises:
        UserError: If it is not between 0 and 1; nothing is written then.
    """
    if threshold is None:
        (folder / FILE).unlink(missing_ok=True)
        return
    text = _adapter().dump_json(threshold, indent=1)
    try:
        _adapter().validate_json(text)
    except ValueError as error:
        raise UserError(
            f"A threshold must be above 0 and below 1. Received: {number(threshold.level, 6)}."
        ) from error
    write_beside(folder / FILE, text)


def kept(folder: Path) -> Threshold | None:
    """Return a model's threshold; None where none was chosen.

    Raises:
        UserError: If the file is damaged.
    """
    try:
        return _adapter().validate_json((folder / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(
            f"The threshold of this model ({FILE}) must be a number between 0 and 1, and its file is damaged: train "
            "the model again."
        ) from error
