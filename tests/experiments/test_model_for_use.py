"""Models for use: trained on every row, for as many epochs as proved best, and honest about having no score."""

import io
import zipfile
from pathlib import Path
from statistics import median_high

import numpy as np
import pandas as pd
import pytest
from scripts import printed_by

from lrapp.errors import UserError
from lrapp.execution import trees_beside, worker
from lrapp.experiments import model_for_use, run_table
from lrapp.export import download, finished_run, script
from lrapp.export.registry import EXPORTERS, export
from lrapp.networks import calibration, saved
from lrapp.prediction import files
from lrapp.preparation import threshold as thresholds
from lrapp.preparation.threshold import Threshold
from lrapp.runs.events import MembersChosen
from lrapp.runs.store import SAMPLES, Run, Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    LayerSettings,
    ModelSettings,
    OneCycleSettings,
    PictureSettings,
    PicturesSource,
    RunSettings,
    RunStart,
    SampleSource,
    TrainingSettings,
)
from lrapp.settings.base import checked

LAYERS = ModelSettings(layers=(LayerSettings(units=8, dropout=0.1),))
CAR = DataSettings(
    source=SampleSource(name="auto_mpg.csv"), target="mpg", split="groups", split_column="model_year"
)
PENGUIN = DataSettings(source=SampleSource(name="penguins.csv"), target="species")
DIGITS = DataSettings(source=PicturesSource(name="digits"), pictures=PictureSettings(most_rows=200))
ORIGINS = {
    "one": RunSettings(
        name="First",
        data=PENGUIN,
        model=LAYERS,
        training=TrainingSettings(epochs=5),
        policy=OneCycleSettings(max_lr=0.05),
    ),
    "several": RunSettings(
        data=CAR, model=LAYERS, training=TrainingSettings(epochs=5, members=3, combine="selected")
    ),
    "race": RunSettings(
        data=PENGUIN, model=LAYERS, training=TrainingSettings(epochs=3), policy=CLRSettings(source="raced")
    ),
    "pictures": RunSettings(
        data=DIGITS,
        model=ModelSettings(layers=(LayerSettings(units=16),)),
        training=TrainingSettings(epochs=3),
    ),
}


def trained(store: Store, settings: RunSettings) -> Run:
    run = store.create(settings)
    outcome = worker.work(run.folder, store.home)
    run.set_status(state=outcome.state, message=outcome.message)
    return run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def runs(store: Store) -> dict[str, tuple[Run, Run]]:
    made = {}
    for name, settings in ORIGINS.items():
        origin = trained(store, settings)
        made[name] = origin, trained(store, model_for_use.settings_of(origin))
    return made


@pytest.mark.parametrize("name", ORIGINS)
def test_every_row_is_trained_on_for_as_many_epochs_as_proved_best(
    name: str, runs: dict[str, tuple[Run, Run]]
) -> None:
    origin, run = runs[name]
    before, settings, history = origin.history(), run.settings, run.history()
    assert before.prepared is not None
    assert before.ended is not None
    assert history.prepared is not None
    rows = {"one": 344, "race": 344, "several": 398, "pictures": 1797}[name]
    assert (history.prepared.train, history.prepared.validation, history.prepared.test) == (rows, 0, 0)
    if before.chosen is None:
        wanted = before.ended.best_epoch
    else:
        kept = [e for e, share in zip(before.chosen.best_epochs, before.chosen.shares, strict=True) if share]
        rates = {f for f, share in zip(before.chosen.factors, before.chosen.shares, strict=True) if share}
        won = before.chosen.factors[before.chosen.best - 1]
        assert settings.networks == len(kept)
        if len(rates) > 1:
            pairs = zip(before.chosen.best_epochs, before.chosen.factors, strict=True)
            kept = [epoch for epoch, factor in pairs if factor == won]
        wanted = median_high(kept)
    assert settings.training.epochs == len(history.epochs) == wanted
    assert history.ended is not None
    assert history.ended.reason == "completed"
    assert settings.made_from is not None
    assert settings.made_from.run == origin.id
    assert "test" in settings.made_from.score
    assert RunSettings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("shares", "factor", "epochs", "networks"),
    [
        pytest.param((0.5, 0.5, 0, 0), 1, 9, 2, id="own rates, another did best"),
        pytest.param((0, 0, 0.5, 0.5), 3, 40, 2, id="one other rate"),
        pytest.param((0, 0, 0, 1), 3, 30, 1, id="one network"),
        pytest.param((0.25, 0, 0.25, 0.5), 3, 40, 3, id="several rates"),
    ],
)
def test_a_race_becomes_the_rate_of_its_model_with_the_epochs_of_that_rate(
    shares: tuple[float, ...],
    factor: float,
    epochs: int,
    networks: int,
    runs: dict[str, tuple[Run, Run]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    origin = runs["race"][0]
    history = origin.history()
    raced = MembersChosen("", shares, (1, 1, 3, 3), (0.4,) * 4, (9, 7, 40, 30), (0.4,) * 4, 3)
    history.chosen = raced
    monkeypatch.setattr(Run, "history", lambda _: history)
    settings = model_for_use.settings_of(origin)
    before, policy = origin.settings.policy, settings.policy
    assert isinstance(before, CLRSettings)
    assert isinstance(policy, CLRSettings)
    assert policy.source == "chosen"
    assert policy.max_lr == pytest.approx(before.max_lr * factor)
    assert policy.base_lr == pytest.approx(before.base_lr * factor)
    assert settings.training.epochs == epochs
    assert settings.training.members == networks


@pytest.mark.parametrize("name", ORIGINS)
def test_it_has_no_score_and_says_which_to_expect(name: str, runs: dict[str, tuple[Run, Run]]) -> None:
    run = runs[name][1]
    assert not run.scores_path.exists()
    assert not run.insight_path.exists()
    assert not trees_beside.wanted(run)
    assert run_table.row(run).test is None
    with zipfile.ZipFile(io.BytesIO(download.pack(run))) as packed:
        text = packed.read("README.md").decode()
        assert "scores.json" not in packed.namelist()
    assert "no test score of its own" in text
    assert run.settings.made_from is not None
    assert (
        "Expect the score of the run it was made from: The network is right in" in text or name == "several"
    )
    assert not model_for_use.possible(run, run.history())
    with pytest.raises(UserError, match="held rows back"):
        model_for_use.settings_of(run)


@pytest.mark.parametrize("exporter", EXPORTERS, ids=lambda one: one.key)
def test_every_format_answers_as_the_app(
    exporter: object, store: Store, runs: dict[str, tuple[Run, Run]]
) -> None:
    key = exporter.key  # type: ignore[attr-defined]
    assert export(runs["several"][1].folder, store.home, key).stat().st_size > 1000


def test_the_threshold_and_the_temperature_come_along(store: Store) -> None:
    data = checked(PENGUIN, target="sex")
    origin = trained(
        store, RunSettings(name="a" * 200, data=data, model=LAYERS, training=TrainingSettings(epochs=2))
    )
    plain = trained(store, model_for_use.settings_of(origin))
    thresholds.keep(origin.folder, Threshold(0.25))
    calibration.keep(origin.folder, 2.0)
    settings = model_for_use.settings_of(origin)
    assert settings.made_from is not None
    assert settings.made_from.epochs.endswith("Its threshold and calibration are that run's.")
    assert RunSettings.from_json(settings.to_json()) == settings
    assert settings.name.endswith("a (all rows)")
    run = trained(store, settings)
    assert thresholds.kept(run.folder) == Threshold(0.25)
    assert calibration.kept(run.folder) == 2.0
    x = worker.prepared_data(store, settings.data).train.x
    hot, cold = (np.float64(saved.SavedModel.load(one.folder).outputs(x)) for one in (plain, run))
    assert np.log(cold / (1 - cold)) == pytest.approx(np.log(hot / (1 - hot)) / 2, abs=1e-4)


def test_no_run_starts_from_weights_that_know_every_row(
    runs: dict[str, tuple[Run, Run]], store: Store
) -> None:
    origin, run = runs["one"]
    start = checked(LAYERS, start=RunStart(run=run.id))
    with pytest.raises(UserError, match="must not know the rows that test"):
        trained(store, checked(origin.settings, model=start))


def test_new_rows_are_predicted(runs: dict[str, tuple[Run, Run]], tmp_path: Path) -> None:
    table = SAMPLES / "penguins.csv"
    files.predict_file(runs["one"][1].folder, table, table.name, tmp_path)
    assert len(pd.read_csv(tmp_path / files.CSV_FILE)) == 344


def test_the_script_trains_on_all_rows_too(
    runs: dict[str, tuple[Run, Run]], store: Store, tmp_path: Path
) -> None:
    wanted = {}
    for name in ("one", "several"):
        recipe = finished_run.recipe(runs[name][1], store)
        folder = tmp_path / name
        folder.mkdir()
        code = script.script(recipe)
        (folder / "train.py").write_text(code, "utf-8")
        assert "validation_data" not in code
        (folder / recipe.reading.file).write_bytes(recipe.reading.data)
        (folder / "split.csv").write_bytes(recipe.split)
        part, prepared = recipe.prepared.train, recipe.prepared
        answers = saved.outputs(recipe.model.network, part.x)
        if prepared.task == "regression":
            wanted[name] = float(np.abs(answers[:, 0] - part.y).mean()) * prepared.metric_scale
        else:
            wanted[name] = float((answers.argmax(axis=1) == part.y).mean())
    printed = printed_by({name: tmp_path / name for name in wanted}, "")
    for name, text in printed.items():
        figure = float(text.rsplit("rows: ", 1)[1])
        assert figure == pytest.approx(wanted[name], rel=5e-3), name


def test_networks_that_started_from_as_many_of_a_run_all_train_again(store: Store) -> None:
    training = TrainingSettings(epochs=1, members=3)
    first = trained(store, RunSettings(data=PENGUIN, model=LAYERS, training=training))
    model = checked(LAYERS, start=RunStart(run=first.id))
    # Of the three, one becomes the model.
    best = checked(training, combine="best")
    second = trained(store, RunSettings(data=PENGUIN, model=model, training=best))
    settings = model_for_use.settings_of(second)
    assert settings.training.members == 3
    assert settings.made_from is not None
    assert "All 3 networks of that run train again" in settings.made_from.epochs
    assert trained(store, settings).status.state == "completed"
