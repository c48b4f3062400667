"""Who may do what with a run, study or prediction: a table, and one sentence for each refusal.

Without ``LRAPP_RUNS=own`` a server has no owners, and everybody may do everything.
"""

import os
from typing import Literal

Relation = Literal["owner", "guest", "stranger"]
"""Its owner; a visitor who was given its address; anybody else."""

Action = Literal[
    "look",
    "take settings",
    "save what is shown",
    "stop",
    "resume",
    "delete",
    "restore",
    "star",
    "say",
    "download",
    "start from weights",
    "predict",
    "use the table",
]
# A link only shows: curves, results and settings, which may be saved as they are.
_GUEST: frozenset[Action] = frozenset({"look", "take settings", "save what is shown"})


def private() -> bool:
    """Return whether each visitor of this server has runs of their own."""
    return os.environ.get("LRAPP_RUNS") == "own"


def allowed(action: Action, relation: Relation) -> bool:
    """Return whether a visitor may do something, given their relation to it."""
    return relation == "owner" or (relation == "guest" and action in _GUEST)


def refusal(word: str, owner: str) -> str:
    """Return the sentence for a visitor who may only look.

    Args:
        word: What it is: run, comparison, search, prediction.
        owner: Whose it is; empty where it is nobody's.
    """
    if word == "prediction":
        return "This prediction was made in another browser, and shows rows of a table; it opens only there."
    if not owner:
        return (
            f"This {word} was started before runs had owners, so it is nobody's; you can look at it, and "
            "start your own with its settings."
        )
    return f"This {word} was started in another browser; you can look at it, and start your own with its settings."
