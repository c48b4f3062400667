"""A calibrated run: the temperature is in the model, and so in all that is made of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripts import printed_by

from lrapp.errors import UserError
from lrapp.evaluation import temperature
from lrapp.evaluation.analysis import Insight
from lrapp.evaluation.scores import Scores
from lrapp.execution import worker
from lrapp.execution.calibrating import calibrate
from lrapp.export import finished_run, registry, script
from lrapp.networks import calibration, tempered
from lrapp.networks.saved import SavedModel
from lrapp.prediction import single_row
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    DataSettings,
    LayerSettings,
    ModelSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)


def trained(store: Store, members: int, target: str = "species", **data: Any) -> Run:
    settings = RunSettings(
        data=DataSettings(
            source=SampleSource(name="penguins.csv"),
            target=target,
            validation_share=0.25,
            test_share=0.25,
            **data,
        ),
        model=ModelSettings(layers=(LayerSettings(units=6),)),
        training=TrainingSettings(epochs=8, members=members, xla="off"),
    )
    run = store.create(settings)
    assert worker.work(run.folder, store.home).state == "completed"
    return run


@pytest.mark.parametrize(("members", "target"), [(1, "species"), (2, "sex")])
def test_the_temperature_is_part_of_model_scores_and_exports(
    members: int, target: str, tmp_path: Path
) -> None:
    store = Store(tmp_path / "home")
    run = trained(store, members, target)
    prepared = worker.prepared_data(store, run.settings.data)
    before = SavedModel.load(run.folder)
    single_row.make(run.folder, store.home)
    old = registry.export(run.folder, store.home, "keras")
    loss = {one.name: one.value for one in Scores.from_json(run.scores_path.read_bytes()).metrics}["log loss"]

    calibrate(run.folder, store.home)

    after = SavedModel.load(run.folder)
    found = after.temperature
    assert (before.temperature, found) != (1.0, 1.0)
    parts, shares = tempered.answers(before.network, prepared.test.x)
    wanted = temperature.tempered(parts, shares, prepared.task, found)
    np.testing.assert_allclose(after.outputs(prepared.test.x), wanted, atol=1e-5)
    scores = Scores.from_json(run.scores_path.read_bytes())
    new = {one.name: one.value for one in scores.metrics}["log loss"]
    assert new is not None
    assert loss is not None
    assert new < loss  # eight epochs leave a network that is not sure enough
    look = Insight.from_json(run.insight_path.read_bytes())
    assert look.tempered is not None
    assert look.tempered.applied == found
    assert not old.exists()
    assert single_row.load(run) is None  # of the weights before
    for key in ("keras", "onnx", "litert"):
        registry.export(run.folder, store.home, key)  # compared with the app's answers before it ends

    # Once more changes next to nothing.
    calibrate(run.folder, store.home)
    assert calibration.kept(run.folder) == pytest.approx(found, rel=0.02)

    recipe = finished_run.recipe(run, store)
    folder = tmp_path / "script"
    folder.mkdir()
    (folder / "train.py").write_text(script.script(recipe), "utf-8")
    (folder / recipe.reading.file).write_bytes(recipe.reading.data)
    (folder / "split.csv").write_bytes(recipe.split)
    printed_by({"script": folder}, '\n    np.save("answers.npy", made["answers"])')
    np.testing.assert_allclose(
        np.load(folder / "answers.npy"), SavedModel.load(run.folder).outputs(prepared.test.x), atol=2e-3
    )


def test_what_cannot_be_calibrated_is_a_sentence_and_training_again_forgets(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    with pytest.raises(UserError, match=r"^Only probabilities can be calibrated"):
        calibrate(trained(store, 1, "body_mass_g").folder, store.home)
    run = trained(store, 1)
    calibration.keep(run.folder, 2.0)
    assert calibration.kept(run.folder) == 2.0
    (run.folder / calibration.FILE).write_text('{"temperature": "x"}')
    with pytest.raises(UserError, match="calibration is damaged"):
        SavedModel.load(run.folder)
    run.set_status(state="queued")
    assert worker.work(run.folder, store.home).state == "completed"
    assert SavedModel.load(run.folder).temperature == 1.0
