"""Workers that runs are submitted to: a process on this machine, or any executor."""

import logging
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, Protocol, runtime_checkable

from lrapp.errors import UserError

log = logging.getLogger(__name__)


class WorkerLostError(UserError):
    """The worker process ended without an answer. Its exit code is negative for a signal, None when unknown."""

    def __init__(self, exit_code: int | None) -> None:
        super().__init__("The process that was to answer has ended; try again, or with a smaller file.")
        self.exit_code = exit_code


@runtime_checkable
class Worker(Protocol):
    """What the queue needs of a worker."""

    @property
    def pid(self) -> int | None:
        """The process's id; None where there is not one process, or it is elsewhere."""

    @property
    def local(self) -> bool:
        """Whether it is a process of this server, which may end it and put another in its place."""

    @property
    def alive(self) -> bool:
        """Whether it can still answer."""

    @property
    def idle(self) -> bool:
        """Whether everything that was submitted has been answered."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function there, after those submitted before it."""

    def kill(self) -> None:
        """End what is being done at once, where that is possible."""

    def shutdown(self, wait: bool = True) -> None:
        """Take nothing more; with ``wait``, return when everything that was submitted has been answered."""


class _Unanswered:
    """Calls without an answer yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._futures: list[Future[Any]] = []

    def add(self, future: Future[Any]) -> None:
        with self._lock:
            self._futures = [*(other for other in self._futures if not other.done()), future]

    def left(self) -> list[Future[Any]]:
        with self._lock:
            self._futures = [future for future in self._futures if not future.done()]
            return self._futures


class ExecutorWorker:
    """Makes a worker of any ``concurrent.futures.Executor``, such as a cluster's.

    The executor owns its processes: it gets runs of every kind, and its processes are never killed.

    Args:
        executor: Must see the store's folder, and call a function for each submission, also one that it has called
            before with the same arguments (of Dask: ``client.get_executor(pure=False)``).
    """

    pid = None
    local = False
    alive = True

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._unanswered = _Unanswered()

    @property
    def idle(self) -> bool:
        """Whether everything that was submitted has been answered."""
        return not self._unanswered.left()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function there."""
        future = self._executor.submit(fn, *args, **kwargs)
        self._unanswered.add(future)
        return future

    def kill(self) -> None:
        """Do nothing: what is being done elsewhere cannot be ended from here."""

    def shutdown(self, wait: bool = True) -> None:
        """Forget the executor."""
        self._executor.shutdown(wait=wait)


def worker_of(executor: "Worker | Executor") -> Worker:
    """Return the executor itself where it is a worker, else a worker that hands everything on to it."""
    return executor if isinstance(executor, Worker) else ExecutorWorker(executor)


class _Call(NamedTuple):
    future: Future[Any]
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class WorkerProcess(Executor):
    """An executor with one process, started by spawn, that does one thing at a time, in the order of submission.

    ``ProcessPoolExecutor`` would do, but for three things: it cannot end a worker that must stop, it does not tell how
    a worker died, and it keeps the server from exiting until the run in progress has been trained to its end.

    Args:
        initializer: Called once in the new process.
    """

    local = True

    def __init__(self, initializer: Callable[[], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, initializer), name="lrapp-worker", daemon=True
        )
        self._process.start()
        theirs.close()
        self._unanswered = _Unanswered()
        # Guards the queue: nothing may be put behind the call that ends the dispatcher.
        self._lock = threading.Lock()
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._closed = False
        self._lost = False
        self._dispatcher = threading.Thread(target=self._dispatch, name="lrapp-calls", daemon=True)
        self._dispatcher.start()

    @property
    def pid(self) -> int | None:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.is_alive()

    @property
    def idle(self) -> bool:
        """Whether everything that was submitted has been answered."""
        return not self._unanswered.left()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function in the process, after those submitted before it.

        Raises:
            RuntimeError: After ``shutdown``.
        """
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("This worker has been shut down.")
            if not self._lost:
                self._unanswered.add(future)
                self._calls.put(_Call(future, fn, args, kwargs))
                return future
        future.set_exception(WorkerLostError(self._process.exitcode))
        return future

    def _dispatch(self) -> None:
        """Hand one call after the other to the process, until the last one or the end of the process."""
        while (call := self._calls.get()) is not None:
            if not call.future.set_running_or_notify_cancel():
                continue
            try:
                self._connection.send(call[1:])
                succeeded, value = self._connection.recv()
            except (EOFError, OSError):
                self._process.join(timeout=5)
                call.future.set_exception(WorkerLostError(self._process.exitcode))
                self._give_up()
                return
            except Exception as error:  # a call that cannot be pickled must still be answered
                call.future.set_exception(error)
                continue
            if succeeded:
                call.future.set_result(value)
            else:
                call.future.set_exception(value)

    def _give_up(self) -> None:
        """Answer all waiting calls with an error, as the process has ended."""
        with self._lock:
            self._lost = True
        while not self._calls.empty():
            call = self._calls.get()
            if call is not None and call.future.set_running_or_notify_cancel():
                call.future.set_exception(WorkerLostError(self._process.exitcode))

    def kill(self) -> None:
        """End the process at once; what it was doing raises ``WorkerLostError``."""
        self._process.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the process; with ``wait``, after everything that was submitted."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._calls.put(None)
        if cancel_futures:
            for future in self._unanswered.left():
                future.cancel()
        if wait:
            self._dispatcher.join()
        self._process.kill()
        if wait:
            self._process.join()


def _serve(connection: Connection, initializer: Callable[[], None]) -> None:
    """The worker process: calls the functions that it is sent, until the server is gone."""
    # Ctrl-C in a terminal reaches every process of the group; only the server decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, name="lrapp-parent", daemon=True).start()
    initializer()
    if hasattr(os, "nice"):
        os.nice(10)  # the page must answer while both cores train
    while True:
        try:
            fn, args, kwargs = connection.recv()
        except EOFError:
            return
        try:
            answer = (True, fn(*args, **kwargs))
        except UserError as error:
            answer = (False, type(error)(str(error)))
        except Exception as error:
            # Only the text: not every exception of a library can be pickled.
            log.exception("A job failed.")
            answer = (False, RuntimeError(f"{type(error).__name__}: {error}"))
        connection.send(answer)


def _exit_with_parent() -> None:
    """End this process when the server is gone; the next server resumes from the checkpoint."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
