"""Models to take away: from raw columns they give the app's predictions."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lrapp import cells, exports, portable, recipes, saved, worker
from lrapp.errors import UserError
from lrapp.runs import Run, Store
from lrapp.settings import (
    Activation,
    CLRSettings,
    DataSettings,
    FileSource,
    LayerSettings,
    ModelSettings,
    RunSettings,
    TrainingSettings,
)

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


def _run(store: Store, target: str, layers: tuple[LayerSettings, ...], **data: Any) -> Run:
    others = {"two", "three", "amount"} - {target}
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
            training=TrainingSettings(epochs=2),
            policy=CLRSettings(),
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


def _answers(kind: str, run: Run, store: Store, folder: Path) -> tuple[dict[str, np.ndarray], Any]:
    """What an unpacked export says of all rows, and what the app does."""
    with zipfile.ZipFile(exports.export(run.folder, store.home, kind)) as archive:
        archive.extractall(folder)
    recipe = recipes.recipe(run, store)
    plan = portable.portable(recipe.model.preprocessor)
    columns = portable.raw_inputs(plan, recipe.frame)
    # A category that training never saw, and words for yes and no as others write them.
    columns["kind"][:5] = "violet"
    columns["answer"][columns["answer"] == "yes"] = "YES"
    frame = recipe.frame.copy()
    frame.loc[frame.index[:5], "kind"] = "violet"
    own = recipe.model.preprocessor.decode(
        saved.outputs(recipe.model.network, recipe.model.preprocessor.transform(frame))
    )
    if kind == "onnx":
        from lrapp import onnx_export

        return onnx_export.run(folder / "model.onnx", columns), own
    from lrapp import tf_export

    answers = tf_export.run(folder / "model", plan, columns)
    if own.probabilities is not None:
        answers["prediction"] = np.array([name.decode() for name in answers["prediction"]])
    return answers, own


@pytest.mark.parametrize("kind", ["onnx", "savedmodel"])
@pytest.mark.parametrize("task", ["binary", "multi-class", "regression"])
def test_an_exported_model_gives_the_apps_predictions(
    kind: str,
    task: str,
    trained: dict[str, Run],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if kind == "onnx":
        pytest.importorskip("onnx", reason="needs the optional package onnx")
        pytest.importorskip("onnxruntime", reason="needs the optional package onnxruntime")
    answers, own = _answers(kind, trained[task], store, tmp_path)
    if task == "regression":
        # In float32, what is near zero is as far off as what is large.
        within = 1e-6 * np.ptp(own.values)
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
    exec(readme.split("```python")[1].split("```")[0], names)
    assert len(names["answers"]) == (1 if task == "regression" else 2)
    assert not list(exports.progress_path(trained[task], exports.FORMATS[0]).parent.glob("*.progress"))


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
    found = np.concatenate(portable.date_parts(seconds, ops), axis=1)
    np.testing.assert_allclose(found, cells.date_parts(days), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", ["onnx", "savedmodel"])
def test_what_a_format_cannot_compute_is_a_sentence(kind: str, store: Store) -> None:
    if kind == "onnx":
        pytest.importorskip("onnx", reason="needs the optional package onnx")
        pytest.importorskip("onnxruntime", reason="needs the optional package onnxruntime")
    run = _run(store, "two", (), scaling="quantile")
    with pytest.raises(UserError, match=r"^This run scales numbers by quantiles"):
        exports.export(run.folder, store.home, kind)
    assert list((run.folder / "exports").iterdir()) == []


def test_a_missing_package_is_a_sentence(monkeypatch: pytest.MonkeyPatch, finished: Run) -> None:
    monkeypatch.setattr(exports, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"^ONNX needs more packages: pip install onnx onnxruntime$"):
        exports.export(finished.folder, finished.folder.parents[1], "onnx")


def test_the_code_is_packed_with_its_table_and_a_readme(finished: Run) -> None:
    path = exports.export(finished.folder, finished.folder.parents[1], "code")
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
