"""What several tests share."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # What it does with every module that is already there takes seconds after TensorFlow, and nothing before it.
    import skops.io  # noqa: F401

from lrapp.execution import worker_setup
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    DataSettings,
    LayerSettings,
    ModelSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

# Read by TensorFlow when it is imported, in this process and in those that tests start: the last bits of the numbers
# depend on it.
worker_setup.settle("small")

# Without a deadline, as no test depends on the machine's speed.
hypothesis.settings.register_profile("here", deadline=None, derandomize="LRAPP_SAME_EXAMPLES" in os.environ)
hypothesis.settings.load_profile("here")


def pytest_configure(config: pytest.Config) -> None:
    """Pass over what only Keras itself could mend: how it reads a variable of TensorFlow when it saves a model."""
    config.addinivalue_line(
        "filterwarnings",
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning:keras",
    )


# Folders whose files take longest: where processes share the tests, none of these may be left for the end.
_LONG = ("browser", "execution", "export", "training", "experiments", "cli", "sandbox", "networks", "ui")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests where processes share them: those in a browser, then those that train."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(
            key=lambda item: _LONG.index(folder) if (folder := item.path.parent.name) in _LONG else len(_LONG)
        )


@pytest.fixture(autouse=True)
def _main() -> Iterator[None]:
    """Put back the module that started: tests of pages leave a script in its place, which new processes would run."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the runs of the person who starts the tests."""
    monkeypatch.setenv("LRAPP_HOME", str(tmp_path / "home"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 256 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small network that was trained on the penguins; not to be changed."""
    from lrapp.execution import worker

    store = Store(tmp_path_factory.mktemp("finished"))
    run = store.create(
        RunSettings(
            name="Penguins 🐧 of Palmer/Station",
            data=DataSettings(source=SampleSource(name="penguins.csv"), target="species"),
            model=ModelSettings(layers=(LayerSettings(units=8, dropout=0.1, batch_norm=True),)),
            training=TrainingSettings(epochs=25),
        )
    )
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message, attempts=1)
    return run
