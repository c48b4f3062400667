"""What several tests share."""

import os
from pathlib import Path

import pytest

# Read by TensorFlow when it is imported, in this process and in those that tests start.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the runs of the person who starts the tests."""
    monkeypatch.setenv("LRAPP_HOME", str(tmp_path / "home"))
