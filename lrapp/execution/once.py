"""Runs a function once for each token, however often it is asked for."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
MOST_KEPT = 10_000


@dataclass(eq=False)
class _Start:
    """A call, and its result once it is done."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    done: bool = False
    result: Any = None


class Once:
    """Remembers the results of the last tokens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starts: OrderedDict[str, _Start] = OrderedDict()

    def __call__(self, token: str, make: Callable[[], T]) -> T:
        """Return the result of the first call with a token; calls meanwhile wait for it.

        Args:
            token: An unguessable text that calls meant as one share; ``""`` for a call that is never the
                same.
            make: The function. Its exception is raised, and the next call tries again.
        """
        if not token:
            return make()
        with self._lock:
            start = self._starts.setdefault(token, _Start())
            while len(self._starts) > MOST_KEPT:
                self._starts.popitem(last=False)
        with start.lock:
            if not start.done:
                start.result = make()
                start.done = True
            result: T = start.result
            return result
