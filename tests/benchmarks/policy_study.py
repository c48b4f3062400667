"""The study of policies on the cardiovascular table, without a browser, and what it costs beyond its steps.

    LRAPP_TEST_DATA=FOLDER python tests/benchmarks/policy_study.py [--epochs 50] [--seeds 3]

Runs the ready-made study with SGDR and one-cycle beside it through the app's own rooms in this process, and prints
its table in Markdown. Then the same steps once more with nothing around them: the difference is what a study costs.
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import pandas as pd

from lrapp.execution import loops, worker, worker_setup
from lrapp.experiments import comparing, studies
from lrapp.experiments.comparing import StudyRun
from lrapp.experiments.studies import Plan
from lrapp.experiments.study_files import Study
from lrapp.runs.events import DataPrepared, Event, TrainingEnded, TrainingStarted
from lrapp.runs.store import Store
from lrapp.settings import OneCycleSettings, RunSettings, SGDRSettings


def plan(store: Store, epochs: int, seeds: int) -> Plan:
    """The ready-made study, with two more policies."""
    path = Path(os.environ["LRAPP_TEST_DATA"]) / "cardio_train.csv"
    ready = studies.what_cyclical_rates_do(store.keep_file(path.read_bytes(), path.name), "cardio")
    training = ready.base.training.model_copy(update={"epochs": epochs})
    policies = [
        *(one.policy for one in ready.contenders),
        SGDRSettings(source="found"),
        OneCycleSettings(source="found"),
    ]
    base = ready.base.model_copy(update={"training": training})
    return Plan(ready.name, base, studies.contenders(policies), tuple(range(seeds)))


class Clock:
    """Where the time of the runs goes, told from the events between their phases."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._at = 0.0

    def start(self) -> None:
        """A run begins."""
        self._at = time.perf_counter()

    def lap(self, phase: str) -> None:
        """A phase of a run has ended."""
        now = time.perf_counter()
        self.spent[phase] = self.spent.get(phase, 0.0) + now - self._at
        self._at = now

    def take(self, event: Event) -> None:
        """Take an event of a run."""
        match event:
            case DataPrepared():
                self.lap("reading and preparing")
            case TrainingStarted():
                self.lap("range tests and building")
            case TrainingEnded():
                self.lap("training with validation and checkpoints")


def run(store: Store, study: Study, clock: Clock) -> list[StudyRun]:
    """Do all runs in this process, as the queue's worker would."""
    trials = []
    for member in study.members:
        one = store.get(member.run_id)
        clock.start()
        outcome = worker.work(one.folder, store.home, clock.take)
        clock.lap("leaving and judging models")
        one.set_status(state=outcome.state, message=outcome.message)
        trials.append(StudyRun(member.label, member.seed, outcome.state, one.history()))
        print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return trials


def seconds_of_steps(store: Store, study: Study) -> float:
    """The same training steps in the same loop, without range tests, validation, events, checkpoints or models."""
    from lrapp.training.loop import shuffled
    from lrapp.training.xla import XLA_FROM_STEP, uses_xla

    total = 0.0
    for member in study.members:
        one = store.get(member.run_id)
        settings: RunSettings = one.settings
        history = one.history()
        prepared = worker.prepared_data(store, settings.data)
        loop = loops.loop_for(store, settings, prepared)[0]
        data = loop.load(prepared.train)
        rates = history.step_frame()["learning_rate"].to_numpy("float32")
        assert history.started is not None
        per_epoch, epochs = history.started.steps_per_epoch, history.started.epochs
        compiled = uses_xla(loop.model, settings.training, len(rates))
        begun = time.perf_counter()
        for epoch in range(epochs):
            order, first = shuffled(data.rows, settings.training.seed, epoch), epoch * per_epoch
            compile_now = compiled and first >= XLA_FROM_STEP
            loop.run(data, order, 0, rates[first : first + per_epoch], compile_now)
        total += time.perf_counter() - begun
    return total


def markdown(frame: pd.DataFrame) -> str:
    """A frame of text as a table."""
    rows = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)


def machine() -> str:
    """What this was measured on."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    """Run the study and print what it shows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    if "LRAPP_TEST_DATA" not in os.environ:
        parser.error("LRAPP_TEST_DATA must name the folder that holds cardio_train.csv.")
    home = Path(tempfile.mkdtemp(prefix="lrapp-study-"))
    try:
        store = Store(home)
        worker_setup.warm("small")
        study = studies.create(store, plan(store, options.epochs, options.seeds))
        begun = time.perf_counter()
        clock = Clock()
        trials = run(store, study, clock)
        whole = time.perf_counter() - begun
        steps = seconds_of_steps(store, study)
    finally:
        shutil.rmtree(home)
    found = comparing.compare(trials, study.yardstick)
    assert found is not None
    print(f"{study.name}: {found.epochs} epochs, {found.seeds} seeds, on {machine()}.\n")
    print(markdown(found.table()), "\n")
    print(found.verdict(), "\n")
    taken = [
        f"{trial.label} {rates.base_lr:.3g} to {rates.max_lr:.3g} (seed {trial.seed})"
        for trial in trials
        if (rates := trial.history.found) is not None
        and rates.base_lr is not None
        and rates.max_lr is not None
    ]
    print(f"Ranges that the range tests found: {'; '.join(taken)}.\n")
    phases = ", ".join(f"{phase} {seconds:.1f} s" for phase, seconds in clock.spent.items())
    print(f"The whole study took {whole:.1f} s: {phases}. Its training steps alone take {steps:.1f} s.")


if __name__ == "__main__":
    main()
