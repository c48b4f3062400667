"""A finished model, taken back from its folder, and files that are not what they should be."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from predicting import predict_with

from lrapp.errors import UserError
from lrapp.networks import members, saved, tempered
from lrapp.networks.saved import SavedModel
from lrapp.runs.store import SAMPLES, Run
from lrapp.settings import LayerSettings, ModelSettings, RunSettings, TrainingSettings, starting_values
from lrapp.tables.reading import read_csv

PENGUINS = SAMPLES / "penguins.csv"


@pytest.fixture
def folder(finished: Run, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may damage."""
    shutil.copytree(finished.folder, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_saved_model_predicts_as_it_did_when_it_was_measured(finished: Run) -> None:
    from lrapp.evaluation.scores import Scores
    from lrapp.preparation.table_arrays import prepare

    model = SavedModel.load(finished.folder)
    settings = finished.settings.data
    table = read_csv(PENGUINS.read_bytes(), "penguins.csv")
    prepared = prepare(table, settings)
    answers = saved.outputs(model.network, prepared.test.x)
    right = float(np.mean(answers.argmax(axis=1) == prepared.test.y))
    scores = Scores.from_json(finished.scores_path.read_text())
    assert scores.rows == len(prepared.test.y)
    assert right == pytest.approx(scores.metrics[0].value)
    assert right > 0.9, "penguins are easily told apart"


def test_a_table_is_predicted_in_its_order(finished: Run) -> None:
    table = read_csv(PENGUINS.read_bytes(), "penguins.csv")
    answer = predict_with(SavedModel.load(finished.folder), table)
    assert len(answer.frame) == len(table.frame)
    assert answer.frame["island"].tolist() == table.frame["island"].tolist()
    assert (answer.frame["prediction"] == table.frame["species"]).mean() > 0.9


def test_rows_are_answered_alike_alone_and_in_any_number(
    finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = SavedModel.load(finished.folder).network
    x = np.random.default_rng(0).normal(size=(25, network.input_shape[-1])).astype(np.float32)
    together = saved.outputs(network, x)
    assert together.shape == (25, 3)
    assert together.sum(axis=1) == pytest.approx(1)
    monkeypatch.setattr(saved, "ROWS_AT_ONCE", 7)
    assert saved.outputs(network, x) == pytest.approx(together, abs=1e-6)
    empty = saved.outputs(network, x[:0])
    assert empty.shape == (0, 3)
    assert empty.dtype == np.float32


@pytest.mark.parametrize("networks", [1, 3])
def test_a_network_that_was_traced_answers_the_same(networks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "ROWS_AT_ONCE", 7)
    training = TrainingSettings(members=networks)
    settings = RunSettings(model=starting_values.settings().model, training=training)
    network = members.for_run(settings, (5,), "binary", 2, numbers=2)
    random = np.random.default_rng(0)
    for variable in network.weights:
        variable.assign(random.normal(size=variable.shape))
    fast, x = saved.Answering(network), random.normal(size=(25, 5)).astype(np.float32)
    for rows in (25, 1, 7, 0):
        assert np.array_equal(fast.outputs(x[:rows]), saved.outputs(network, x[:rows]))
        each, shares = tempered.answers(network, x[:rows], fast)
        slowly, same = tempered.answers(network, x[:rows])
        assert np.array_equal(shares, same)
        assert each.shape == (networks, rows, 1)
        assert np.array_equal(each, slowly) or not rows


def test_what_a_model_file_says_about_its_network_is_not_read(folder: Path, finished: Run) -> None:
    whole = SavedModel.load(finished.folder)
    with (
        zipfile.ZipFile(finished.model_path) as source,
        zipfile.ZipFile(folder / "model.keras", "w") as target,
    ):
        for name in source.namelist():
            target.writestr(name, b"{}" if name == "config.json" else source.read(name))
    x = np.ones((2, whole.network.input_shape[-1]), np.float32)
    again = SavedModel.load(folder)
    assert saved.outputs(again.network, x).tolist() == saved.outputs(whole.network, x).tolist()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2_000])


def _of_another_network(path: Path) -> None:
    from lrapp.networks import models

    other = models.build(ModelSettings(layers=(LayerSettings(units=5),)), inputs=3, task="binary")
    other.save(path)


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _of_another_network,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"not a model"),
        lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["cut", "foreign", "empty", "text", "zip", "folder"],
)
def test_a_model_file_that_is_none_is_a_sentence(folder: Path, damage: Callable[[Path], object]) -> None:
    damage(folder / "model.keras")
    with pytest.raises(UserError, match=r"^The model file is damaged or belongs to other settings; "):
        SavedModel.load(folder)


@pytest.mark.parametrize("name", ["model.keras", "run.json", "preprocessor.json", "preprocessor.skops"])
def test_a_file_that_is_missing_is_a_sentence(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(UserError) as raised:
        SavedModel.load(folder)
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith(".")


def test_settings_of_another_network_are_refused(folder: Path, finished: Run) -> None:
    other = finished.settings.model_copy(update={"model": ModelSettings()})
    (folder / "run.json").write_text(other.to_json())
    with pytest.raises(UserError, match=r"belongs to other settings"):
        SavedModel.load(folder)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 99, "layers": []}', ""], ids=["cut", "list", "another version", "empty"]
)
def test_settings_of_another_version_are_a_sentence(folder: Path, text: str) -> None:
    (folder / "run.json").write_text(text)
    with pytest.raises(
        UserError, match=r"^This model's settings \(run.json\) are damaged or of another version"
    ):
        SavedModel.load(folder)


def test_a_preprocessor_of_another_version_is_a_sentence(folder: Path) -> None:
    path = folder / "preprocessor.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2', 1))
    with pytest.raises(UserError, match=r"must be of version 1\. Received: 2\. Open it with the version"):
        SavedModel.load(folder)


class _Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


def test_a_foreign_model_is_neither_unpickled_nor_run(folder: Path, tmp_path: Path) -> None:
    import hashlib
    import json
    import pickle

    mark = tmp_path / "ran"
    pickle.loads(pickle.dumps(_Trap(mark)))
    assert mark.exists(), "the trap works"
    mark.unlink()
    trap = pickle.dumps(_Trap(mark))
    config = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"function": {"class_name": "__lambda__", "config": {"code": trap.hex()}}},
    }
    for name in ("model.keras", "preprocessor.skops"):
        whole = (folder / name).read_bytes()
        for data in (trap, _zipped({"config.json": json.dumps(config).encode(), "model.weights.h5": trap})):
            (folder / name).write_bytes(data)
            described = json.loads((folder / "preprocessor.json").read_text())
            described["sha256"] = hashlib.sha256((folder / "preprocessor.skops").read_bytes()).hexdigest()
            (folder / "preprocessor.json").write_text(json.dumps(described))
            with pytest.raises(UserError, match="damaged"):
                SavedModel.load(folder)
        (folder / name).write_bytes(whole)
    assert not mark.exists()


def _zipped(files: dict[str, bytes]) -> bytes:
    import io

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()
