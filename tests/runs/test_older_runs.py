"""What version 1.0 left still opens, answers what it answered, is exported, and goes on where it was cut off."""

import os
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from lrapp.evaluation.scores import Scores
from lrapp.execution import worker
from lrapp.export import registry
from lrapp.images import datasets
from lrapp.networks.saved import SavedModel
from lrapp.prediction import files
from lrapp.runs.links import from_text, to_text
from lrapp.runs.store import SAMPLES, Run
from lrapp.training.checkpoints import TrainingState

FOLDER = Path(os.environ.get("LRAPP_TEST_DATA", "")) / "runs-1.0"

pytestmark = pytest.mark.skipif(
    not os.environ.get("LRAPP_TEST_DATA"),
    reason="The runs are in the folder that LRAPP_TEST_DATA names; it is not set.",
)


@pytest.mark.parametrize(
    ("run", "table"), [("penguins", SAMPLES / "penguins.csv"), ("sales", FOLDER / "sales.csv")]
)
def test_a_table_is_predicted_as_before(run: str, table: Path, tmp_path: Path) -> None:
    files.predict_file(FOLDER / run, table, table.name, tmp_path)
    found = pd.read_csv(tmp_path / files.CSV_FILE)
    before = pd.read_csv(FOLDER / f"{run}.predictions.csv")
    pd.testing.assert_frame_equal(found, before, rtol=1e-6, atol=1e-6)


def test_pictures_are_told_apart_as_before() -> None:
    images = datasets.read_set("digits")
    outputs = SavedModel.load(FOLDER / "digits").outputs(images.pixels)
    right = (outputs.argmax(axis=1) == images.labels).mean()
    scores = Scores.from_json((FOLDER / "digits" / "scores.json").read_bytes())
    # Of all pictures, those of the training set are among them.
    assert right == pytest.approx(scores.metrics[0].value, abs=0.03)


@pytest.mark.parametrize("key", ["code", "keras", "onnx"])
def test_it_is_exported(key: str, tmp_path: Path) -> None:
    run = shutil.copytree(FOLDER / "penguins", tmp_path / "runs" / "penguins")
    with zipfile.ZipFile(registry.export(run, tmp_path, key)) as packed:
        assert "README.md" in packed.namelist()


def test_an_interrupted_run_goes_on_as_version_1_0_did(tmp_path: Path) -> None:
    # It was killed some epochs after its last checkpoint: what it had written of these is what they must be again.
    run = Run(shutil.copytree(FOLDER / "interrupted", tmp_path / "interrupted"))
    before = {epoch.epoch: epoch for epoch in run.history().epochs}
    done = TrainingState.load(run.checkpoint_path).epochs
    assert done + 10 < max(before)
    assert worker.work(run.folder, tmp_path / "home").state == "completed"
    after = {epoch.epoch: epoch for epoch in run.history().epochs}
    assert max(after) == run.settings.training.epochs
    for number in range(done + 1, done + 11):
        for figure in ("loss", "val_loss", "val_metric", "learning_rate"):
            assert getattr(after[number], figure) == pytest.approx(getattr(before[number], figure), rel=1e-3)


def test_a_link_with_its_settings_opens() -> None:
    settings = Run(FOLDER / "sales").settings
    assert from_text(to_text(settings)) == settings
