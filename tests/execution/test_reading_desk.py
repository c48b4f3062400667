"""The page's desk: a reading goes on by itself, is read once for all, and can be ended by whoever looks at it."""

import threading
import time

import pytest

from lrapp.errors import Stopped, UserError
from lrapp.execution import reading_desk as desks
from lrapp.execution.reading_desk import Desk, StillReading
from lrapp.progress import Progress, Watch
from lrapp.sandbox.readers import Unreadable


class Slow:
    """Reads when it is let, and counts how often it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go, self.times, self.error = threading.Event(), 0, error

    def __call__(self, watch: Watch) -> str:
        self.times += 1
        watch.tell("Reading the pictures", 0.5)
        while not self.go.wait(0.01):
            watch.check("Reading the file was cancelled.")
        if self.error is not None:
            raise self.error
        return "a table"


def test_what_is_read_within_a_moment_is_simply_there_and_kept() -> None:
    desk, read = Desk(), Slow()
    read.go.set()
    assert desk.get("key", "a.csv", read, 30) == desk.get("key", "a.csv", read, 30) == "a table"
    assert read.times == 1
    assert desk.get("other", "a.csv", read, 30) == "a table"
    assert read.times == 2


def test_what_takes_longer_goes_on_and_says_how_far_it_is() -> None:
    desk, read = Desk(), Slow()
    for _ in range(2):
        with pytest.raises(StillReading) as still:
            desk.get("key", "a.csv", read, 0.05)
    assert read.times == 1
    work = still.value.work
    assert work.progress == Progress("Reading the pictures … 0 s", 0.5)
    assert not work.done
    read.go.set()
    assert work.task.wait(30)
    assert desk.get("key", "a.csv", read, 0) == "a table"
    assert read.times == 1


def test_a_reading_that_was_cancelled_begins_anew_for_the_next() -> None:
    desk, read = Desk(), Slow()
    with pytest.raises(StillReading) as still:
        desk.get("key", "a.csv", read, 0.01)
    still.value.work.cancel()
    assert still.value.work.task.wait(30)
    with pytest.raises(Stopped):
        still.value.work.task.result()
    read.go.set()
    assert desk.get("key", "a.csv", read, 30) == "a table"
    assert read.times == 2


def test_what_cannot_be_read_is_not_read_again_unless_that_may_change() -> None:
    desk = Desk()
    for error, times in ((Unreadable("It holds no table."), 1), (UserError("The disk is full."), 2)):
        read = Slow(error)
        read.go.set()
        for _ in range(2):
            with pytest.raises(UserError, match=str(error)):
                desk.get(error, "a.csv", read, 30)
        assert read.times == times


def test_few_are_kept_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "MOST_KEPT", 2)
    desk, read = Desk(), Slow()
    read.go.set()
    for key in ("a", "b", "c", "d"):
        desk.get(key, key, read, 30)
    desk.get("d", "d", read, 30)
    assert read.times == 4
    desk.get("a", "a", read, 30)
    assert read.times == 5
    monkeypatch.setattr(desks, "KEPT_SECONDS", -1.0)
    time.sleep(0.01)
    desk.get("d", "d", read, 30)
    assert read.times == 6
