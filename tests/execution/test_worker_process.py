"""The worker process: one thing at a time, in order, and a word when it dies."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest
from patience import PATIENCE, until

from lrapp.errors import UserError
from lrapp.execution.worker_process import ExecutorWorker, Worker, WorkerLostError, WorkerProcess, worker_of
from lrapp.policies.schedules import Fixed


@pytest.fixture
def process() -> Iterator[WorkerProcess]:
    process = WorkerProcess(initializer=_nothing)
    yield process
    process.shutdown(wait=False)


def _nothing() -> None:
    """In place of importing TensorFlow."""


def test_a_worker_answers_one_after_the_other_in_one_process(process: WorkerProcess) -> None:
    answers = [process.submit(os.getpid) for _ in range(3)]
    assert {answer.result(PATIENCE) for answer in answers} == {process.pid}
    assert process.pid != os.getpid()
    assert process.submit(int, "ff", base=16).result(PATIENCE) == 255
    assert process.idle


def test_errors_of_a_call_come_back(process: WorkerProcess) -> None:
    with pytest.raises(UserError, match=r"^The learning rate must be .* Received: -1\.$"):
        process.submit(Fixed, -1).result(PATIENCE)
    with pytest.raises(RuntimeError, match=r"^ValueError: invalid literal"):
        process.submit(int, "x").result(PATIENCE)
    with pytest.raises(Exception, match=r"[Pp]ickle"):
        process.submit(lambda: 1).result(PATIENCE)
    assert process.submit(abs, -2).result(PATIENCE) == 2, "it goes on"


def test_a_worker_that_dies_says_how(process: WorkerProcess) -> None:
    lost = process.submit(os._exit, 3)
    behind = process.submit(os.getpid)
    with pytest.raises(WorkerLostError, match=r"try again") as raised:
        lost.result(PATIENCE)
    assert raised.value.exit_code == 3
    with pytest.raises(WorkerLostError):
        behind.result(PATIENCE)
    assert not process.alive
    assert process.idle


def test_a_worker_can_be_ended_while_it_works(process: WorkerProcess) -> None:
    future = process.submit(time.sleep, PATIENCE)
    until(future.running, "the call")
    assert not process.idle
    process.kill()
    with pytest.raises(WorkerLostError) as raised:
        future.result(PATIENCE)
    assert raised.value.exit_code == -signal.SIGKILL


def test_a_worker_that_was_shut_down_takes_nothing_more(process: WorkerProcess) -> None:
    future = process.submit(abs, -1)
    assert future.result(PATIENCE) == 1
    process.shutdown()
    assert not process.alive
    with pytest.raises(RuntimeError, match=r"shut down"):
        process.submit(abs, -1)


def test_a_cancelled_call_is_not_made(process: WorkerProcess) -> None:
    first = process.submit(time.sleep, 0.3)
    second = process.submit(os._exit, 3)
    assert second.cancel()
    first.result(PATIENCE)
    with pytest.raises(CancelledError):
        second.result(PATIENCE)
    assert process.submit(abs, -1).result(PATIENCE) == 1


def test_ctrl_c_in_the_terminal_does_not_reach_the_worker(process: WorkerProcess) -> None:
    assert process.pid is not None
    process.submit(abs, -1).result(PATIENCE)
    os.kill(process.pid, signal.SIGINT)
    assert process.submit(abs, -1).result(PATIENCE) == 1


def test_calls_are_answered_in_the_order_of_submission(process: WorkerProcess) -> None:
    answered: list[int] = []
    process.submit(time.sleep, 0.2)
    for number in range(2_000):
        process.submit(abs, number).add_done_callback(lambda future: answered.append(future.result()))
    process.submit(abs, -1).result(PATIENCE)
    assert answered == list(range(2_000))


def test_calls_of_many_threads_keep_the_order_of_each(process: WorkerProcess) -> None:
    answered: list[tuple[int, int]] = []

    def submit(thread: int) -> list[Future[Any]]:
        futures = [process.submit(divmod, 1_000 * thread + number, 1_000) for number in range(250)]
        for future in futures:
            future.add_done_callback(lambda done: answered.append(done.result()))
        return futures

    with ThreadPoolExecutor(8) as pool:
        for futures in pool.map(submit, range(8)):
            for future in futures:
                future.result(PATIENCE)
    until(lambda: len(answered) == 2_000, "the callbacks")
    for thread in range(8):
        assert [number for of, number in answered if of == thread] == list(range(250))


def test_a_worker_has_one_thread_here_however_many_calls_wait(process: WorkerProcess) -> None:
    before = threading.active_count()
    slow = process.submit(time.sleep, 0.3)
    calls = [process.submit(abs, 1) for _ in range(50)]
    assert threading.active_count() == before
    slow.result(PATIENCE)
    assert {call.result(PATIENCE) for call in calls} == {1}


@pytest.mark.parametrize("wait", [True, False])
def test_shutting_down_leaves_nobody_waiting_and_no_thread(process: WorkerProcess, wait: bool) -> None:
    process.submit(abs, 1).result(PATIENCE)
    calls = [process.submit(time.sleep, 0.1) for _ in range(5)]
    process.shutdown(wait=wait)
    for call in calls:
        if wait:
            assert call.result(0) is None, "answered before it ended"
        elif call.exception(PATIENCE) is not None:
            assert isinstance(call.exception(), WorkerLostError)
    until(lambda: not process._dispatcher.is_alive(), "the end of the thread")
    until(lambda: not process.alive, "the end of the process")
    assert process.idle


def test_a_worker_that_died_answers_at_once(process: WorkerProcess) -> None:
    process.submit(os._exit, 4).exception(PATIENCE)
    until(lambda: not process._dispatcher.is_alive(), "the end of the thread")
    late = process.submit(abs, 1)
    assert late.done()
    assert isinstance(late.exception(), WorkerLostError)


def test_an_executor_is_made_a_worker(process: WorkerProcess) -> None:
    assert worker_of(process) is process
    with ThreadPoolExecutor(1) as pool:
        there: Worker = worker_of(pool)
        assert isinstance(there, ExecutorWorker)
        assert (there.pid, there.local, there.alive, there.idle) == (None, False, True, True)
        gate = threading.Event()
        future = there.submit(gate.wait, PATIENCE)
        assert not there.idle
        there.kill()
        gate.set()
        assert future.result(PATIENCE) is True
        assert there.idle
        there.shutdown()
    assert issubclass(WorkerProcess, Executor), "fits where an executor fits"
