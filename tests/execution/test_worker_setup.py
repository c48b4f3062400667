"""What a worker has done before its first run, looked at in processes of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from lrapp.execution import worker_setup
from lrapp.settings import (
    AugmentationSettings,
    DataSettings,
    LayerSettings,
    ModelSettings,
    PictureFileSource,
    PictureSettings,
    PicturesSource,
    PretrainedStart,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

ROOT = Path(__file__).parents[2]
# What a first run imports in a process that has been warmed.
_LATER = """
import sys
from pathlib import Path
from lrapp.execution import worker, worker_setup as warming
from lrapp.runs.store import Store
from lrapp.settings import DataSettings, PicturesSource, RunSettings, SampleSource, TrainingSettings
pictures = sys.argv[2] == "convolutions"
source = PicturesSource(name="digits") if pictures else SampleSource(name="penguins.csv")
warming.warm(sys.argv[2])
before = set(sys.modules)
store = Store(Path(sys.argv[1]))
settings = RunSettings(data=DataSettings(source=source), training=TrainingSettings(epochs=1))
print(worker.work(store.create(settings).folder, store.home).state)
print(*(name for name in sys.modules if name not in before and name.startswith(("lrapp", "sklearn", "scipy"))))
"""


@pytest.mark.parametrize("kind", ["small", "large", "convolutions"])
def test_a_first_run_has_little_left_to_import(kind: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LATER, str(tmp_path), kind],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    state, *late = done.stdout.split()
    assert state == "completed"
    assert set(late) <= {"lrapp.preparation.clipping"}


_TABLE = DataSettings(source=SampleSource(name="penguins.csv"))
_DIGITS = DataSettings(source=PicturesSource(name="digits"))
_FASHION = DataSettings(source=PicturesSource(name="fashion-mnist"))
_Row = LayerSettings


def test_the_kind_of_process_follows_from_the_settings(subtests: pytest.Subtests) -> None:
    cases: list[tuple[DataSettings, ModelSettings, int, str]] = [
        (_TABLE, ModelSettings(), 32, "small"),
        (_TABLE, ModelSettings(layers=()), 100_000, "small"),
        (_TABLE, ModelSettings(layers=(_Row(units=128), _Row(units=64))), 1024, "small"),
        (_TABLE, ModelSettings(layers=(_Row(units=128), _Row(units=64))), 1025, "large"),
        (_TABLE, ModelSettings(layers=(_Row(units=512), _Row(units=512))), 128, "large"),
        (_DIGITS, ModelSettings(layers=(_Row(units=128),)), 128, "small"),
        (_FASHION, ModelSettings(layers=(_Row(units=128),)), 128, "large"),
        (_FASHION, ModelSettings(layers=(_Row(units=32),)), 128, "small"),
        (_DIGITS, ModelSettings(augmentation=AugmentationSettings(rotate=10)), 32, "large"),
        (_DIGITS, ModelSettings(layers=(_Row(kind="conv", units=4),)), 32, "convolutions"),
        (_DIGITS, ModelSettings(layers=(_Row(kind="global_avg_pool"),)), 32, "convolutions"),
        (_DIGITS, ModelSettings(start=PretrainedStart()), 32, "convolutions"),
        # Cannot be built: too many times halved.
        (_DIGITS, ModelSettings(layers=(_Row(kind="max_pool", size=2),) * 9), 32, "convolutions"),
        (_TABLE, ModelSettings(layers=(_Row(kind="conv"),)), 32, "convolutions"),
    ]
    for data, model, batch, kind in cases:
        with subtests.test(f"{data!r}"):
            settings = RunSettings(data=data, model=model, training=TrainingSettings(batch_size=batch))
            assert worker_setup.kind_for(settings) == kind


@pytest.mark.parametrize(("color", "kind"), [("auto", "large"), ("rgb", "large"), ("grey", "small")])
def test_the_size_of_own_pictures_counts(color: Literal["auto", "rgb", "grey"], kind: str) -> None:
    source = PictureFileSource(name="own.zip", sha256="0" * 64)
    data = DataSettings(source=source, pictures=PictureSettings(size=64, color=color))
    settings = RunSettings(
        data=data, model=ModelSettings(layers=(_Row(units=32),)), training=TrainingSettings(batch_size=64)
    )
    assert worker_setup.kind_for(settings) == kind


def test_what_somebody_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    worker_setup.settle("small")
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "3"
    assert os.environ["TF_NUM_INTEROP_THREADS"] == "1"
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"


_THREADS = """
import os, sys
from lrapp.execution import worker_setup as warming
warming.warm(sys.argv[1])
print(len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in Linux's /proc")
@pytest.mark.skipif(os.cpu_count() == 1, reason="with one core nothing is shared")
def test_a_process_for_small_networks_has_fewer_threads() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_NUM_")}
    threads = []
    for kind in ("small", "large"):
        done = subprocess.run(
            [sys.executable, "-c", _THREADS, kind], cwd=ROOT, env=environment, capture_output=True, check=True
        )
        threads.append(int(done.stdout))
    assert threads[0] <= threads[1] - 2, "one less of each pool at least"


_CODE = """
import sys
from pathlib import Path
from lrapp.execution import worker_setup as warming
warming.warm("small")
status = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) >> 10 for line in status if line.startswith("RssFile")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's /proc for the memory")
def test_code_that_is_needed_once_does_not_stay_in_memory() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], cwd=ROOT, capture_output=True, check=True)
    assert int(done.stdout) < 100, (
        "megabytes; nearly 400 where all stays that TensorFlow's import has touched"
    )


def test_what_goes_wrong_while_it_is_warmed_is_told() -> None:
    script = (
        "from lrapp.execution import worker_setup; worker_setup._HEAVY = ('no_such_library',); "
        "worker_setup.warm('small')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 1
    assert "No module named 'no_such_library'" in done.stderr
