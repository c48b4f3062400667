"""Workers of the queue that are killed, frozen, deaf or used up, and what that does to runs."""

import os
import signal
import time

import pytest
from patience import PATIENCE, alive, ended, until, worker_pid
from queue_stand_in import STARTED, at_work, nothing, submitted

from lrapp.errors import UserError
from lrapp.execution import queue as jobs_room
from lrapp.execution import worker_setup
from lrapp.execution.queue import Jobs
from lrapp.execution.worker_process import WorkerProcess
from lrapp.runs.store import EventWriter, Store
from lrapp.settings import RunSettings


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


def test_a_worker_that_is_expected_early_is_the_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_room, "WARM_AFTER_SECONDS", 3)
    kinds: list[str] = []

    def make(kind: worker_setup.WorkerKind) -> WorkerProcess:
        kinds.append(kind)
        return WorkerProcess(nothing)

    jobs = Jobs(store, make)
    try:
        jobs.prewarm("convolutions")
        assert jobs.call(os.getpid).result(timeout=PATIENCE) != os.getpid()
        assert kinds == ["convolutions"]
    finally:
        jobs.close()
