"""What an earlier server left is taken up by the next one."""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from filelock import FileLock
from patience import until

from lrapp.execution import queue as jobs_room
from lrapp.execution.queue import ATTEMPTS, Jobs
from lrapp.runs.store import Store
from lrapp.settings import RunSettings


class Silent(Executor):
    """A cluster that never answers."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls.append(args)
        return Future()


def test_runs_left_behind_are_taken_up_in_their_order(store: Store) -> None:
    completed, waiting, working, worn, damaged = (store.create(RunSettings(name=str(n))) for n in range(5))
    completed.set_status(state="completed", message="Done.")
    working.set_status(state="running", attempts=ATTEMPTS - 1)
    worn.set_status(state="running", attempts=ATTEMPTS)
    (damaged.folder / "status.json").write_text("{")
    cluster = Silent()
    jobs = Jobs(store, lambda kind: cluster)
    until(lambda: jobs.place(working) == 0, "the run in progress")
    assert jobs.place(waiting) == 1
    assert jobs.place(completed) is None
    assert completed.status.message == "Done."
    assert worn.status.state == "interrupted"
    assert worn.status.message == "Given up after 3 attempts, as the app ended each time. Resume it."
    until(lambda: len(cluster.calls) == 2, "the submission")
    assert cluster.calls[1] == (working.folder, store.home)
    jobs.close()
    assert working.status.state == "running", "a cluster goes on without this server"


def test_a_run_that_somebody_still_works_on_is_left_alone_until_they_let_go(store: Store) -> None:
    run = store.create(RunSettings())
    run.set_status(state="running", attempts=1)
    lock = FileLock(run.lock_path)
    lock.acquire()
    cluster = Silent()
    jobs = Jobs(store, lambda kind: cluster)
    try:
        time.sleep(3 * jobs_room.HELD_SECONDS)
        assert run.status.state == "running"
        assert jobs.place(run) is None
        lock.release()
        until(lambda: run.status.attempts == 2, "the run")
        assert jobs.place(run) == 0
    finally:
        jobs.close()


def test_a_run_that_somebody_else_finished_is_not_taken_up(store: Store) -> None:
    run = store.create(RunSettings())
    run.set_status(state="running", attempts=1)
    cluster = Silent()
    with FileLock(run.lock_path):
        jobs = Jobs(store, lambda kind: cluster)
        run.set_status(state="completed")
    time.sleep(3 * jobs_room.HELD_SECONDS)
    jobs.close()
    assert run.status.state == "completed"
    assert len(cluster.calls) == 1, "only the first call, which warms the worker"


def test_a_run_that_is_deleted_while_somebody_works_on_it_stays_gone(store: Store) -> None:
    run = store.create(RunSettings())
    run.set_status(state="running", attempts=1)
    with FileLock(run.lock_path):
        jobs = Jobs(store, lambda kind: Silent())
        store.delete(run)
    time.sleep(3 * jobs_room.HELD_SECONDS)
    jobs.close()
    assert not run.folder.exists()
