"""Where does the time of a first click on a large table go? Tables of 50,000 rows x 15 columns, drawn at random.

    python tests/benchmarks/first_click.py [--rows 50000] [--kinds classes,numbers,words,several] [--epochs 3]
        [--patch '{"training": {"batch_size": 32}}']

Each table is read, prepared and trained by a warm worker as a click on Train does it, and boosted trees learn behind
it. Processor time is what counts where other work keeps the machine busy. With ``--epochs`` a run is stopped after so
many. Prints Markdown.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benchmarks import made_tables  # noqa: E402
from benchmarks.table_quality import patched  # noqa: E402


class Clock:
    """Processor and wall seconds of named functions; what one calls of another counts for the other."""

    def __init__(self) -> None:
        self.spent: dict[str, np.ndarray] = {}
        self._open: list[str] = []
        self._since = now()

    def turn(self) -> None:
        """Book what has passed since the last call to the part that is open."""
        at = now()
        name = self._open[-1] if self._open else "anything else"
        self.spent[name] = self.spent.get(name, np.zeros(2)) + at - self._since
        self._since = at

    def around(self, owner: Any, attribute: str, name: str) -> None:
        """Count the time of a function from now on."""
        given: Callable[..., Any] = getattr(owner, attribute)

        @wraps(given)
        def timed(*args: Any, **more: Any) -> Any:
            self.turn()
            self._open.append(name)
            try:
                return given(*args, **more)
            finally:
                self.turn()
                self._open.pop()

        setattr(owner, attribute, timed)


def now() -> np.ndarray:
    """Return processor time and wall time."""
    return np.array([time.process_time(), time.perf_counter()])


def watched() -> Clock:
    """Return a clock around the parts of a run."""
    from lrapp.execution import final_network, loops, trees_beside, worker
    from lrapp.preparation import kept_arrays
    from lrapp.runs.store import EventWriter
    from lrapp.training.checkpoints import TrainingState
    from lrapp.training.members_loop import MembersLoop

    clock = Clock()
    for owner, attribute, name in (
        (kept_arrays, "prepared", "table read and prepared"),
        (loops, "loop_for", "network built"),
        (MembersLoop, "_function", "loop traced"),
        (MembersLoop, "_call", "steps, and compiling them"),
        (MembersLoop, "evaluate", "validation after each epoch"),
        (MembersLoop, "snapshot_members", "weights looked at"),
        (TrainingState, "save", "checkpoints"),
        (EventWriter, "write", "history written"),
        (final_network, "of", "networks chosen"),
        (worker, "leave_model", "scores, and model written"),
        (worker, "_save_analysis", "closer look"),
        (trees_beside, "compare", "boosted trees (behind it)"),
    ):
        clock.around(owner, attribute, name)
    return clock


def measured(kind: str, options: argparse.Namespace, clock: Clock) -> None:
    """Print where the time of a first click on a table of that kind goes."""
    from lrapp.execution import loops, trees_beside, worker
    from lrapp.runs.events import EpochDone, Event
    from lrapp.runs.store import Store
    from lrapp.settings import DataSettings, RunSettings, starting_values

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        content = made_tables.table(kind, options.rows).to_csv(index=False).encode()
        data = DataSettings(source=store.keep_file(content, f"{kind}.csv"), target="answer")
        rows = len(worker.prepared_data(store, data).train.y)
        # The run is to read and trace by itself.
        worker._last_data.forget()
        for kept in (store.home / "prepared").glob("*"):
            kept.rename(kept.with_name(f".{kept.name}"))
        loops.traced.cache_clear()
        tree = starting_values.settings(rows).model_copy(update={"data": data}).model_dump(mode="json")
        settings = RunSettings.from_json(json.dumps(patched(tree, json.loads(options.patch))))
        run = store.create(settings)
        seen: dict[str, np.ndarray] = {}
        epochs: list[np.ndarray] = []
        clock.turn()
        clock.spent.clear()
        begun = now()

        def on_event(event: Event) -> None:
            seen.setdefault(type(event).__name__, now() - begun)
            if isinstance(event, EpochDone):
                epochs.append(now())
                if event.epoch == options.epochs:
                    run.ask_to_stop()

        outcome = worker.work(run.folder, store.home, on_event)
        whole = now() - begun
        clock.turn()
        trees_beside.compare(run.folder, store.home, lambda: False)
    training = settings.training
    print(
        f"**{kind}**: {options.rows:,} rows x {made_tables.COLUMNS + 1} columns, {rows:,} to train on; "
        f"{training.members} networks, batches of {training.batch_size}, {len(epochs)} of {training.epochs} epochs "
        f"({outcome.state})\n"
    )
    lines = [("the whole run", whole), ("until the first point", seen["StepsDone"])]
    if len(epochs) > 3:
        lines.append(("an epoch", np.median(np.diff(epochs, axis=0)[2:], axis=0)))
    lines += sorted(clock.spent.items(), key=lambda one: -one[1][0])
    print(
        "\n".join(
            ["| | processor, s | wall, s |", "|---|---|---|"]
            + [f"| {name} | {spent[0]:.2f} | {spent[1]:.2f} |" for name, spent in lines]
        ),
        flush=True,
    )


def main() -> None:
    """Measure each kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--kinds", default=",".join(made_tables.KINDS))
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--patch", default="{}")
    options = parser.parse_args()
    from lrapp.execution import worker_setup

    worker_setup.warm("small")
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    clock = watched()
    for kind in options.kinds.split(","):
        measured(kind, options, clock)


if __name__ == "__main__":
    main()
