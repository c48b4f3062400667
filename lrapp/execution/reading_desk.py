"""The page's side of reading files: what takes longer than a moment goes on in the background.

All visitors of a server share a desk: a file that two of them look at is read once. What was read is kept for the
next drawing, and so is the sentence on a file that cannot be read.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lrapp.errors import UserError
from lrapp.execution.tasks import Task, in_thread
from lrapp.progress import Progress, ThreadWatch
from lrapp.sandbox.readers import Unreadable

T = TypeVar("T")

KEPT_SECONDS = 3600.0
MOST_KEPT = 16


@dataclass(eq=False)
class Work:
    """A reading in progress, and when it began on the monotonic clock."""

    key: Hashable
    title: str
    task: Task[Any]
    began: float = field(default_factory=time.monotonic)

    @property
    def done(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self.task.done

    @property
    def progress(self) -> Progress:
        """How far it is, and for how long it has been going on."""
        progress = self.task.progress or Progress(f"Reading {self.title}")
        return Progress(f"{progress.doing} … {time.monotonic() - self.began:,.0f} s", progress.share)

    def cancel(self) -> None:
        """Ask it to end."""
        self.task.cancel()


class StillReading(Exception):
    """What was asked for is still being read."""

    def __init__(self, work: Work) -> None:
        super().__init__("The file is still being read.")
        self.work = work


class Desk:
    """Readings in progress, and the results of the last ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._works: OrderedDict[Hashable, Work] = OrderedDict()

    def get(self, key: Hashable, title: str, make: Callable[[ThreadWatch], T], wait: float) -> T:
        """Return what was read, if that is there within a moment.

        Args:
            key: Of what is read, and how.
            make: Reads it, in a thread of its own, unless that has been done; reports progress, and can be stopped.
            wait: Seconds to wait for it.

        Raises:
            StillReading: If it takes longer.
            UserError: What is wrong with the file.
        """
        with self._lock:
            work = self._known(key)
            if work is None:
                task = in_thread(
                    make, "lrapp-desk", failure="This file could not be read; the server's log has more."
                )
                work = self._works[key] = Work(key, title, task)
        if not work.task.wait(wait):
            raise StillReading(work)
        found: T = work.task.result()
        return found

    def _known(self, key: Hashable) -> Work | None:
        """The reading in progress, or a finished one whose result still holds."""
        late = time.monotonic() - KEPT_SECONDS
        for name, work in list(self._works.items()):
            if work.task.cancelled or (work.done and (work.began < late or not _lasts(work.task))):
                del self._works[name]
        ended = [name for name, work in self._works.items() if work.done]
        for name in ended[: max(0, len(ended) - MOST_KEPT)]:
            del self._works[name]
        if key in self._works:
            self._works.move_to_end(key)
        return self._works.get(key)


def _lasts(task: Task[Any]) -> bool:
    """Whether reading again would give the same; not if the file may be uploaded again, or memory be free again."""
    try:
        task.result()
    except Unreadable:
        return True
    except UserError:
        return False
    return True
