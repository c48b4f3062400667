"""Pruned runs through the worker: what they leave is as sparse in every format, and in runs that start from them."""

import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from zeros import weights
from zeros.runs import LAYERS, PENGUINS, PRUNED, left, trained

from lrapp.cli import training
from lrapp.errors import UserError
from lrapp.evaluation.scores import Scores
from lrapp.execution import worker
from lrapp.experiments import model_for_use, run_differences, run_table
from lrapp.export import registry
from lrapp.export.registry import export
from lrapp.networks import members, pruned, saved
from lrapp.networks.saved import SavedModel
from lrapp.runs.events import EpochDone, Event
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    DataSettings,
    EarlyStoppingSettings,
    GroupSettings,
    LayerSettings,
    ModelSettings,
    PictureSettings,
    PicturesSource,
    PruningSettings,
    RunSettings,
    RunStart,
    TrainingSettings,
)
from lrapp.settings.base import checked


def unpacked(run: Run, store: Store, key: str, folder: Path) -> Path:
    with zipfile.ZipFile(export(run.folder, store.home, key)) as archive:
        archive.extractall(folder)
    return folder


def test_a_run_leaves_a_sparse_model_and_says_so(single: Run, several: Run) -> None:
    for run in (single, several):
        assert left(run).share == pytest.approx(0.7, abs=0.01)
        assert run.status.message.endswith("70.2 % of its weights are zero.")
        assert run.history().epoch_frame()["sparsity"].iloc[-1] == pytest.approx(0.7, abs=0.01)


@pytest.fixture(scope="module")
def pictures(store: Store) -> Run:
    layers = (LayerSettings(kind="conv", units=4, batch_norm=True), LayerSettings(units=12))
    digits = DataSettings(source=PicturesSource(name="digits"), pictures=PictureSettings(most_rows=200))
    return trained(store, ModelSettings(layers=layers), data=digits)


@pytest.mark.parametrize("networks", ["single", "several", "pictures"])
def test_every_file_of_the_model_keeps_the_zeros_of_each_layer(
    networks: str, store: Store, tmp_path: Path, request: Any
) -> None:
    run: Run = request.getfixturevalue(networks)
    kernels = [np.asarray(kernel) for kernel in pruned.kernels(SavedModel.load(run.folder).network)]
    # The code holds no weights: it prunes anew, as the tests of scripts show.
    keys = [exporter.key for exporter in registry.formats(run) if exporter.key != "code"]

    for key in keys:
        found = weights.OF[key](unpacked(run, store, key, tmp_path / key))
        kept = [weights.holds(found, kernel, rounded="int8" in key) for kernel in kernels]
        assert kept == [True] * len(kernels), key


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"policy": CLRSettings(source="raced")}, id="race"),
        pytest.param({"data": checked(PENGUINS, folds=3)}, id="folds"),
        pytest.param({"training": {"precision": "mixed_bfloat16"}}, id="bfloat16"),
        pytest.param({"training": {"precision": "mixed_float16", "members": 2}}, id="float16, ensemble"),
    ],
)
def test_each_network_is_pruned_whatever_trains_it(changes: dict[str, Any], store: Store) -> None:
    training = {"epochs": 3, "pruning": PRUNED} | changes.pop("training", {})
    settings = {"data": PENGUINS, "model": LAYERS, "training": TrainingSettings(**training)} | changes
    run = store.create(RunSettings(closer_look=False, **settings))

    assert worker.work(run.folder, store.home).state == "completed"

    network = SavedModel.load(run.folder).network
    for one in members.each(network) or [network]:
        assert pruned.zeros(one).share == pytest.approx(0.7, abs=0.01)
    assert [epoch.sparsity for epoch in run.history().epochs] == [pytest.approx(0.7, abs=0.01)] * 3


def test_a_run_whose_time_is_up_says_how_far_it_was_pruned(store: Store) -> None:
    late = checked(PRUNED, initial_sparsity=20, last_epoch=4)
    run = trained(store, pruning=late, early_stopping=EarlyStoppingSettings(minutes=1e-9))

    assert left(run).share == pytest.approx(0.2, abs=0.01)
    message = run.status.message
    assert re.search(
        r"the time limit.* 20\.\d % of its weights are zero, as it ended before the end of epoch 4, in which 70 % are",
        message,
    ), message


def test_a_run_that_is_taken_up_again_ends_as_if_it_had_not_stopped(several: Run, store: Store) -> None:
    run = store.create(several.settings)

    def stop(event: Event) -> None:
        if isinstance(event, EpochDone) and event.epoch == 2:
            run.ask_to_stop()

    assert worker.work(run.folder, store.home, stop).state == "stopped"
    run.forget_stop()
    assert worker.work(run.folder, store.home).state == "completed"

    ours, theirs = (SavedModel.load(one.folder).network.get_weights() for one in (run, several))
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)
    said, before = (timeless(one) for one in (run, several))
    assert said == before


def timeless(run: Run) -> list[EpochDone]:
    return [replace(epoch, seconds=0) for epoch in run.history().epochs]


def test_the_command_line_shows_the_zeros(several: Run) -> None:
    history = several.history()
    bar = training.Bar(several.settings)
    assert history.started is not None
    bar.take(history.started)
    bar._epoch = history.epochs[-1]

    assert "  zeros 70.2 %  " in bar._text()


def test_a_run_that_starts_from_a_pruned_one_keeps_its_zeros(single: Run, store: Store) -> None:
    model = LAYERS.model_copy(update={"start": RunStart(run=single.id)})
    before = [
        np.asarray(kernel) == 0 for kernel in pruned.kernels(saved.SavedModel.load(single.folder).network)
    ]

    # Far from its own final sparsity, and pruning only in the last epoch.
    later = PruningSettings(enabled=True, final_sparsity=80, first_epoch=4)
    after = trained(store, model, later)

    kernels = pruned.kernels(saved.SavedModel.load(after.folder).network)
    for zeros, kernel in zip(before, kernels, strict=True):
        assert (np.asarray(kernel)[zeros] == 0).all()
    assert [epoch.sparsity for epoch in after.history().epochs] == pytest.approx(
        [0.7, 0.7, 0.7, 0.8], abs=0.01
    )
    prepared = after.history().prepared
    assert prepared is not None
    assert "what is zero in its weights stays zero" in prepared.notes[-1]


def test_without_pruning_the_zeros_grow_and_that_is_said(single: Run, store: Store) -> None:
    model = LAYERS.model_copy(update={"start": RunStart(run=single.id)})

    after = trained(store, model, PruningSettings())

    assert left(after).share < 0.1
    prepared = after.history().prepared
    assert prepared is not None
    assert "as pruning is off here, its zeros change" in prepared.notes[-1]


def test_a_model_for_use_is_pruned_as_long_as_its_origin(single: Run, store: Store) -> None:
    made = model_for_use.settings_of(single)

    assert made.training.pruning == PRUNED.model_copy(update={"last_epoch": 1})
    assert made.obstacle == ""
    run = store.create(made)
    worker.work(run.folder, store.home)
    assert left(run).share == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize(
    ("groups", "frozen", "told"),
    [
        (GroupSettings(early=0), ["dense_1"], "The early layers are frozen in the whole run"),
        (GroupSettings(frozen_epochs=4), ["dense_1", "dense_2"], "The early and middle layers are frozen"),
        (GroupSettings(frozen_epochs=2, early_frozen_epochs=1), [], ""),
    ],
)
def test_layers_that_never_learn_are_not_pruned(
    groups: GroupSettings, frozen: list[str], told: str, store: Store
) -> None:
    run = trained(store, groups=groups)

    network, history = SavedModel.load(run.folder).network, run.history()
    zeros = {
        name: (network.get_layer(name).get_weights()[0] == 0) for name in ("dense_1", "dense_2", "output")
    }
    assert not any(zeros[name].any() for name in frozen)
    learned = np.concatenate([found.ravel() for name, found in zeros.items() if name not in frozen])
    assert learned.mean() == pytest.approx(0.7, abs=0.03)
    assert history.epochs[-1].sparsity == pytest.approx(learned.mean())
    assert history.prepared is not None
    assert any("so they are not pruned" in note for note in history.prepared.notes) == bool(frozen)
    assert not told or any(note.startswith(told) for note in history.prepared.notes)
    assert run.status.message.endswith(
        "% of the weights that learn are zero." if frozen else "weights are zero."
    )


def test_another_number_of_networks_cannot_start_from_a_run(several: Run, store: Store) -> None:
    model = LAYERS.model_copy(update={"start": RunStart(run=several.id)})
    for networks, there in ((1, "has 2 networks, and this run trains 1"), (3, "this run trains 3")):
        with pytest.raises(UserError, match=there):
            trained(store, model, members=networks)


@pytest.mark.parametrize("networks", ["single", "several"])
def test_int8_is_exported_with_its_score(networks: str, store: Store, tmp_path: Path, request: Any) -> None:
    import keras

    run: Run = request.getfixturevalue(networks)
    folder = unpacked(run, store, "int8", tmp_path)
    network = keras.models.load_model(folder / "model.keras")
    kernels = [
        np.asarray(layer._kernel)
        for layer in network._flatten_layers()
        if isinstance(layer, keras.layers.Dense) and layer.name.startswith(("dense", "output"))
    ]
    assert {kernel.dtype for kernel in kernels} == {np.dtype(np.int8)}
    assert sum(int((kernel == 0).sum()) for kernel in kernels) >= left(run).zeros
    said = (folder / "README.md").read_text("utf-8")
    assert re.search(r"Measured on \d+ test rows: accuracy .*; in float32 accuracy ", said)
    assert "the largest difference to the app's answers is" in said


@pytest.mark.parametrize("networks", ["single", "several"])
def test_litert_int8_is_exported_with_its_score(
    networks: str, store: Store, tmp_path: Path, request: Any
) -> None:
    run: Run = request.getfixturevalue(networks)
    said = (unpacked(run, store, "litert-int8", tmp_path) / "README.md").read_text("utf-8")
    (accuracy,) = re.findall(
        r"Measured on \d+ test rows: accuracy [\d.]+ %; in float32 accuracy ([\d.]+) %", said
    )
    scores = Scores.from_json(run.scores_path.read_bytes())
    assert float(accuracy) == pytest.approx(100 * (scores.metrics[0].value or 0), abs=0.06)


def test_pruning_is_among_the_differences_of_runs(single: Run, several: Run) -> None:
    runs = [run_differences.Compared(run_table.row(run), run.settings) for run in (single, several)]
    plain = RunSettings(data=PENGUINS)
    other = run_differences.Compared(runs[0].row, plain)

    frame = run_differences.side_by_side([runs[0], other]).frame

    assert list(frame.loc["Pruning"]) == ["yes", "no"]
    assert list(frame.loc["Pruning: Final sparsity"]) == ["70", "80"]


@pytest.mark.parametrize(
    ("pruning", "sentence"),
    [
        (PruningSettings(enabled=True, final_sparsity=100), "would leave no weight"),
        (PruningSettings(enabled=True, last_epoch=5), "after the last, which is 4"),
        (PruningSettings(enabled=True, final_sparsity=99.9), "would leave a layer without weights"),
    ],
)
def test_what_cannot_be_pruned_is_a_sentence_and_leaves_nothing(
    pruning: PruningSettings, sentence: str, store: Store
) -> None:
    with pytest.raises(UserError, match=sentence):
        trained(store, pruning=pruning)
