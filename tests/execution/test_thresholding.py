"""A run with a threshold: it is part of the model, of its scores, and of all that is made of it."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scripts import printed_by

from lrapp.errors import UserError
from lrapp.evaluation import error_costs
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.scores import Scores
from lrapp.execution import worker
from lrapp.execution.calibrating import calibrate
from lrapp.execution.thresholding import set_threshold
from lrapp.export import download, finished_run, registry, script
from lrapp.networks.saved import SavedModel
from lrapp.prediction import single_row
from lrapp.prediction.files import predict_file
from lrapp.preparation import threshold as thresholds
from lrapp.preparation.threshold import Costs, Threshold
from lrapp.runs.store import SAMPLES, Run, Store
from lrapp.settings import (
    DataSettings,
    LayerSettings,
    ModelSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

PENGUINS = SAMPLES / "penguins.csv"


def trained(store: Store, target: str = "sex") -> Run:
    run = store.create(
        RunSettings(
            data=DataSettings(
                source=SampleSource(name="penguins.csv"),
                target=target,
                validation_share=0.25,
                test_share=0.25,
            ),
            model=ModelSettings(layers=(LayerSettings(units=4),)),
            training=TrainingSettings(epochs=3, members=2, xla="off"),
        )
    )
    assert worker.work(run.folder, store.home).state == "completed"
    return run


def accuracy(run: Run) -> float | None:
    return Scores.from_json(run.scores_path.read_bytes()).metrics[0].value


def test_it_is_part_of_predictions_scores_and_exports_and_can_be_undone(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    run = trained(store)
    rows = error_costs.kept(run.folder)
    assert rows is not None
    chosen = error_costs.chosen(rows.validation, Costs(1, 4))
    before, old = accuracy(run), registry.export(run.folder, store.home, "keras")
    first = SavedModel.load(run.folder)
    single_row.make(run.folder, store.home)

    set_threshold(run.folder, store.home, chosen)

    model = SavedModel.load(run.folder)
    assert model.preprocessor.threshold == chosen
    assert not old.exists()
    prepared = worker.prepared_data(store, run.settings.data)
    outputs = model.outputs(prepared.test.x)
    np.testing.assert_array_equal(outputs, first.outputs(prepared.test.x))  # probabilities stay
    said = outputs[:, 0] > chosen.level
    assert said.any()
    assert (said != (outputs[:, 0] > 0.5)).any()
    assert accuracy(run) == pytest.approx(float((said == prepared.test.y).mean()))
    look = Insight.from_json(run.insight_path.read_bytes())
    assert look.threshold == chosen
    assert look.confusion is not None
    (right, false), (missed, hits) = look.confusion.counts
    again = error_costs.kept(run.folder)
    assert again is not None
    assert again.measured.at(chosen.level) == rows.measured.at(chosen.level) == (hits, false, missed, right)

    # A table, in the app and in the download.
    path = tmp_path / "new.csv"
    pd.read_csv(PENGUINS).drop(columns="sex").to_csv(path, index=False)
    result = predict_file(run.folder, path, "new.csv", tmp_path / "out")
    assert chosen.sentence("male") in result.notes
    frame = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    above = frame["probability of male"] > chosen.level
    wanted = np.where(above, "male", "female")
    assert frame["prediction"].tolist() == wanted.tolist()
    given = np.where(above, frame["probability of male"], frame["probability of female"])
    np.testing.assert_array_equal(frame["confidence"], given.astype(np.float32))
    with zipfile.ZipFile(io.BytesIO(download.pack(run))) as packed:
        packed.extractall(tmp_path / "download")
    done = subprocess.run(
        [sys.executable, "predict.py", str(path), str(tmp_path / "theirs.csv")],
        cwd=tmp_path / "download", capture_output=True, text=True, check=True, env={"PATH": "", "PYTHONPATH": ""},
    )  # fmt: skip
    assert pd.read_csv(tmp_path / "theirs.csv")["prediction"].tolist() == wanted.tolist()
    assert chosen.sentence("male") in done.stdout

    # One row.
    assert single_row.load(run) is None  # of the model before
    single_row.make(run.folder, store.home)
    page = single_row.load(run)
    assert page is not None
    assert page.preprocessor.threshold == chosen

    # Other formats answer so, too.
    recipe = finished_run.recipe(run, store)
    for key in ("onnx", "litert", "savedmodel"):
        registry.export(run.folder, store.home, key)
    folder = tmp_path / "script"
    folder.mkdir()
    (folder / "train.py").write_text(script.script(recipe), "utf-8")
    (folder / recipe.reading.file).write_bytes(recipe.reading.data)
    (folder / "split.csv").write_bytes(recipe.split)
    printed = printed_by({"script": folder}, "")
    assert f"accuracy on the test rows: {accuracy(run):.6g}" in printed["script"]

    set_threshold(run.folder, store.home, None)
    assert not (run.folder / thresholds.FILE).exists()
    assert accuracy(run) == before
    assert Insight.from_json(run.insight_path.read_bytes()).threshold is None


def test_calibrating_chooses_anew_what_was_chosen_by_costs_and_training_forgets(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    run = trained(store)
    rows = error_costs.kept(run.folder)
    assert rows is not None
    set_threshold(run.folder, store.home, error_costs.chosen(rows.validation, Costs(1, 4)))
    calibrate(run.folder, store.home)
    moved = error_costs.kept(run.folder)
    assert moved is not None
    assert thresholds.kept(run.folder) == error_costs.chosen(moved.validation, Costs(1, 4))
    # One by hand stays where it was among the rows, and so do the answers.
    set_threshold(run.folder, store.home, Threshold(0.3))
    calibrate(run.folder, store.home)
    by_hand, again = thresholds.kept(run.folder), error_costs.kept(run.folder)
    assert by_hand is not None
    assert by_hand.costs is None
    assert again is not None
    assert again.measured.chances.tolist() != moved.measured.chances.tolist()
    assert again.measured.at(by_hand.level) == moved.measured.at(0.3)
    run.set_status(state="queued")
    assert worker.work(run.folder, store.home).state == "completed"
    assert thresholds.kept(run.folder) is None


def test_only_two_classes_have_one(finished: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^Only a model of two classes has a threshold"):
        set_threshold(finished.folder, tmp_path, Threshold(0.3))
    assert error_costs.kept(finished.folder) is None
    assert json.loads(finished.scores_path.read_text())["task"] == "multi-class"
