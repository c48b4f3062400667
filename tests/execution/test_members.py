"""Runs of many networks through the worker: what they leave is one model, everywhere the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scripts import printed_by

from lrapp.errors import UserError
from lrapp.execution import worker
from lrapp.export import finished_run, script
from lrapp.export.registry import EXPORTERS, export
from lrapp.networks import members, saved
from lrapp.prediction import single_row
from lrapp.runs.events import EpochDone, Event
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    LayerSettings,
    ModelSettings,
    PicturesSource,
    RunSettings,
    SampleSource,
    TrainingSettings,
)
from lrapp.settings.network import RunStart

LAYERS = ModelSettings(
    layers=(LayerSettings(units=12, batch_norm=True, dropout=0.1), LayerSettings(units=6, l2=1e-3))
)
CAR, PENGUIN = (DataSettings(source=SampleSource(name=name)) for name in ("auto_mpg.csv", "penguins.csv"))
KINDS: dict[str, tuple[dict[str, Any], Any, DataSettings]] = {
    "all": ({"members": 3}, "chosen", CAR.model_copy(update={"target": "mpg"})),
    "selected": ({"members": 3, "combine": "selected"}, "chosen", PENGUIN),
    "best": ({"members": 3, "combine": "best"}, "chosen", PENGUIN.model_copy(update={"target": "sex"})),
    "race": ({}, "raced", PENGUIN),
}


def trained(store: Store, kind: str, epochs: int = 4, on_event: Any = None) -> Run:
    training, source, data = KINDS[kind]
    settings = RunSettings(
        data=data,
        model=LAYERS,
        policy=CLRSettings(source=source),
        training=TrainingSettings(epochs=epochs, **training),
        closer_look=False,
    )
    run = store.create(settings)
    outcome = worker.work(run.folder, store.home, on_event)
    run.set_status(state=outcome.state, message=outcome.message)
    return run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module", params=KINDS)
def run(request: Any, store: Store) -> Run:
    return trained(store, request.param)


def test_the_model_is_the_mean_of_its_networks_by_their_shares(run: Run) -> None:
    network = saved.SavedModel.load(run.folder).network
    chosen = run.history().chosen
    assert chosen is not None
    assert sum(chosen.shares) == pytest.approx(1)
    if run.settings.training.combine == "best":
        assert not members.each(network)
        return
    x = np.random.default_rng(0).normal(size=(9, network.input_shape[-1])).astype(np.float32)
    parts = np.stack([np.asarray(member(x)) for member in members.each(network)])
    np.testing.assert_allclose(
        np.tensordot(np.array(chosen.shares), parts, 1), saved.outputs(network, x), rtol=1e-5, atol=1e-6
    )
    each = saved.outputs(members.member_outputs(network), x)
    np.testing.assert_allclose(each.transpose(2, 0, 1), parts, rtol=1e-6)


@pytest.mark.parametrize("exporter", EXPORTERS, ids=lambda one: one.key)
def test_every_format_answers_as_the_app(run: Run, store: Store, exporter: Any) -> None:
    assert (
        export(run.folder, store.home, exporter.key).stat().st_size > 1000
    )  # compared with the app's before it ends


def test_one_row_answers_as_a_table(run: Run, store: Store) -> None:
    single_row.make(run.folder, store.home)
    learned = single_row.load(run)
    assert learned is not None
    row = {field.column.name: None for field in learned.fields}
    told = learned.answer([row])
    model = saved.SavedModel.load(run.folder)
    frame = pd.DataFrame({f.column.name: single_row._series(f.column, [row]) for f in learned.fields})
    wanted = model.tabular.decode(model.outputs(model.tabular.transform(frame)))
    if told.probabilities is None:
        np.testing.assert_allclose(told.values, wanted.values, rtol=1e-5)
    else:
        assert wanted.probabilities is not None
        np.testing.assert_allclose(told.probabilities, wanted.probabilities, atol=1e-5)


def test_the_scripts_give_the_figures_of_the_runs(store: Store, tmp_path: Path) -> None:
    runs = {kind: trained(store, kind) for kind in KINDS}
    wanted = {}
    for kind, run in runs.items():
        recipe = finished_run.recipe(run, store)
        folder = tmp_path / kind
        folder.mkdir()
        (folder / "train.py").write_text(script.script(recipe), "utf-8")
        (folder / recipe.reading.file).write_bytes(recipe.reading.data)
        (folder / "split.csv").write_bytes(recipe.split)
        assert recipe.scores is not None
        wanted[kind] = recipe.scores.metrics[0].value
    printed = printed_by({kind: tmp_path / kind for kind in runs}, "")
    for kind, text in printed.items():
        figure = float(text.rsplit("rows: ", 1)[1].split(" ")[0])
        assert figure == pytest.approx(wanted[kind], rel=2e-3), kind


def test_a_race_spreads_its_rates_over_two_decades_and_one_follows_the_policy(run: Run) -> None:
    chosen = run.history().chosen
    assert chosen is not None
    if run.settings.policy.source != "raced":
        assert set(chosen.factors) == {1.0}
        return
    factors = np.array(chosen.factors)
    assert len(factors) == 8
    assert factors[0] == 1
    assert factors.max() / factors.min() == pytest.approx(100)
    np.testing.assert_allclose(np.diff(np.log(np.sort(factors))), np.log(100) / 7)
    assert "The best peak rate is" in chosen.sentence


def test_the_networks_that_would_train_without_a_race_take_part_in_it(store: Store) -> None:
    training = TrainingSettings(epochs=3, members=4)
    told = []
    for source in ("chosen", "raced"):
        policy = CLRSettings.model_validate({"source": source})
        run = store.create(RunSettings(data=PENGUIN, model=LAYERS, policy=policy, training=training))
        assert worker.work(run.folder, store.home).state == "completed"
        told.append((run.settings.networks, run.history()))
    (alone, usual), (racing, raced) = told
    assert (alone, racing) == (4, 11)
    for one, other in zip(usual.epochs, raced.epochs, strict=True):
        np.testing.assert_allclose(np.array(other.members)[:, :4], one.members, rtol=1e-4)
    assert usual.chosen is not None
    assert raced.chosen is not None
    assert raced.chosen.factors[:4] == (1, 1, 1, 1)
    if "clearly better on the validation rows than" not in raced.chosen.sentence:
        assert raced.chosen.shares == (0.25,) * 4 + (0,) * 7


def test_a_race_that_was_cut_off_goes_on_to_the_bit(store: Store) -> None:
    whole = trained(store, "race", epochs=6)
    stopped: list[Run] = []

    def stop(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == 3 and event.seconds >= 0 and stopped:
            stopped.pop().ask_to_stop()

    training, source, data = KINDS["race"]
    settings = RunSettings(
        data=data,
        model=LAYERS,
        policy=CLRSettings(source=source),
        training=TrainingSettings(epochs=6, **training),
        closer_look=False,
    )
    run = store.create(settings)
    stopped.append(run)
    assert worker.work(run.folder, store.home, stop).state == "stopped"
    run.forget_stop()
    assert worker.work(run.folder, store.home).state == "completed"
    assert [e.members for e in run.history().epochs] == [e.members for e in whole.history().epochs]
    assert run.history().chosen == whole.history().chosen
    ours, theirs = (saved.SavedModel.load(one.folder).network.get_weights() for one in (run, whole))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "settings",
    [
        RunSettings(
            data=DataSettings(source=PicturesSource(name="digits")), training=TrainingSettings(members=2)
        ),
        RunSettings(
            model=ModelSettings(start=RunStart(run="20260101-000000000000-" + "0" * 16)),
            policy=CLRSettings(source="raced"),
        ),
        RunSettings(
            data=DataSettings(source=PicturesSource(name="digits")), policy=CLRSettings(source="raced")
        ),
    ],
    ids=["pictures", "race from the weights of a run", "race of pictures"],
)
def test_what_several_networks_cannot_do_is_said_before_anything_is_read(
    settings: RunSettings, store: Store
) -> None:
    run = store.create(settings)
    with pytest.raises(UserError, match="Several networks at once"):
        worker.work(run.folder, store.home)
