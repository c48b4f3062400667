"""Seconds of a range test with three seeds: the first of a process, of a new network, and of a known one.

    python tests/benchmarks/range_test_speed.py [--rounds 7]

A network of 64 and 32 units on the cardiovascular table (56,000 training rows) in batches of 350, plain SGD; 100 steps
from 1e-7 to 10, as by default. The table is taken from the folder that LRAPP_TEST_DATA names, else one of its size is
generated. Each test is a whole job of the worker: reading the table (kept after the first), the steps of all seeds,
suggestions, and all that is written into the run's folder. A new network is traced anew; a known one is not. To reach,
known network: 2 seconds.
"""

import argparse
import io
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from lrapp.execution import worker, worker_setup
from lrapp.runs.store import Store
from lrapp.settings import (
    DataSettings,
    FileSource,
    LayerSettings,
    ModelSettings,
    RunSettings,
    TrainingSettings,
)

ROWS = 70_000
TARGET_SECONDS = 2.0


def main() -> None:
    """Time all three and print the table."""
    arguments = argparse.ArgumentParser(description="Seconds of a range test with three seeds.")
    arguments.add_argument("--rounds", type=int, default=7, help="tests of each kind, at least 1")
    rounds = arguments.parse_args().rounds
    data, name = table()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        source = store.keep_file(data, name)
        begun = time.perf_counter()
        worker_setup.warm("small")
        imported = time.perf_counter() - begun
        print(machine())
        print(f"Table: {name}; network 64-32-1, batch 350, SGD; 3 seeds of 100 steps\n")
        first = seconds(store, source, 64)
        new, known = [], []
        for number in range(rounds):
            # Of a width that no test before it had.
            new.append(seconds(store, source, 65 + number))
            known.append(seconds(store, source, 65 + number))
    print("| range test | seconds (median) | least | greatest |\n|---|---|---|---|")
    print(f"| first in the process (imports before: {imported:.1f} s) | {first:.2f} | | |")
    for label, times in (("new network", new), ("known network", known)):
        print(f"| {label} | {statistics.median(times):.2f} | {min(times):.2f} | {max(times):.2f} |")
    reached = statistics.median(known) <= TARGET_SECONDS
    print(f"\nAt most {TARGET_SECONDS:g} s for a known network: {'reached' if reached else 'missed'}.")


def machine() -> str:
    """Return the machine and the versions in two lines."""
    # Imported here, so that the time of the imports is that of ``warming.warm``.
    import keras
    import tensorflow as tf

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        models = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    versions = f"TensorFlow {tf.__version__}, Keras {keras.__version__}, NumPy {np.__version__}"
    return (
        f"{name}, {os.cpu_count()} cores, {platform.system()}\nPython {platform.python_version()}, {versions}"
    )


def table() -> tuple[bytes, str]:
    """Return a CSV file with a target called cardio, and its name."""
    folder = os.environ.get("LRAPP_TEST_DATA")
    if folder:
        path = Path(folder) / "cardio_train.csv"
        return path.read_bytes(), path.name
    generator = np.random.default_rng(0)
    x = generator.normal(size=(ROWS, 11))
    y = x[:, 0] + x[:, 1] * x[:, 2] + generator.normal(size=ROWS) > 0
    text = io.StringIO()
    header = ",".join([*(f"input {number}" for number in range(11)), "cardio"])
    np.savetxt(text, np.column_stack([x, y]), "%.6g", ",", header=header, comments="")
    return text.getvalue().encode(), "generated.csv"


def seconds(store: Store, source: FileSource, width: int) -> float:
    """Return how long a range test took, from its settings to what it found."""
    run = store.create(
        RunSettings(
            mode="range test",
            data=DataSettings(source=source, target="cardio", validation_share=0.2, test_share=0.0),
            model=ModelSettings(layers=(LayerSettings(units=width), LayerSettings(units=32))),
            training=TrainingSettings(optimizer="sgd", momentum=0.0, batch_size=350),
        )
    )
    begun = time.perf_counter()
    outcome = worker.work(run.folder, store.home)
    taken = time.perf_counter() - begun
    history = run.history()
    if outcome.state != "completed" or history.found is None or len(history.sweeps) != 3:
        sys.exit(f"The range test failed: {outcome.message}")
    return taken


if __name__ == "__main__":
    main()
