"""Time ``read_csv`` beside ``pandas.read_csv`` with the right dialect given, on generated files of about 200 MB.

Run: ``python tests/benchmarks/read_csv.py [megabytes]``. Both get the same bytes, in turns; the least of three counts.
Seconds on the clock depend on what else the machine does, seconds of the processor less: both are printed. The peak
of memory is what ``read_csv`` takes beside the file, in sizes of the file, read from Linux in a process that is fresh.
"""

import io
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lrapp.tables.reading import read_csv

ROWS = 20_000
REPEATS = 3
EUROPEAN: dict[str, Any] = {"sep": ";", "decimal": ","}


@dataclass(frozen=True)
class Case:
    """A table to time.

    Args:
        name: What it is like.
        make: Makes the first ``ROWS`` rows from a generator.
        to: Arguments for ``DataFrame.to_csv``.
        given: What pandas is told to read it.
        by_hand: What to do with pandas instead, where arguments alone do not make numbers of the cells.
    """

    name: str
    make: Callable[[np.random.Generator], pd.DataFrame]
    to: dict[str, Any]
    given: dict[str, Any]
    by_hand: Callable[[bytes], pd.DataFrame] | None = None


def _numbers(rng: np.random.Generator) -> pd.DataFrame:
    columns: dict[str, np.ndarray] = {f"x{place}": rng.normal(size=ROWS).round(5) for place in range(20)}
    columns |= {f"n{place}": rng.integers(0, 1000, ROWS) for place in range(10)}
    return pd.DataFrame(columns)


def _mixed(rng: np.random.Generator) -> pd.DataFrame:
    words = np.array(["red", "green", "blue, light", 'said "so"', "violet"])
    notes = np.array([f"remark {place}, with a comma and some more words" for place in range(5000)])
    days = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 3000, ROWS), unit="D")
    frame = {
        "key": [f"K{number:07d}" for number in rng.integers(0, 10**7, ROWS)],
        "amount": rng.gamma(2, 100, ROWS).round(2),
        "colour": words[rng.integers(0, 5, ROWS)],
        "shade": words[rng.integers(0, 5, ROWS)],
        "count": rng.integers(0, 100, ROWS),
        "day": days.strftime("%Y-%m-%d"),
        "flag": np.array(["yes", "no"])[rng.integers(0, 2, ROWS)],
        "note": notes[rng.integers(0, 5000, ROWS)],
        "height": np.where(rng.random(ROWS) < 0.05, np.nan, rng.normal(170, 10, ROWS).round(1)),
    }
    return pd.DataFrame(frame)


def _money(rng: np.random.Generator) -> pd.DataFrame:
    amounts = rng.gamma(2, 5000, ROWS).round(2).tolist()
    balances = rng.normal(0, 5000, ROWS).round(2).tolist()
    frame = {
        "price": [f"${value:,.2f}" for value in amounts],
        "visitors": [f"{value:,}" for value in rng.integers(0, 10**7, ROWS).tolist()],
        "share": [f"{value:.3f}%" for value in rng.uniform(0, 100, ROWS).tolist()],
        "balance": [f"({-value:,.2f})" if value < 0 else f"{value:,.2f}" for value in balances],
        "shop": np.array(["north", "south"])[rng.integers(0, 2, ROWS)],
        "sold": rng.integers(0, 1000, ROWS),
    }
    return pd.DataFrame(frame)


def _times(rng: np.random.Generator) -> pd.DataFrame:
    start, end = (
        pd.Timestamp("2010-01-01") + pd.to_timedelta(rng.integers(0, 4 * 10**8, ROWS), unit="s")
        for _ in range(2)
    )
    frame = {
        "start": start.strftime("%Y-%m-%d %H:%M:%S"),
        "end": end.strftime("%d.%m.%Y %H:%M"),
        "day": start.strftime("%Y-%m-%d"),
        "value": rng.normal(size=ROWS).round(4),
    }
    return pd.DataFrame(frame)


def _plain_money(data: bytes) -> pd.DataFrame:
    """What a person would write by hand to get numbers out of such a table."""
    frame = pd.read_csv(io.BytesIO(data), thousands=",")
    for name in ("price", "share", "balance"):
        bare = frame[name].str.replace(r"[$,%)]", "", regex=True).str.replace("(", "-", regex=False)
        frame[name] = pd.to_numeric(bare)
    return frame


def _plain_times(data: bytes) -> pd.DataFrame:
    """What a person would write by hand to get dates out of such a table."""
    frame = pd.read_csv(io.BytesIO(data), parse_dates=["start", "day"])
    frame["end"] = pd.to_datetime(frame["end"], format="%d.%m.%Y %H:%M")
    return frame


CASES = (
    Case("numbers", _numbers, {}, {}),
    Case("mixed, quoted text", _mixed, {}, {"parse_dates": ["day"]}),
    Case("semicolons, decimal commas", _mixed, EUROPEAN, {**EUROPEAN, "parse_dates": ["day"]}),
    Case("semicolons, decimal commas, all numbers", _numbers, EUROPEAN, EUROPEAN),
    Case("money, thousands, percent (pandas: by hand)", _money, {}, {}, _plain_money),
    Case("dates and times (pandas: formats told)", _times, {}, {}, _plain_times),
)


def _file(case: Case, folder: Path, megabytes: int) -> Path:
    path = folder / "table.csv"
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        size = 0
        while size < megabytes * 1_000_000:
            text = case.make(rng).to_csv(index=False, header=size == 0, lineterminator="\n", **case.to)
            size += file.write(text)
    return path


def _ragged(data: bytes) -> bytes:
    """The same table with one row in a hundred thousand cut short and one stray quote."""
    lines = data.split(b"\n")
    for place in range(50_000, len(lines) - 1, 100_000):
        lines[place] = lines[place].rsplit(b",", 1)[0]
    lines[777] = lines[777].replace(b",", b',"', 1)
    return b"\n".join(lines)


def main() -> None:
    """Print the machine and a line for each table."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, pandas {pd.__version__}"
    )
    print(
        f"{'table':45} {'MB':>5} {'rows':>9} {'pandas s':>9} {'ours s':>8} {'ratio':>6}"
        f" {'pandas CPU':>11} {'ours CPU':>9} {'ratio':>6} {'peak':>6}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            data = _file(case, Path(folder), megabytes).read_bytes()
            _line(case.name, data, case)
            if case is CASES[0]:
                _line("numbers, some rows broken (pandas: before)", data, case, _ragged(data))


def _line(name: str, data: bytes, case: Case, ours_data: bytes | None = None) -> None:
    least = [float("inf")] * 4
    rows = 0
    for _ in range(REPEATS):
        start, used = time.perf_counter(), time.process_time()
        case.by_hand(data) if case.by_hand else pd.read_csv(io.BytesIO(data), **case.given)
        middle, used_then = time.perf_counter(), time.process_time()
        rows = len(read_csv(ours_data or data, "table.csv").frame)
        end, used_now = time.perf_counter(), time.process_time()
        now = [middle - start, end - middle, used_then - used, used_now - used_then]
        least = [min(pair) for pair in zip(least, now, strict=True)]
    theirs, ours, their_work, our_work = least
    print(
        f"{name:45} {len(data) / 1e6:5.0f} {rows:9,} {theirs:9.2f} {ours:8.2f} {ours / theirs:6.2f}"
        f" {their_work:11.2f} {our_work:9.2f} {our_work / their_work:6.2f} {_peak(ours_data or data):6.1f}",
        flush=True,
    )


def _peak(data: bytes) -> float:
    """The most memory that a fresh process takes for reading, in sizes of the file; NaN where that is not told."""
    if not Path("/proc/self/clear_refs").exists():
        return float("nan")
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(data)
        file.flush()
        run = [sys.executable, __file__, "--peak", file.name]
        return float(subprocess.run(run, capture_output=True, text=True, check=True).stdout)


def _print_peak(path: str) -> None:
    """Read one file and print the peak of memory beside it, in sizes of the file."""
    read_csv(b"a,b\n1,x\n2,y\n", "warm.csv")
    data = Path(path).read_bytes()
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    read_csv(data, "table.csv")
    print((_memory("VmHWM") - before) * 1024 / len(data))


def _memory(what: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        _print_peak(sys.argv[2])
        sys.exit()
    main()
