"""The process that reads: ``python -m lrapp.sandbox.server``.

With the number of a socket it waits for requests, and forks a process for each file; with ``once`` it reads one file,
asked for by its standard input, and ends. It knows no page, no settings and no TensorFlow. Requests and answers are
lines of JSON; what is large goes into files.
"""

import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from importlib import import_module

from lrapp.errors import Refused, UserError
from lrapp.files import from_json
from lrapp.sandbox import limits
from lrapp.sandbox.wire import Line, LineEnded

ONCE = "once"
# A reading that takes longer gets a lower priority.
_NICE, _NICE_AFTER_SECONDS = 5, 1.0
# Loaded while nothing is to be read: 20 MB, and a reading begins after a fifth of a second.
_LIGHT = ("numpy", "pyarrow", "pyarrow.compute", "pyarrow.csv")
# Loaded from the first file on, for as long as one follows the other: 50 MB, and a reading begins at once.
_ALL = ("lrapp.tables.reading", "lrapp.tables.kept_tables", "lrapp.sandbox.tasks")
_LIGHT_AFTER_SECONDS = 30.0
_LOOK_SECONDS = 0.02


def serve(line: Line) -> None:
    """Do a request within its limits, and send the answer."""
    with suppress(LineEnded):
        asked = line.take()
        # A crashing library may print a long text; the answer tells what went wrong.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        _give_way_later()
        from lrapp.sandbox import tasks

        limits.keep_to(asked["memory"])
        try:
            answer = tasks.TASKS[asked["task"]](line, **asked["arguments"])
            line.tell(answer=answer, peak=limits.peak())
        except UserError as error:
            line.tell(sentence=str(error), refused=isinstance(error, Refused), peak=limits.peak())
        except MemoryError:
            gc.collect()
            line.tell(out_of_memory=True, peak=limits.peak())
        except LineEnded:
            raise
        except OSError as error:
            line.tell(errno=error.errno, path=str(error.filename or ""), defect=repr(error))
        except Exception:
            line.tell(defect=traceback.format_exc(limit=-12))


def _give_way_later() -> None:
    if sys.platform != "win32":
        signal.signal(signal.SIGALRM, lambda number, frame: os.nice(_NICE) and None)
        signal.setitimer(signal.ITIMER_REAL, _NICE_AFTER_SECONDS)


def main() -> None:
    """Serve until the app has ended."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches every process of a terminal; only the app decides
    if sys.argv[1] == ONCE:
        _end_with_parent()
        # Output of libraries must not mix with the answers.
        answers = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        serve(Line(sys.stdin.buffer, answers))
        return
    _Forking(int(sys.argv[1])).run()


class _Forking:
    def __init__(self, number: int) -> None:
        self._number = number
        self._control = socket.socket(fileno=number)
        self._children: dict[int, tuple[int, int]] = {}
        self._loaded = False

    def run(self) -> None:
        for name in _LIGHT:
            import_module(name)
        self._settle()
        last = time.monotonic()
        while True:
            wait = _LOOK_SECONDS if self._children else 1.0 if self._loaded else None
            readable = select.select([self._control], [], [], wait)[0]
            if readable:
                last = time.monotonic()
                if not self._hear():
                    break
            self._bury()
            if self._children:
                last = time.monotonic()
            elif self._loaded and time.monotonic() - last > _LIGHT_AFTER_SECONDS:
                os.set_inheritable(self._number, True)
                os.execv(sys.executable, [sys.executable, "-m", "lrapp.sandbox.server", str(self._number)])
        for pid in self._children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _settle(self) -> None:
        gc.collect()
        gc.freeze()  # else the first garbage collection in each child would copy all pages

    def _hear(self) -> bool:
        """Handle one message: a file to read; a reading to end; or a hint that one will come.

        False at the end.
        """
        try:
            message, numbers, _, _ = socket.recv_fds(self._control, 1 << 10, 1)
        except OSError:
            return False
        if not message:
            return False
        asked = from_json(message)
        if "expect" in asked:
            self._load()
        if numbers:
            self._begin(asked["read"], numbers[0])
        for pid, (name, _) in self._children.items():
            if name == asked.get("end"):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return True

    def _begin(self, name: int, number: int) -> None:
        pid = os.fork()
        if not pid:
            self._be_child(number)
        self._children[pid] = (name, number)
        self._load()  # for the next one

    def _load(self) -> None:
        if not self._loaded:
            self._loaded = True
            for module in _ALL:
                import_module(module)
            self._settle()

    def _be_child(self, number: int) -> None:
        code = 1
        try:
            _end_with_parent()
            self._control.close()
            for _, other in self._children.values():
                os.close(other)
            with socket.socket(fileno=number) as own:
                serve(Line(own.makefile("rb"), own.makefile("wb")))
            code = 0
        finally:
            os._exit(code)

    def _bury(self) -> None:
        """Report how each ended process ended, as it may have been killed."""
        for pid in list(self._children):
            found, status, used = os.wait4(pid, os.WNOHANG)
            if found:
                _, number = self._children.pop(pid)
                code = os.waitstatus_to_exitcode(status)
                with socket.socket(fileno=number) as line, suppress(OSError):
                    line.setblocking(False)
                    line.send(
                        b"\n" + json.dumps({"ended": code, "peak": used.ru_maxrss * 1024}).encode() + b"\n"
                    )


def _end_with_parent() -> None:
    if sys.platform != "linux":
        return
    parent = os.getppid()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main()
