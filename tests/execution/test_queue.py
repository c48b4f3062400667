"""The queue: places, turns, and runs that fail. ``test_queue_training`` has real runs."""

import os
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest
from patience import PATIENCE, alive, ended, until, worker_pid
from queue_stand_in import at_work, nothing, stand_in, submitted

from lrapp.errors import UserError
from lrapp.execution import queue as jobs_room
from lrapp.execution import worker, worker_setup
from lrapp.execution.queue import Jobs
from lrapp.execution.worker_process import WorkerProcess
from lrapp.runs.store import Store
from lrapp.settings import RunSettings


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
    jobs = Jobs(store, lambda kind: WorkerProcess(nothing))
    assert ended(submitted(jobs, "ok", "her")) == "completed"
    until(lambda: not jobs.busy, "the end of her turn")
    current = submitted(jobs, "train", "him")
    until(lambda: at_work(current), "his run")
    waiting = [submitted(jobs, "ok", owner) for owner in ("him", "her", "him", "her", "nobody else")]
    before = [jobs.place(run) for run in waiting]
    assert before == [3, 1, 5, 4, 2]
    jobs.close()
    (current.folder / "working").unlink()
    again = Jobs(store, lambda kind: WorkerProcess(nothing))
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
    queues = [Jobs(store, lambda kind: WorkerProcess(nothing)) for _ in range(2)]
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
            jobs.prewarm("convolutions")
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


def test_a_deleted_run_does_not_hold_the_queue(quick: Jobs) -> None:
    first, second, third = (submitted(quick, what) for what in ("train", "ok", "ok"))
    quick.store.delete(second)
    quick.stop(first)
    assert ended(third) == "completed"


def test_closing_puts_the_run_in_progress_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "work", stand_in)
    jobs = Jobs(store, lambda kind: WorkerProcess(nothing))
    first, second = submitted(jobs, "train"), submitted(jobs, "ok")
    until(lambda: at_work(first), "the first run")
    pid = worker_pid(first)
    jobs.close()
    jobs.close()
    until(lambda: not alive(pid), "the end of the worker")
    assert (first.status.state, first.status.attempts) == ("queued", 0)
    assert second.status.state == "queued"
    (first.folder / "working").unlink()
    again = Jobs(store, lambda kind: WorkerProcess(nothing))
    try:
        until(lambda: at_work(first), "the first run again")
        assert again.place(second) == 1
        again.stop(first)
        assert [ended(first), ended(second)] == ["stopped", "completed"]
    finally:
        again.close()
