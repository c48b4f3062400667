"""The queue with real trainings: nothing is lost on the way, whatever dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from patience import PATIENCE, alive, ended, until, worker_pid

from lrapp.execution.queue import Jobs
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    EarlyStoppingSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def small(epochs: int, **training: Any) -> RunSettings:
    """A network on the penguins; about a thousand epochs a few seconds."""
    return RunSettings(
        data=DataSettings(source=SampleSource(name="penguins.csv"), target="species"),
        model=ModelSettings(layers=(LayerSettings(units=8, dropout=0.1, batch_norm=True),)),
        training=TrainingSettings(
            **{
                "epochs": epochs,
                "xla": "off",
                "early_stopping": EarlyStoppingSettings(enabled=False),
            }
            | training
        ),
        policy=CLRSettings(cycle_momentum=True),
        closer_look=False,
    )


LONG, UNINTERRUPTED = 100_000, 1_500


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    jobs = Jobs(Store(tmp_path_factory.mktemp("real") / "home"))
    yield jobs
    jobs.close()


@pytest.fixture(scope="module")
def uninterrupted(real: Jobs) -> Run:
    run = trained(real, small(UNINTERRUPTED))
    assert ended(run) == "completed"
    return run


def trained(jobs: Jobs, settings: RunSettings) -> Run:
    run = jobs.store.create(settings)
    jobs.submit(run)
    return run


def told(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    history = run.history()
    return history.step_frame(), history.epoch_frame().drop(columns="seconds")


def assert_same(run: Run, other: Run) -> None:
    """Two runs said the same, bit for bit, and are worth the same."""
    for ours, theirs in zip(told(run), told(other), strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    assert run.scores_path.read_text() == other.scores_path.read_text()
    assert run.status.message == other.status.message


def test_a_run_completes_and_leaves_its_model(uninterrupted: Run) -> None:
    run = uninterrupted
    history = run.history()
    assert history.ended is not None
    assert history.ended.reason == "completed"
    assert run.status.message == history.ended.message
    assert run.status.attempts == 1
    assert len(history.epochs) == UNINTERRUPTED
    assert history.prepared is not None
    steps, rows = history.step_frame(), history.prepared.train
    assert steps["learning_rate"].to_numpy() == pytest.approx(run.settings.plan(rows), rel=1e-6), (
        "as it was drawn"
    )
    assert steps["momentum"].to_numpy() == pytest.approx(run.settings.momentum_plan(rows), rel=1e-6)
    left = {path.name for path in run.folder.iterdir()}
    assert {"model.keras", "preprocessor.skops", "preprocessor.json", "scores.json"} <= left
    assert not run.checkpoint_path.exists()


def test_stopping_keeps_the_best_weights(real: Jobs) -> None:
    run = trained(real, small(LONG))
    until(lambda: run.history().epochs, "an epoch")
    real.stop(run)
    assert ended(run) == "stopped"
    history = run.history()
    assert history.best is not None
    assert f"The model keeps the weights of epoch {history.best.epoch}, the best." in run.status.message
    assert len(history.epochs) < LONG
    assert run.model_path.exists()
    assert run.scores_path.exists()


def test_after_a_killed_worker_a_resumed_run_ends_as_if_nothing_had_happened(
    real: Jobs, uninterrupted: Run
) -> None:
    run = trained(real, small(UNINTERRUPTED))
    until(run.checkpoint_path.exists, "a checkpoint")
    os.kill(worker_pid(run), signal.SIGKILL)
    assert ended(run) == "interrupted"
    assert "Resume it from its last saved epoch" in run.status.message
    done = len(run.history().epochs)
    assert 0 < done < UNINTERRUPTED
    real.resume(run)
    assert ended(run) == "completed"
    history = run.history()
    assert history.started is not None
    assert 0 < history.started.first_epoch <= done
    assert_same(run, uninterrupted)


@pytest.mark.parametrize(
    ("settings", "state", "sentence"),
    [
        (
            small(5).model_copy(update={"data": DataSettings(target="no such column")}),
            "failed",
            "no such column",
        ),
        (
            small(5, optimizer="sgd").model_copy(
                update={
                    "data": DataSettings(source=SampleSource(name="auto_mpg.csv"), target="mpg"),
                    "policy": FixedSettings(learning_rate=1000),
                    "model": ModelSettings(),
                }
            ),
            "diverged",
            "became infinite at step",
        ),
    ],
    ids=["failed", "diverged"],
)
def test_other_ends(real: Jobs, settings: RunSettings, state: str, sentence: str) -> None:
    run = trained(real, settings)
    assert ended(run) == state
    assert sentence in run.status.message
    assert "Traceback" not in run.status.message


_SERVER = """
import signal, sys, time
from pathlib import Path
from lrapp.execution.queue import Jobs
from lrapp.runs.store import Store

# A shell starts what it runs in the background deaf to Ctrl-C, and so are its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
if __name__ == "__main__":
    jobs = Jobs(Store(Path(sys.argv[1])))
    try:
        time.sleep(1000)
    except KeyboardInterrupt:
        pass
"""


@pytest.fixture
def serve(store: Store, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts servers over one home."""
    script = tmp_path / "server.py"
    script.write_text(_SERVER)
    servers: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, str(script), str(store.home)]
        servers.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
        server.wait()


def test_two_servers_over_one_home_train_each_run_once_and_one_takes_over_from_the_other(
    store: Store, serve: Callable[[], subprocess.Popen[bytes]]
) -> None:
    long, *runs = (store.create(small(epochs)) for epochs in (LONG, *[2] * 16))
    servers = {server.pid: server for server in (serve(), serve())}
    assert {ended(run) for run in runs} == {"completed"}
    assert {run.status.attempts for run in runs} == {1}
    assert {run.history().starts for run in runs} == {1}
    assert {len(run.history().epochs) for run in runs} == {2}
    until(long.checkpoint_path.exists, "a checkpoint")
    assert (long.status.attempts, long.history().starts) == (1, 1)
    stat = Path(f"/proc/{worker_pid(long)}/stat").read_text()
    servers[int(stat.rpartition(")")[2].split()[1])].kill()
    until(lambda: long.history().starts == 2, "the other server")
    long.ask_to_stop()
    assert ended(long) == "stopped"
    assert long.status.attempts == 2


@pytest.mark.parametrize("end", ["killed", "ctrl-c"])
def test_a_restarted_server_ends_a_run_as_if_nothing_had_happened(
    real: Jobs, uninterrupted: Run, tmp_path: Path, end: str
) -> None:
    store = Store(tmp_path / "home")
    run = store.create(small(UNINTERRUPTED))
    script = tmp_path / "server.py"
    script.write_text(_SERVER)
    server = subprocess.Popen(
        [sys.executable, str(script), str(store.home)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    until(lambda: run.checkpoint_path.exists() or server.poll() is not None, "a checkpoint")
    pid = worker_pid(run)
    assert alive(pid)
    if end == "killed":
        server.kill()
    else:  # the server's main thread ends while the worker trains
        server.send_signal(signal.SIGINT)
    try:
        _, errors = server.communicate(timeout=PATIENCE)
    finally:
        server.kill()  # nothing where it has ended, as it should
        server.wait()
        assert server.stderr is not None
        server.stderr.close()
    assert b"Traceback" not in errors
    assert server.returncode == (-signal.SIGKILL if end == "killed" else 0)
    until(lambda: not alive(pid), "the end of the worker")
    assert run.status.state == ("running" if end == "killed" else "queued")
    assert len(run.history().epochs) < UNINTERRUPTED
    # The warm worker of the other queue stands in for that of a new server.
    again = Jobs(store, lambda kind: Borrowed(real))
    try:
        assert ended(run) == "completed"
    finally:
        again.close()
    assert run.status.attempts == (2 if end == "killed" else 1)
    assert run.history().starts == 2
    assert_same(run, uninterrupted)


class Borrowed(Executor):
    """The worker of another queue."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._jobs.call(fn, *args)


def test_a_worker_of_one_kind_takes_the_place_of_another_and_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    for variable in variables:
        monkeypatch.delenv(variable)
    jobs = Jobs(store)

    def told() -> tuple[Any, ...]:
        """Who answers, and what was set there for TensorFlow."""
        asked = [jobs.call(os.getpid), *(jobs.call(os.getenv, variable) for variable in variables)]
        return tuple(future.result(timeout=PATIENCE) for future in asked)

    try:
        first = told()
        assert first[1:] == ("0", "1", "1")
        jobs.prewarm("small")
        assert told() == first, "there already"
        jobs.prewarm("convolutions")
        second = told()
        assert second[0] != first[0]
        assert second[1:] == ("1", None, None)
        # What was asked for before is answered, though a run of another kind comes.
        slow = jobs.call(time.sleep, 1)
        run = store.create(small(2))
        jobs.submit(run)
        assert slow.result(timeout=PATIENCE) is None
        assert ended(run) == "completed"
        assert told()[1:] == ("0", "1", "1")
        jobs.prewarm("large")
        assert told()[1:] == ("0", None, None)
    finally:
        jobs.close()
