"""The queue and its worker: what is lost when something dies, and what is not.

Runs of a cheap stand-in show how the queue behaves; ``test_jobs_training.py`` has the real ones.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from patience import PATIENCE, alive, ended, until, worker_pid

from lrapp.errors import BusyError, UserError
from lrapp.execution import queue as jobs_room
from lrapp.execution import worker, worker_setup
from lrapp.execution.queue import ATTEMPTS, Jobs
from lrapp.execution.worker import Outcome
from lrapp.execution.worker_process import WorkerProcess
from lrapp.runs.events import TrainingStarted
from lrapp.runs.store import EventWriter, Run, Store
from lrapp.settings import RunSettings

ROOT = Path(__file__).parents[2]
STARTED = TrainingStarted(parameters=1, metric="accuracy", steps_per_epoch=1, total_steps=9, epochs=9)


# --- the queue, over a worker that does what a run's name says ------------------------------------------------


def stand_in(folder: Path, home: Path, attempt: int) -> Outcome:
    """In place of ``worker.work``, imported by the worker process from this file."""
    run = Run(folder)
    with FileLock(run.lock_path, timeout=0):
        what, *rest = run.settings.name.split()
        if what in ("train", "deaf"):
            if what == "train":
                writer = EventWriter(run)
                writer.write(STARTED)
                writer.close()
            (folder / "working").touch()
            while what == "deaf" or run.stop_asked is None:
                time.sleep(0.01)
            return Outcome("stopped", "Stopped as asked.")
        if what == "once":
            with (folder / "done").open("a") as file:
                file.write("x")
        if what == "busy":
            run.set_status(state="completed", message="Done by the other server.")
            raise BusyError("Another process is working on this run already.")
        if what == "refuse":
            raise UserError("This table has no rows.")
        if what == "break":
            raise ZeroDivisionError("oh")
        if what == "exit":
            os._exit(int(rest[0]))
        return Outcome("completed", f"Done by {os.getpid()}.")


def _nothing() -> None:
    """In place of importing TensorFlow."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def quick(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setattr(worker, "work", stand_in)
    jobs = Jobs(store, lambda kind: WorkerProcess(_nothing))
    yield jobs
    jobs.close()


def submitted(jobs: Jobs, what: str, owner: str = "") -> Run:
    run = jobs.store.create(RunSettings(name=what), owner)
    jobs.submit(run)
    return run


def at_work(run: Run) -> bool:
    return (run.folder / "working").exists()


def test_one_run_at_a_time_and_the_others_have_places(quick: Jobs) -> None:
    first, second, third, fourth = (submitted(quick, what) for what in ("train", "train", "ok", "ok"))
    until(lambda: at_work(first), "the first run")
    assert [quick.place(run) for run in (first, second, third, fourth)] == [0, 1, 2, 3]
    assert [run.status.state for run in (first, second, third)] == ["running", "queued", "queued"]
    quick.stop(third)
    assert third.status.state == "stopped"
    assert third.status.message == "Stopped while it waited for its turn."
    assert [quick.place(run) for run in (third, fourth)] == [None, 2]
    quick.stop(first)
    until(lambda: at_work(second), "the second run")
    assert [quick.place(run) for run in (first, second, fourth)] == [None, 0, 1]
    quick.stop(second)
    assert [ended(run) for run in (first, second, fourth)] == ["stopped", "stopped", "completed"]
    until(lambda: quick.place(fourth) is None, "the end of the queue")
    assert first.status.message == "Stopped as asked."
    assert quick.warm


def test_a_run_that_is_submitted_twice_runs_once(quick: Jobs) -> None:
    first, second = submitted(quick, "train"), submitted(quick, "ok")
    quick.submit(second)
    third = submitted(quick, "ok")
    assert quick.place(third) in (2, 3)
    quick.stop(first)
    assert ended(third) == "completed"
    assert second.status.attempts == 1


def test_owners_take_turns_and_places_tell_it(quick: Jobs) -> None:
    hers = [submitted(quick, what, "her") for what in ("train", "ok", "ok", "ok")]
    until(lambda: at_work(hers[0]), "the first run")
    his = [submitted(quick, "ok", "him") for _ in range(2)]
    nobodys = submitted(quick, "ok")
    order = [hers[0], his[0], nobodys, hers[1], his[1], hers[2], hers[3]]
    assert [quick.place(run) for run in order] == list(range(7))
    quick.stop(hers[0])
    assert {ended(run) for run in order[1:]} == {"completed"}
    began = [run.status.started for run in order]
    assert None not in began
    assert began == sorted(began)  # type: ignore[type-var]


def test_turns_go_on_after_a_restart(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "work", stand_in)
    jobs = Jobs(store, lambda kind: WorkerProcess(_nothing))
    assert ended(submitted(jobs, "ok", "her")) == "completed"
    until(lambda: not jobs.busy, "the end of her turn")
    current = submitted(jobs, "train", "him")
    until(lambda: at_work(current), "his run")
    waiting = [submitted(jobs, "ok", owner) for owner in ("him", "her", "him", "her", "nobody else")]
    before = [jobs.place(run) for run in waiting]
    assert before == [3, 1, 5, 4, 2]
    jobs.close()
    (current.folder / "working").unlink()
    again = Jobs(store, lambda kind: WorkerProcess(_nothing))
    try:
        until(lambda: at_work(current), "his run again, as its turn had begun")
        assert [again.place(run) for run in waiting] == before
        again.stop(current)
        assert [ended(run) for run in waiting] == ["completed"] * 5
    finally:
        again.close()


def test_a_run_is_resumed_once_however_many_ask(quick: Jobs) -> None:
    run = submitted(quick, "refuse")
    assert ended(run) == "failed"
    blocking = submitted(quick, "train")
    until(lambda: at_work(blocking), "another run")

    def resume(_: int) -> bool:
        try:
            quick.resume(run)
        except UserError:
            return False
        return True

    with ThreadPoolExecutor(8) as askers:
        assert sum(askers.map(resume, range(8))) == 1
    assert quick.place(run) == 1
    quick.stop(blocking)
    assert ended(run) == "failed"
    assert run.status.attempts == 1


def test_two_queues_over_one_home_work_on_each_run_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "work", stand_in)
    monkeypatch.setattr(jobs_room, "RUNS_PER_WORKER", 1_000)
    # The first run keeps whoever takes it, so that the other one has to do most of the others.
    first, *runs = (store.create(RunSettings(name=what), what[-1]) for what in ["train", *["once"] * 80])
    queues = [Jobs(store, lambda kind: WorkerProcess(_nothing)) for _ in range(2)]
    try:
        assert {ended(run) for run in runs} == {"completed"}
        until(lambda: at_work(first), "the first run")
        queues[0].stop(first)
        assert ended(first) == "stopped"
        until(lambda: not any(jobs.busy for jobs in queues), "both queues")
    finally:
        for jobs in queues:
            jobs.close()
    assert [(run.folder / "done").read_text() for run in runs] == ["x"] * len(runs)
    assert first.history().starts == 1
    assert {run.status.attempts for run in (first, *runs)} == {1}
    assert len({run.status.worker for run in (first, *runs)}) == 2, "both worked"


def test_a_run_that_was_stopped_in_another_server_is_not_trained(quick: Jobs) -> None:
    blocking, run = submitted(quick, "train"), submitted(quick, "once")
    until(lambda: at_work(blocking), "another run")
    run.ask_to_stop()
    quick.stop(blocking)
    assert ended(run) == "stopped"
    assert run.status.message == "Stopped while it waited for its turn."
    assert not (run.folder / "done").exists()


def test_any_executor_will_do(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "work", stand_in)
    monkeypatch.setattr(jobs_room, "RUNS_PER_WORKER", 2)
    made: list[str] = []
    with ThreadPoolExecutor(1) as pool:

        def make(kind: worker_setup.WorkerKind) -> Executor:
            made.append(kind)
            return pool

        jobs = Jobs(store, make)
        try:
            runs = [submitted(jobs, what) for what in ("ok", "break", "ok", "train", "ok", "ok")]
            until(lambda: at_work(runs[3]), "the fourth run")
            assert runs[3].status.worker is None
            jobs.expect("convolutions")
            jobs.stop(runs[3])
            states = [ended(run) for run in runs]
            assert states == ["completed", "failed", "completed", "stopped", "completed", "completed"]
            assert jobs.call(os.getpid).result(PATIENCE) == os.getpid()
        finally:
            jobs.close()
    assert len(made) == 1, "whoever runs it decides how long its processes live"


@pytest.mark.parametrize(
    ("what", "state", "sentence"),
    [
        ("refuse", "failed", "This table has no rows."),
        ("break", "failed", "The program failed unexpectedly (ZeroDivisionError: oh). The server's log"),
        (
            "exit 7",
            "interrupted",
            "The process that trained this run was ended from outside (exit code 7). Resume",
        ),
    ],
)
def test_a_run_that_fails_says_why_and_the_next_one_works(
    quick: Jobs, what: str, state: str, sentence: str
) -> None:
    failing, fine = submitted(quick, what), submitted(quick, "ok")
    assert ended(failing) == state
    assert failing.status.message.startswith(sentence)
    assert failing.status.ended is not None
    assert ended(fine) == "completed"


def test_a_run_that_another_server_took_first_is_left_to_it(quick: Jobs) -> None:
    run = submitted(quick, "busy")
    after = submitted(quick, "go")
    assert ended(after) == "completed"
    assert run.status.message == "Done by the other server."


def test_a_worker_that_was_killed_leaves_a_run_that_can_be_resumed(quick: Jobs) -> None:
    run = submitted(quick, "train")
    until(lambda: at_work(run), "the run")
    os.kill(worker_pid(run), signal.SIGKILL)
    assert ended(run) == "interrupted"
    assert "(signal 9, most often because memory ran out)" in run.status.message
    (run.folder / "working").unlink()
    quick.resume(run)
    until(lambda: at_work(run), "the run again")
    with pytest.raises(UserError, match=r"^This run has not ended; "):
        quick.resume(run)
    quick.stop(run)
    assert ended(run) == "stopped"


def test_a_worker_that_died_while_nothing_ran_is_replaced(quick: Jobs) -> None:
    pid = quick.call(os.getpid).result(PATIENCE)
    os.kill(pid, signal.SIGKILL)
    lost = quick._worker
    assert isinstance(lost, WorkerProcess)
    # Asked of the process object: its threads may outlive the state that /proc shows.
    until(lambda: not lost.alive, "the end of the worker")
    run = submitted(quick, "ok")
    assert ended(run) == "completed"
    assert quick.call(os.getpid).result(PATIENCE) != pid


@pytest.mark.parametrize("before", [0, 1])
def test_a_run_that_does_not_hear_that_it_must_stop_is_ended(quick: Jobs, before: int) -> None:
    run = quick.store.create(RunSettings(name="deaf"))
    for _ in range(before):  # a run that is resumed has started before, which is no sign of hearing
        writer = EventWriter(run)
        writer.write(STARTED)
        writer.close()
    quick.submit(run)
    until(lambda: at_work(run), "the run")
    pid = worker_pid(run)
    quick.stop(run)
    assert ended(run) == "stopped"
    assert run.status.message == (
        "Stopped before training went on." if before else "Stopped before the first step."
    )
    until(lambda: not alive(pid), "the end of the deaf worker")
    assert ended(submitted(quick, "ok")) == "completed"


def test_a_worker_that_is_frozen_is_ended_too(quick: Jobs) -> None:
    pid = quick.call(os.getpid).result(PATIENCE)
    os.kill(pid, signal.SIGSTOP)
    run = submitted(quick, "ok")
    until(lambda: run.status.state == "running", "the run")
    quick.stop(run)
    assert ended(run) == "stopped"
    assert not alive(pid)


def test_a_worker_is_replaced_after_a_number_of_runs(quick: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_room, "RUNS_PER_WORKER", 2)
    messages = []
    for _ in range(4):
        run = submitted(quick, "ok")
        assert ended(run) == "completed"
        messages.append(run.status.message)
        until(lambda run=run: quick.place(run) is None, "the end")  # type: ignore[misc]
    assert messages[0] == messages[1]
    assert messages[2] == messages[3] != messages[0]


def test_a_worker_is_not_replaced_while_it_owes_an_answer(
    quick: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_room, "RUNS_PER_WORKER", 1)
    run = submitted(quick, "train")
    until(lambda: at_work(run), "the run")
    pid = quick.call(os.getpid)
    slow = quick.call(time.sleep, 0.5)
    quick.stop(run)
    assert pid.result(PATIENCE) == worker_pid(run)
    slow.result(PATIENCE)


def test_a_deleted_run_does_not_hold_the_queue(quick: Jobs) -> None:
    first, second, third = (submitted(quick, what) for what in ("train", "ok", "ok"))
    quick.store.delete(second)
    quick.stop(first)
    assert ended(third) == "completed"


def test_closing_puts_the_run_in_progress_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "work", stand_in)
    jobs = Jobs(store, lambda kind: WorkerProcess(_nothing))
    first, second = submitted(jobs, "train"), submitted(jobs, "ok")
    until(lambda: at_work(first), "the first run")
    pid = worker_pid(first)
    jobs.close()
    jobs.close()
    until(lambda: not alive(pid), "the end of the worker")
    assert (first.status.state, first.status.attempts) == ("queued", 0)
    assert second.status.state == "queued"
    (first.folder / "working").unlink()
    again = Jobs(store, lambda kind: WorkerProcess(_nothing))
    try:
        until(lambda: at_work(first), "the first run again")
        assert again.place(second) == 1
        again.stop(first)
        assert [ended(first), ended(second)] == ["stopped", "completed"]
    finally:
        again.close()


def test_a_worker_that_is_expected_early_is_the_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_room, "WARM_AFTER_SECONDS", 3)
    kinds: list[str] = []

    def make(kind: worker_setup.WorkerKind) -> WorkerProcess:
        kinds.append(kind)
        return WorkerProcess(_nothing)

    jobs = Jobs(store, make)
    try:
        jobs.expect("convolutions")
        assert jobs.call(os.getpid).result(timeout=PATIENCE) != os.getpid()
        assert kinds == ["convolutions"]
    finally:
        jobs.close()


# --- taking up what an earlier server left ---------------------------------------------------------------------


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
