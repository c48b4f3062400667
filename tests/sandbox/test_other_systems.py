"""Systems without Linux's means of keeping a process to its memory: all is imported there, and files are read.

Python says of itself that it runs on another system, after its own library is loaded, and what that lacks is gone. It
is not that system; what was tried on one says the README.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Only what our code asks of the system may find it missing: the standard library is loaded before.
PRETENCE = """
import asyncio, ctypes, multiprocessing.connection, os, platform, signal, socket, subprocess, sys, sysconfig
import urllib.request, uuid, webbrowser, zoneinfo
import filelock
{before}
sysconfig.get_config_vars()
for name in {modules}:
    sys.modules[name] = None
for module, names in ((os, {of_os}), (socket, {of_socket}), (signal, {of_signal})):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
sys.platform = "{system}"
"""
LACKING: dict[str, dict[str, tuple[str, ...]]] = {
    "darwin": {
        "modules": (),
        "of_os": ("sched_getaffinity", "memfd_create", "pidfd_open"),
        "of_socket": ("SOCK_SEQPACKET",),
        "of_signal": (),
    },
    "win32": {
        "modules": ("resource", "fcntl", "pwd", "grp", "termios"),
        "of_os": (
            "fork",
            "wait4",
            "nice",
            "killpg",
            "sched_getaffinity",
            "O_DIRECTORY",
            "sysconf",
            "WNOHANG",
        ),
        "of_socket": ("send_fds", "recv_fds", "AF_UNIX", "SOCK_SEQPACKET"),
        "of_signal": ("SIGKILL", "SIGALRM", "setitimer"),
    },
}
IMPORTS = """
import pkgutil, sys
import lrapp.sandbox, lrapp.access
for package in (lrapp.sandbox, lrapp.access):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        __import__(module.name)
import lrapp.execution.queue, lrapp.execution.worker, lrapp.cli.predict, lrapp.ui.shell, lrapp.__main__
print(sys.platform)
"""
READS = """
import sys
from pathlib import Path
from lrapp.errors import UserError
from lrapp.sandbox.limits import Limits
from lrapp.sandbox.readers import Readers
from lrapp.tables.kept_tables import open_table

folder = Path(sys.argv[1])
readers = Readers(ready=True, allowed=Limits(memory=300 * 10**6, seconds=60))
assert readers.pid is None, "nothing is forked there"
for name in ("fine.csv", "long.csv"):
    asked = {"path": str(folder / name), "name": name, "dialect": {}, "kinds": {}, "out": str(folder / "out")}
    try:
        readers.ask("read", "table", asked)
        print(len(open_table(folder / "out").frame), "rows")
    except UserError as error:
        print(error)
"""


def done_on(system: str, code: str, folder: Path, *arguments: str, before: str = "") -> str:
    """What some code prints in a process, and in those that it starts, which think that they run on a system."""
    (folder / "sitecustomize.py").write_text(PRETENCE.format(system=system, before=before, **LACKING[system]))
    path = os.pathsep.join([str(folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("system", LACKING)
def test_all_is_imported_where_a_system_has_less(system: str, tmp_path: Path) -> None:
    libraries = "import streamlit.web.bootstrap, pandas, pyarrow.parquet, pydantic, PIL.Image, altair"
    assert done_on(system, IMPORTS, tmp_path, before=libraries).splitlines()[-1] == system


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere all tests of reading are of that system")
def test_files_are_read_and_watched_where_no_limit_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "fine.csv").write_bytes(b"a,b\n" + b"1,x\n2,y\n" * 50)
    (tmp_path / "long.csv").write_bytes(b"a\n" + b"1\n" * 30_000_000)
    fine, long = done_on("darwin", READS, tmp_path, str(tmp_path)).splitlines()
    assert fine == "100 rows"
    assert long.startswith("This file needs more than 300 MB of memory to be read.")
