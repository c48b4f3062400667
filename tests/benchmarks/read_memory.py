"""Measure the memory that reading a file takes, in sizes of the file: tables of 1, 2, 10 and 100 columns.

Run: ``python tests/benchmarks/read_memory.py [megabytes]`` (100 unless told), on Linux. Each file is read in a process
of its own, which lets go of the file's bytes as the app's reader does. The peak is what the process takes at most above
what it took before, idle and with everything imported, the file's bytes included; "kept" is what it takes afterwards,
with the table in its hands. Prints Markdown.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lrapp.tables.reading import read_csv

WIDTHS = (1, 2, 10, 100)
_CELLS = 200_000
_WORDS = np.array(["red", "green", "blue", "violet", "dark orange", "grey", "white", "black"])


def _digits(rng: np.random.Generator, rows: int, _place: int) -> np.ndarray:
    return rng.integers(0, 10, rows)


def _integers(rng: np.random.Generator, rows: int, _place: int) -> np.ndarray:
    return rng.integers(0, 1_000_000, rows)


def _floats(rng: np.random.Generator, rows: int, _place: int) -> np.ndarray:
    return rng.normal(size=rows).round(3)


def _few_words(rng: np.random.Generator, rows: int, _place: int) -> np.ndarray:
    return _WORDS[rng.integers(0, len(_WORDS), rows)]


def _many_words(rng: np.random.Generator, rows: int, _place: int) -> np.ndarray:
    return np.array([f"k{number:06x}" for number in rng.integers(0, 1 << 24, rows).tolist()])


def _mixed(rng: np.random.Generator, rows: int, place: int) -> np.ndarray:
    return (_floats, _few_words, _integers, _many_words)[place % 4](rng, rows, place)


TABLES: dict[str, Callable[[np.random.Generator, int, int], np.ndarray]] = {
    "one digit a cell": _digits,
    "whole numbers": _integers,
    "decimal numbers": _floats,
    "few different words": _few_words,
    "many different words": _many_words,
    "mixed": _mixed,
}


def main() -> None:
    """Print the machine and a line for each kind of cells."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, pandas {pd.__version__}, "
        f"pyarrow {pa.__version__}; files of {megabytes} MB; the peak, and what is kept, in sizes of the file\n"
    )
    print("| cells | " + " | ".join(f"{width} column{'s' if width > 1 else ''}" for width in WIDTHS) + " |")
    print("|---" * (len(WIDTHS) + 1) + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in TABLES:
            print(f"| {name} |", end="", flush=True)
            for width in WIDTHS:
                path = Path(folder) / "table.csv"
                write_table(path, name, width, megabytes)
                peak, kept, _ = measure(path)
                print(f" {peak:.1f} ({kept:.1f}) |", end="", flush=True)
            print(flush=True)


def write_table(path: Path, name: str, width: int, megabytes: int) -> None:
    """Write a table of one kind of cells, as large as is asked.

    Args:
        path: Where.
        name: A key of ``TABLES``.
        width: Columns.
        megabytes: Size of the file, in millions of bytes.
    """
    rng = np.random.default_rng(0)
    rows = max(100, _CELLS // width)
    columns = {f"c{place}": TABLES[name](rng, rows, place) for place in range(width)}
    text = pd.DataFrame(columns).to_csv(index=False, lineterminator="\n").encode()
    head, body = text[: text.index(b"\n") + 1], text[text.index(b"\n") + 1 :]
    with path.open("wb") as file:
        file.write(head)
        for _ in range(max(1, round(megabytes * 1e6 / len(body)))):
            file.write(body)


def measure(path: Path) -> tuple[float, float, float]:
    """Read a file in a process of its own.

    Args:
        path: The file.

    Returns:
        The peak and what is kept, above the idle process and in sizes of the file, and the seconds.
    """
    run = [sys.executable, __file__, "--one", str(path)]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    peak, kept, seconds = map(float, said.split())
    return peak, kept, seconds


def _read_one(path: Path) -> None:
    read_csv(b"a,b\n1,x\n2,y\n" * 100_000, "warm.csv")
    size, before = path.stat().st_size, _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    table = read_csv(path.read_bytes(), "table.csv")
    seconds = time.perf_counter() - start
    peak, kept = ((_memory(what) - before) * 1024 / size for what in ("VmHWM", "VmRSS"))
    assert len(table.frame)
    print(peak, kept, seconds)


def _memory(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        _read_one(Path(sys.argv[2]))
        sys.exit()
    main()
