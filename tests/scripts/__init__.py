"""Runs generated scripts as a person would: in their folders, in a process that does not know this package."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def printed_by(folders: Mapping[str, Path], after: str) -> dict[str, str]:
    """Run the ``train.py`` of each folder and return what it printed, by the folder's key.

    Args:
        folders: At least one. One process runs all: importing TensorFlow takes longer than these runs.
        after: Lines of Python, indented, that follow each script; the script's names are in ``made``.
    """
    runner = f"""
import json, os, runpy, sys
import numpy as np
for case in sys.argv[1:]:
    os.chdir(case)
    print("CASE")
    made = runpy.run_path("train.py"){after}
    made["keras"].utils.clear_session()
"""
    done = subprocess.run(
        [sys.executable, "-c", runner, *map(str, folders.values())],
        cwd=next(iter(folders.values())),
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(folders, done.stdout.split("CASE\n")[1:], strict=True))
