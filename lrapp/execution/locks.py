"""What several threads must not do at once."""

from collections.abc import Callable
from functools import wraps
from threading import Lock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def one_at_a_time(call: Callable[P, T]) -> Callable[P, T]:
    """Return the function with a lock around it, so that threads that call it wait for one another.

    Around a cached function, it has what is missing made once: without it, all who miss it make it at the same
    moment, each as slowly as all together.
    """
    lock = Lock()

    @wraps(call)
    def locked(*args: P.args, **kwargs: P.kwargs) -> T:
        with lock:
            return call(*args, **kwargs)

    return locked
