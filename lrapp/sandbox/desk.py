"""The page's side of reading: what takes longer than a moment goes on by itself, while the page is drawn.

All visitors of a server share a desk: a file that two of them look at is read once. What was read is kept for the
next drawing, and so is the sentence on a file that cannot be read.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lrapp.sandbox.readers import Unreadable

T = TypeVar("T")

KEPT_SECONDS = 3600.0
MOST_KEPT = 16


@dataclass(eq=False)
class Work:
    """A reading that goes on.

    Args:
        key: What is read.
        title: What to call it.
        began: When, on the monotonic clock.
        doing: What it says that it does.
        share: How much of it is done, 0 to 1; None where that is not known.
    """

    key: Hashable
    title: str
    began: float = field(default_factory=time.monotonic)
    doing: str = ""
    share: float | None = None
    _over: threading.Event = field(default_factory=threading.Event)
    _asked: threading.Event = field(default_factory=threading.Event)
    _value: Any = None
    _error: BaseException | None = None

    @property
    def seconds(self) -> float:
        """How long it has been going on."""
        return time.monotonic() - self.began

    @property
    def done(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self._over.is_set()

    def cancel(self) -> None:
        """Ask it to end."""
        self._asked.set()

    def should_stop(self) -> bool:
        """Return whether somebody asked it to end."""
        return self._asked.is_set()

    def tell(self, what: str, share: float) -> None:
        """Say how far it is."""
        self.doing, self.share = what, share

    def result(self) -> Any:
        """Return what came of it, or raise what went wrong."""
        if self._error is not None:
            raise self._error
        return self._value


class StillReading(Exception):
    """What was asked for is still being read.

    Args:
        work: The reading.
    """

    def __init__(self, work: Work) -> None:
        super().__init__("The file is still being read.")
        self.work = work


class Desk:
    """Readings that go on, and what came of the last ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._going: dict[Hashable, Work] = {}
        self._kept: OrderedDict[Hashable, tuple[float, Work]] = OrderedDict()

    def get(self, key: Hashable, title: str, make: Callable[[Work], T], wait: float) -> T:
        """Return what was read, if that is there within a moment.

        Args:
            key: Of what is read, and how.
            title: What to call it.
            make: Reads it, in a thread of its own, unless that has been done.
            wait: Seconds to wait for it.

        Raises:
            StillReading: If it takes longer.
            UserError: What is wrong with the file.
        """
        with self._lock:
            work = self._known(key)
            if work is None:
                work = self._going[key] = Work(key, title)
                threading.Thread(target=self._do, args=(work, make), name="lrapp-desk", daemon=True).start()
        if not work._over.wait(wait):
            raise StillReading(work)
        found: T = work.result()
        return found

    def _known(self, key: Hashable) -> Work | None:
        for old in [name for name, (when, _) in self._kept.items() if time.monotonic() - when > KEPT_SECONDS]:
            del self._kept[old]
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][1]
        work = self._going.get(key)
        return None if work is None or work.should_stop() else work

    def _do(self, work: Work, make: Callable[[Work], Any]) -> None:
        keep = True
        try:
            work._value = make(work)
        except Unreadable as error:
            work._error = error
        except BaseException as error:
            # It may be otherwise the next time: a file that is uploaded again, memory that is free again.
            work._error, keep = error, False
        with self._lock:
            if self._going.get(work.key) is work:
                del self._going[work.key]
            if keep:
                self._kept[work.key] = (time.monotonic(), work)
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        work._over.set()
