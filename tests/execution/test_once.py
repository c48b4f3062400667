"""What is asked for several times with one token is done once, whoever asks and whenever."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from lrapp.execution import once
from lrapp.execution.once import Once


def counted(seconds: float = 0.0) -> tuple[Callable[[], int], list[int]]:
    """A deed that says how often it was done before."""
    done: list[int] = []

    def deed() -> int:
        number = len(done)
        time.sleep(seconds)
        done.append(number)
        return number

    return deed, done


def test_threads_that_ask_at_once_get_what_one_of_them_did() -> None:
    do, (deed, done) = Once(), counted(0.02)
    together = threading.Barrier(16)

    def ask(_: int) -> int:
        together.wait()
        return do("a", deed)

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(16))) == {0}
    assert done == [0]
    assert do("b", deed) == 1
    assert do("a", deed) == 0


def test_nobody_waits_for_what_another_token_stands_for() -> None:
    do, going, free = Once(), threading.Event(), threading.Event()

    def slow() -> str:
        going.set()
        assert free.wait(60)
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(do, "a", slow)
        assert going.wait(60)
        assert do("b", lambda: "quick") == "quick"
        free.set()
        assert asked.result(60) == "slow"


def test_what_failed_is_tried_again() -> None:
    def fail() -> int:
        raise ValueError("full")

    do, (deed, _) = Once(), counted()
    for _ in range(2):
        with pytest.raises(ValueError, match="full"):
            do("a", fail)
    assert do("a", deed) == 0


def test_without_a_token_nothing_is_the_same() -> None:
    do, (deed, done) = Once(), counted()
    assert [do("", deed), do("", deed)] == [0, 1]
    assert done == [0, 1]


def test_only_the_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "MOST_KEPT", 2)
    do, (deed, _) = Once(), counted()
    assert [do(token, deed) for token in "abca"] == [0, 1, 2, 3]
    assert do("c", deed) == 2
