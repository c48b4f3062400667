"""The run that a tab showed when another was started: what the new one is compared with."""

from contextlib import suppress
from functools import cached_property

from lrapp.errors import UserError
from lrapp.evaluation import scores
from lrapp.evaluation.scores import Scores
from lrapp.experiments import run_table
from lrapp.runs.events import History
from lrapp.runs.store import ENDED, Run
from lrapp.ui.parts import resources, session


class Previous:
    """A run that has ended and learned from the same data.

    Args:
        run: The run.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    @cached_property
    def history(self) -> History:
        """Its events."""
        return self._run.history()

    @cached_property
    def scores(self) -> Scores | None:
        """Its test results; None where it has none."""
        return scores.kept(self._run.scores_path)


def of(run: Run) -> Previous | None:
    """Return the run before; None where there was none, it goes on, or it learned from other data.

    Args:
        run: Was started in this tab.
    """
    before = session.state().runs_before.get(run.id)
    if not before:
        return None
    with suppress(UserError, OSError):
        other = resources.store().get(before)
        if other.status.state not in ENDED:
            return None
        # A threshold that is set, or a run that goes on, changes what is known of it.
        seen = run.id, run_table.stamp(other)
        kept = session.state().previous
        if kept is None or kept[0] != seen:
            same = other.settings.data == run.settings.data
            kept = session.state().previous = seen, Previous(other) if same else None
        return kept[1]
    return None
