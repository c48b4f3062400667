"""A queue whose worker does what a run's name says."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from queue_stand_in import nothing, stand_in

from lrapp.execution import worker
from lrapp.execution.queue import Jobs
from lrapp.execution.worker_process import WorkerProcess
from lrapp.runs.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def quick(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    monkeypatch.setattr(worker, "work", stand_in)
    jobs = Jobs(store, lambda kind: WorkerProcess(nothing))
    yield jobs
    jobs.close()
