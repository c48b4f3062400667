"""Waiting for what other processes do."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lrapp.runs.store import ENDED, Run

# Long, as a machine that is busy elsewhere takes its time; nothing waits so long when all is well.
PATIENCE = 120


def until(holds: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.02)


def ended(run: Run) -> str:
    until(lambda: run.status.state in ENDED, f"the end of {run.status}")
    return run.status.state


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def worker_pid(run: Run) -> int:
    pid = run.status.worker
    assert pid is not None
    return pid
