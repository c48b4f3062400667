"""What the checks do with tests that fail once: tried again in plain sight, counted, and only a few."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / ".ci" / "run"
FLAKY = """
import pathlib

def test_passes_the_second_time():
    seen = pathlib.Path(__file__).with_suffix(".seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""
BROKEN = "def test_never_passes():\n    assert False\n"
SOUND = "def test_passes():\n    pass\n"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the checks are a bash script")


def checked(folder: Path, rooms: list[str], browser: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the script's own function over tests of two folders, as it does over all tests."""
    for name, files in (("rooms", rooms), ("browser", browser)):
        (folder / name).mkdir()
        for number, text in enumerate(files):
            (folder / name / f"test_{name}_{number}.py").write_text(text)
    script = RUN.read_text("utf-8")
    start = script.index("most_second_tries=")
    function = script[start : script.index("\n}\n", start) + 3]
    closing = next(line for line in script.splitlines() if "Tests that needed a second try" in line)
    (folder / "scratch").mkdir()
    lines = [
        "set -euo pipefail",
        "step() { printf '\\n=== %s\\n' \"$1\"; }",
        f"scratch={folder / 'scratch'}",
        function,
        "run_tests rooms rooms",
        "run_tests browser browser",
        closing,
    ]
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def last_of_pytest(output: str) -> str:
    return [
        line for line in output.splitlines() if " in " in line and ("passed" in line or "failed" in line)
    ][-1]


def test_nothing_that_fails_needs_no_word(tmp_path: Path) -> None:
    done = checked(tmp_path, [SOUND, SOUND], [SOUND])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "once more" not in done.stdout
    assert done.stdout.endswith("Tests that needed a second try: 0 (at most 2 may).\n")


def test_two_may_need_a_second_try_and_are_named(tmp_path: Path) -> None:
    done = checked(tmp_path, [SOUND, FLAKY], [FLAKY])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("what failed, once more") == 2
    assert "\n  rooms/test_rooms_1.py::test_passes_the_second_time\n" in done.stdout
    assert "\n  browser/test_browser_0.py::test_passes_the_second_time\n" in done.stdout
    assert last_of_pytest(done.stdout).startswith("1 passed")
    assert done.stdout.endswith("Tests that needed a second try: 2 (at most 2 may).\n")


def test_three_in_both_parts_together_are_too_many(tmp_path: Path) -> None:
    done = checked(tmp_path, [FLAKY, FLAKY], [FLAKY, SOUND])
    assert done.returncode == 1
    assert done.stdout.count("what failed, once more") == 1
    assert last_of_pytest(done.stdout).startswith("1 failed, 1 passed")
    assert done.stdout.endswith("At most 2 tests may need a second try. Received: 3.\n")


@pytest.mark.parametrize("broken", [BROKEN, "import nothing_of_this_name\n"])
def test_a_defect_fails_twice(tmp_path: Path, broken: str) -> None:
    done = checked(tmp_path, [broken], [SOUND])
    assert done.returncode != 0
    assert done.stdout.count("what failed, once more") == 1
    assert "browser" not in done.stdout, "it ends there"


def test_tests_that_cannot_be_run_at_all_are_no_success(tmp_path: Path) -> None:
    assert checked(tmp_path, [], [SOUND]).returncode == 5, "no tests were found"
