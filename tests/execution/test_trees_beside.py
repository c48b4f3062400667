"""Trees beside a run come after it, and before nobody who waits."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from patience import ended, until

from lrapp.evaluation import boosted_trees
from lrapp.execution import trees_beside, worker
from lrapp.execution.queue import Jobs
from lrapp.execution.trees_beside import Comparisons, compare, wanted
from lrapp.runs.store import Run, Store
from lrapp.settings import DataSettings, RunSettings, SampleSource, TrainingSettings


def settings(**changes: Any) -> RunSettings:
    data = DataSettings(source=SampleSource(name="penguins.csv"), target="species")
    return RunSettings(data=data, training=TrainingSettings(epochs=1), **changes)


def test_a_run_is_compared_after_it_has_ended(tmp_path: Path) -> None:
    jobs = Jobs(Store(tmp_path / "home"))
    try:
        run = jobs.store.create(settings())
        jobs.submit(run)
        ended(run)
        until((run.folder / boosted_trees.FILE).exists, "the trees")
        found = boosted_trees.kept(run.folder)
        assert found is not None
        assert found.rows == len(worker.prepared_data(jobs.store, run.settings.data).test.y)
        assert [one.name for one in found.metrics][:2] == ["accuracy", "macro F1"]
        assert found.sentence
        until(lambda: not jobs.comparing(run), "the queue")
        assert not wanted(run)
        quick = jobs.store.create(settings(closer_look=False))
        jobs.submit(quick)
        ended(quick)
        until(lambda: not jobs.comparing(quick), "the queue")
        assert not (quick.folder / boosted_trees.FILE).exists()
    finally:
        jobs.close()


@pytest.fixture
def done(tmp_path: Path) -> tuple[Store, Run]:
    store = Store(tmp_path / "home")
    run = store.create(settings())
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state)
    return store, run


def test_a_comparison_that_fails_leaves_the_run_whole(
    done: tuple[Store, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, run = done
    assert wanted(run)
    scores = run.scores_path.read_bytes()
    assert not compare(run.folder, store.home, lambda: True)
    assert wanted(run)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("on purpose")

    monkeypatch.setattr(boosted_trees, "beside", fail)
    assert compare(run.folder, store.home)
    found = boosted_trees.kept(run.folder)
    assert found is not None
    assert "failed (ZeroDivisionError)" in found.sentence
    assert run.scores_path.read_bytes() == scores
    monkeypatch.undo()
    monkeypatch.setattr(trees_beside, "_MOST_BYTES", 1)
    assert compare(run.folder, store.home)
    found = boosted_trees.kept(run.folder)
    assert found is not None
    assert "the table is too large" in found.sentence


def test_who_needs_the_worker_comes_first(done: tuple[Store, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    store, run = done
    finish, begun = threading.Event(), threading.Semaphore(0)

    def long(prepared: Any, outputs: Any, settings: Any, history: Any, go_on: Callable[[], bool]) -> Any:
        begun.release()
        while go_on() and not finish.is_set():
            time.sleep(0.01)
        return boosted_trees.BesideTrees("test", 1, sentence="Done.") if finish.is_set() else None

    monkeypatch.setattr(boosted_trees, "beside", long)
    told = threading.Semaphore(0)
    waiting = Comparisons(store.home, told.release)
    with ThreadPoolExecutor(1) as executor:

        def submit(*call: Any) -> Future[Any]:
            return executor.submit(*call)

        waiting.add(run)
        assert waiting.due
        waiting.begin(submit)
        assert begun.acquire(timeout=60)
        assert (waiting.due, waiting.has(run)) == (False, True)
        waiting.give_way()
        assert told.acquire(timeout=60)
        assert waiting.due
        assert boosted_trees.kept(run.folder) is None
        finish.set()
        waiting.begin(submit)
        assert told.acquire(timeout=60)
        assert not waiting.has(run)
        assert boosted_trees.kept(run.folder) is not None
