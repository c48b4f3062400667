"""The order of waiting runs: their owners take turns."""

from bisect import insort
from collections import deque
from datetime import UTC, datetime

from lrapp.runs.store import Run, Status

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Turns:
    """Runs that wait. Owners take turns, one run each; among the runs of one owner, the first submitted goes first.

    An owner's turn ends when the run ends; then all others who were waiting by then go first.
    So an owner waits for at most one run of each other owner. The order follows from times
    that status files keep, and is the same after a restart.
    """

    def __init__(self) -> None:
        self._first: deque[tuple[Run, str]] = deque()
        self._lines: dict[str, list[tuple[datetime, str, Run]]] = {}
        self._ended: dict[str, datetime] = {}

    def __len__(self) -> int:
        return len(self._first) + sum(len(line) for line in self._lines.values())

    def __contains__(self, run: object) -> bool:
        return any(run == other for other in self.order())

    def put(self, run: Run, status: Status) -> None:
        """Add a run that does not wait yet. If its turn had begun already, it goes before all others."""
        owner = run.owner
        if status.started is not None:
            self._first.append((run, owner))
        else:
            insort(self._lines.setdefault(owner, []), (status.queued or status.created, run.id, run))

    def remove(self, run: Run) -> None:
        """Remove a run, if it waits."""
        self._first = deque(one for one in self._first if one[0] != run)
        lines = {owner: [one for one in line if one[2] != run] for owner, line in self._lines.items()}
        self._lines = {owner: line for owner, line in lines.items() if line}

    def take(self) -> Run:
        """Return the run whose turn it is; it waits no longer.

        Raises:
            IndexError: If none waits.
        """
        run = self.order()[0]
        self.remove(run)
        return run

    def end(self, owner: str, when: datetime) -> None:
        """Note that a run of an owner has ended: the others come first now."""
        self._ended[owner] = max(when, self._ended.get(owner, _LONG_AGO))

    def order(self, at_work: str | None = None) -> list[Run]:
        """Return all runs that wait, the next one first.

        Args:
            at_work: The owner of the run that is being worked on; None where there is none.
        """
        found, served = [run for run, _ in self._first], [owner for _, owner in self._first]
        if at_work is not None:
            served.insert(0, at_work)
        # In each round, the owner whose last turn ended first goes first.
        owners = sorted(self._lines, key=self._since)
        for owner in served:
            if owner in self._lines:
                owners.remove(owner)
                owners.append(owner)
        longest = max((len(line) for line in self._lines.values()), default=0)
        for place in range(longest):
            found += [self._lines[owner][place][2] for owner in owners if place < len(self._lines[owner])]
        return found

    def _since(self, owner: str) -> tuple[datetime, str]:
        """Since when an owner waits: since the run came, but not since before the last turn ended."""
        queued, run_id, _ = self._lines[owner][0]
        return max(queued, self._ended.get(owner, _LONG_AGO)), run_id
