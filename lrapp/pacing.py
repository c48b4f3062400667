"""Reporting progress no more often than a person can see."""

import time
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")


def now_and_then(tell: Callable[P, object], seconds: float) -> Callable[P, None]:
    """Return a function that calls another at once, then at most once in so many seconds; calls between are skipped."""
    last = -seconds

    def sometimes(*args: P.args, **kwargs: P.kwargs) -> None:
        nonlocal last
        if time.monotonic() >= last + seconds:
            last = time.monotonic()
            tell(*args, **kwargs)

    return sometimes
