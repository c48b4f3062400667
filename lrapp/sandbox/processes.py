"""The processes that read, from the caller's side: started for one file, or forked from a server process."""

import atexit
import itertools
import json
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from lrapp.files import from_json
from lrapp.sandbox import limits, server

# Whether the caller watches the memory, because the system enforces no limit.
WATCHED = sys.platform != "linux"
_ROOT = Path(__file__).parents[2]
# Messages received between two checks of a process's memory.
_SOME = 4


class Reading(Protocol):
    """One process that reads one file."""

    words: "queue.SimpleQueue[dict[str, Any]]"

    def say(self, word: dict[str, Any]) -> None: ...

    def end(self) -> None: ...

    def memory(self) -> int | None: ...


def _hear(
    source: Any, words: "queue.SimpleQueue[dict[str, Any]]", last: Callable[[], dict[str, Any]]
) -> None:
    """Put messages into a queue, and at last how the process ended."""
    with suppress(OSError, ValueError):
        for line in source:
            try:
                if line.strip():
                    words.put(from_json(line))
            except ValueError:
                continue  # cut off when its process died
    words.put(last())


class Own:
    """A process that is started for one file."""

    def __init__(self) -> None:
        self.words: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", server.__name__, server.ONCE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=limits.environment(),
        )
        self._thread = threading.Thread(
            target=_hear, args=(self._process.stdout, self.words, self._last), daemon=True, name="lrapp-hear"
        )
        self._thread.start()
        self._looks = itertools.count()

    def _last(self) -> dict[str, Any]:
        return {"ended": self._process.wait()}

    def say(self, word: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(word).encode() + b"\n")
            self._process.stdin.flush()

    def memory(self) -> int | None:
        if not WATCHED or next(self._looks) % _SOME:
            return None  # the system enforces it, or it was checked just now
        return limits.memory_of(self._process.pid)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


class Forked:
    """A reading in a process that was forked for it."""

    def __init__(self, line: socket.socket, end: Callable[[], None]) -> None:
        self.words: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._line, self._end = line, end
        self._source = line.makefile("rb")
        self._thread = threading.Thread(
            target=_hear,
            args=(self._source, self.words, lambda: {"ended": None}),
            daemon=True,
            name="lrapp-hear",
        )
        self._thread.start()

    def say(self, word: dict[str, Any]) -> None:
        self._line.sendall(json.dumps(word).encode() + b"\n")

    def memory(self) -> None:
        """None: the system enforces the limit."""

    def end(self) -> None:
        with suppress(OSError):
            self._end()
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._source.close()
        self._line.close()


class Server:
    """The server process that forks readers, restarted when it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._start()
        atexit.register(self.close)

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def _start(self) -> socket.socket:
        self._stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", server.__name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                cwd=_ROOT,
                env=limits.environment(),
                pass_fds=[theirs.fileno()],
            )
        self._control = ours
        return ours

    def begin(self) -> Forked:
        with self._lock:
            name = f"{next(self._names)}"
            ours, theirs = socket.socketpair()
            with theirs:
                message = json.dumps({"read": name}).encode()
                control = self._control
                if control is None or self._process is None or self._process.poll() is not None:
                    control = self._start()
                try:
                    socket.send_fds(control, [message], [theirs.fileno()])
                except OSError:
                    socket.send_fds(self._start(), [message], [theirs.fileno()])
        return Forked(ours, lambda: self._tell_end(name))

    def _tell_end(self, name: str) -> None:
        self._tell({"end": name})

    def prewarm(self) -> None:
        self._tell({"expect": True})

    def _tell(self, word: dict[str, Any]) -> None:
        with self._lock, suppress(OSError):  # if it has ended, it is started again for the next file
            if self._control is not None:
                self._control.send(json.dumps(word).encode())

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def close(self) -> None:
        atexit.unregister(self.close)
        with self._lock:
            self._stop()
