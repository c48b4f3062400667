"""Runs that a worker does from their beginning to their end, and whether two of them are the same to the bit."""

from lrapp.execution import worker
from lrapp.runs.store import Run, Store
from lrapp.settings import RunSettings


def done(store: Store, settings: RunSettings) -> Run:
    """Return a run that has been done."""
    run = store.create(settings)
    assert worker.work(run.folder, store.home).state == "completed"
    return run


def assert_same_runs(one: Run, other: Run) -> None:
    """Compare rates, losses, metrics, scores, and the closer look where there is one."""
    assert one.history().step_frame().equals(other.history().step_frame())
    assert one.scores_path.read_bytes() == other.scores_path.read_bytes()
    assert one.insight_path.exists() == other.insight_path.exists()
    if one.insight_path.exists():
        assert one.insight_path.read_bytes() == other.insight_path.read_bytes()
    found = [(epoch.val_loss, epoch.val_metric, epoch.members) for epoch in one.history().epochs]
    assert found == [(epoch.val_loss, epoch.val_metric, epoch.members) for epoch in other.history().epochs]
