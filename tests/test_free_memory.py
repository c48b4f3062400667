import os
from pathlib import Path

import pytest

from lrapp import free_memory


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_free_memory_is_the_machines(tmp_path: Path) -> None:
    write(tmp_path, proc__meminfo="MemTotal: 100 kB\nMemAvailable:   2000 kB\n")
    assert free_memory.available_bytes(tmp_path) == 2000 * 1024


def test_free_memory_is_the_containers_where_that_is_less(tmp_path: Path) -> None:
    write(tmp_path, proc__meminfo="MemAvailable: 2000 kB\n")
    group = {"sys__fs__cgroup__memory_DOT_max": "1000000", "sys__fs__cgroup__memory_DOT_current": "700000"}
    write(tmp_path, **group)
    assert free_memory.available_bytes(tmp_path) == 300_000
    write(tmp_path, sys__fs__cgroup__memory_DOT_stat="anon 5\ninactive_file 50000\n")
    assert free_memory.available_bytes(tmp_path) == 350_000
    write(tmp_path, sys__fs__cgroup__memory_DOT_max="max")
    assert free_memory.available_bytes(tmp_path) == 2000 * 1024


def test_free_memory_by_the_first_version_of_groups(tmp_path: Path) -> None:
    write(
        tmp_path,
        proc__meminfo="MemAvailable: 2000 kB\n",
        sys__fs__cgroup__memory__memory_DOT_limit_in_bytes="500000",
        sys__fs__cgroup__memory__memory_DOT_usage_in_bytes="600000",
    )
    assert free_memory.available_bytes(tmp_path) == 0


def test_without_those_files_the_system_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"SC_AVPHYS_PAGES": 10, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", numbers.__getitem__, raising=False)
    assert free_memory.available_bytes(tmp_path) == 40_960
    monkeypatch.delattr(os, "sysconf")
    assert free_memory.available_bytes(tmp_path) is None
