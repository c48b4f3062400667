"""How good are rates that the app finds? Raced and range-tested rates beside the default ones and a grid of eight.

    LRAPP_TEST_DATA=FOLDER python tests/benchmarks/rates_quality.py [--tables bank,bike] [--splits 3] [--epochs 20]
        [--optimizers adam,sgd] [--policies clr,sgdr,one-cycle] [--ways default,raced,found,linear,grid] [--jobs 1]
        [--results rates.csv]

Every run is what a first click on the table starts with (eight networks), but for optimizer and policy; so all have
the same rows, networks and epochs, and only their rates differ. Each is done by the app's own worker and judged on the
test rows, by log loss or root mean squared error. The grid has eight peaks over two decades about the default one, as
the race has; its best is told twice: as the validation rows choose it, which a person could do at eight times the
cost, and in hindsight, by the test rows themselves, which nobody could. Results are appended to a CSV file, and what
stands there already is not done again. Prints Markdown.
"""

import argparse
import csv
import json
import math
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.table_quality import CASES, Case, markdown, settings_of

WAYS = ("default", "raced", "found", "linear", "grid")
OPTIMIZERS, POLICIES = ("adam", "sgd"), ("clr", "sgdr", "one-cycle")
# The factors on the default rates in the grid. One of them is 1: the default run.
GRID = tuple(10 ** (2 / 7 * (place - 4)) for place in range(8))
_COLUMNS = ("table", "split", "epochs", "optimizer", "policy", "way", "factor", "error", "watched", "seconds")
_KEY = _COLUMNS[:7]
_NAMES = {
    "raced": "raced",
    "found": "from a range test",
    "linear": "from a range test over epochs",
    "chosen": "best of the grid, chosen on the validation rows",
    "hindsight": "best of the grid, in hindsight",
}


@dataclass(frozen=True)
class Cell:
    """What is compared with one another: runs of one table, split, optimizer and policy.

    Args:
        case: The table.
        split: Number of the split, which is the seed of the network, too.
        epochs: How many; 0 for as many as a first click takes.
        optimizer: ``adam``, ``sgd``, …
        policy: Type of the policy.
        runs: Where the rates come from, and the factor on the default ones.
    """

    case: Case
    split: int
    epochs: int
    optimizer: str
    policy: str
    runs: tuple[tuple[str, float], ...]

    def key(self, way: str, factor: float) -> tuple[str, ...]:
        """Return what tells a run from the others in the file."""
        cell = (self.case.name, str(self.split), str(self.epochs), self.optimizer, self.policy)
        return (*cell, way, f"{factor:.4g}")


def done_by_the_app(store: Any, cell: Cell, way: str, factor: float) -> tuple[float, float, float]:
    """Return error on the test rows, the loss on the validation rows by which models are judged, and seconds."""
    from lrapp.evaluation import selection
    from lrapp.evaluation.scores import Scores
    from lrapp.execution import worker
    from lrapp.networks.saved import SavedModel
    from lrapp.settings import starting_policy
    from lrapp.settings.base import checked
    from lrapp.settings.policy import scaled

    settings = settings_of(store, cell.case, cell.split, {})
    training = checked(settings.training, optimizer=cell.optimizer)
    if cell.epochs:
        stopping = checked(training.early_stopping, patience=max(1, math.ceil(0.4 * cell.epochs)))
        training = checked(training, epochs=cell.epochs, early_stopping=stopping)
    policy = scaled(starting_policy(cell.policy, cell.optimizer), factor, "")
    source = {"raced": "raced", "found": "found", "linear": "found"}.get(way, "chosen")
    policy = checked(policy, source=source)
    # SGD's rates are ten times those of the others.
    test = checked(settings.range_test, linear_end_lr=1.0 if cell.optimizer == "sgd" else 0.1)
    test = checked(test, rise="linear" if way == "linear" else "exponential")
    settings = settings.model_copy(update={"training": training, "policy": policy, "range_test": test})
    prepared = worker.prepared_data(store, settings.data)
    run = store.create(settings)
    begun = time.perf_counter()
    try:
        outcome = worker.work(run.folder, store.home)
        seconds = time.perf_counter() - begun
        if outcome.state not in ("completed", "early_stopping"):
            print(f"{cell.key(way, factor)}: {outcome.message}", file=sys.stderr, flush=True)
            return math.nan, math.nan, seconds
        figures = {one.name: one.value for one in Scores.from_json(run.scores_path.read_bytes()).metrics}
        part = prepared.validation
        answers = np.asarray(SavedModel.load(run.folder).outputs(part.x), np.float64)
    finally:
        shutil.rmtree(run.folder)
    judged = selection.judged_losses(answers, part.y, prepared.task)
    weighed = judged if part.weight is None else judged * part.weight
    error = figures.get("log loss", figures.get("root mean squared error"))
    return float(error if error is not None else math.nan), float(weighed.mean()), seconds


def work(cell: Cell, home: str) -> list[tuple[str, ...]]:
    """Do the runs of a cell in a process of its own; returns their rows of the file."""
    from lrapp.execution import worker_setup

    worker_setup.settle("small")
    warnings.simplefilter("ignore")
    from lrapp.errors import UserError
    from lrapp.runs.store import Store

    store, rows = Store(Path(home)), []
    for way, factor in cell.runs:
        try:
            figures = done_by_the_app(store, cell, way, factor)
        except UserError as problem:  # a refusal: said, and counted as a failure
            print(f"{cell.key(way, factor)}: {problem}", file=sys.stderr, flush=True)
            figures = math.nan, math.nan, math.nan
        rows.append((*cell.key(way, factor), *(f"{figure:.6g}" for figure in figures)))
    return rows


def study(cells: Iterable[Cell], results: Path, jobs: int) -> pd.DataFrame:
    """Do what is not in the file yet, append it, and return all of the file."""
    known: set[tuple[str, ...]] = set()
    if results.exists():
        with results.open(newline="") as file:
            known = {tuple(row[name] for name in _KEY) for row in csv.DictReader(file)}
    else:
        results.write_text(",".join(_COLUMNS) + "\n")
    left = []
    for cell in cells:
        runs = tuple(one for one in cell.runs if cell.key(*one) not in known)
        if runs:
            left.append(Cell(cell.case, cell.split, cell.epochs, cell.optimizer, cell.policy, runs))
    home = tempfile.mkdtemp(prefix="lrapp-rates-")
    try:
        context = multiprocessing.get_context("spawn")
        # TensorFlow keeps some memory of each network, so processes change. (ProcessPoolExecutor waits forever when
        # they do: CPython issue 115634.)
        with context.Pool(jobs, maxtasksperchild=8) as pool:
            for rows in pool.imap_unordered(partial(work, home=home), left):
                with results.open("a", newline="") as file:
                    csv.writer(file).writerows(rows)
                print(".", end="", flush=True, file=sys.stderr)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(file=sys.stderr)
    return pd.read_csv(results, keep_default_na=False, na_values=["nan"])


def errors_of(found: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each cell, and a column for each way to its rates; of the grid, for each of its two bests.

    Args:
        found: Rows of the file, each run once.
    """
    cell = ["table", "split", "epochs", "optimizer", "policy"]
    errors = found[found["way"] != "grid"].pivot(index=cell, columns="way", values="error")
    # The grid's factor of 1 is the default run.
    grid = found[found["way"].isin(["grid", "default"])].dropna(subset=["error"])
    whole = grid.groupby(cell)["error"].transform("size") >= len(GRID) - 1
    grid = grid[whole & (grid.groupby(cell)["way"].transform("nunique") == 2)]
    if len(grid):
        errors["hindsight"] = grid.groupby(cell)["error"].min()
        watched = grid.loc[grid.groupby(cell)["watched"].idxmin()]
        errors["chosen"] = watched.set_index(cell)["error"]
    return errors.reindex(columns=[name for name in ("default", *_NAMES) if name in errors])


def summary(errors: pd.DataFrame, seconds: pd.Series) -> pd.DataFrame:
    """Return a row for each way to rates: how its error compares with that of the default rates.

    Args:
        errors: As from ``errors_of``.
        seconds: Median of each way.
    """
    rows = []
    for name, title in _NAMES.items():
        if name not in errors:
            continue
        ratio = (errors[name] / errors["default"]).dropna()
        row = {
            "rates": title,
            "error to the default rates": f"{_mean(ratio):.3f}",
            "better in": f"{int((ratio < 1).sum())} of {len(ratio)}",
            "worst": f"{ratio.max():.2f}",
            "failed": f"{int(errors.loc[errors['default'].notna(), name].isna().sum())}"
            if name in ("raced", "found", "linear")
            else "",
            "seconds (median)": f"{seconds[name]:.2g}" if name in seconds else "",
        }
        if "chosen" in errors:
            for best in ("chosen", "hindsight"):
                row[f"to the {_NAMES[best]}"] = f"{_mean((errors[name] / errors[best]).dropna()):.3f}"
        rows.append(row)
    return pd.DataFrame(rows)


def _mean(ratios: pd.Series) -> float:
    """Geometric mean."""
    return float(np.exp(np.log(ratios).mean()))


def report(found: pd.DataFrame) -> str:
    """Return what was found, in Markdown: all together, by optimizer and policy, and by table."""
    found = found.drop_duplicates([*_KEY], keep="last", ignore_index=True)
    errors = errors_of(found)
    parts = [markdown(summary(errors, found.groupby("way")["seconds"].median()))]
    ratios = errors.div(errors["default"], axis=0).drop(columns="default").map(np.log)
    for by in (["optimizer", "policy"], ["table"]):
        means = ratios.groupby(by).mean().map(np.exp).map("{:.3f}".format).rename(columns=_NAMES)
        parts.append(markdown(means.reset_index()))
    return "\n\n".join(parts)


def cells_of(
    cases: Sequence[Case],
    splits: int,
    epochs: int,
    optimizers: Sequence[str],
    policies: Sequence[str],
    ways: Sequence[str],
) -> list[Cell]:
    """Return what is to be done: the first split of all tables before the second of any."""
    runs = [(way, 1.0) for way in WAYS if way in ways and way != "grid"]
    if "grid" in ways:
        runs += [("grid", factor) for factor in GRID if factor != 1]
    return [
        Cell(case, split, epochs, optimizer, policy, tuple(runs))
        for split in range(splits)
        for optimizer in optimizers
        for policy in policies
        for case in cases
    ]


def main() -> None:
    """Run the study and print what it shows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", help="names, with commas between them; all by default")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=0, help="0: as many as a first click takes")
    parser.add_argument("--optimizers", default=",".join(OPTIMIZERS))
    parser.add_argument("--policies", default=",".join(POLICIES))
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path("rates_quality.csv"))
    options = parser.parse_args()
    names = options.tables.split(",") if options.tables else [case.name for case in CASES]
    cases = [case for case in CASES if case.name in names]
    if "LRAPP_TEST_DATA" not in os.environ and any(case.file for case in cases):
        parser.error("LRAPP_TEST_DATA must name the folder that holds tables/.")
    lists = (getattr(options, name).split(",") for name in ("optimizers", "policies", "ways"))
    cells = cells_of(cases, options.splits, options.epochs, *lists)
    found = study(cells, options.results, options.jobs)
    asked = {json.dumps(cell.key(*run)) for cell in cells for run in cell.runs}
    texts = (
        found[list(_KEY)].astype({"factor": float}).assign(factor=lambda f: f["factor"].map("{:.4g}".format))
    )
    kept = [json.dumps([str(value) for value in row]) in asked for row in texts.itertuples(index=False)]
    print(report(found[kept]))


if __name__ == "__main__":
    main()
