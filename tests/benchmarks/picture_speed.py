"""Networks of pictures on Fashion-MNIST: seconds an epoch, time to 90 % test accuracy, and memory.

    python tests/benchmarks/picture_speed.py epoch accuracy memory [--rounds 3] [--seeds 3]

``epoch`` times this loop, ``keras.Model.fit`` and PyTorch's plainest loop in turns, so that a busy machine is busy for
each of them: a dense network (784-128-10) and a small one of convolutions (32 and 64 filters, dense 64), in batches of
128, Adam. A dense network goes through XLA in the app where a run is long, so there are two lines of it. First it is
checked that the loop and Keras have the same losses on the same batches. ``accuracy`` trains the
small network until 90 % of the test pictures are right, at a fixed rate of 1e-3 with Adam and with the rates that the
range test finds, whose time is counted too. ``memory`` is what a whole run takes above the idle worker, beside the
bytes of the pictures.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the worker for convolutions
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import numpy as np
import psutil
from benchmarks.epoch_speed import machine, timed

from lrapp.images import datasets
from lrapp.networks import models
from lrapp.preparation.table_arrays import Prepared, Split
from lrapp.runs.events import EpochDone, Event
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    EarlyStoppingSettings,
    FixedSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PicturesSource,
    PolicySettings,
    RangeTestSettings,
    RunSettings,
    SGDRSettings,
    TrainingSettings,
)
from lrapp.training import range_test, trainer, xla
from lrapp.training.loop import Loop, shuffled

BATCH, RATE, GOAL = 128, 1e-3, 0.9
SHAPE = (28, 28, 1)
DENSE = ModelSettings(layers=(LayerSettings(units=128),))
CNN = ModelSettings(
    layers=(
        LayerSettings(kind="conv", units=32),
        LayerSettings(kind="max_pool", size=2),
        LayerSettings(kind="conv", units=64),
        LayerSettings(kind="max_pool", size=2),
        LayerSettings(units=64),
    )
)
ADAM = TrainingSettings(
    optimizer="adam", batch_size=BATCH, early_stopping=EarlyStoppingSettings(enabled=False)
)
POLICIES: dict[str, PolicySettings] = {
    "one-cycle": OneCycleSettings(source="found"),
    "clr": CLRSettings(source="found", step_size=1, unit="epochs"),
    "sgdr": SGDRSettings(source="found"),
    "fixed": FixedSettings(source="found"),
}


def main() -> None:
    """Do the parts that were asked for."""
    parser = argparse.ArgumentParser(description="Networks of pictures on Fashion-MNIST.")
    parser.add_argument("parts", nargs="+", choices=["epoch", "accuracy", "memory"])
    parser.add_argument("--rounds", type=int, default=3, help="epoch: turns of each contender")
    parser.add_argument("--seeds", type=int, default=3, help="accuracy: seeds of each contender")
    parser.add_argument(
        "--policy", choices=list(POLICIES), default="one-cycle", help="accuracy: found policy"
    )
    parser.add_argument("--epochs", type=int, default=2, help="accuracy: length of the found policy")
    parser.add_argument(
        "--optimizer", choices=["sgd", "adam"], default="sgd", help="accuracy: of the found policy"
    )
    parser.add_argument("--batch", type=int, default=BATCH, help="accuracy: batch size of both")
    chosen = parser.parse_args()
    print(machine())
    if "epoch" in chosen.parts:
        for name, model in (("dense 784-128-10", DENSE), ("convolutions 32-64, dense 64", CNN)):
            epochs(name, model, chosen.rounds)
    if "accuracy" in chosen.parts:
        accuracy(POLICIES[chosen.policy], chosen.epochs, chosen.optimizer, chosen.batch, chosen.seeds)
    if "memory" in chosen.parts:
        for name, model in (("dense 784-128-10", DENSE), ("convolutions 32-64, dense 64", CNN)):
            memory(name, model)


def whole_set() -> tuple[Split, Split]:
    """Return all 60,000 training pictures and the 10,000 test pictures."""
    found = datasets.read_set("fashion-mnist")
    cut = found.test_from

    def part(rows: slice) -> Split:
        return Split(found.pixels[rows], found.labels[rows], None, np.arange(len(found.labels[rows])))

    return part(slice(cut)), part(slice(cut, None))


# --- seconds an epoch ----------------------------------------------------------------------------------------


def epochs(name: str, model: ModelSettings, rounds: int) -> None:
    """Print a line for each contender."""
    train, _ = whole_set()
    check_losses(model, train)
    contenders: dict[str, Callable[[], float]] = {
        "this loop": loop_epoch(model, train),
        "keras fit": fit_epoch(model, train),
    }
    if xla.uses_xla(network(model), ADAM, total_steps=20 * -(-len(train.y) // BATCH)):
        contenders["this loop, XLA"] = loop_epoch(model, train, compiled=True)
    if (plain := pytorch_epoch(model, train)) is not None:
        contenders["PyTorch, plain loop"] = plain
    times: dict[str, list[float]] = {contender: [] for contender in contenders}
    for epoch in contenders.values():
        epoch()  # traces, and warms caches
    for _ in range(rounds):
        for contender, epoch in contenders.items():
            time.sleep(0.5)
            times[contender].append(epoch())
    medians = {contender: statistics.median(values) for contender, values in times.items()}
    print(f"\n| {name} | seconds an epoch | at best | to this loop |\n|---|---|---|---|")
    for contender, seconds in medians.items():
        ratio = seconds / medians["this loop"]
        print(f"| {contender} | {seconds:.2f} | {min(times[contender]):.2f} | {ratio:.2f} |")


def network(model: ModelSettings) -> Any:
    """Return the network that Keras's contenders share."""
    return models.build(model, SHAPE, "multi-class", 10)


def check_losses(model: ModelSettings, train: Split) -> None:
    """Compare losses with those of ``train_on_batch`` on the same batches; end the program where they differ."""
    order, steps = shuffled(len(train.y), 0, 0), 20
    loop = Loop(network(model), "multi-class", ADAM)
    ours = loop.run(loop.load(train), order, 0, np.full(steps, RATE, np.float32)).losses
    theirs_of = network(model)
    theirs_of.compile(keras.optimizers.Adam(RATE), models.loss("multi-class"))
    theirs = []
    for step in range(steps):
        batch = order.numpy()[step * BATCH : (step + 1) * BATCH]
        theirs_of.reset_metrics()
        theirs.append(float(theirs_of.train_on_batch(train.x[batch], train.y[batch])))
    difference = float(np.abs(ours - theirs).max())
    print(f"Largest difference of a batch's loss from Keras's in {steps} steps: {difference:.1e}")
    if not difference < 1e-3:
        raise SystemExit("The losses differ: the times below would compare different things.")


def loop_epoch(model: ModelSettings, train: Split, compiled: bool = False) -> Callable[[], float]:
    """Return a function that trains an epoch in chunks as a run does, and tells its seconds."""
    loop = Loop(network(model), "multi-class", ADAM)
    data = loop.load(train)
    steps = -(-data.rows // BATCH)
    numbers = iter(range(1_000_000))

    def epoch() -> None:
        order = shuffled(data.rows, 0, next(numbers))
        for first in range(0, steps, 30):
            loop.run(data, order, first, np.full(min(30, steps - first), RATE, np.float32), compiled)

    return lambda: timed(epoch)


def fit_epoch(model: ModelSettings, train: Split) -> Callable[[], float]:
    """Return a function that trains an epoch with fit and tells its seconds."""
    made = network(model)
    made.compile(keras.optimizers.Adam(RATE), models.loss("multi-class"), metrics=["accuracy"])
    return lambda: timed(lambda: made.fit(train.x, train.y, batch_size=BATCH, verbose=0))


def pytorch_epoch(model: ModelSettings, train: Split) -> Callable[[], float] | None:
    """Return a function that trains an epoch in PyTorch's plainest loop; None where it is not installed."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: its line is left out.")
        return None
    nn = torch.nn
    if model is DENSE:
        made = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    else:
        made = nn.Sequential(
            *(nn.Conv2d(1, 32, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(7 * 7 * 64, 64), nn.ReLU(), nn.Linear(64, 10)),
        )
    optimizer = torch.optim.Adam(made.parameters(), lr=RATE)
    loss_of = nn.CrossEntropyLoss()
    x = torch.from_numpy(np.ascontiguousarray(train.x.transpose(0, 3, 1, 2)))
    y = torch.from_numpy(train.y.astype(np.int64))

    def epoch() -> None:
        for batch in torch.randperm(len(y)).split(BATCH):
            optimizer.zero_grad()
            loss_of(made(x[batch].float() / 127.5 - 1), y[batch]).backward()
            optimizer.step()

    return lambda: timed(epoch)


# --- time to an accuracy -------------------------------------------------------------------------------------


def accuracy(policy: PolicySettings, length: int, optimizer: Any, batch: int, seeds: int) -> None:
    """Print how long both ways take until 90 % of the test pictures are right, for each seed."""
    train, test = whole_set()
    unused: Any = None
    names = tuple(datasets.FASHION_CLASSES)
    # The goal is one of test pictures, so these are what is looked at after each epoch.
    data = Prepared("multi-class", "class", names, (), train, test, test, 1.0, (), unused)
    adam = ADAM.model_copy(update={"batch_size": batch})
    ours = adam.model_copy(update={"optimizer": optimizer})
    loops = [Loop(network(CNN), "multi-class", how) for how in (adam, ours)]
    for loop in loops:
        warm(loop, data)
    fixed, moving = "Adam at 1e-3", f"{optimizer}, {policy.type} of {length} epochs, rates found"
    found: dict[str, list[float]] = {fixed: [], moving: []}
    for seed in range(seeds):
        found[fixed].append(to_goal(loops[0], data, FixedSettings(learning_rate=RATE), adam, 20, seed))
        found[moving].append(to_goal(loops[1], data, policy, ours, length, seed))
    print(f"\n| seconds to {GOAL:.0%}, batch {batch} | median | each seed |\n|---|---|---|")
    for name, seconds in found.items():
        each = ", ".join(f"{value:.1f}" for value in seconds)
        print(f"| {name} | {statistics.median(seconds):.1f} | {each} |")
    share = statistics.median(found[moving]) / statistics.median(found[fixed])
    print(f"\nShare of the time: {share:.2f}, to reach: 0.67: {'yes' if share <= 2 / 3 else 'NO'}")


def warm(loop: Loop, data: Prepared) -> None:
    """Trace what both ways use, so that the first of them does not pay for it."""
    pictures = loop.load(data.train)
    loop.run(pictures, shuffled(pictures.rows, 0, 0), 0, np.zeros(2, np.float32))
    loop.evaluate(pictures, 0, 1)
    loop.snapshot()


def to_goal(
    loop: Loop, data: Prepared, policy: PolicySettings, how: TrainingSettings, length: int, seed: int
) -> float:
    """Return the seconds until the goal, range test included; infinite if it is not reached."""
    begun = time.perf_counter()
    settings = RunSettings(
        model=CNN,
        training=how.model_copy(update={"epochs": length, "seed": seed}),
        policy=policy,
    )
    loop.reset(seed)
    said = ""
    if policy.source == "found":
        advice = range_test.run(
            loop, data, RangeTestSettings(), seed, on_event=lambda event: None, should_stop=lambda: False
        )
        told = range_test.told(advice)
        settings = settings.with_found(told)
        said = f", base_lr {told.base_lr:.2g}, max_lr {told.max_lr:.2g}, {time.perf_counter() - begun:.1f} s of test"
        loop.reset(seed)
    reached: list[float] = []
    accuracies: list[float] = []

    def take(event: Event) -> None:
        if isinstance(event, EpochDone):
            accuracies.append(event.val_metric)
            if event.val_metric >= GOAL and not reached:
                reached.append(time.perf_counter() - begun)

    trainer.train(
        loop.model,
        data,
        settings.plan(len(data.train.y)),
        settings.training,
        on_event=take,
        should_stop=lambda: bool(reached),
        loop=loop,
    )
    shown = ", ".join(f"{value:.4f}" for value in accuracies)
    print(f"{how.optimizer}, {policy.type}, seed {seed}{said}: {shown}", flush=True)
    return reached[0] if reached else float("inf")


# --- memory --------------------------------------------------------------------------------------------------


def memory(name: str, model: ModelSettings) -> None:
    """Print what a run takes above the idle worker, at its peak."""
    settings = RunSettings(
        data=DataSettings(source=PicturesSource(name="fashion-mnist")),
        model=model,
        training=TrainingSettings(epochs=2, batch_size=BATCH),
        policy=FixedSettings(learning_rate=RATE),
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "run.json").write_text(settings.to_json())
        code = (
            "import sys, psutil; from pathlib import Path; from lrapp.execution import worker, worker_setup; "
            "from lrapp.runs.store import Store; from lrapp.settings import RunSettings; "
            "worker_setup.warm('convolutions'); "
            "import tensorflow as tf; tf.constant(1.0) + 1; "
            "store = Store(Path(sys.argv[1]) / 'home'); "
            "run = store.create(RunSettings.from_json((Path(sys.argv[1]) / 'run.json').read_text())); "
            "print(psutil.Process().memory_info().rss, flush=True); sys.stdin.readline(); "
            "print(worker.work(run.folder, store.home).state, flush=True)"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdin is not None
        assert process.stdout is not None
        idle = int(process.stdout.readline())
        process.stdin.write("go\n")
        process.stdin.flush()
        watched, peak = psutil.Process(process.pid), idle
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.02)
        state = process.stdout.readline().strip()
    pictures = 70_000 * 784
    print(
        f"\n{name}: idle {idle / 1e6:.0f} MB, peak of a whole run ({state}) {peak / 1e6:.0f} MB, "
        f"{(peak - idle) / 1e6:.0f} MB above: {(peak - idle) / pictures:.1f} times the {pictures / 1e6:.0f} MB of "
        "the pictures, to reach: 3"
    )


if __name__ == "__main__":
    main()
