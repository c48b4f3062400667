"""A worker that does what a run's name says, in place of one that trains."""

import os
import time
from pathlib import Path

from filelock import FileLock

from lrapp.errors import BusyError, UserError
from lrapp.execution.queue import Jobs
from lrapp.execution.worker import Outcome
from lrapp.runs.events import TrainingStarted
from lrapp.runs.store import EventWriter, Run
from lrapp.settings import RunSettings

STARTED = TrainingStarted(parameters=1, metric="accuracy", steps_per_epoch=1, total_steps=9, epochs=9)


def stand_in(folder: Path, home: Path, attempt: int) -> Outcome:
    """In place of ``worker.work``, imported by the worker process from this file."""
    run = Run(folder)
    with FileLock(run.lock_path, timeout=0):
        what, *rest = run.settings.name.split()
        if what in ("train", "deaf"):
            if what == "train":
                writer = EventWriter(run)
                writer.write(STARTED)
                writer.close()
            (folder / "working").touch()
            while what == "deaf" or run.stop_asked is None:
                time.sleep(0.01)
            return Outcome("stopped", "Stopped as asked.")
        if what == "once":
            with (folder / "done").open("a") as file:
                file.write("x")
        if what == "busy":
            run.set_status(state="completed", message="Done by the other server.")
            raise BusyError("Another process is working on this run already.")
        if what == "refuse":
            raise UserError("This table has no rows.")
        if what == "break":
            raise ZeroDivisionError("oh")
        if what == "exit":
            os._exit(int(rest[0]))
        return Outcome("completed", f"Done by {os.getpid()}.")


def nothing() -> None:
    """In place of importing TensorFlow."""


def submitted(jobs: Jobs, what: str, owner: str = "") -> Run:
    run = jobs.store.create(RunSettings(name=what), owner)
    jobs.submit(run)
    return run


def at_work(run: Run) -> bool:
    return (run.folder / "working").exists()
