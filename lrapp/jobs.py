"""The queue, the thread that owns it, and the process that trains.

One thread takes runs from the queue, one at a time, and gives them to a warm worker process. Threads and processes
are made nowhere else. The thread never touches the page: what happens is in the run folder, and the page reads it.
"""

import atexit
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any

from lrapp import warming, worker
from lrapp.errors import BusyError, UserError
from lrapp.runs import ENDED, Run, State, Store, now

log = logging.getLogger(__name__)

# TensorFlow keeps some megabytes for each network that it ever trained; after this many runs a fresh process is
# cheaper than what the old one holds.
RUNS_PER_WORKER = 40
# A worker that is reading or preparing data cannot be asked to stop; after this long it is ended.
STOP_SECONDS = 1.0
ATTEMPTS = 3
WARM_AFTER_SECONDS = 1.0
# How often to look whether a process that still holds a run lets go of it.
HELD_SECONDS = 0.5


class WorkerLostError(UserError):
    """The worker process ended without an answer.

    Args:
        exit_code: As of ``multiprocessing``: negative for a signal, None when unknown.
    """

    def __init__(self, exit_code: int | None) -> None:
        super().__init__("The process that was to answer has ended; try again, or with a smaller file.")
        self.exit_code = exit_code


class WorkerProcess(Executor):
    """An executor with one process, started by spawn, that does one thing at a time.

    ``ProcessPoolExecutor`` would do, but for three things: it cannot end a worker that must stop, it does not tell how
    a worker died, and it keeps the server from exiting until the run in progress has been trained to its end.

    Args:
        initializer: Called once in the new process.
    """

    def __init__(self, initializer: Callable[[], None]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, initializer), name="lrapp-worker", daemon=True
        )
        self._process.start()
        theirs.close()
        self._turn = threading.Lock()
        self._unanswered: list[Future[Any]] = []
        self._closed = False

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
        self._unanswered = [future for future in self._unanswered if not future.done()]
        return not self._unanswered

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function in the process, after those submitted before it."""
        if self._closed:
            raise RuntimeError("This worker has been shut down.")
        future: Future[Any] = Future()
        self._unanswered.append(future)
        threading.Thread(
            target=self._call, args=(future, fn, args, kwargs), name="lrapp-call", daemon=True
        ).start()
        return future

    def _call(
        self, future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        with self._turn:
            if not future.set_running_or_notify_cancel():
                return
            try:
                self._connection.send((fn, args, kwargs))
                succeeded, value = self._connection.recv()
            except (EOFError, OSError):
                self._process.join(timeout=5)
                future.set_exception(WorkerLostError(self._process.exitcode))
                return
            except Exception as error:  # what cannot be pickled must not leave somebody waiting for good
                future.set_exception(error)
                return
        if succeeded:
            future.set_result(value)
        else:
            future.set_exception(value)

    def kill(self) -> None:
        """End the process at once; what it was doing raises ``WorkerLostError``."""
        self._process.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the process; with ``wait``, after what it is doing."""
        self._closed = True
        if wait:
            with self._turn:
                self._process.kill()
                self._process.join()
        else:
            self._process.kill()


def _serve(connection: Connection, initializer: Callable[[], None]) -> None:
    """The worker process: calls what it is sent, until nobody is left to send anything."""
    # Ctrl-C in a terminal reaches every process of the group; only the server decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, name="lrapp-parent", daemon=True).start()
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
            # The text alone: an exception of a library may not survive the way to the other process.
            log.exception("A job failed.")
            answer = (False, RuntimeError(f"{type(error).__name__}: {error}"))
        connection.send(answer)


def _leave_with_parent() -> None:
    """End this process when the server is gone; the checkpoint lets the next server go on."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _local(kind: warming.Kind) -> Executor:
    """A process on this machine."""
    return WorkerProcess(partial(warming.warm, kind))


class Jobs:
    """Runs in the order they were submitted, one at a time, across restarts of the server.

    Args:
        store: Where the runs are kept.
        make_executor: Makes what a run is submitted to, given the kind of process that trains it fastest; see
            ``warming.kind_for``. A cluster's executor fits as well as a local process: it must see the store's folder.
    """

    def __init__(self, store: Store, make_executor: Callable[[warming.Kind], Executor] = _local) -> None:
        self.store = store
        self._make_executor = make_executor
        self._executor: Executor | None = None
        self._kind = warming.USUAL
        self._ready: Future[Any] | None = None
        self._done_by_executor = 0
        self._waiting: deque[Run] = deque()
        self._held: list[Run] = []
        self._current: Run | None = None
        self._changed = threading.Condition()
        self._closing = False
        self._recover()
        self._thread = threading.Thread(target=self._loop, name="lrapp-jobs", daemon=True)
        self._thread.start()
        # Registered after multiprocessing's own, so called before that ends the worker, which would look like a loss.
        atexit.register(self.close)

    @property
    def warm(self) -> bool:
        """Whether a worker stands ready, so that training starts at once."""
        return self._ready is not None and self._ready.done()

    @property
    def busy(self) -> bool:
        """Whether a run is being trained."""
        return self._current is not None

    def submit(self, run: Run) -> None:
        """Put a run at the end of the queue."""
        with self._changed:
            if run not in self._waiting:
                self._waiting.append(run)
            self._changed.notify_all()

    def place(self, run: Run) -> int | None:
        """Return 0 for the run in training, 1 for the next one and so on, None for a run that is not queued."""
        with self._changed:
            if self._current == run:
                return 0
            return self._waiting.index(run) + 1 if run in self._waiting else None

    def stop(self, run: Run) -> None:
        """Ask a run to stop; its best weights so far are kept."""
        run.ask_to_stop()
        with self._changed:
            if run in self._waiting:
                self._waiting.remove(run)
                run.set_status(state="stopped", ended=now(), message="Stopped while it waited for its turn.")

    def resume(self, run: Run) -> None:
        """Put a run that ended early back into the queue, to go on after its last saved epoch.

        Raises:
            UserError: If the run has not ended.
        """
        if run.status.state not in ENDED:
            raise UserError("This run has not ended; there is nothing to resume yet.")
        run.forget_stop()
        run.set_status(state="queued", message="", ended=None, attempts=0)
        self.submit(run)

    def expect(self, kind: warming.Kind) -> None:
        """Start a worker of a kind ahead of need; nothing while the one there is busy."""
        with self._changed:
            free = self._current is None and not self._waiting
            there = self._executor
            if free and (there is None or (isinstance(there, WorkerProcess) and there.idle)):
                self._suit(kind)

    def _suit(self, kind: warming.Kind) -> None:
        """Replace a worker of another kind; what it still has to answer, it answers first."""
        if kind == self._kind:
            return
        self._kind = kind
        old = self._executor
        if not isinstance(old, WorkerProcess):
            return
        if not old.idle:
            self._executor = None
            threading.Thread(target=old.shutdown, name="lrapp-retired", daemon=True).start()
        self._retire_executor()

    def call(self, fn: Callable[..., Any], *args: Any) -> Future[Any]:
        """Call a function in the worker, when the run in training has ended."""
        with self._changed:
            return self._fresh_executor().submit(fn, *args)

    def close(self) -> None:
        """End the worker and the thread; the next ``Jobs`` over the store takes a run in progress up again."""
        atexit.unregister(self.close)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            if self._executor is not None:
                self._executor.shutdown(wait=False)
        self._thread.join()

    def _recover(self) -> None:
        """Take up again what an earlier server left undone."""
        for run in reversed(self.store.runs()):
            try:
                status = run.status
                if status.state == "queued":
                    self._waiting.append(run)
                elif status.state == "running":
                    # Its worker may not have noticed yet that its server is gone.
                    self._held.append(run)
            except UserError as error:
                log.warning("%s", error)
        self._take_up()
        self.store.tidy()

    def _take_up(self) -> None:
        """Queue the runs of an earlier server that nobody works on any more."""
        for run in self._held.copy():
            try:
                if run.status.state == "running" and _locked(run):
                    continue
                self._held.remove(run)
                status = run.status
                if status.state != "running":
                    continue
                if status.attempts < ATTEMPTS:
                    run.set_status(state="queued", message="Taken up again after the app was restarted.")
                    self._waiting.appendleft(run)
                else:
                    message = (
                        f"Given up after {status.attempts} attempts, as the app ended each time. Resume it."
                    )
                    run.set_status(state="interrupted", message=message, ended=now())
            except UserError as error:
                log.warning("%s", error)
                self._held = [other for other in self._held if other != run]

    def _fresh_executor(self) -> Executor:
        if isinstance(self._executor, WorkerProcess) and not self._executor.alive and not self._closing:
            self._executor = None
        if self._executor is None:
            self._executor = self._make_executor(self._kind)
            self._ready = self._executor.submit(_nothing)
            self._done_by_executor = 0
        return self._executor

    def _retire_executor(self) -> None:
        with self._changed:
            if self._executor is not None:
                self._executor.shutdown(wait=False)
            self._executor = None
            if not self._closing:
                self._fresh_executor()

    def _loop(self) -> None:
        with self._changed:
            # The first page comes first: starting a worker takes all that a small machine has for some seconds.
            self._changed.wait_for(lambda: self._waiting or self._closing, WARM_AFTER_SECONDS)
            if not self._closing:
                self._fresh_executor()
        while True:
            with self._changed:
                ready = self._changed.wait_for(
                    lambda: self._waiting or self._closing, HELD_SECONDS if self._held else None
                )
                if self._closing:
                    return
                self._take_up()
                if not ready:
                    continue
                self._current = self._waiting.popleft()
            try:
                self._do(self._current)
            except UserError as error:
                # The status itself could not be written; the run shows what its file still says.
                log.warning("%s", error)
            except Exception:
                log.exception("The queue met something unexpected and goes on with the next run.")
            finally:
                with self._changed:
                    self._current = None
            with self._changed:
                idle = not isinstance(self._executor, WorkerProcess) or self._executor.idle
                if self._done_by_executor >= RUNS_PER_WORKER and idle:
                    self._retire_executor()

    def _do(self, run: Run) -> None:
        status = run.status
        starts = run.history().starts
        with self._changed:
            if self._closing:
                return
            with suppress(UserError):  # damaged settings: the worker will say so
                self._suit(warming.kind_for(run.settings))
            executor = self._fresh_executor()
            run.set_status(
                state="running",
                message="",
                started=now(),
                attempts=status.attempts + 1,
                worker=getattr(executor, "pid", None),
            )
            self._done_by_executor += 1
            future = executor.submit(worker.work, run.folder, self.store.home)
        while not future.done():
            try:
                future.exception(timeout=0.1)
            except TimeoutError:
                if self._closing and not isinstance(executor, WorkerProcess):
                    return  # a cluster goes on without this server
                self._end_if_deaf(run, executor, starts)
        if self._closing and isinstance(future.exception(), WorkerLostError):
            # Not the run's fault: an attempt that ends with the server does not count.
            run.set_status(
                state="queued", message="Waits for the app to be started again.", attempts=status.attempts
            )
            return
        if isinstance(future.exception(), BusyError):
            return  # a second server over the same folder was first; what becomes of the run is told by that one
        state, message = self._ending(run, future, starts)
        run.set_status(state=state, message=message, ended=now())

    def _ending(self, run: Run, future: Future[Any], starts: int) -> tuple[State, str]:
        """Say how a run ended."""
        error = future.exception()
        if error is None:
            outcome = future.result()
            return outcome.state, outcome.message
        if isinstance(error, WorkerLostError):
            self._retire_executor()
            if run.stop_asked is not None and run.history().starts == starts:
                return "stopped", f"Stopped before {'training went on' if starts else 'the first step'}."
            return "interrupted", _how_lost(error.exit_code)
        if isinstance(error, UserError):
            return "failed", str(error)
        return "failed", f"The program met something unexpected ({error}). The server's log has the details."

    def _end_if_deaf(self, run: Run, executor: Executor, starts: int) -> None:
        asked = run.stop_asked
        if asked is None or time.time() - asked < STOP_SECONDS or not isinstance(executor, WorkerProcess):
            return
        if run.history().starts == starts:
            executor.kill()


def _nothing() -> None:
    """Answered as soon as the worker is warm."""


def _locked(run: Run) -> bool:
    from filelock import FileLock, Timeout

    try:
        with FileLock(run.lock_path, timeout=0):
            return False
    except Timeout:
        return True


def _how_lost(exit_code: int | None) -> str:
    cause = f"signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"exit code {exit_code}"
    likely = ", most often because memory ran out" if exit_code in (-signal.SIGTERM, -9) else ""
    return (
        f"The process that trained this run was ended from outside ({cause}{likely}). "
        "Resume it from its last saved epoch, or make the network, the batch or the table smaller."
    )
