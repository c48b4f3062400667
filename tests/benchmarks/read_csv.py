"""Time ``read_csv`` beside ``pandas.read_csv`` with the right dialect given, on generated files of about 200 MB.

Run: ``python tests/benchmarks/read_csv.py [megabytes]``. Both get the same bytes, in turns; the least of three counts.
"""

import io
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lrapp.tables import read_csv

ROWS = 20_000
EUROPEAN: dict[str, object] = {"sep": ";", "decimal": ","}


@dataclass(frozen=True)
class Case:
    """A table to time.

    Args:
        name: What it is like.
        make: Makes the first ``ROWS`` rows from a generator.
        to: Arguments for ``DataFrame.to_csv``.
        given: What pandas is told to read it.
    """

    name: str
    make: Callable[[np.random.Generator], pd.DataFrame]
    to: dict[str, object]
    given: dict[str, object]


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


CASES = (
    Case("numbers", _numbers, {}, {}),
    Case("mixed, quoted text", _mixed, {}, {"parse_dates": ["day"]}),
    Case("semicolons, decimal commas", _mixed, EUROPEAN, {**EUROPEAN, "parse_dates": ["day"]}),
    Case("semicolons, decimal commas, all numbers", _numbers, EUROPEAN, EUROPEAN),
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


def _least(function: Callable[[], object], times: int = 3) -> float:
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Print the machine and a line for each table."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, pandas {pd.__version__}"
    )
    print(f"{'table':45} {'MB':>5} {'rows':>9} {'pandas s':>9} {'ours s':>8} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            data = _file(case, Path(folder), megabytes).read_bytes()
            _line(case.name, data, case.given)
            if case is CASES[0]:
                _line("numbers, some rows broken (pandas: before)", data, case.given, _ragged(data))


def _line(name: str, data: bytes, given: dict[str, object], ours_data: bytes | None = None) -> None:
    theirs = _least(lambda: pd.read_csv(io.BytesIO(data), **given))
    ours = _least(lambda: read_csv(ours_data or data, "table.csv"))
    rows = len(read_csv(ours_data or data, "table.csv").frame)
    print(f"{name:45} {len(data) / 1e6:5.0f} {rows:9,} {theirs:9.2f} {ours:8.2f} {ours / theirs:6.2f}")


if __name__ == "__main__":
    main()
