"""What a person waits for, in the worker and in threads: how far it is, how it ends, and that it can be ended."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from lrapp.errors import Stopped, UserError
from lrapp.execution import tasks
from lrapp.execution.tasks import in_thread, in_worker
from lrapp.execution.worker_process import WorkerProcess
from lrapp.progress import NOBODY, Progress, ThreadWatch, Watch

FAILURE = "It failed; the server's log has the details."


def _nothing() -> None:
    """A worker that need not be warm."""


def counted(number: int, watch: Watch = NOBODY) -> int:
    watch.tell("Counting …", 0.5)
    return number + 1


def until_stopped(watch: Watch = NOBODY) -> None:
    watch.tell("Counting …", 0.1)
    while True:
        watch.check("Counting was stopped.")
        time.sleep(0.01)


def wrong(sentence: str, watch: Watch = NOBODY) -> None:
    raise UserError(sentence) if sentence else ZeroDivisionError("on purpose")


def ended(watch: Watch = NOBODY) -> None:
    os._exit(3)


@pytest.fixture(scope="module")
def process() -> Iterator[WorkerProcess]:
    made = WorkerProcess(_nothing)
    yield made
    made.shutdown(wait=False)


def wait_until(true: Callable[[], bool]) -> None:
    late = time.monotonic() + 30
    while not true():
        assert time.monotonic() < late
        time.sleep(0.01)


def test_the_worker_does_it_and_leaves_nothing_behind(process: WorkerProcess, tmp_path: Path) -> None:
    task = in_worker(process.submit, tmp_path, counted, 1, failure=FAILURE)
    assert task.wait(30)
    assert (task.state, task.result(), task.cancelled) == ("done", 2, False)
    task.cancel()
    assert (task.state, task.result(), task.cancelled) == ("done", 2, False), "what has ended stays as it is"
    wait_until(lambda: not list((tmp_path / "tasks").iterdir()))


def test_what_the_worker_does_tells_how_far_it_is_and_can_be_cancelled(
    process: WorkerProcess, tmp_path: Path
) -> None:
    task = in_worker(process.submit, tmp_path, until_stopped, failure=FAILURE)
    wait_until(lambda: task.progress is not None)
    assert task.progress == Progress("Counting …", 0.1)
    assert (task.state, task.done, task.wait(0.01)) == ("running", False, False)
    task.cancel()
    assert task.wait(30)
    assert (task.state, task.cancelled) == ("stopped", True)
    with pytest.raises(Stopped, match=r"^Counting was stopped\.$"):
        task.result()
    wait_until(lambda: not list((tmp_path / "tasks").iterdir()))


def test_what_has_not_begun_never_does(process: WorkerProcess, tmp_path: Path) -> None:
    first = in_worker(process.submit, tmp_path, until_stopped, failure=FAILURE)
    wait_until(lambda: first.progress is not None)
    second = in_worker(process.submit, tmp_path, counted, 1, failure=FAILURE)
    assert second.state == "waiting"
    second.cancel()
    assert (second.done, second.state) == (True, "stopped")
    with pytest.raises(Stopped):
        second.result()
    first.cancel()
    assert first.wait(30)
    wait_until(lambda: not list((tmp_path / "tasks").iterdir()))


def test_what_goes_wrong_is_a_sentence(process: WorkerProcess, tmp_path: Path) -> None:
    for sentence in ("The file must be a table.", ""):
        task = in_worker(process.submit, tmp_path, wrong, sentence, failure=FAILURE)
        assert task.wait(30)
        assert task.state == "failed"
        with pytest.raises(UserError) as raised:
            task.result()
        assert str(raised.value) == (sentence or FAILURE)
    wait_until(lambda: not list((tmp_path / "tasks").iterdir()))


def test_a_worker_that_is_lost_is_a_sentence(tmp_path: Path) -> None:
    process = WorkerProcess(_nothing)
    try:
        task = in_worker(process.submit, tmp_path, ended, failure=FAILURE)
        assert task.wait(30)
        with pytest.raises(UserError, match="has ended; try again"):
            task.result()
        wait_until(lambda: not list((tmp_path / "tasks").iterdir()))
    finally:
        process.shutdown(wait=False)


def test_what_cannot_be_handed_over_leaves_nothing_behind(tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> Future[int]:
        raise UserError("No worker.")

    with pytest.raises(UserError, match="No worker"):
        in_worker(refuse, tmp_path, counted, 1, failure=FAILURE)
    wait_until(lambda: not list((tmp_path / "tasks").iterdir()))


def test_anybodys_executor_does_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        task = in_worker(executor.submit, tmp_path, counted, 1, failure=FAILURE)
        assert task.wait(30)
        assert task.result() == 2


def test_what_ended_servers_left_is_removed_after_a_day(tmp_path: Path) -> None:
    old, young = tasks._folder(tmp_path), tasks._folder(tmp_path)
    os.utime(old, (time.time() - 90_000,) * 2)
    tasks._folder(tmp_path)
    assert (old.exists(), young.exists()) == (False, True)


def test_a_thread_does_it_too() -> None:
    go = threading.Event()

    def work(watch: ThreadWatch) -> int:
        watch.tell("Counting …", 0.5)
        go.wait(30)
        watch.check("Counting was stopped.")
        return 2

    task = in_thread(work, "counting", FAILURE)
    wait_until(lambda: task.progress == Progress("Counting …", 0.5))
    assert task.state == "running"
    go.set()
    assert task.wait(30)
    assert (task.state, task.result()) == ("done", 2)
    go.clear()
    stopped = in_thread(work, "counting", FAILURE)
    stopped.cancel()
    go.set()
    assert stopped.wait(30)
    assert stopped.state == "stopped"


def test_what_fails_in_a_thread_is_a_sentence() -> None:
    def work(watch: ThreadWatch) -> int:
        raise ZeroDivisionError("on purpose")

    task = in_thread(work, "failing", FAILURE)
    assert task.wait(30)
    with pytest.raises(UserError, match="the server's log has the details"):
        task.result()
