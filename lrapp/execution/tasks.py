"""Something that goes on in the worker, or in a thread of its own, while a person waits for it and may cancel it."""

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from lrapp.errors import Stopped, UserError
from lrapp.files import disk_errors
from lrapp.progress import FolderWatch, Progress, ThreadWatch

log = logging.getLogger(__name__)

T = TypeVar("T")
State = Literal["waiting", "running", "done", "stopped", "failed"]

FOLDER = "tasks"
_KEPT_SECONDS = 86_400.0


class Waited(Protocol):
    """Anything that a page can wait for."""

    @property
    def done(self) -> bool:
        """Whether it has ended, one way or the other."""

    @property
    def progress(self) -> Progress | None:
        """How far it is; None before it has begun."""

    def cancel(self) -> None:
        """Ask it to end."""


class Task(Generic[T]):
    """A background task.

    Args:
        failure: A sentence for the person where it fails by a defect of ours; the details go to the log.
        stopped: A sentence where it was ended before it began.
    """

    def __init__(
        self, future: "Future[T]", watch: FolderWatch | ThreadWatch, failure: str, stopped: str = ""
    ) -> None:
        self.watch = watch
        self._future = future
        self._failure, self._stopped = failure, stopped
        self._logged = False
        self._cancelled = False

    @property
    def state(self) -> State:
        """Where it stands."""
        if not self._future.done():
            return "running" if self._future.running() or self.progress is not None else "waiting"
        error = self._error()
        if error is None:
            return "done"
        return "stopped" if isinstance(error, Stopped) else "failed"

    @property
    def done(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self._future.done()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked for its end."""
        return self._cancelled

    @property
    def progress(self) -> Progress | None:
        """How far it is; None before it has begun."""
        return self.watch.progress

    def cancel(self) -> None:
        """Ask it to end; what has not begun never does, and what has ended stays as it is."""
        if self.done:
            return
        self._cancelled = True
        with suppress(UserError):  # on a full disk it goes on to its end, for nobody
            self.watch.ask_to_stop()
        self._future.cancel()

    def then(self, do: Callable[[], None]) -> None:
        """Have something done when it has ended, in whatever thread notices."""
        self._future.add_done_callback(lambda _: do())

    def wait(self, seconds: float) -> bool:
        """Wait that long for its end, and return whether it has ended."""
        with suppress(TimeoutError, CancelledError):
            self._future.exception(seconds)
        return self.done

    def result(self) -> T:
        """Return the result.

        Raises:
            Stopped: If it was cancelled.
            UserError: What went wrong, in a sentence.
        """
        error = self._error()
        if error is None:
            return self._future.result()
        raise error

    def _error(self) -> UserError | None:
        if self._future.cancelled():
            return Stopped(self._stopped) if self._stopped else Stopped()
        error = self._future.exception()
        if error is None or isinstance(error, UserError):
            return error
        if not self._logged:
            self._logged = True
            log.error("A task failed.", exc_info=error)
        return UserError(self._failure)


def in_worker(
    call: "Callable[..., Future[T]]",
    home: Path,
    fn: Callable[..., T],
    *args: Any,
    failure: str,
    stopped: str = "",
    watch: FolderWatch | None = None,
) -> Task[T]:
    """Have a function called in the worker.

    Args:
        call: Hands a function with its arguments to the worker: ``Jobs.call``.
        home: The store's folder, which the worker sees too.
        fn: The function; it is given a ``watch`` by that name.
        watch: Where it says how far it is, where that outlasts the task; else it has a folder of its own.
    """
    if watch is not None:
        return Task(call(fn, *args, watch=watch), watch, failure, stopped)
    made = FolderWatch(_folder(home))
    try:
        future = call(fn, *args, watch=made)
    except BaseException:
        shutil.rmtree(made.folder, ignore_errors=True)
        raise
    future.add_done_callback(lambda _: shutil.rmtree(made.folder, ignore_errors=True))
    return Task(future, made, failure, stopped)


def in_thread(fn: Callable[[ThreadWatch], T], name: str, failure: str) -> Task[T]:
    """Have a function called in a thread of its own; it is given what it says how far it is."""
    watch, future = ThreadWatch(), Future[T]()
    future.set_running_or_notify_cancel()

    def work() -> None:
        try:
            future.set_result(fn(watch))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return Task(future, watch, failure)


def _folder(home: Path) -> Path:
    """A new folder for what a task says; those that ended servers have left are removed."""
    every = home / FOLDER
    with disk_errors():
        every.mkdir(parents=True, exist_ok=True)
        for path in every.iterdir():
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _KEPT_SECONDS:
                    shutil.rmtree(path, ignore_errors=True)
        made = every / secrets.token_hex(16)
        made.mkdir()
    return made
