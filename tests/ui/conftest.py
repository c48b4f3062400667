"""What the tests of the pages share: a server on which somebody owns things."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from source.ownership import MAKER, TABLE, Idle, Made, ended, ended_study

from lrapp.access import uploaders
from lrapp.execution.queue import Jobs
from lrapp.experiments import study_files
from lrapp.prediction import folders
from lrapp.runs.store import Store
from lrapp.sandbox.uploads import Uploads
from lrapp.settings import (
    DataSettings,
    RunSettings,
)
from lrapp.ui.parts import resources


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    monkeypatch.setenv("LRAPP_RUNS", "own")
    monkeypatch.setenv("LRAPP_HOME", str(tmp_path / "home"))
    store = Store.default()
    jobs = Jobs(store, lambda _: Idle())
    monkeypatch.setattr(resources, "store", lambda: store)
    monkeypatch.setattr(resources, "jobs", lambda: jobs)
    # Not those that a whole page of another test has made, over another store.
    uploads = Uploads(store)
    monkeypatch.setattr(resources, "uploads", lambda: uploads)
    source = store.keep_file(TABLE, "t.csv")
    uploaders.note(store.home, source.sha256, MAKER)
    base = RunSettings(data=DataSettings(source=source, target="y"))
    deleted, deleted_study = ended(store.create(base, MAKER)), ended_study(store, base)
    store.delete(deleted)
    study_files.delete(store, deleted_study)
    prediction = folders.create(store.home, TABLE, name="new.csv", owner=MAKER)
    run, study = ended(store.create(base, MAKER)), ended_study(store, base)
    yield Made(store, jobs, source, run, deleted, study, deleted_study, prediction)
    jobs.close()
