"""Cross-validation through the worker: honest figures beside the test score, and one model in every format."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scripts import printed_by

from lrapp.errors import UserError
from lrapp.evaluation import boosted_trees, out_of_fold
from lrapp.evaluation.scores import Scores
from lrapp.execution import trees_beside, worker
from lrapp.experiments import model_for_use
from lrapp.export import finished_run, script
from lrapp.export.registry import EXPORTERS, export
from lrapp.networks import members, saved
from lrapp.runs.events import EpochDone, Event
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    EarlyStoppingSettings,
    FileSource,
    LayerSettings,
    ModelSettings,
    PicturesSource,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

LAYERS = ModelSettings(layers=(LayerSettings(units=8, batch_norm=True, dropout=0.1),))
PENGUIN, CAR = (SampleSource(name=name) for name in ("penguins.csv", "auto_mpg.csv"))
YEARS: dict[str, Any] = {"source": CAR, "target": "mpg", "split_column": "model_year"}
KINDS = {
    "classes": DataSettings(source=PENGUIN, target="species", folds=3, class_weights=True),
    "time": DataSettings(**YEARS, split="time", folds=2, target_transform="log"),
    "no test": DataSettings(**YEARS, split="groups", folds=3, test_share=0.0),
}


def trained(store: Store, data: DataSettings, on_event: Any = None, **training: Any) -> Run:
    settings = RunSettings(data=data, model=LAYERS, training=TrainingSettings(**{"epochs": 4} | training))
    run = store.create(settings)
    outcome = worker.work(run.folder, store.home, on_event)
    run.set_status(state=outcome.state, message=outcome.message)
    return run


def scores_of(run: Run) -> Scores:
    return Scores.from_json(run.scores_path.read_bytes())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def runs(store: Store) -> dict[str, Run]:
    return {kind: trained(store, data) for kind, data in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_each_fold_is_measured_by_the_network_that_never_saw_it(
    kind: str, runs: dict[str, Run], store: Store
) -> None:
    run = runs[kind]
    scores, prepared = scores_of(run), worker.prepared_data(store, run.settings.data)
    assert prepared.folds is not None
    assert scores.out_of_fold is not None
    network = saved.SavedModel.load(run.folder).network
    shares = members.shares(network)
    if kind == "time":
        assert shares.tolist() == [0, 1]
    else:
        np.testing.assert_allclose(shares, 1 / 3)
    first = scores.out_of_fold.figures[0]
    for fold, member in enumerate(members.each(network)):
        part = out_of_fold.of_fold(prepared, fold)
        decoded = prepared.preprocessor.decode(saved.outputs(member, part.x))
        truth = prepared.preprocessor.decode(
            np.eye(3)[part.y] if prepared.task == "multi-class" else part.y[:, None]
        )
        if prepared.task == "multi-class":
            wanted = float((decoded.values == truth.values).mean())
        else:
            wanted = float(np.abs(decoded.values - truth.values).mean())
        assert first.each[fold] == pytest.approx(wanted, rel=1e-5)
    assert first.mean == pytest.approx(np.mean([value for value in first.each if value is not None]))
    assert f"over {len(first.each)} folds" in scores.summary
    assert " ± " in scores.summary
    assert scores.part == ("out-of-fold" if kind == "no test" else "test")
    assert run.insight_path.exists() == trees_beside.wanted(run) == (kind != "no test")
    told = run.history().prepared
    assert told is not None
    assert told.validation == told.train == len(prepared.train.y)
    assert any("Cross-validation:" in note for note in told.notes)


def test_the_trees_watch_a_fold(runs: dict[str, Run], store: Store) -> None:
    prepared = out_of_fold.one_held_out(worker.prepared_data(store, KINDS["classes"]))
    assert not set(prepared.train.rows) & set(prepared.validation.rows)
    folder = runs["classes"].folder
    assert trees_beside.compare(folder, store.home)
    found = boosted_trees.kept(folder)
    assert found is not None
    whole = len(prepared.train.y) + len(prepared.validation.y)
    assert found.notes == (
        f"The boosted trees learned from {len(prepared.train.y):,} of {whole:,} training rows.",
    )


def test_what_sees_the_inputs_of_every_fold_is_said() -> None:
    norm = (LayerSettings(units=4, batch_norm=True),)
    for model, said in (
        (ModelSettings(layers=norm), "The averages of batch normalisation"),
        (ModelSettings(number_embedding="bins"), "The bins of the numbers"),
        (
            ModelSettings(layers=norm, number_embedding="bins"),
            "The averages of batch normalisation and the bins of the numbers",
        ),
        (ModelSettings(), ""),
    ):
        network = members.stack(model, 3, "binary", 2, (1, 2))
        assert members.seeing_all_inputs(network) == said


@pytest.mark.parametrize("exporter", EXPORTERS, ids=lambda one: one.key)
def test_every_format_answers_as_the_app(exporter: Any, runs: dict[str, Run], store: Store) -> None:
    assert export(runs["classes"].folder, store.home, exporter.key).stat().st_size > 1000


def test_the_scripts_give_the_figures_of_the_runs(runs: dict[str, Run], store: Store, tmp_path: Path) -> None:
    for kind, run in runs.items():
        recipe = finished_run.recipe(run, store)
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "train.py").write_text(script.script(recipe), "utf-8")
        (tmp_path / kind / recipe.reading.file).write_bytes(recipe.reading.data)
        (tmp_path / kind / "split.csv").write_bytes(recipe.split)
    printed = printed_by({kind: tmp_path / kind for kind in runs}, "")
    for kind, text in printed.items():
        lines = [line for line in text.splitlines() if "(the run: " in line]
        assert len(lines) == (1 if kind == "no test" else 2)
        for line in lines:
            figure, wanted = (
                float(line.split(mark)[1].split(" ")[0].rstrip(")")) for mark in (": ", "(the run: ")
            )
            assert figure == pytest.approx(wanted, rel=5e-3), line


def test_a_run_that_was_cut_off_goes_on_to_the_bit(runs: dict[str, Run], store: Store) -> None:
    whole = runs["classes"]
    cut: list[str] = []

    def stop(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            store.get(cut[0]).ask_to_stop()

    run = store.create(whole.settings)
    cut.append(run.id)
    assert worker.work(run.folder, store.home, stop).state == "stopped"
    run.forget_stop()
    assert worker.work(run.folder, store.home).state == "completed"
    assert [e.members for e in run.history().epochs] == [e.members for e in whole.history().epochs]
    assert scores_of(run) == scores_of(whole)


def test_what_a_row_is_answered_out_of_fold_does_not_hang_on_its_answer(store: Store) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"a": rng.normal(size=90).round(3), "b": rng.normal(size=90).round(3)})
    frame["y"] = np.where(frame["a"] + rng.normal(size=90) > 0, "yes", "no")
    other = frame.copy()
    other.loc[17, "y"] = "no" if frame.loc[17, "y"] == "yes" else "yes"
    latest = EarlyStoppingSettings(enabled=False, restore_best=False)
    answers = []
    for table in (frame, other):
        kept = store.keep_file(table.to_csv(index=False).encode(), "rows.csv")
        data = DataSettings(
            source=FileSource(name="rows.csv", sha256=kept.sha256),
            target="y",
            folds=3,
            stratify=False,
            class_weights=True,
            test_share=0.0,
        )
        run = trained(store, data, epochs=2, early_stopping=latest)
        prepared = worker.prepared_data(store, data)
        assert prepared.folds is not None
        place = int(np.flatnonzero(prepared.train.rows == 17)[0])
        each = members.each(saved.SavedModel.load(run.folder).network)
        own = int(prepared.folds.of[place])
        answers.append([float(saved.outputs(member, prepared.train.x[[place]])[0, 0]) for member in each])
    before, after = answers
    assert before[own] == after[own]
    assert all(before[member] != after[member] for member in range(3) if member != own)


def test_a_model_for_use_has_as_many_networks_and_their_median_of_epochs(runs: dict[str, Run]) -> None:
    for kind, count in (("classes", 3), ("time", 2)):
        settings, chosen = model_for_use.settings_of(runs[kind]), runs[kind].history().chosen
        assert chosen is not None
        assert (settings.data.folds, settings.data.all_rows, settings.networks) == (1, True, count)
        wanted = sorted(chosen.best_epochs)[1] if kind == "classes" else chosen.best_epochs[-1]
        assert settings.training.epochs == wanted
        assert settings.made_from is not None
        assert "Out-of-fold" in settings.made_from.score


def test_a_model_for_use_tells_best_epochs_from_last_ones(runs: dict[str, Run], store: Store) -> None:
    origin = model_for_use.settings_of(runs["classes"]).made_from
    assert origin is not None
    assert "the median of the best epochs of that run's 3 networks" in origin.epochs
    latest = EarlyStoppingSettings(enabled=False, restore_best=False)
    run = trained(store, KINDS["classes"], epochs=2, early_stopping=latest)
    settings = model_for_use.settings_of(run)
    assert settings.training.epochs == 2
    assert settings.made_from is not None
    assert "the median of the last epochs of that run's 3 networks" in settings.made_from.epochs


def test_a_fold_whose_network_diverged_is_left_out_and_said(runs: dict[str, Run], store: Store) -> None:
    prepared = worker.prepared_data(store, KINDS["classes"])
    network = saved.SavedModel.load(runs["classes"].folder).network
    answers = [
        saved.outputs(member, out_of_fold.of_fold(prepared, k).x)
        for k, member in enumerate(members.each(network))
    ]
    found = out_of_fold.measure(prepared, [answers[0], None, answers[2]], keeps_best=True)
    assert found is not None
    assert found.left_out == (2,)
    assert "Fold 2 is not counted: the network diverged." in found.sentence
    assert out_of_fold.measure(prepared, [None, None, None], keeps_best=True) is None
    assert np.isnan(out_of_fold.losses(prepared, [answers[0], None, answers[2]])).tolist() == [
        False,
        True,
        False,
    ]
    assert "1 network diverged and is not" in out_of_fold.sentence_of_networks(3, 1, in_order=False)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"data": DataSettings(source=PicturesSource(name="digits"), folds=3)},
            "Cross-validation is for tables",
        ),
        ({"policy": CLRSettings(source="raced")}, "race of rates do not go together"),
    ],
)
def test_what_folds_do_not_go_with_is_said_before_anything_is_read(
    changes: dict[str, Any], sentence: str, store: Store
) -> None:
    run = store.create(RunSettings(**{"data": KINDS["classes"]} | changes))
    with pytest.raises(UserError, match=sentence):
        worker.work(run.folder, store.home)
