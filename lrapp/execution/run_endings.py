"""How a run ended, in a state and a sentence: done, stopped, failed, or its worker killed, as where memory ran out."""

import signal
from concurrent.futures import CancelledError, Future
from typing import Any

from lrapp.errors import UserError
from lrapp.execution.worker_process import WorkerLostError
from lrapp.runs.store import Run, State


def of(run: Run, future: Future[Any], starts: int) -> tuple[State, str]:
    """Return the state and the sentence of a run whose work is over.

    Args:
        future: Of the work; done.
        starts: How often its training had begun before this work.
    """
    failure = error(future)
    if failure is None:
        outcome = future.result()
        return outcome.state, outcome.message
    if isinstance(failure, WorkerLostError):
        if run.stop_asked is not None and run.history().starts == starts:
            return "stopped", f"Stopped before {'training went on' if starts else 'the first step'}."
        return "interrupted", _killed(failure.exit_code)
    if isinstance(failure, CancelledError):
        return "interrupted", "The worker gave this run up. Resume it from its last saved epoch."
    if isinstance(failure, UserError):
        return "failed", str(failure)
    return "failed", f"The program failed unexpectedly ({failure}). The server's log has the details."


def error(future: Future[Any]) -> BaseException | None:
    """Return what ended some work that is over before it was done; None if nothing did."""
    return CancelledError() if future.cancelled() else future.exception()


def _killed(exit_code: int | None) -> str:
    cause = f"signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"exit code {exit_code}"
    likely = ", most often because memory ran out" if exit_code in (-signal.SIGTERM, -9) else ""
    return (
        f"The process that trained this run was ended from outside ({cause}{likely}). "
        "Resume it from its last saved epoch, or make the network, the batch or the table smaller."
    )
