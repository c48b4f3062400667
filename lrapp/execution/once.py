"""Whatever is asked for several times with one token is done once."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
MOST_KEPT = 10_000


@dataclass(eq=False)
class _Deed:
    """What a token stands for."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    done: bool = False
    result: Any = None


class Once:
    """Remembers what was done for each token, for the last of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deeds: OrderedDict[str, _Deed] = OrderedDict()

    def __call__(self, token: str, make: Callable[[], T]) -> T:
        """Return what came of the first call with a token; who calls meanwhile waits for that.

        Args:
            token: What cannot be guessed, and is the same wherever the same is meant; ``""`` for what is never the
                same.
            make: Does it. What it raises is raised, and the next who calls tries again.
        """
        if not token:
            return make()
        with self._lock:
            deed = self._deeds.setdefault(token, _Deed())
            while len(self._deeds) > MOST_KEPT:
                self._deeds.popitem(last=False)
        with deed.lock:
            if not deed.done:
                deed.result = make()
                deed.done = True
            result: T = deed.result
            return result
