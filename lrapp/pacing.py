"""Telling how far something is, no more often than somebody who watches could see."""

import time
from collections.abc import Callable
from typing import ParamSpec

P = ParamSpec("P")


def now_and_then(tell: Callable[P, object], seconds: float) -> Callable[P, None]:
    """Return what calls a function once in that many seconds, and passes over what comes between.

    Args:
        tell: What is to be called.
        seconds: The least time between two calls; the first is made at once.
    """
    told = -seconds

    def sometimes(*args: P.args, **kwargs: P.kwargs) -> None:
        nonlocal told
        if time.monotonic() >= told + seconds:
            told = time.monotonic()
            tell(*args, **kwargs)

    return sometimes
