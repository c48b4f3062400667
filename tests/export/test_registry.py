"""Models to take away: from raw columns they give the app's predictions."""

import json
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from predicting import predict_with, read_for
from scipy.stats import norm

from lrapp.errors import UserError
from lrapp.execution import worker
from lrapp.export import exporter, finished_run, registry
from lrapp.networks import saved
from lrapp.prediction import plain_model
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    Activation,
    CLRSettings,
    DataSettings,
    FileSource,
    LayerSettings,
    ModelSettings,
    Precision,
    RunSettings,
    TrainingSettings,
)
from lrapp.tables import cell_values

ODD = "a|b`c\n"
ACTIVATIONS: tuple[Activation, ...] = (
    "relu", "gelu", "silu", "elu", "selu", "leaky_relu", "tanh", "sigmoid", "linear",
)  # fmt: skip


def _table() -> bytes:
    """All kinds of columns, with gaps, rare categories and an odd name."""
    rng = np.random.default_rng(1)
    rows = 240
    number = rng.normal(5e4, 1e4, rows).round(2).astype(object)
    number[::9] = ""
    number[4] = 9e9
    frame = pd.DataFrame(
        {
            ODD: number,
            "answer": rng.choice(["yes", "no", ""], rows, p=[0.5, 0.4, 0.1]),
            "kind": rng.choice(["red", "green", "blue", "ünique", ""], rows, p=[0.4, 0.3, 0.2, 0.02, 0.08]),
            "day": pd.to_datetime("1999-12-30")
            + pd.to_timedelta(rng.integers(0, 12_000, rows) * 7, unit="h"),
            "size": rng.integers(0, 50, rows),
        }
    )
    frame["two"] = np.where((frame["size"] > 25) ^ (frame["answer"] == "yes"), "up", "down")
    frame["three"] = np.where(frame["size"] > 40, "big", np.where(frame["kind"] == "red", "rot", "öther"))
    frame["amount"] = frame["size"] * 1e6 + rng.normal(0, 1e5, rows).round(2)
    return frame.to_csv(index=False).encode()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("exports"))


def _run(
    store: Store,
    target: str,
    layers: tuple[LayerSettings, ...],
    without: tuple[str, ...] = (),
    precision: Precision = "float32",
    **data: Any,
) -> Run:
    others = {"two", "three", "amount", *without} - {target}
    source = store.keep_file(_table(), "table.csv")
    run = store.create(
        RunSettings(
            data=DataSettings(
                source=FileSource(name="table.csv", sha256=source.sha256),
                target=target,
                kinds=dict.fromkeys(others, "text"),
                **data,
            ),
            model=ModelSettings(layers=layers),
            training=TrainingSettings(epochs=2, precision=precision),
            policy=CLRSettings(),
            closer_look=False,
        )
    )
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message)
    return run


@pytest.fixture(scope="module")
def trained(store: Store) -> dict[str, Run]:
    every = tuple(LayerSettings(units=3, activation=name) for name in ACTIVATIONS)
    return {
        "binary": _run(store, "two", every),
        "multi-class": _run(store, "three", (LayerSettings(units=6, batch_norm=True, dropout=0.2),)),
        "regression": _run(store, "amount", (), scaling="standard", missing_numbers="zero"),
    }


@pytest.fixture(scope="module")
def by_quantiles(store: Store) -> Run:
    return _run(store, "two", (LayerSettings(units=4, activation="tanh"),), ("day",), scaling="quantile")


@pytest.fixture(scope="module")
def by_quartiles(store: Store) -> Run:
    return _run(store, "two", (LayerSettings(units=4, activation="tanh"),), scaling="robust")


def test_each_format_says_for_whom_it_is_in_one_line() -> None:
    said = [one.whom for one in registry.EXPORTERS]
    assert len(set(said)) == len(said)
    for one in said:
        assert one.startswith(("For ", "To ")), one
        assert one.endswith("."), one
        assert len(one) <= 64, "it fits into a line of a phone twice at most"


KINDS = ("onnx", "savedmodel", "litert")


def _need(kind: str) -> None:
    if kind == "onnx":
        pytest.importorskip("onnx", reason="needs the optional package onnx")
        pytest.importorskip("onnxruntime", reason="needs the optional package onnxruntime")


def _answers(kind: str, run: Run, store: Store, folder: Path) -> tuple[dict[str, np.ndarray], Any]:
    """What an unpacked export says of all rows, and what the app does."""
    with zipfile.ZipFile(registry.export(run.folder, store.home, kind)) as archive:
        archive.extractall(folder)
    recipe = finished_run.recipe(run, store)
    plan = plain_model.portable(recipe.preprocessor)
    columns = plain_model.raw_inputs(plan, recipe.frame)
    # A category that training never saw, and words for yes and no as others write them.
    columns["kind"][:5] = "violet"
    columns["answer"][columns["answer"] == "yes"] = "YES"
    frame = recipe.frame.copy()
    frame.loc[frame.index[:5], "kind"] = "violet"
    own = recipe.preprocessor.decode(
        saved.outputs(recipe.model.network, recipe.preprocessor.transform(frame))
    )
    if kind == "onnx":
        from lrapp.export import onnx_graph

        return onnx_graph.run(folder / "model.onnx", columns), own
    if kind == "litert":
        from lrapp.export import litert_graph

        given = litert_graph.inputs(plan, columns)
        answers = litert_graph.run(folder / "model.tflite", given)
        if own.probabilities is not None:
            answers["prediction"] = np.array(recipe.preprocessor.classes)[answers["prediction"]]
        return answers, own
    from lrapp.export import tf_graph

    names = tf_graph.input_names(plan)
    answers = tf_graph.run(folder / "model", {names[column]: values for column, values in columns.items()})
    if own.probabilities is not None:
        answers["prediction"] = np.array([name.decode() for name in answers["prediction"]])
    return answers, own


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", ["binary", "multi-class", "regression"])
def test_an_exported_model_gives_the_apps_predictions(
    kind: str,
    task: str,
    trained: dict[str, Run],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _need(kind)
    monkeypatch.setattr(plain_model, "_ROWS_AT_ONCE", 100)
    answers, own = _answers(kind, trained[task], store, tmp_path)
    if task == "regression":
        # In float32, what is near zero is as far off as what is large.
        within = (2e-6 if kind == "litert" else 1e-6) * np.ptp(own.values)
        np.testing.assert_allclose(answers["prediction"].ravel(), own.values, rtol=0, atol=within)
    else:
        np.testing.assert_allclose(answers["probabilities"], own.probabilities, atol=1e-5)
        assert len(np.unique(own.probabilities.round(4))) > 20, "different rows have different answers"
        sure = own.probabilities.max(axis=1) > 0.501
        assert answers["prediction"].ravel()[sure].tolist() == own.values[sure].tolist()
    readme = (tmp_path / "README.md").read_text("utf-8")
    assert "`a¦b'c`" in readme
    assert "the largest difference to the app's answers" in readme
    # The example of the README runs as it stands.
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"[\s\S]*tf\.lite\.Interpreter is deprecated")
        exec(readme.split("```python")[1].split("```")[0], names)
    assert len(names["answers"]) == (1 if task == "regression" else 2)
    assert not list((trained[task].folder / registry.FOLDER).glob("*.progress"))


def test_columns_may_have_the_names_of_outputs(store: Store, tmp_path: Path) -> None:
    _need("onnx")
    from lrapp.export import onnx_graph

    rng = np.random.default_rng(3)
    names = ["prediction", "probabilities", "prediction (column)"]
    frame = pd.DataFrame(rng.normal(size=(80, 3)).round(3), columns=names)
    frame["up"] = np.where(frame["prediction"] > frame["probabilities"], "yes", "no")
    source = store.keep_file(frame.to_csv(index=False).encode(), "outputs.csv")
    run = store.create(
        RunSettings(
            data=DataSettings(source=source, target="up"),
            training=TrainingSettings(epochs=2),
            closer_look=False,
        )
    )
    worker.work(run.folder, store.home)
    with zipfile.ZipFile(registry.export(run.folder, store.home, "onnx")) as archive:
        archive.extractall(tmp_path)
    given = {
        "prediction (column) (column)": frame["prediction"].to_numpy(),
        "probabilities (column)": frame["probabilities"].to_numpy(),
        "prediction (column)": frame["prediction (column)"].to_numpy(),
    }
    answers = onnx_graph.run(tmp_path / "model.onnx", given)
    model = saved.SavedModel.load(run.folder)
    own = predict_with(model, read_for(model, frame.to_csv(index=False).encode(), "outputs.csv")).frame
    np.testing.assert_allclose(answers["probabilities"][:, 1], own["probability of yes"], atol=1e-5)
    readme = (tmp_path / "README.md").read_text("utf-8")
    assert "| `probabilities (column)` | `probabilities` | number" in readme


def test_many_rows_are_asked_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_model, "_ROWS_AT_ONCE", 8)
    x, sizes = np.arange(20.0), []

    def answer(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        sizes.append(len(given["x"]))
        return {"y": 2 * given["x"]}

    assert plain_model.in_portions({"x": x}, answer)["y"].tolist() == (2 * x).tolist()
    assert sizes == [8, 8, 4]


class _Numpy:
    def constant(self, values: np.ndarray) -> Any:
        return values

    def floor(self, x: Any) -> Any:
        return np.floor(x)

    def sine(self, x: Any) -> Any:
        return np.sin(x)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return np.where(condition, x, y)

    def less(self, x: Any, y: Any) -> Any:
        return np.less(x, y)


def test_dates_become_the_same_numbers_as_in_the_app() -> None:
    days = pd.Series(pd.date_range("1596-02-27", "2404-03-02", freq="37h", unit="s"))
    seconds = days.to_numpy().astype(np.int64).astype(np.float64)[:, None]
    ops: Any = _Numpy()
    found = np.concatenate(plain_model.date_parts(seconds, ops), axis=1)
    np.testing.assert_allclose(found, cell_values.date_parts(days), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_scaling_by_quantiles_goes_along(kind: str, by_quantiles: Run, store: Store, tmp_path: Path) -> None:
    _need(kind)
    answers, own = _answers(kind, by_quantiles, store, tmp_path)
    within = 1e-3 if kind == "litert" else 1e-5
    np.testing.assert_allclose(answers["probabilities"], own.probabilities, atol=within)
    assert len(np.unique(own.probabilities.round(4))) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_robust_scaling_goes_along(kind: str, by_quartiles: Run, store: Store, tmp_path: Path) -> None:
    _need(kind)
    answers, own = _answers(kind, by_quartiles, store, tmp_path)
    np.testing.assert_allclose(answers["probabilities"], own.probabilities, atol=1e-5)
    assert len(np.unique(own.probabilities.round(4))) > 20


def test_dates_scaled_by_quantiles_go_along_or_are_a_sentence(store: Store) -> None:
    kind = "savedmodel"
    run = _run(store, "two", (), scaling="quantile")
    message = ""
    try:
        registry.export(run.folder, store.home, kind)
    except UserError as error:
        message = str(error)
    assert (run.folder / registry.FOLDER / f"{kind}.zip").exists() == (not message)
    assert not message or message.startswith("This run scales the parts of dates by quantiles")


@pytest.mark.parametrize("kind", ["onnx", "savedmodel"])
def test_a_network_of_mixed_precision_is_compared_in_float32(kind: str, store: Store, tmp_path: Path) -> None:
    _need(kind)
    run = _run(store, "amount", (LayerSettings(units=8, batch_norm=True),), precision="mixed_bfloat16")
    with zipfile.ZipFile(registry.export(run.folder, store.home, kind)) as archive:
        readme = archive.read("README.md").decode()
    assert ("in mixed_bfloat16, this file in float32" in readme) == (kind != "savedmodel")


def test_numbers_with_too_many_digits_for_litert_are_a_sentence(store: Store) -> None:
    rng = np.random.default_rng(0)
    number = rng.integers(0, 50, 200)
    frame = pd.DataFrame({"number": 3e9 + number, "two": np.where(number > 25, "up", "down")})
    source = store.keep_file(frame.to_csv(index=False).encode(), "digits.csv")
    run = store.create(
        RunSettings(
            data=DataSettings(source=source, target="two", kinds={"number": "number"}),
            training=TrainingSettings(epochs=3),
            closer_look=False,
        )
    )
    worker.work(run.folder, store.home)
    with pytest.raises(UserError, match=r"^This format computes with 32-bit numbers"):
        registry.export(run.folder, store.home, "litert")


@pytest.mark.parametrize("task", ["binary", "multi-class", "regression"])
def test_inputs_of_the_bare_network_are_described(
    task: str,
    trained: dict[str, Run],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _check_description(trained[task], store, tmp_path, monkeypatch)


def test_inputs_scaled_by_quantiles_are_described(
    by_quantiles: Run, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _check_description(by_quantiles, store, tmp_path, monkeypatch)


def test_inputs_of_robust_scaling_are_described(
    by_quartiles: Run, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _check_description(by_quartiles, store, tmp_path, monkeypatch)


def _check_description(run: Run, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs made from inputs.json alone are the app's, and the README's example runs."""
    with zipfile.ZipFile(registry.export(run.folder, store.home, "keras")) as archive:
        archive.extractall(folder)
    recipe = finished_run.recipe(run, store)
    frame = recipe.frame.iloc[recipe.checked.rows].reset_index(drop=True)
    dates = [column for column in frame if pd.api.types.is_datetime64_any_dtype(frame[column].dtype)]
    for column in dates:
        parts = cell_values.date_parts(frame[column])
        for place, part in enumerate(cell_values.DATE_PARTS):
            frame[f"{column}: {part}"] = parts[:, place]
    described = json.loads((folder / "inputs.json").read_text("utf-8"))
    x = np.column_stack([_input(one, frame[one["name"]]) for one in described])
    np.testing.assert_allclose(x, recipe.checked.x, rtol=2e-6, atol=2e-6)
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    readme = (folder / "README.md").read_text("utf-8")
    exec(readme.split("```python")[1].split("```")[0], names)
    np.testing.assert_allclose(
        names["answers"], saved.outputs(recipe.model.network, recipe.checked.x[:1]), atol=1e-6
    )
    assert readme.count("\n| ") == len(described) + 1
    assert f"Checked on {len(x)} rows: the largest difference to the app's answers is 0 " in readme


def _input(one: dict[str, Any], values: pd.Series) -> np.ndarray:
    match one["kind"]:
        case "number":
            numbers = values.to_numpy(np.float64).clip(one.get("low", -np.inf), one.get("high", np.inf))
            numbers = np.where(np.isnan(numbers), one["missing"], numbers)
            if "mean" in one:
                scaled = (numbers - one["mean"]) / one["scale"]
                return scaled / np.hypot(1, scaled / one["bound"]) if "bound" in one else scaled
            known = np.array(one["quantiles"])
            # Ends, as the README says.
            below, above = numbers <= known[0], numbers >= known[-1]
            up = np.interp(numbers, known, one["shares"])
            down = np.interp(-numbers, -known[::-1], -np.array(one["shares"])[::-1])
            share = np.where(below, 0.0, np.where(above, 1.0, (up - down) / 2))
            return norm.ppf(share).clip(-5.199337582, 5.199337582)
        case "yes/no":
            return values.map({one["no"]: 0.0, one["yes"]: 1.0}).fillna(one["missing"]).to_numpy()
        case "gap":
            return values.isna().to_numpy(np.float64)
    return values.fillna("").isin(one["values"]).to_numpy(np.float64)


def test_a_missing_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch, finished: Run) -> None:
    monkeypatch.setattr(exporter, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^ONNX needs more packages: pip install onnx onnxruntime$"):
        registry.export(finished.folder, finished.folder.parents[1], "onnx")


def test_the_code_is_packed_with_its_table_and_a_readme(finished: Run) -> None:
    path = registry.export(finished.folder, finished.folder.parents[1], "code")
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {
            "train.py",
            "train.ipynb",
            "data.csv",
            "split.csv",
            "requirements.txt",
            "README.md",
        }
        readme = archive.read("README.md").decode()
        assert all(name in readme for name in archive.namelist() if name != "README.md")
        assert json.loads(archive.read("train.ipynb"))["nbformat"] == 4
