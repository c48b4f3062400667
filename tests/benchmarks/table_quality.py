"""How good is what a first click gives? The app beside boosted trees, a linear model and scikit-learn's network.

    LRAPP_TEST_DATA=FOLDER python tests/benchmarks/table_quality.py [--tables bank,bike] [--splits 3] [--jobs 1]
        [--variant NAME='{"training": {"epochs": 100}}'] [--results results.csv] [--models trees,linear]

Each table is split three times; what is compared learns from the same training rows, may look at the same validation
rows, and is judged on the same test rows, by log loss or root mean squared error. The first click is a run with what
the app starts with, done by the app's own worker in this process; a variant is the same with a patch to its settings.
``made classes`` and the others of ``made_tables`` have 50,000 rows, and are taken where they are named.
Results are appended to a CSV file, and what stands there already is not done again. Prints Markdown.
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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benchmarks import made_tables  # noqa: E402

FIRST, PLAIN = "first click", "one plain network"
TREES, LINEAR, MLP = "boosted trees", "linear model", "scikit-learn's network"
_PLAIN = {"plain": True}  # in a patch: from the fields' own defaults, not from those of a first click
_COLUMNS = ("table", "split", "model", "patch", "error", "seconds")
_NATIVE_CATEGORIES = 255  # more than scikit-learn's trees take as they are


@dataclass(frozen=True)
class Case:
    """A table.

    Args:
        name: What it is called here.
        target: The column to predict; None for the one that the app takes.
        file: A CSV file; None for a sample of the app, or one of scikit-learn's own tables.
        out: Columns to leave out: other answers to the same question.
    """

    name: str
    target: str | None
    file: str | None = None
    out: tuple[str, ...] = ()


CASES = (
    Case("bank", "deposit", "bank.csv"),
    Case("bike", "cnt", "bike.csv"),
    Case("churn", "Churn", "churn.csv"),
    Case("concrete", "strength", "concrete.csv"),
    Case("energy", "Heating Load", "energy.csv", ("Cooling Load",)),
    Case("wine", "quality", "wine.csv"),
    Case("penguins", "species"),
    Case("messy_penguins", "species"),
    Case("breast_cancer", "diagnosis"),
    Case("auto_mpg", "mpg"),
    Case("sklearn diabetes", "target"),
    Case("sklearn iris", "target"),
    Case("sklearn wine", "target"),
    Case("sklearn digits", "target"),
)
# Larger ones, where asked for by name.
MADE = tuple(Case(f"made {kind}", "answer") for kind in made_tables.KINDS)
MADE_ROWS = 50_000


@dataclass(frozen=True)
class Group:
    """What is done in one go: some models on one split of one table."""

    case: Case
    split: int
    models: dict[str, dict[str, Any]] = field(default_factory=dict)  # a patch for each; empty for the others


def source_of(store: Any, case: Case) -> Any:
    """Return a table as settings name it."""
    from lrapp.settings import SampleSource

    if case.file is not None:
        path = Path(os.environ["LRAPP_TEST_DATA"]) / "tables" / case.file
        return store.keep_file(path.read_bytes(), path.name)
    if case in MADE:
        frame = made_tables.table(case.name.removeprefix("made "), MADE_ROWS)
        return store.keep_file(frame.to_csv(index=False).encode(), f"{case.name}.csv")
    if not case.name.startswith("sklearn "):
        return SampleSource(name=f"{case.name}.csv")
    from sklearn import datasets

    frame = getattr(datasets, f"load_{case.name.removeprefix('sklearn ')}")(as_frame=True).frame
    return store.keep_file(frame.to_csv(index=False).encode(), f"{case.name}.csv")


def patched(settings: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as JSON with a patch; what becomes of another type loses the fields of the old one."""
    merged = dict(settings)
    for key, value in patch.items():
        before = merged.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            merged[key] = patched(
                {} if value.get("type", before.get("type")) != before.get("type") else before, value
            )
        else:
            merged[key] = value
    return merged


def settings_of(store: Any, case: Case, split: int, patch: Mapping[str, Any]) -> Any:
    """Return the settings of a run: what a first click on the table starts with, or the fields' defaults, patched."""
    from lrapp.execution import worker
    from lrapp.settings import DataSettings, RunSettings, starting_values

    data = DataSettings(
        source=source_of(store, case),
        target=case.target,
        split_seed=split,
        kinds=dict.fromkeys(case.out, "text"),
    )
    start = RunSettings()
    if not patch.get("plain"):
        start = starting_values.settings(len(worker.prepared_data(store, data).train.y))
    tree = start.model_copy(update={"data": data, "closer_look": False}).model_dump(mode="json")
    tree["training"]["seed"] = split
    rest = {name: value for name, value in patch.items() if name != "plain"}
    return RunSettings.from_json(json.dumps(patched(tree, rest)))


def of_app(store: Any, case: Case, split: int, patch: Mapping[str, Any]) -> tuple[float, float]:
    """Return error and seconds of a run of the app."""
    from lrapp.evaluation.scores import Scores
    from lrapp.execution import worker

    settings = settings_of(store, case, split, patch)
    worker.prepared_data(store, settings.data)  # read and prepared: the others do not pay for that either
    run = store.create(settings)
    try:
        begun = time.perf_counter()
        outcome = worker.work(run.folder, store.home)
        seconds = time.perf_counter() - begun
        if outcome.state not in ("completed", "early_stopping"):
            return math.nan, seconds
        figures = {one.name: one.value for one in Scores.from_json(run.scores_path.read_bytes()).metrics}
    finally:
        shutil.rmtree(run.folder)
    error = figures.get("log loss", figures.get("root mean squared error"))
    return float(error if error is not None else math.nan), seconds


def error_of(prepared: Any, answers: np.ndarray) -> float:
    """Return log loss (of probabilities) or root mean squared error (of standardised numbers, in units)."""
    from sklearn.metrics import log_loss, root_mean_squared_error

    y = prepared.test.y
    if prepared.task == "regression":
        return float(root_mean_squared_error(y, answers)) * prepared.metric_scale
    return float(log_loss(y, answers, labels=np.arange(len(prepared.classes))))


def _all_classes(prepared: Any, model: Any, answers: np.ndarray) -> np.ndarray:
    """Probabilities of all classes, also of those that no training row has."""
    whole = np.zeros((len(answers), len(prepared.classes)))
    whole[:, np.asarray(model.classes_, np.int64)] = answers
    return whole


def of_others(store: Any, case: Case, split: int, name: str) -> tuple[float, float]:
    """Return error and seconds of a model of scikit-learn's, on the rows that the app prepared with its defaults."""
    from lrapp.execution import worker

    prepared = worker.prepared_data(store, settings_of(store, case, split, _PLAIN).data)
    begun = time.perf_counter()
    train, validation, test = prepared.train, prepared.validation, prepared.test
    fitted, given = (_trees if name == TREES else _linear if name == LINEAR else _mlp)(
        prepared, store, case, split, (train, validation, test)
    )
    if prepared.task == "regression":
        answers = fitted.predict(given)
    else:
        answers = _all_classes(prepared, fitted, fitted.predict_proba(given))
    return error_of(prepared, answers), time.perf_counter() - begun


def _trees(prepared: Any, store: Any, case: Case, split: int, parts: Any) -> tuple[Any, Any]:
    """Trees on raw numbers and categories as they are, which suits them best."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    from lrapp.preparation.preprocessor import raw_slots
    from lrapp.sandbox.sources import read_table
    from lrapp.tables.columns.conversion import ColumnKind

    columns = prepared.tabular.columns
    settings = settings_of(store, case, split, _PLAIN)
    slots, _ = raw_slots(read_table(store, settings.data).frame, columns)
    kinds = np.array([column.kind is ColumnKind.CATEGORY for column in columns for _ in column.slots])
    few = np.array([len(column.values) <= _NATIVE_CATEGORIES for column in columns for _ in column.slots])
    kind = HistGradientBoostingRegressor if prepared.task == "regression" else HistGradientBoostingClassifier
    model = kind(early_stopping=True, max_iter=1000, random_state=split, categorical_features=kinds & few)
    train, validation, test = parts
    model.fit(slots[train.rows], train.y, X_val=slots[validation.rows], y_val=validation.y)
    return model, slots[test.rows]


def _linear(prepared: Any, store: Any, case: Case, split: int, parts: Any) -> tuple[Any, Any]:
    from sklearn.linear_model import LogisticRegression, Ridge

    train, _, test = parts
    model = Ridge() if prepared.task == "regression" else LogisticRegression(max_iter=1000)
    return model.fit(train.x, train.y), test.x


def _mlp(prepared: Any, store: Any, case: Case, split: int, parts: Any) -> tuple[Any, Any]:
    """Its own defaults, but for early stopping: it holds rows back by itself, so it gets those of validation too."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    train, validation, test = parts
    kind = MLPRegressor if prepared.task == "regression" else MLPClassifier
    model = kind(early_stopping=True, random_state=split, max_iter=500)
    x, y = np.concatenate([train.x, validation.x]), np.concatenate([train.y, validation.y])
    return model.fit(x, y), test.x


def work(group: Group, home: str) -> list[tuple[str, float, float]]:
    """Do a group in a process of its own; returns name, error and seconds of each model."""
    from lrapp.execution import worker_setup

    worker_setup.settle("small")
    os.environ["OMP_NUM_THREADS"] = "1"  # on a busy machine, trees on two threads wait for each other
    warnings.simplefilter("ignore")
    from lrapp.runs.store import Store

    store, done = Store(Path(home)), []
    for name, patch in group.models.items():
        try:
            if name in (TREES, LINEAR, MLP):
                error, seconds = of_others(store, group.case, group.split, name)
            else:
                error, seconds = of_app(store, group.case, group.split, patch)
        except Exception as problem:  # said, and the study goes on
            print(f"{group.case.name}, split {group.split}, {name}: {problem}", file=sys.stderr, flush=True)
            error, seconds = math.nan, math.nan
        done.append((name, error, seconds))
    return done


def _worked(group: Group, home: str) -> tuple[Group, list[tuple[str, float, float]]]:
    return group, work(group, home)


def key_of(patch: Mapping[str, Any]) -> str:
    """Return a patch as text that is the same for the same patch."""
    return json.dumps(patch, sort_keys=True)


def study(groups: Iterable[Group], results: Path, jobs: int) -> pd.DataFrame:
    """Do what is not in the file yet, append it, and return all of the file."""
    known = set()
    if results.exists():
        with results.open(newline="") as file:
            known = {(row["table"], row["split"], row["model"], row["patch"]) for row in csv.DictReader(file)}
    else:
        results.write_text(",".join(_COLUMNS) + "\n")
    left = []
    for group in groups:
        models = {
            name: patch
            for name, patch in group.models.items()
            if (group.case.name, str(group.split), name, key_of(patch)) not in known
        }
        if models:
            left.append(Group(group.case, group.split, models))
    home = tempfile.mkdtemp(prefix="lrapp-quality-")
    try:
        context = multiprocessing.get_context("spawn")
        # TensorFlow keeps some memory of each network, so processes change. (ProcessPoolExecutor waits forever when
        # they do: CPython issue 115634.)
        with context.Pool(jobs, maxtasksperchild=4) as pool:
            for group, figures in pool.imap_unordered(partial(_worked, home=home), left):
                with results.open("a", newline="") as file:
                    for name, error, seconds in figures:
                        patch = key_of(group.models[name])
                        row = (group.case.name, group.split, name, patch, f"{error:.6g}", f"{seconds:.3g}")
                        csv.writer(file).writerow(row)
                print(".", end="", flush=True, file=sys.stderr)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(file=sys.stderr)
    return pd.read_csv(results, keep_default_na=False, na_values=["nan"])


def summary(errors: pd.DataFrame, seconds: pd.DataFrame, against: str) -> pd.DataFrame:
    """Return a row for each model: how its error compares with another's, over all tables and splits.

    Args:
        errors, seconds: A row for each table and split, a column for each model.
        against: The model that the others are compared with.
    """
    rows = []
    for name in errors:
        both = errors[[name, against]].dropna() if name != against else errors[[name]].dropna()
        ratio = both[name] / both[against]
        rows.append(
            {
                "model": name,
                f"error to {against} (geometric mean)": f"{np.exp(np.log(ratio).mean()):.3f}",
                "median": f"{ratio.median():.3f}",
                "better in": f"{int((ratio < 1).sum())} of {len(both)}" if name != against else "",
                "failed": f"{int(errors[name].isna().sum())}",
                "seconds (median)": f"{seconds[name].median():.2g}",
            }
        )
    return pd.DataFrame(rows)


def markdown(frame: pd.DataFrame) -> str:
    """A frame of text as a table."""
    rows = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy().tolist()]
    return "\n".join(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)


def report(found: pd.DataFrame, models: Mapping[str, Mapping[str, Any]], tables: Iterable[str]) -> str:
    """Return what was found, in Markdown: all tables together, then each."""
    wanted = {name: key_of(patch) for name, patch in models.items()}
    asked = [
        wanted.get(model) == patch and table in tables
        for model, patch, table in found[["model", "patch", "table"]].itertuples(index=False)
    ]
    kept = found[asked]
    kept = kept.drop_duplicates(["table", "split", "model"], keep="last")
    errors, seconds = (
        kept.pivot(index=["table", "split"], columns="model", values=value)[
            [name for name in models if name in set(kept["model"])]
        ]
        for value in ("error", "seconds")
    )
    parts = [markdown(summary(errors, seconds, against)) for against in (TREES, FIRST) if against in errors]
    if TREES in errors:
        logs = errors.div(errors[TREES], axis=0).map(np.log)
        ratios = logs.groupby("table").mean().map(np.exp).map("{:.3f}".format)
        parts.append(
            f"Error to {TREES} by table (geometric mean over splits):\n\n{markdown(ratios.reset_index())}"
        )
    return "\n\n".join(parts)


def main() -> None:
    """Run the study and print what it shows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tables", help="names, with commas between them; all by default")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--models", default="trees,linear,mlp", help="what stands beside the app")
    parser.add_argument("--variant", action="append", default=[], metavar="NAME=JSON")
    parser.add_argument("--plain", action="store_true", help="variants start from the fields' own defaults")
    parser.add_argument("--results", type=Path, default=Path("table_quality.csv"))
    options = parser.parse_args()
    others = {"trees": TREES, "linear": LINEAR, "mlp": MLP}
    models: dict[str, dict[str, Any]] = {FIRST: {}, PLAIN: _PLAIN}
    for variant in options.variant:
        name, _, patch = variant.partition("=")
        models[name] = json.loads(patch) | (_PLAIN if options.plain else {})
    models |= {others[name]: {} for name in filter(None, options.models.split(","))}
    names = options.tables.split(",") if options.tables else [case.name for case in CASES]
    cases = [case for case in (*CASES, *MADE) if case.name in names]
    if "LRAPP_TEST_DATA" not in os.environ and any(case.file for case in cases):
        parser.error("LRAPP_TEST_DATA must name the folder that holds tables/.")
    groups = [Group(case, split, models) for split in range(options.splits) for case in cases]
    print(report(study(groups, options.results, options.jobs), models, names))


if __name__ == "__main__":
    main()
