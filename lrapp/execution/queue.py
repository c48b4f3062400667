"""The queue, and the thread that owns it.

One thread takes runs from the queue, one at a time, and gives them to a worker. The thread never touches the page:
progress is written to the run folder, which the page reads. Several servers may share one home: the one that has a run
holds its turn, a lock, until the run has ended.
"""

import atexit
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from lrapp.errors import BusyError, UserError
from lrapp.execution import run_endings, tasks, worker, worker_setup
from lrapp.execution.once import Once
from lrapp.execution.trees_beside import Comparisons
from lrapp.execution.turns import Turns
from lrapp.execution.worker_process import Worker, WorkerLostError, WorkerProcess, worker_of
from lrapp.files import disk_errors
from lrapp.progress import FolderWatch
from lrapp.runs.store import ENDED, Run, Store, now

log = logging.getLogger(__name__)

T = TypeVar("T")

# TensorFlow keeps some megabytes for each network that it ever trained; after this many runs a fresh process is
# cheaper than what the old one holds.
RUNS_PER_WORKER = 40
# A worker that is reading or preparing data does not react to Stop; after this long it is killed.
STOP_SECONDS = 1.0
ATTEMPTS = 3
WARM_AFTER_SECONDS = 1.0
# How often to check whether a process has released a run.
HELD_SECONDS = 0.5
# A server that only checks whether a run is free releases it at once.
_LOOK_SECONDS = 0.2
# A server that has just written a run's end releases it at once.
_END_SECONDS = 2.0


def _local(kind: worker_setup.WorkerKind) -> Worker:
    return WorkerProcess(partial(worker_setup.warm, kind))


class Jobs:
    """Runs one at a time, in an order that is fair to their owners (see ``Turns``), across restarts of the server.

    Args:
        make_executor: Makes what a run is submitted to, given the kind of process that trains it fastest; see
            ``worker_setup.kind_for``. A cluster's executor fits as well as a local process: it must see the store's
            folder.
    """

    def __init__(
        self, store: Store, make_executor: Callable[[worker_setup.WorkerKind], Worker | Executor] = _local
    ) -> None:
        self.store = store
        self._make_executor = make_executor
        self._worker: Worker | None = None
        self._kind = worker_setup.USUAL
        self._ready: Future[Any] | None = None
        self._done_by_worker = 0
        self._waiting = Turns()
        self._held: list[Run] = []
        self._current: Run | None = None
        self._current_owner: str | None = None
        # Taken after a run's own lock, never before it, unless that lock is not waited for.
        self._changed = threading.Condition()
        self._closing = False
        self._comparisons = Comparisons(store.home, self._tell)
        self.once = Once()
        """For starts that may be requested several times, as by clicks on one button."""
        self._recover()
        self._thread = threading.Thread(target=self._loop, name="lrapp-jobs", daemon=True)
        self._thread.start()
        # Registered after multiprocessing's handler, so it runs first: else the worker's end would look like a crash.
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
        """Put a run into the queue, after those of its owner that wait already.

        Raises:
            UserError: If its folder is damaged.
        """
        with self._changed:
            self._comparisons.give_way()
            if run not in self._waiting:
                self._waiting.put(run, run.status)
            self._changed.notify_all()

    def place(self, run: Run) -> int | None:
        """Return 0 for the run in training, 1 for the next one and so on, None for a run that is not queued."""
        with self._changed:
            if self._current == run:
                return 0
            order = self._waiting.order(at_work=self._current_owner)
            return order.index(run) + 1 if run in order else None

    def stop(self, run: Run) -> None:
        """Ask a run to stop; its best weights so far are kept."""
        run.ask_to_stop()
        try:
            if run.status.state != "queued":
                return
        except UserError:
            return  # damaged: the queue will pass it over
        # If another server is just taking the run, it sees the stop file.
        with _turn(run, _LOOK_SECONDS) as mine, self._changed:
            if mine and run.status.state == "queued":
                self._waiting.remove(run)
                _stopped_in_queue(run)

    def resume(self, run: Run) -> None:
        """Put a run that ended early back into the queue, to go on after its last saved epoch.

        Raises:
            UserError: If the run has not ended.
        """
        with _turn(run, _END_SECONDS if run.status.state in ENDED else 0.0) as mine, self._changed:
            if not mine or run.status.state not in ENDED:
                raise UserError("This run has not ended; there is nothing to resume yet.")
            run.forget_stop()
            run.set_status(state="queued", message="", queued=now(), started=None, ended=None, attempts=0)
            self.submit(run)

    def prewarm(self, kind: worker_setup.WorkerKind) -> None:
        """Start a worker of a kind ahead of need; nothing while the one there is busy."""
        with self._changed:
            free = self._current is None and not self._waiting
            there = self._worker
            comparing = self._comparisons.running
            if free and (there is None or (there.local and (there.idle or comparing))):
                if comparing and kind != self._kind:
                    self._comparisons.give_way()
                self._ensure_kind(kind)

    def _ensure_kind(self, kind: worker_setup.WorkerKind) -> None:
        """Replace a worker of another kind, after it has answered everything submitted."""
        if kind == self._kind:
            return
        self._kind = kind
        old = self._worker
        if old is None or not old.local:
            return
        if not old.idle:
            self._worker = None
            threading.Thread(target=old.shutdown, name="lrapp-retired", daemon=True).start()
        self._retire_worker()

    def call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function in the worker, when the run in training has ended."""
        with self._changed:
            self._comparisons.give_way()
            return self._fresh_worker().submit(fn, *args, **kwargs)

    def task(
        self,
        fn: Callable[..., T],
        *args: Any,
        failure: str,
        stopped: str = "",
        watch: FolderWatch | None = None,
    ) -> tasks.Task[T]:
        """As ``call``, for what a person waits for; arguments as for ``tasks.in_worker``."""
        return tasks.in_worker(
            self.call, self.store.home, fn, *args, failure=failure, stopped=stopped, watch=watch
        )

    def comparing(self, run: Run) -> bool:
        """Whether a run's network is still to be compared with boosted trees."""
        with self._changed:
            return self._current == run or self._comparisons.has(run)

    def compare(self, run: Run) -> None:
        """Compare a run's network with boosted trees, where that was not done, when nobody needs the worker."""
        with self._changed:
            self._comparisons.add(run)
            self._changed.notify_all()

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """End the worker and the thread; the next ``Jobs`` over the store takes a run in progress up again."""
        atexit.unregister(self.close)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            if self._worker is not None:
                self._worker.shutdown(wait=False)
        self._thread.join()

    def _recover(self) -> None:
        """Resume the runs that an earlier server left unfinished."""
        for run in reversed(self.store.runs()):
            try:
                status = run.status
                if status.started is not None:
                    self._waiting.end(run.owner, status.ended or status.started)
                if status.state == "queued":
                    self._waiting.put(run, status)
                elif status.state == "running":
                    # Its worker may not have noticed yet that its server is gone.
                    self._held.append(run)
            except UserError as error:
                log.warning("%s", error)
        self._take_up()
        self.store.tidy()

    def _take_up(self) -> None:
        """Queue the runs of other servers that have ended."""
        for run in self._held.copy():
            try:
                with _turn(run) as mine:
                    if not mine or (run.status.state == "running" and _locked(run)):
                        continue
                    self._held.remove(run)
                    status = run.status
                    if status.state == "running" and status.attempts < ATTEMPTS:
                        # It had begun, so it goes before the others.
                        started = status.started or now()
                        message = "Taken up again after the app was restarted."
                        status = run.set_status(state="queued", message=message, started=started)
                    elif status.state == "running":
                        message = f"Given up after {status.attempts} attempts, as the app ended each time. Resume it."
                        run.set_status(state="interrupted", message=message, ended=now())
                        continue
                    if status.state == "queued" and run not in self._waiting:
                        self._waiting.put(run, status)
            except UserError as error:
                log.warning("%s", error)
                self._held = [other for other in self._held if other != run]

    def _fresh_worker(self) -> Worker:
        if self._worker is not None and not self._worker.alive and not self._closing:
            self._worker.shutdown(wait=False)
            self._worker = None
        if self._worker is None:
            self._worker = worker_of(self._make_executor(self._kind))
            self._ready = self._worker.submit(_nothing)
            self._done_by_worker = 0
        return self._worker

    def _retire_worker(self) -> None:
        with self._changed:
            if self._worker is not None:
                self._worker.shutdown(wait=False)
            self._worker = None
            if not self._closing:
                self._fresh_worker()

    def _loop(self) -> None:
        with self._changed:
            # The first page comes first: starting a worker takes all that a small machine has for some seconds.
            self._changed.wait_for(lambda: self._waiting or self._closing, WARM_AFTER_SECONDS)
            if not self._closing:
                self._fresh_worker()
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._waiting or self._closing or self._comparisons.due,
                    HELD_SECONDS if self._held else None,
                )
                if self._closing:
                    return
                self._take_up()
                if not self._waiting:
                    self._comparisons.begin(lambda *call: self._fresh_worker().submit(*call))
                    continue
                self._current = self._waiting.take()
                self._current_owner = self._current.owner
            try:
                self._do(self._current)
            except UserError as error:
                log.warning("%s", error)
                with suppress(UserError):  # if it cannot be written, the file keeps the old status
                    if self._current.status.state == "queued":
                        self._current.set_status(state="failed", message=str(error), ended=now())
            except Exception:
                log.exception("A run failed unexpectedly; the queue goes on with the next one.")
            finally:
                with self._changed:
                    self._current = self._current_owner = None
            with self._changed:
                there = self._worker
                worn = self._done_by_worker >= RUNS_PER_WORKER
                if worn and there is not None and there.local and there.idle:
                    self._retire_worker()

    def _do(self, run: Run) -> None:
        """Take a run, if it still waits, and train it to its end."""
        if run.status.state in ENDED:
            return
        with _turn(run, _LOOK_SECONDS) as mine:
            status = run.status
            if status.state in ENDED:
                return
            if not mine or status.state != "queued":
                # Another server has it, and writes its status as long as it runs.
                self._held.append(run)
            elif status.started is None and run.stop_asked is not None:
                _stopped_in_queue(run)
            else:
                self._train(run)

    def _train(self, run: Run) -> None:
        status = run.status
        starts = run.history().starts
        with self._changed:
            if self._closing:
                return
            with suppress(UserError):  # damaged settings: the worker will say so
                self._ensure_kind(worker_setup.kind_for(run.settings))
            there = self._fresh_worker()
            attempt = status.attempts + 1
            run.set_status(state="running", message="", started=now(), attempts=attempt, worker=there.pid)
            self._done_by_worker += 1
            future = there.submit(worker.work, run.folder, self.store.home, attempt=attempt)
        while not future.done():
            wait_for([future], timeout=0.1)
            if self._closing and not there.local:
                return  # a cluster goes on without this server
            if not future.done():
                self._kill_if_unresponsive(run, there, starts)
        with self._changed:
            self._waiting.end(self._current_owner or "", now())
        still = run.status.state == "running"  # else the worker has written how it ended
        if still and self._closing and isinstance(run_endings.error(future), WorkerLostError):
            # Not the run's fault: an attempt that ends with the server does not count.
            run.set_status(
                state="queued", message="Waits for the app to be started again.", attempts=status.attempts
            )
            return
        if isinstance(run_endings.error(future), BusyError):
            self._held.append(run)  # a process without a queue works on it, or did
            return
        if isinstance(run_endings.error(future), WorkerLostError):
            self._retire_worker()
        state, message = run_endings.of(run, future, starts)
        if still:
            run.set_status(state=state, message=message, ended=now())
        with self._changed:
            self._comparisons.add(run)

    def _kill_if_unresponsive(self, run: Run, there: Worker, starts: int) -> None:
        asked = run.stop_asked
        if asked is not None and time.time() - asked >= STOP_SECONDS and run.history().starts == starts:
            there.kill()


def _nothing() -> None:
    """Does nothing; its answer shows that the worker is warm."""


def _stopped_in_queue(run: Run) -> None:
    run.set_status(state="stopped", ended=now(), message="Stopped while it waited for its turn.")


@contextmanager
def _turn(run: Run, patience: float = 0.0) -> Iterator[bool]:
    """Hold the lock under which a run's status may change; yields whether this server got it.

    Args:
        patience: Seconds to wait for it.

    Raises:
        UserError: If the run is gone, or the disk is full.
    """
    from filelock import FileLock, Timeout

    if not run.folder.is_dir():  # the lock would create the folder again
        raise UserError(f"The run {run.id} is no longer here; it was deleted meanwhile.")
    lock = FileLock(run.turn_path, timeout=patience)
    try:
        with disk_errors():
            lock.acquire()
    except Timeout:
        pass
    try:
        yield lock.is_locked
    finally:
        lock.release()


def _locked(run: Run) -> bool:
    """Whether a worker, of whatever server, works on a run."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(run.lock_path, timeout=0):
            return False
    except Timeout:
        return True
