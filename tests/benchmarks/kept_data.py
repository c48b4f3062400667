"""How soon does a second run on the same data begin? A table of 1,000,000 rows x 30 columns, prepared anew and kept.

Run: ``python tests/benchmarks/kept_data.py [rows]``. One worker does four runs, each of which forgets what the one
before has left in memory: the first reads and prepares the table, the others find the arrays on the disk; the last one
traces its network anew, too. Prints Markdown.
"""

import os
import platform
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[2]))

COLUMNS = 30


class _Enough(Exception):
    """The first steps are done."""


def _table(rows: int) -> bytes:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(rows, COLUMNS)).round(4)
    frame = pd.DataFrame(numbers, columns=[f"x{place}" for place in range(COLUMNS)])
    frame["answer"] = (numbers[:, 0] + rng.normal(size=rows) > 0).astype(int)
    return frame.to_csv(index=False).encode()


def main() -> None:
    """Print the machine and a line for each run."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    from lrapp.execution import worker_setup

    worker_setup.settle("small")
    from lrapp.execution import loops, worker
    from lrapp.runs import disk_space
    from lrapp.runs.events import Event
    from lrapp.runs.store import Store
    from lrapp.settings import DataSettings, RunSettings

    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        source = store.keep_file(_table(rows), "numbers.csv")
        settings = RunSettings(data=DataSettings(source=source, target="answer"))
        print(f"| {rows:,} rows x {COLUMNS} columns | data there, s | first steps done, s | kept |")
        print("|---|---|---|---|")
        names = (
            *("read and prepared", "from the disk, warm network", "the same once more"),
            "from the disk, new network",
        )
        for name in names:
            worker._last_data.forget()
            if name == names[-1]:
                loops.traced.cache_clear()
            seen: dict[str, float] = {}
            start = time.perf_counter()

            def on_event(event: Event, seen: dict[str, float] = seen, start: float = start) -> None:
                seen.setdefault(type(event).__name__, time.perf_counter() - start)
                if "StepsDone" in seen:
                    raise _Enough

            with suppress(_Enough):
                worker.work(store.create(settings).folder, store.home, on_event)
            kept = disk_space.taken(store.home)["Prepared data"]
            print(
                f"| {name} | {seen['DataPrepared']:.2f} | {seen['StepsDone']:.2f} | {kept / 1e6:.0f} MB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
