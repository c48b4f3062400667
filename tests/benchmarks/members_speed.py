"""What many networks in one graph cost, against one, and so against as many runs one after the other.

    python tests/benchmarks/members_speed.py [--rounds 5]

A network of 64 and 32 units on 56,000 generated rows of 11 numbers, Adam, in a process like the app's usual worker (one
thread). All take turns, so that a busy machine is busy for each of them; the least of the rounds counts.
"""

import argparse
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from lrapp.execution import worker_setup

ROWS, INPUTS, STEPS = 56_000, 11, 600
NETWORKS = (1, 4, 8, 16)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    worker_setup.settle("small")
    from lrapp.networks import members, models
    from lrapp.preparation.table_arrays import Split
    from lrapp.settings import LayerSettings, ModelSettings, TrainingSettings
    from lrapp.training.loop import Loop, shuffled
    from lrapp.training.members_loop import MembersLoop

    generator = np.random.default_rng(0)
    x = generator.normal(size=(ROWS, INPUTS)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] * x[:, 2] + generator.normal(size=ROWS) > 0).astype(np.float32)
    split = Split(x, y, None, np.arange(ROWS))
    layers = ModelSettings(layers=(LayerSettings(units=64), LayerSettings(units=32)))
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, one thread\n")
    print(
        "| batch | XLA | one, µs a step | " + " | ".join(f"{count} to one" for count in NETWORKS[1:]) + " |"
    )
    print("|---" * (len(NETWORKS) + 2) + "|")
    for batch in (32, 350):
        for compiled in (False, True):
            made: dict[int, tuple[Any, Any]] = {}
            for count in NETWORKS:
                training = TrainingSettings(batch_size=batch, members=count)
                if count == 1:
                    loop: Any = Loop(models.build(layers, INPUTS, "binary", 2, 0), "binary", training)
                else:
                    seeds = members.member_seeds(0, count)
                    loop = MembersLoop(members.stack(layers, INPUTS, "binary", 2, seeds), "binary", training)
                made[count] = loop.run, loop.load(split)
            least = dict.fromkeys(NETWORKS, float("inf"))
            steps = min(STEPS, ROWS // batch)
            for number in range(rounds + 1):
                order = shuffled(ROWS, 0, number)
                for count, (step, data) in made.items():
                    begun = time.perf_counter()
                    step(data, order, 0, np.full(steps, 1e-3, np.float32), compiled)
                    if number:  # the first round traces and compiles
                        least[count] = min(least[count], (time.perf_counter() - begun) / steps)
            ratios = " | ".join(f"{least[count] / least[1]:.1f}" for count in NETWORKS[1:])
            print(
                f"| {batch} | {'on' if compiled else 'off'} | {least[1] * 1e6:.0f} | {ratios} |", flush=True
            )


if __name__ == "__main__":
    main()
