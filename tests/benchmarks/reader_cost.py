"""What it takes to read a file in a process of its own: seconds and bytes, for honest files and for bombs.

Run: ``python tests/benchmarks/reader_cost.py``. ``peak`` is the most memory that the reading process had at once (where
it ended by itself), ``page`` how much the process grew that asked for it. The limits are the usual ones, or those of
``LRAPP_READER_MEMORY``.
"""

import gc
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import bombs

from lrapp.errors import UserError
from lrapp.sandbox import limits
from lrapp.sandbox.readers import Readers
from lrapp.tables.kept_tables import open_table
from lrapp.tables.reading import read_csv

MB = 10**6
REPEATS = 7


def _csv(size: int, columns: int) -> bytes:
    line = ",".join(f"{1.2345 * place:.3f}" for place in range(columns)) + "\n"
    names = ",".join(f"c{place}" for place in range(columns)) + "\n"
    rows = [line.replace("1", str(number % 10)) for number in range(50)]
    return (names + "".join(rows) * (size // len("".join(rows)) + 1)).encode()


BOMBS: dict[str, Callable[[], bytes]] = {
    "two corners (.xlsx)": bombs.two_corners,
    "two corners, single quotes": bombs.single_quotes,
    "two corners, across blocks": bombs.cut_corners,
    "repeated rows and columns (.ods)": bombs.repeated_ods,
    "one string of 50 kB, 20,000 cells": bombs.one_string_everywhere,
    "32,767 letters, 60,000 cells": lambda: bombs.one_string_everywhere(32_767, 60_000),
    "gzip, 1 GB inside": lambda: bombs.long_gzip(1_100),
    "zip, 0.9 GB inside": lambda: bombs.long_zip(900),
}


def _memory() -> int:
    gc.collect()
    return limits.memory_of(os.getpid()) or 0


def _read(readers: Readers, folder: Path, data: bytes, task: str = "read") -> str:
    (folder / "upload").write_bytes(data)
    arguments = {"path": str(folder / "upload"), "name": "a.csv", "dialect": {}, "kinds": {}}
    if task != "read":
        arguments = {"path": str(folder / "upload"), "name": "a.zip", "settings": {}}
    else:
        arguments |= {"out": str(folder / "out")}
    try:
        readers.ask(task, "table" if task == "read" else "pictures", arguments)
    except UserError as error:
        return str(error)
    if task == "read":
        open_table(folder / "out")
    return "read"


def main() -> None:
    """Print the figures."""
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        readers = Readers(ready=True)
        try:
            _all(readers, folder)
        finally:
            readers.close()


def _all(readers: Readers, folder: Path) -> None:
    small = _csv(MB, 12)
    _read(readers, folder, small)
    time.sleep(1)
    here, there = [], []
    for _ in range(REPEATS):
        began = time.perf_counter()
        read_csv(small, "a.csv")
        here.append(time.perf_counter() - began)
        began = time.perf_counter()
        _read(readers, folder, small)
        there.append(time.perf_counter() - began)
    middle = REPEATS // 2
    print(
        f"CSV of 1 MB, first byte to table, median of {REPEATS}: here {sorted(here)[middle]:.3f} s, by a process of "
        f"its own {sorted(there)[middle]:.3f} s"
    )
    print(
        f"The process that stands ready has {(limits.memory_of(readers.pid or 0) or 0) / MB:.0f} MB (resident)."
    )
    print(f"{'file':36}{'kB':>9}{'seconds':>9}{'peak MB':>9}{'page MB':>9}  what came of it")
    cases: list[tuple[str, Callable[[], bytes], str]] = [
        *(
            (f"CSV of 100 MB, {columns} columns", lambda n=columns: _csv(100 * MB, n), "read")
            for columns in (10, 100)
        ),
        *((title, make, "read") for title, make in BOMBS.items()),
        ("pictures of 150 MB each (.zip)", bombs.large_pictures, "look_at_pictures"),
        ("zeros for pictures (.zip)", bombs.picture_bomb, "look_at_pictures"),
    ]
    for title, make, task in cases:
        data = make()
        before, began = _memory(), time.perf_counter()
        said = _read(readers, folder, data, task)
        seconds = time.perf_counter() - began
        grown = (_memory() - before) / MB
        print(
            f"{title:36}{len(data) / 1e3:9,.0f}{seconds:9.2f}{readers.peak / MB:9,.0f}{grown:9.1f}  {said[:90]}"
        )


if __name__ == "__main__":
    main()
