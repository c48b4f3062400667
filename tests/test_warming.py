"""What a worker has done before its first run, looked at in processes of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What a first run imports in a process that has been warmed.
_LATER = """
import sys
from pathlib import Path
from lrapp import warming, worker
from lrapp.runs import Store
from lrapp.settings import DataSettings, PicturesSource, RunSettings, SampleSource, TrainingSettings
source = {"pictures": PicturesSource(name="digits"), "table": SampleSource(name="penguins.csv")}[sys.argv[2]]
warming.warm(sys.argv[2] == "pictures")
before = set(sys.modules)
store = Store(Path(sys.argv[1]))
settings = RunSettings(data=DataSettings(source=source), training=TrainingSettings(epochs=1))
print(worker.work(store.create(settings).folder, store.home).state)
print(*(name for name in sys.modules if name not in before and name.startswith(("lrapp", "sklearn", "scipy"))))
"""


@pytest.mark.parametrize("kind", ["table", "pictures"])
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
    assert set(late) <= {"lrapp.clipping"}


def test_what_goes_wrong_while_it_is_warmed_is_told() -> None:
    script = "from lrapp import warming; warming._HEAVY = ('no_such_library',); warming.warm()"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 1
    assert "No module named 'no_such_library'" in done.stderr
