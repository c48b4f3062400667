"""What do a table or pictures take, and how fast do they train, that are four times as large as memory once prepared?

Run: ``python tests/benchmarks/larger_than_memory.py [rows] [--networks 8]``, on Linux. A table of 30 columns of numbers
and 12 of 40 categories each, 510 inputs a row. With ``--pictures 96`` it is a zip of so many JPEGs of 96 x 96 pixels,
and a network that is small enough for reading to count; with ``--convolutions``, one of a few convolutions. The same
run is done in several processes: one has as much memory as it likes, the others a quarter of what the prepared arrays
take; for one of these, the system forgets the files before every epoch, which is then read from the disk. The processes
take turns, ``--rounds`` times. "Own" is memory that no file holds, so that the system cannot take it back, above that
of the idle worker; "processor" is what an epoch costs both threads together, which hangs less on what else the machine
does. Prints Markdown.
"""

import argparse
import mmap
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

NUMBERS, WORDS, VALUES = 30, 12, 40
_CSV, _ZIP = "table.csv", "pictures.zip"


def main() -> None:
    """Print the machine, and a line for each process."""
    arguments = argparse.ArgumentParser(description="Data that are larger than memory.")
    arguments.add_argument("rows", type=int, nargs="?", default=500_000)
    arguments.add_argument("--networks", type=int, default=1)
    arguments.add_argument("--batch", type=int, default=256)
    arguments.add_argument("--epochs", type=int, default=5)
    arguments.add_argument("--rounds", type=int, default=3, help="times that the processes take turns")
    arguments.add_argument("--pictures", type=int, default=0, help="pictures of so many pixels along a side")
    arguments.add_argument("--convolutions", action="store_true", help="before the pooling of pictures")
    arguments.add_argument("--home", help="given to the processes that are measured")
    arguments.add_argument("--forget", action="store_true", help="likewise")
    chosen = arguments.parse_args()
    if chosen.home:
        _measure(Path(chosen.home), chosen)
        return
    each = 3 * chosen.pictures**2 if chosen.pictures else 4 * (NUMBERS + WORDS * VALUES)
    size = each * chosen.rows
    limit = f"{size / 4e6:.0f}MB"
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    unit = "pictures" if chosen.pictures else "rows"
    print(f"{chosen.rows:,} {unit}, {size / 1e6:.0f} MB prepared", end=", ")
    print(f"{chosen.networks} networks, batch {chosen.batch}\n")
    print(
        "| memory | data there, s | own until then | seconds an epoch | processor | own at most, MB | accuracy |"
    )
    print("|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if chosen.pictures:
            _pictures(chosen.rows, chosen.pictures, Path(folder) / _ZIP)
        else:
            _table(chosen.rows, Path(folder) / _CSV)
        kinds = [("all", "", []), (limit, limit, []), (f"{limit}, files forgotten", limit, ["--forget"])]
        first: list[tuple[str, str, list[str]]] = [("(reads the file)", limit, ["--epochs", "3"])]
        for what, memory, more in first + chosen.rounds * kinds:
            own = [str(chosen.rows), "--networks", str(chosen.networks), "--batch", str(chosen.batch)]
            own += ["--epochs", str(chosen.epochs), "--pictures", str(chosen.pictures)]
            own += ["--convolutions"] if chosen.convolutions else []
            told = subprocess.run(
                [sys.executable, __file__, *own, "--home", folder, *more],
                env={**os.environ, "LRAPP_WORKER_MEMORY": memory},
                capture_output=True,
                text=True,
                check=False,
            )
            if told.returncode:
                raise SystemExit(told.stderr)
            print(f"| {what} | {told.stdout.strip()} |", flush=True)


def _table(rows: int, path: Path) -> None:
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"x{place}": rng.normal(size=rows).round(3) for place in range(NUMBERS)}
    codes = rng.integers(0, VALUES, (WORDS, rows))
    names = np.array([f"v{value}" for value in range(VALUES)])
    columns |= {f"w{place}": names[codes[place]] for place in range(WORDS)}
    effects = rng.normal(size=(WORDS, VALUES))
    signal = sum(effects[place][codes[place]] for place in range(WORDS)) + columns["x0"] * columns["x1"]
    columns["answer"] = np.where(signal + rng.normal(size=rows) > 0, "yes", "no")
    pd.DataFrame(columns).to_csv(path, index=False)


def _pictures(count: int, side: int, path: Path) -> None:
    """Stripes in one of two directions, under noise."""
    import io
    import zipfile

    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            stripes = 40 * np.sin(np.arange(side) / 3 + rng.uniform(0, 6))[:, None, None]
            noise = rng.normal(128, 40, (side // 4, side // 4, 3)).repeat(4, 0).repeat(4, 1)
            kind = int(rng.integers(2))
            pixels = (noise + (stripes.swapaxes(0, 1) if kind else stripes)).clip(0, 255).astype(np.uint8)
            target = io.BytesIO()
            Image.fromarray(pixels).save(target, "JPEG")
            archive.writestr(f"{'ab'[kind]}/{number}.jpg", target.getvalue())


def _measure(home: Path, chosen: argparse.Namespace) -> None:
    """Do a run, and print cells of the table."""
    from lrapp.execution import worker_setup

    worker_setup.warm("convolutions" if chosen.pictures else "small")
    import numpy as np

    from lrapp.evaluation.scores import Scores
    from lrapp.execution import worker
    from lrapp.runs import disk_space
    from lrapp.runs.events import DataPrepared, EpochDone, Event
    from lrapp.runs.store import Store
    from lrapp.settings import (
        DataSettings,
        LayerSettings,
        ModelSettings,
        PictureFileSource,
        PictureSettings,
        RunSettings,
        TrainingSettings,
    )

    store = Store(home / "home")
    name = _ZIP if chosen.pictures else _CSV
    kept = store.keep_file((home / name).read_bytes(), name)
    data = DataSettings(source=kept, target="answer")
    model = ModelSettings()
    if chosen.pictures:
        data = DataSettings(
            source=PictureFileSource(name=name, sha256=kept.sha256),
            pictures=PictureSettings(size=chosen.pictures),
        )
        layers: tuple[LayerSettings, ...] = (LayerSettings(kind="max_pool", size=4), LayerSettings(units=32))
        if chosen.convolutions:
            layers = (LayerSettings(kind="conv", units=8, stride=2), *layers)
        model = ModelSettings(layers=layers)
    settings = RunSettings(
        data=data,
        model=model,
        training=TrainingSettings(
            epochs=chosen.epochs,
            members=chosen.networks,
            batch_size=chosen.batch,
            early_stopping={"enabled": False},
        ),
        closer_look=False,
    )
    disk_space.empty_prepared(store.home)
    watch = _Watch()
    seen: dict[str, float] = {}
    ends: list[tuple[float, float]] = []
    start = time.perf_counter()

    def on_event(event: Event) -> None:
        if isinstance(event, DataPrepared):
            seen["there"], seen["until then"] = time.perf_counter() - start, watch.most
        if isinstance(event, EpochDone):
            if chosen.forget:
                _forget(store.home)
            ends.append((event.seconds, time.process_time()))

    run = store.create(settings)
    outcome = worker.work(run.folder, store.home, on_event)
    assert outcome.state == "completed", outcome
    history = run.history()
    assert history.prepared is not None
    assert bool(history.prepared.block_rows) == bool(os.environ["LRAPP_WORKER_MEMORY"])
    epochs, processor = np.diff(np.array(ends), axis=0).T
    scores = Scores.from_json(run.scores_path.read_bytes())
    cells = (
        f"{seen['there']:.1f}",
        f"{seen['until then']:.0f}",
        f"{np.median(epochs):.2f} ({epochs.min():.2f}-{epochs.max():.2f})",
        f"{np.median(processor):.2f} ({processor.min():.2f}-{processor.max():.2f})",
        f"{watch.most:.0f}",
        f"{scores.metrics[0].value:.4f}",
    )
    print(" | ".join(cells))


class _Watch(threading.Thread):
    """Knows the most memory of its own that the process had, in megabytes above the first look."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._first, self.most = self._own(), 0.0
        self.start()

    def run(self) -> None:
        while True:
            self.most = max(self.most, self._own() - self._first)
            time.sleep(0.005)

    @staticmethod
    def _own() -> float:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise SystemExit("Only Linux says how much memory is a process's own.")


def _forget(home: Path) -> None:
    """Let the system forget the prepared files."""
    from lrapp.execution import worker

    prepared = worker._last_data.prepared
    assert prepared is not None
    for part in (prepared.train, prepared.validation):
        array: Any = part.x
        while not isinstance(array, mmap.mmap):
            array = array.base
        array.madvise(mmap.MADV_DONTNEED)
    for path in (home / "prepared").glob("*/*.npy"):
        file = os.open(path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


if __name__ == "__main__":
    main()
