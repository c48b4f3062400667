"""The code to take away: runs without this package and gives the run's figures."""

import ast
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from scripts import printed_by
from scripts.cases import CASES, ENDINGS, IN_BLOCKS, LAYERS, STOPS

from lrapp.errors import UserError
from lrapp.execution import room, worker
from lrapp.export import finished_run as recipes
from lrapp.export import script as codegen
from lrapp.export import script_training
from lrapp.networks import pruned, saved
from lrapp.policies.schedules import CLR, SGDR, CosLog4, Fixed, OneCycle, Policy, WarmUp
from lrapp.runs.events import EpochDone, Event, StepsDone
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    DataSettings,
    FileSource,
    ModelSettings,
    RunSettings,
    TrainingSettings,
)
from lrapp.settings.base import checked
from lrapp.settings.network import FreshStart, RunStart
from lrapp.training import course


def finished_run(store: Store, stop_after: int | None = None, **parts: Any) -> Run:
    """Train; with ``stop_after``, somebody stops it in the middle of the epoch after so many."""
    defaults: dict[str, Any] = {"model": LAYERS, "training": TrainingSettings(epochs=6)}
    run = store.create(RunSettings(**(defaults | parts)))
    epochs = 0

    def stop(event: Event) -> None:
        nonlocal epochs
        epochs += isinstance(event, EpochDone)
        if isinstance(event, StepsDone) and epochs == stop_after:
            run.ask_to_stop()

    with pytest.MonkeyPatch.context() as patch:
        if stop_after is not None:
            patch.setattr(course, "CHUNK_SECONDS", 0.0)  # looks after every step whether to stop
        outcome = worker.work(run.folder, store.home, stop)
    run.set_status(state=outcome.state, message=outcome.message)
    return run


def written(run: Run, store: Store, folder: Path) -> recipes.Recipe:
    recipe = recipes.recipe(run, store)
    (folder / "train.py").write_text(codegen.script(recipe), "utf-8")
    (folder / recipe.reading.file).write_bytes(recipe.reading.data)
    (folder / "split.csv").write_bytes(recipe.split)
    if (initial := recipe.initial) is not None:
        (folder / recipes.INITIAL).write_bytes(initial)
    return recipe


_AFTER = """
    rows = [int(made[part].sum()) for part in ("train", "validation", "test")]
    print("RESULT", json.dumps({"val_loss": made["history"].history.get("val_loss", []), "rows": rows}))
    np.save("x.npy", made["x_test"])
    network = made["network"]
    weights = [layer.kernel for layer in network._flatten_layers() if type(layer).__name__ == "Dense"]
    print("ZEROS", sum(int((np.asarray(w) == 0).sum()) for w in weights), sum(np.asarray(w).size for w in weights))"""


@pytest.fixture(scope="module")
def done_again(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[recipes.Recipe, Path, str]]:
    """Each case's run, the folder of its script, and what that printed in a process without this package."""
    home = tmp_path_factory.mktemp("code")
    made, folders = {}, {}
    for case, settings in CASES.items():
        store = Store(home / "store")
        if case.endswith("from a run"):
            before = TrainingSettings(epochs=6, members=settings.training.members)
            own = checked(settings.model, start=FreshStart())
            start = RunStart(run=finished_run(store, data=settings.data, model=own, training=before).id)
            settings = checked(settings, model=checked(settings.model, start=start))  # noqa: PLW2901
        folders[case] = home / case
        folders[case].mkdir()
        with pytest.MonkeyPatch.context() as patch:
            if case in IN_BLOCKS:
                patch.setattr(room, "needed", lambda *_: (0, 64))
            # Nothing that a closer look finds is in a script.
            parts = dict(settings) | {"closer_look": False}
            made[case] = written(finished_run(store, STOPS.get(case), **parts), store, folders[case])
        assert "lrapp" not in (folders[case] / "train.py").read_text("utf-8")
    printed = printed_by(folders, _AFTER)
    return {case: (made[case], folders[case], printed[case]) for case in CASES}


@pytest.mark.parametrize("case", CASES)
def test_the_script_does_the_run_again_without_this_package(
    case: str, done_again: dict[str, tuple[recipes.Recipe, Path, str]]
) -> None:
    recipe, folder, printed = done_again[case]
    prepared = recipe.prepared
    # The same rows, inputs and history ...
    np.testing.assert_allclose(np.load(folder / "x.npy"), prepared.test.x, rtol=1e-6, atol=1e-6)
    # ... and a model that loads where the script's own classes are not known ...
    kept = keras.saving.load_model(folder / "model.keras")
    answers = np.asarray(kept(np.load(folder / "x.npy")[:8], training=False))
    assert answers.shape == (8, *recipe.model.network.output_shape[1:])
    if recipe.settings.networks == 1:
        assert kept.count_params() == recipe.model.network.count_params()
    result = json.loads(re.findall("RESULT (.*)", printed)[0])
    assert result["rows"] == [len(part.y) for part in (prepared.train, prepared.validation, prepared.test)]
    assert recipe.history.ended is not None
    assert recipe.history.ended.reason == ENDINGS.get(case, "completed")
    expected = [epoch.val_loss for epoch in recipe.history.epochs]
    if recipe.settings.networks == 1:  # the script's history is that of the last of them
        assert result["val_loss"] == pytest.approx(expected, rel=0.05 if "mixed" in case else 1e-3)
    else:
        theirs = np.asarray(kept(prepared.test.x, training=False))
        ours = saved.outputs(recipe.model.network, prepared.test.x)
        np.testing.assert_allclose(theirs, ours, atol=1e-3 * ours.std())
    # ... and the same figure at the end, within what the script says.
    figure = float(re.findall(r"on the test rows: (\S+)", printed)[0])
    assert recipe.scores is not None
    value = recipe.scores.metrics[0].value
    assert value is not None
    within = 0.02 * value if recipe.prepared.task == "regression" else max(0.01, 1.01 / recipe.scores.rows)
    assert figure == pytest.approx(value, abs=within)


@pytest.mark.parametrize("case", [case for case in CASES if "pruned" in case])
def test_the_script_leaves_as_many_zeros(
    case: str, done_again: dict[str, tuple[recipes.Recipe, Path, str]]
) -> None:
    recipe, _, printed = done_again[case]
    found = pruned.zeros(recipe.model.network)
    assert found.zeros
    assert re.findall(r"ZEROS (\d+) (\d+)", printed) == [(str(found.zeros), str(found.weights))]


def test_how_the_run_ended_is_said(done_again: dict[str, tuple[recipes.Recipe, Path, str]]) -> None:
    def said(case: str) -> str:
        (cell,) = (cell for cell in codegen.cells_of(done_again[case][0]) if cell.title == "Train")
        return cell.text

    assert "The run was stopped after 2 of 6 epochs, and so is this." in said("stopped")
    assert "Its model has" not in said("stopped")
    assert "Its model has" in said("momentum of RMSprop")
    assert "after 1 of 6 epochs, and so is this. Its model has 1 step of the next" in said(
        "stopped, last weights"
    )
    assert "The run diverged after" in said("diverged")
    assert re.search("The run ended early after [0-9]+ of 20 epochs, and so does this", said("target"))
    assert "compute in mixed_bfloat16" in said("mixed_bfloat16")
    assert "The run" not in said("binary")
    assert "rates of their own. Which of them are frozen changes 2 times." in said("gradual")


def test_what_a_script_cannot_do_is_a_sentence(finished: Run) -> None:
    recipe = recipes.recipe(finished, Store(finished.folder.parents[1]))
    start = RunStart(run="20260101-000000000000-0123456789abcdef")
    gone = replace(recipe, settings=checked(recipe.settings, model=ModelSettings(start=start)))
    with pytest.raises(UserError, match=r"The run that this one started from is no longer here"):
        _ = gone.initial


@pytest.mark.parametrize(
    "policy",
    [
        Fixed(0.01),
        CLR(0.001, 0.01, 7.5),
        CLR(0.001, 0.01, 4, "triangular2"),
        CLR(0.001, 0.01, 4, "exp_range", 0.99),
        SGDR(0.1, 12.5),
        SGDR(0.1, 10, 0.001, 2.0, 0.7),
        SGDR(0.1, 10, T_mult=1.3),
        OneCycle(0.1, 150),
        CosLog4(0.1, 150, 0.001),
        WarmUp(CLR(0.001, 0.01, 5), 12.0),
        WarmUp(OneCycle(0.1, 140), 10.5),
    ],
)
def test_the_written_policy_is_the_planned_one(policy: Policy) -> None:
    names: dict[str, Any] = {"np": np}
    exec(script_training.policy_code(policy), names)
    rates = [names["learning_rate"](step) for step in range(150)]
    np.testing.assert_allclose(rates, policy.plan(150), rtol=1e-12, atol=1e-18)


def test_the_notebook_holds_the_same_code(finished: Run) -> None:
    recipe = recipes.recipe(finished, Store(finished.folder.parents[1]))
    notebook = json.loads(codegen.notebook(recipe))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    script = codegen.script(recipe)
    assert all(part in script for part in code)
    # Comments aside, nothing else is in the script.
    assert ast.dump(ast.parse("\n".join(code))) == ast.dump(ast.parse(script))
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


def test_an_odd_table_comes_as_a_cleaned_one_and_its_names_stay_in_their_quotes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    evil = 'a"""\n#`\\'
    rows = [
        f"{rng.integers(1000, 9999) / 100:.2f}".replace(".", ",") + f" €;{kind};{day:%d.%m.%Y}"
        for kind, day in zip(
            rng.choice(["ja", "nein"], 80), pd.date_range("2020-01-13", periods=80), strict=True
        )
    ]
    quoted = '"' + evil.replace('"', '""') + '"'
    data = ("\n".join([f"{quoted};kind;day", *rows]) + "\n").encode("cp1252")
    store = Store(tmp_path)
    source = store.keep_file(data, "odd.csv")
    run = finished_run(
        store,
        name='"""\nimport os',
        data=DataSettings(source=FileSource(name="odd.csv", sha256=source.sha256), target="kind"),
        training=TrainingSettings(epochs=1),
    )
    recipe = recipes.recipe(run, store)
    assert recipe.reading.file == recipes.CLEANED
    tree = ast.parse(codegen.script(recipe))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"os", "keras", "numpy", "pandas"}
    # Executed up to the network: the inputs are those of the run.
    (tmp_path / recipes.CLEANED).write_bytes(recipe.reading.data)
    (tmp_path / recipes.SPLIT).write_bytes(recipe.split)
    names: dict[str, Any] = {}
    cells = codegen.cells_of(recipe)
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        for cell in cells[: [cell.title for cell in cells].index("Build the network")]:
            exec(cell.code, names)
    finally:
        os.chdir(before)
    np.testing.assert_allclose(names["x_train"], recipe.prepared.train.x, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(names["y_train"].ravel(), recipe.prepared.train.y)


def test_rows_without_a_target_are_in_no_part(finished: Run) -> None:
    recipe = recipes.recipe(finished, Store(finished.folder.parents[1]))
    parts = recipe.split.decode().splitlines()[1:]
    assert parts == [line.strip('"') for line in parts] or '""' in parts
    for name in ("train", "validation", "test"):
        rows = getattr(recipe.prepared, name).rows
        assert [place for place, part in enumerate(parts) if part == name] == rows.tolist()
