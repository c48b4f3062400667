"""How much memory and time the reading of a file may take, and how a process is held to that."""

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lrapp.errors import UserError
from lrapp.phrasing import bytes_of, size

MEMORY, SECONDS = "LRAPP_READER_MEMORY", "LRAPP_READER_SECONDS"
_LEAST_BYTES, _LEAST_SECONDS = 100 * 10**6, 1.0


@dataclass(frozen=True)
class Limits:
    """Limits of the reading of one file.

    Args:
        memory: Bytes, where the machine has as many free.
        seconds: From its start to its end.
    """

    memory: int = 4 * 10**9
    seconds: float = 600.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Limits":
        """Return the limits that environment variables set, or the usual ones.

        Raises:
            UserError: If a variable holds something else.
        """
        memory, seconds = cls.memory, cls.seconds
        if text := environment.get(MEMORY, "").strip():
            memory = bytes_of(text) or 0
            if memory < _LEAST_BYTES:
                raise UserError(
                    f"{MEMORY} must be a size of at least {size(_LEAST_BYTES)}, such as 500MB or 4GB. Received: {text}."
                )
        if text := environment.get(SECONDS, "").strip():
            seconds = float(text) if re.fullmatch(r"[0-9]{1,7}(\.[0-9]+)?", text) else 0.0
            if seconds < _LEAST_SECONDS:
                raise UserError(
                    f"{SECONDS} must be a number of seconds, at least {_LEAST_SECONDS:.0f}. Received: {text}."
                )
        return cls(memory, seconds)


def keep_to(memory: int | None) -> None:
    """Let this process take so much memory beyond what it has, and be the first that a machine without any ends.

    Args:
        memory: Bytes; None where the system has no such limit (macOS, Windows), and the caller has to watch.
    """
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if memory is None or sys.platform != "linux":
        return
    import resource

    limit = memory + (_status("self", "VmData") or 0)
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def peak() -> int:
    """Return the most memory that this process has had at once, in bytes; 0 where that is not known."""
    return _status("self", "VmHWM") or 0


def memory_of(pid: int) -> int | None:
    """Return how much memory a process has now, in bytes; None where that is unknown."""
    if sys.platform == "win32":
        return _memory_by_handle(pid)
    if sys.platform == "linux":
        return _status(str(pid), "VmRSS")
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(done.stdout) * 1024 if done.stdout.strip().isdigit() else None


def _status(process: str, field: str) -> int | None:
    try:
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _memory_by_handle(pid: int) -> int | None:
    if sys.platform != "win32":
        return None

    class Counters(ctypes.Structure):
        _fields_ = (
            *(("size", ctypes.c_ulong), ("faults", ctypes.c_ulong)),
            *((name, ctypes.c_size_t) for name in ("most", "now", *"abcdef")),
        )

    kernel = ctypes.WinDLL("kernel32")
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(0x1000, False, pid)
    if not handle:
        return None
    try:
        counters = Counters(size=ctypes.sizeof(Counters))
        ask = kernel.K32GetProcessMemoryInfo
        found = ask(ctypes.c_void_p(handle), ctypes.byref(counters), ctypes.c_ulong(counters.size))
        return int(counters.now) if found else None
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))


def environment() -> dict[str, str]:
    """Return environment variables for a process that reads: no library may start threads before it is forked."""
    once = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **once}
