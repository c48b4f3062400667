"""Seconds an epoch, side by side in one run: this loop, ``keras.Model.fit``, scikit-learn and PyTorch.

    python tests/benchmarks/epoch_speed.py [--rounds 7]

A network of 64 and 32 units on the cardiovascular table (56,000 training rows, 11 inputs) in batches of 350, plain
SGD. The table is taken from the folder that LRAPP_TEST_DATA names, else one of its size is generated. The loop runs in
a process like the app's worker, the others in one where every library is as it comes, and ``fit`` in both. All
contenders take turns, so that a busy machine is busy for each of them, and the median counts. First it is checked
that the loop and ``fit`` have the same losses on the same batches.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np
import sklearn
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from lrapp.execution import worker_setup
from lrapp.networks import models
from lrapp.preparation.table_arrays import Prepared, Split
from lrapp.runs.events import EpochDone
from lrapp.settings import EarlyStoppingSettings, ModelSettings, TrainingSettings
from lrapp.training import trainer
from lrapp.training.loop import Loop, shuffled

ROWS, VALIDATION, BATCH, RATE = 56_000, 14_000, 350, 0.01
STEPS = ROWS // BATCH
EPOCHS_IN_TURN, PAUSE = 10, 0.5
SETTINGS = TrainingSettings(optimizer="sgd", momentum=0.0, batch_size=BATCH, xla="off")
LOOP, COMPILED, FIT, MLP = "this loop", "this loop, XLA", "keras fit", "scikit-learn MLPClassifier"
FIT_MANY, FIT_HERE, TORCH = (
    "keras fit, 160 steps per execution",
    "keras fit, in the loop's process",
    "PyTorch, plain loop",
)
# Which process each runs in.
IN_WORKER = {
    LOOP: True,
    COMPILED: True,
    FIT: False,
    FIT_MANY: False,
    FIT_HERE: True,
    MLP: False,
    TORCH: False,
}


def main() -> None:
    """Check the losses, time all contenders and print the table."""
    arguments = argparse.ArgumentParser(description="Seconds an epoch, side by side.")
    arguments.add_argument("--rounds", type=int, default=7, help="turns of each contender, at least 1")
    rounds = arguments.parse_args().rounds
    print(machine())
    with started("small") as worker, started(None) as usual:
        worker.submit(check_losses).result()
        places = {name: worker if inside else usual for name, inside in IN_WORKER.items()}
        for name, place in list(places.items()):
            if place.submit(seconds, name).result() is None:
                print(f"{name}: not installed, its line is left out.\n")
                del places[name]
        times: dict[str, list[float]] = {name: [] for name in places}
        for _ in range(rounds):
            for name, place in places.items():
                # Some libraries' threads go on spinning for a while after their work, at the next contender's cost.
                time.sleep(PAUSE)
                times[name].extend(place.submit(turn, name).result())
        report(times)
        for xla in ("off", "on"):
            worker.submit(whole_run, xla).result()


def started(kind: worker_setup.WorkerKind | None) -> Executor:
    """Return a process of its own, settled as the app's worker of a kind, or as everything comes."""
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    before = dict(os.environ)
    if kind is not None:
        worker_setup.settle(kind)
    pool.submit(int).result()  # the process is there from now on, with this environment
    os.environ.clear()
    os.environ.update(before)
    return pool


@cache
def contender(name: str) -> Callable[[], float] | None:
    """Return a function that trains an epoch and tells its seconds; None where its library is not installed."""
    keras.utils.set_random_seed(0)
    x, y, _ = table()
    if name in (LOOP, COMPILED):
        return loop_epoch(x, y, compiled=name == COMPILED)
    if name == MLP:
        return sklearn_epoch(x, y)
    if name == TORCH:
        return pytorch_epoch(x, y)
    return fit_epoch(x, y, steps_per_execution=160 if name == FIT_MANY else 1)


def seconds(name: str) -> float | None:
    """Train an epoch; the first one traces and compiles."""
    epoch = contender(name)
    return None if epoch is None else epoch()


def turn(name: str) -> list[float]:
    """Return the seconds of some epochs."""
    epoch = contender(name)
    assert epoch is not None
    return [epoch() for _ in range(EPOCHS_IN_TURN)]


def machine() -> str:
    """Return the machine and the versions in two lines."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    versions = f"TensorFlow {tf.__version__}, Keras {keras.__version__}, scikit-learn {sklearn.__version__}"
    return (
        f"{name}, {os.cpu_count()} cores, {platform.system()}\nPython {platform.python_version()}, {versions}"
    )


@cache
def table() -> tuple[NDArray[np.float32], NDArray[np.float32], str]:
    """Return standardised inputs, answers and where they are from."""
    path = Path(os.environ.get("LRAPP_TEST_DATA", "")) / "cardio_train.csv"
    generator = np.random.default_rng(0)
    if path.is_file():
        header = path.read_text().partition("\n")[0]
        delimiter = ";" if ";" in header else ","
        cells = np.loadtxt(path, delimiter=delimiter, skiprows=1)
        cells = cells[generator.permutation(len(cells))]
        x, y, source = cells[:, 1:-1], cells[:, -1], path.name
    else:
        x = generator.normal(size=(ROWS + VALIDATION, 11))
        y = (x[:, 0] + x[:, 1] * x[:, 2] + generator.normal(size=len(x)) > 0).astype(np.float64)
        source = "generated"
    return ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32), y.astype(np.float32), source


def network() -> Any:
    """Return the network that Keras's contenders share."""
    return models.build(ModelSettings(), 11, "binary")


def part(x: NDArray[np.float32], y: NDArray[np.float32]) -> Split:
    """Return rows as the loop wants them."""
    return Split(x=x, y=y, weight=None, rows=np.arange(len(y)))


def check_losses() -> None:
    """Compare the loop's losses with those of fit on the same batches; end the program where they differ."""
    keras.utils.set_random_seed(0)
    x, y, source = table()
    print(
        f"Table: {source}, {ROWS:,} training rows, {x.shape[1]} inputs; network 64-32-1, batch {BATCH}, SGD\n"
    )
    x, y = x[:ROWS], y[:ROWS]
    order = shuffled(ROWS, 0, 0)
    theirs: list[float] = []
    model = compiled_model(steps_per_execution=1)

    class Losses(keras.callbacks.Callback):
        """Undoes the running mean that fit reports."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            theirs.append(logs["loss"] * (batch + 1) - sum(theirs))

    index = order.numpy()
    model.fit(x[index], y[index][:, None], batch_size=BATCH, shuffle=False, verbose=0, callbacks=[Losses()])
    for compiled in (False, True):
        loop = Loop(network(), "binary", SETTINGS)
        ours = loop.run(loop.load(part(x, y)), order, 0, np.full(STEPS, RATE, np.float32), compiled).losses
        # The running mean is float32: undone, it leaves errors that grow with the number of batches.
        difference = float(np.abs(ours - theirs).max())
        how = "with" if compiled else "without"
        print(f"Largest difference of a batch's loss from fit's, {how} XLA: {difference:.1e}")
        if not difference < 1e-4:
            raise RuntimeError("The losses differ: the times below would compare different things.")
    print(f"First losses: {', '.join(f'{loss:.5f}' for loss in theirs[:3])} …\n", flush=True)


def compiled_model(steps_per_execution: int) -> Any:
    """Return the network, ready for fit."""
    model = network()
    optimizer = keras.optimizers.SGD(RATE)
    model.compile(
        optimizer, "binary_crossentropy", metrics=["accuracy"], steps_per_execution=steps_per_execution
    )
    return model


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that the work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def loop_epoch(x: NDArray[np.float32], y: NDArray[np.float32], compiled: bool) -> Callable[[], float]:
    """Return a function that trains an epoch with shuffling, as a run does, and tells its seconds."""
    loop = Loop(network(), "binary", SETTINGS)
    data = loop.load(part(x[:ROWS], y[:ROWS]))
    rates = np.full(STEPS, RATE, np.float32)
    epochs = iter(range(1_000_000))
    return lambda: timed(lambda: loop.run(data, shuffled(ROWS, 0, next(epochs)), 0, rates, compiled))


def fit_epoch(
    x: NDArray[np.float32], y: NDArray[np.float32], steps_per_execution: int
) -> Callable[[], float]:
    """Return a function that trains an epoch with fit and tells its seconds."""
    model = compiled_model(steps_per_execution)
    return lambda: timed(lambda: model.fit(x[:ROWS], y[:ROWS, None], batch_size=BATCH, verbose=0))


def sklearn_epoch(x: NDArray[np.float32], y: NDArray[np.float32]) -> Callable[[], float]:
    """Return a function that trains an epoch with scikit-learn and tells its seconds."""
    model = MLPClassifier(
        (64, 32), solver="sgd", batch_size=BATCH, learning_rate_init=RATE, momentum=0.0, alpha=0.0
    )
    classes = np.array([0.0, 1.0])
    # partial_fit is one pass over the rows.
    return lambda: timed(lambda: model.partial_fit(x[:ROWS], y[:ROWS], classes=classes))


def pytorch_epoch(x: NDArray[np.float32], y: NDArray[np.float32]) -> Callable[[], float] | None:
    """Return a function that trains an epoch in PyTorch's plainest loop; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads\n", flush=True)
    model = torch.nn.Sequential(
        torch.nn.Linear(11, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 32),
        torch.nn.ReLU(),
        torch.nn.Linear(32, 1),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    loss_of = torch.nn.BCEWithLogitsLoss()
    xs, ys = torch.from_numpy(x[:ROWS]), torch.from_numpy(y[:ROWS, None])

    def epoch() -> None:
        for batch in torch.randperm(ROWS).split(BATCH):
            optimizer.zero_grad()
            loss_of(model(xs[batch]), ys[batch]).backward()
            optimizer.step()

    return lambda: timed(epoch)


def report(times: dict[str, list[float]]) -> None:
    """Print a line for each contender, with the ratios of its median to both loops'."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    plain, compiled = medians[LOOP], medians[COMPILED]
    print("| loop | seconds an epoch | at best | to this loop | to this loop with XLA |")
    print("|---|---|---|---|---|")
    for name, seconds in medians.items():
        ratios = f"{seconds / plain:.1f} | {seconds / compiled:.1f}"
        print(f"| {name} | {seconds:.4f} | {min(times[name]):.4f} | {ratios} |")
    print()
    fit, mlp = medians[FIT], medians[MLP]
    for name, reached, wanted in (
        ("fit / this loop", fit / plain, 7),
        ("fit / this loop with XLA", fit / compiled, 12),
        ("scikit-learn / this loop", mlp / plain, 3),
    ):
        print(
            f"{name}: {reached:.1f}, to reach on a quiet machine: {wanted}: {'yes' if reached >= wanted else 'NO'}"
        )
    print()


def whole_run(xla: str) -> None:
    """Print how long a run of 50 epochs takes with all that belongs to it: validation, events, states."""
    x, y, _ = table()
    unused: Any = None
    data = Prepared(
        task="binary",
        target="cardio",
        classes=("0", "1"),
        inputs=tuple(map(str, range(11))),
        train=part(x[:ROWS], y[:ROWS]),
        validation=part(x[ROWS:], y[ROWS:]),
        test=part(x[:0], y[:0]),
        metric_scale=1.0,
        notes=(),
        preprocessor=unused,
    )
    settings = SETTINGS.model_copy(
        update={"xla": xla, "epochs": 50, "early_stopping": EarlyStoppingSettings(enabled=False)}
    )
    told: list[tuple[float, Any]] = []
    begun = time.perf_counter()
    trainer.train(
        network(),
        data,
        np.full(50 * STEPS, RATE),
        settings,
        on_event=lambda event: told.append((time.perf_counter() - begun, event)),
        should_stop=lambda: False,
        on_state=lambda state: None,
    )
    epochs = [event for _, event in told if isinstance(event, EpochDone)]
    lengths = [after.seconds - before.seconds for before, after in zip(epochs, epochs[1:], strict=False)]
    print(
        f"A run of 50 epochs, XLA {xla}: {told[-1][0]:.2f} s in all, first point after {told[1][0]:.2f} s, "
        f"{statistics.median(lengths):.4f} s an epoch with validation"
    )


if __name__ == "__main__":
    main()
