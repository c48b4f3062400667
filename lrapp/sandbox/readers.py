"""Starts separate processes that read files, watches them, and turns their failures into sentences."""

import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

from lrapp.errors import Refused, Stopped, UserError
from lrapp.files import disk_errors
from lrapp.free_memory import available_bytes
from lrapp.phrasing import number, size
from lrapp.sandbox import processes
from lrapp.sandbox.limits import Limits
from lrapp.sandbox.processes import Own, Reading, Server
from lrapp.settings import DATA_KINDS, DataKind

log = logging.getLogger(__name__)

# More at once would only be slower, and each wants memory.
AT_ONCE = 2
# Of what is free; the rest is for the page, the worker, and a second reading.
_SHARE_OF_FREE = 0.75
# With less left, a reading waits for another one to end.
_LEAST_BYTES = 200 * 10**6
_LOOK_SECONDS = 0.1


class OverLimit(Refused):
    """A file whose reading exceeds its limits, with the bytes of memory that it was given."""

    def __init__(self, sentence: str, memory: int = 0) -> None:
        super().__init__(sentence)
        self.memory = memory


class Unreadable(UserError):
    """The reader's sentence on what is wrong with a file."""


class Readers:
    """Processes that read files, a few at a time.

    Args:
        ready: Whether a server process is forked for each file, so that a reading begins at once; else each process
            starts from nothing, in half a second, and nothing stays behind. Only Linux forks safely.
        allowed: What a reading may take; from the environment where that is not given.

    Raises:
        UserError: If the limits in the environment are not valid.
    """

    def __init__(self, *, ready: bool = False, allowed: Limits | None = None) -> None:
        self.limits = allowed or Limits.of(os.environ)
        self.peak = 0
        """Peak memory of the process that ended last, as far as that is known."""
        self._turns = _Turns(self.limits.memory)
        self._server = Server() if ready and sys.platform == "linux" else None

    @property
    def pid(self) -> int | None:
        """The id of the server process."""
        return None if self._server is None else self._server.pid

    @property
    def memory(self) -> int:
        """Bytes that a reading could have now."""
        return self._turns.memory()

    def ask(
        self,
        task: str,
        what: DataKind,
        arguments: dict[str, Any],
        on_word: Callable[[dict[str, Any]], None] = lambda word: None,
        should_stop: Callable[[], bool] = lambda: False,
        memory: int | None = None,
    ) -> dict[str, Any]:
        """Run a task, and return its answer.

        Args:
            task: One of ``tasks.TASKS``.
            memory: Bytes that it may take, if it needs few and should not wait for its turn.

        Raises:
            UserError: The task's own error.
            Refused: If the file cannot be used however it is read.
            OverLimit: If it takes more memory or time than it may.
            Stopped: If it was asked to.
        """
        asked = self.stream(task, what, arguments, should_stop, memory)
        while True:
            try:
                on_word(next(asked))
            except StopIteration as end:
                answer: dict[str, Any] = end.value
                return answer

    def stream(
        self,
        task: str,
        what: DataKind,
        arguments: dict[str, Any],
        should_stop: Callable[[], bool] = lambda: False,
        memory: int | None = None,
    ) -> Generator[dict[str, Any], None, dict[str, Any]]:
        """Run a task, yield its messages, and return its answer; arguments and errors as for ``ask``.

        The task goes on while a message is processed, but never far ahead; closing the generator ends it.
        """
        given = self._turns.take(should_stop) if memory is None else min(memory, self.limits.memory)
        try:
            reading = self._begin()
            try:
                reading.say(
                    {"task": task, "arguments": arguments, "memory": None if processes.WATCHED else given}
                )
                return (yield from self._listen(reading, what, given, should_stop))
            finally:
                reading.end()
        finally:
            if memory is None:
                self._turns.give_back(given)

    def _begin(self) -> Reading:
        return Own() if self._server is None else self._server.begin()

    def _listen(
        self, reading: Reading, what: DataKind, memory: int, should_stop: Callable[[], bool]
    ) -> Generator[dict[str, Any], None, dict[str, Any]]:
        left = self.limits.seconds
        while True:
            began = time.monotonic()
            try:
                word = reading.words.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                word = {}
            left -= time.monotonic() - began  # time that the caller spends in between does not count
            if should_stop():
                raise Stopped("Reading the file was cancelled.")
            if "answer" in word:
                self.peak = word.get("peak", 0)
                answer: dict[str, Any] = word["answer"]
                return answer
            if word.keys() & {"sentence", "out_of_memory", "errno", "defect", "ended"}:
                self.peak = word.get("peak", 0)
                raise _what_went_wrong(word, what, memory)
            if word:
                yield word
                with suppress(OSError):
                    reading.say({})
            elif left < 0:
                raise OverLimit(_too_long(what, self.limits.seconds), memory)
            elif (has := reading.memory()) is not None and has > memory:
                raise OverLimit(_too_much(what, memory), memory)

    def prewarm(self) -> None:
        """Let the server process import all that it needs, as a file may be uploaded soon."""
        if self._server is not None:
            self._server.prewarm()

    def close(self) -> None:
        """End the server process."""
        if self._server is not None:
            self._server.close()


def _what_went_wrong(word: dict[str, Any], what: DataKind, memory: int) -> UserError:
    if "sentence" in word:
        return (Refused if word["refused"] else Unreadable)(word["sentence"])
    if "errno" in word:
        try:
            with disk_errors():
                raise OSError(word["errno"], word["defect"], word["path"])
        except UserError as error:
            return error
        except OSError:
            pass
    if "defect" in word:
        log.error("Reading a file failed unexpectedly.\n%s", word["defect"])
        return UserError(
            f"This file could not be read; the server's log has the details. {DATA_KINDS[what].advice}"
        )
    code, peak = word.get("ended"), word.get("peak", 0)
    # Without memory, Rust's allocator aborts, the kernel kills, and C code may crash.
    if "out_of_memory" in word or code in (-6, -9) or peak > memory / 2:
        return OverLimit(_too_much(what, memory), memory)
    log.warning("The process that read a file ended with %s.", code)
    return OverLimit(f"The file broke the program that reads it. {DATA_KINDS[what].advice}", memory)


def _too_much(what: DataKind, memory: int) -> str:
    return (
        f"{DATA_KINDS[what].needs} more than {size(memory)} of memory to be read. {DATA_KINDS[what].advice}"
    )


def _too_long(what: DataKind, seconds: float) -> str:
    limit = f"{number(seconds / 60, 3)} minutes" if seconds >= 120 else f"{number(seconds, 3)} seconds"
    return f"{DATA_KINDS[what].needs} more than {limit} to be read. {DATA_KINDS[what].advice}"


class _Turns:
    """Limits how many readings run at once, so that their limits together stay below the free memory."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: list[int] = []
        self._changed = threading.Condition()

    def memory(self) -> int:
        free = available_bytes()
        return (
            self._most if free is None else min(self._most, int(_SHARE_OF_FREE * (free - sum(self._taken))))
        )

    def take(self, should_stop: Callable[[], bool]) -> int:
        """Wait for a turn, and return the bytes that come with it.

        Raises:
            Stopped: If it was asked to stop meanwhile.
        """
        with self._changed:
            while True:
                if should_stop():
                    raise Stopped("Reading the file was cancelled.")
                memory = self.memory()
                if not self._taken:
                    memory = max(memory, min(self._most, _LEAST_BYTES))  # the system decides in the end
                if len(self._taken) < AT_ONCE and memory >= min(self._most, _LEAST_BYTES):
                    self._taken.append(memory)
                    return memory
                self._changed.wait(_LOOK_SECONDS)

    def give_back(self, memory: int) -> None:
        with self._changed:
            self._taken.remove(memory)
            self._changed.notify_all()
