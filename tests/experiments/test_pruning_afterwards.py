"""Finished runs whose models are pruned: by what settings, to what effect, and measured against what."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripts import printed_by
from zeros.runs import CANCER, LAYERS, PENGUINS, left, trained

from lrapp.errors import UserError
from lrapp.evaluation import model_sizes
from lrapp.evaluation.scores import Scores
from lrapp.execution import calibrating, measured_sizes, thresholding, worker
from lrapp.experiments import pruning_afterwards
from lrapp.export import finished_run, script
from lrapp.networks.saved import SavedModel
from lrapp.preparation.threshold import Threshold
from lrapp.runs.events import EpochDone, Event, MembersChosen, TrainingEnded, to_line
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    CLRSettings,
    ModelSettings,
    PruningSettings,
    RunSettings,
    RunStart,
    TrainingSettings,
)
from lrapp.settings.base import checked


@pytest.mark.parametrize("networks", ["single", "several"])
def test_a_finished_run_can_be_pruned(networks: str, store: Store) -> None:
    embedded = LAYERS.model_copy(update={"number_embedding": "periodic"})
    plain = trained(store, embedded, PruningSettings(), members=1 if networks == "single" else 2)

    settings = pruning_afterwards.settings_of(plain)
    assert settings.obstacle == ""
    assert settings.training.pruning == PruningSettings(enabled=True)
    assert (settings.training.epochs, settings.training.members) == (10, 1 if networks == "single" else 2)
    run = store.create(settings)
    outcome = worker.work(run.folder, store.home)

    assert outcome.state == "completed"
    assert left(run).share == pytest.approx(0.8, abs=0.01)
    # Its first epoch, before anything is pruned, goes on where the run before has ended.
    before, after = plain.history().epochs, run.history().epochs
    assert after[0].loss < 0.7 * before[0].loss
    assert after[0].sparsity == 0
    measured_sizes.measure(run.folder, store.home)
    found = model_sizes.kept(run.folder)
    assert found is not None
    assert [form.name for form in found.forms] == [
        "before pruning",
        "pruned",
        "pruned and int8",
        "pruned, LiteRT int8",
    ]
    assert found.forms[0].zip_bytes > found.forms[1].zip_bytes
    assert [round(form.zeros, 1) for form in found.forms[:2]] == [0.0, 0.8]
    scores = Scores.from_json(run.scores_path.read_bytes())
    assert found.forms[1].scores[0][0] == scores.metrics[0].name
    assert found.forms[1].scores[0][1] == pytest.approx(scores.metrics[0].value)


@pytest.mark.parametrize(
    ("shares", "factor", "networks"),
    [
        pytest.param((0.5, 0.5, 0, 0), 1, 2, id="own rates, another did best"),
        pytest.param((0, 0, 0.5, 0.5), 3, 2, id="one other rate"),
        pytest.param((0, 0, 0, 1), 3, 1, id="one network"),
        pytest.param((0.25, 0, 0.25, 0.5), 3, 3, id="several rates"),
    ],
)
def test_after_a_race_the_rate_of_its_model_prunes(
    shares: tuple[float, ...], factor: float, networks: int, store: Store, single: Run
) -> None:
    raced = CLRSettings(source="raced")
    run = store.create(RunSettings(data=PENGUINS, model=LAYERS, policy=raced))
    run.model_path.write_bytes(single.model_path.read_bytes())
    chosen = MembersChosen("", shares, (1, 1, 3, 3), (0.4,) * 4, (9, 7, 40, 30), (0.4,) * 4, 3)
    run.events_path.write_text(to_line(chosen) + to_line(TrainingEnded("completed", "", 9, 50)))

    settings = pruning_afterwards.settings_of(run)

    policy = settings.policy
    assert isinstance(policy, CLRSettings)
    assert policy.source == "chosen"
    assert (policy.base_lr, policy.max_lr) == pytest.approx((raced.base_lr * factor, raced.max_lr * factor))
    assert settings.training.members == networks


def test_a_pruned_model_loses_half_of_what_is_left(single: Run, store: Store) -> None:
    settings = pruning_afterwards.settings_of(single)

    pruning = settings.training.pruning
    assert (pruning.initial_sparsity, pruning.final_sparsity) == (70, 85)
    assert settings.obstacle == ""
    run = store.create(settings)
    worker.work(run.folder, store.home)
    assert left(run).share == pytest.approx(0.85, abs=0.01)
    assert run.history().epochs[0].sparsity == pytest.approx(0.7, abs=0.01)


def test_a_model_whose_pruning_was_cut_off_is_pruned_as_far_as_was_wanted(store: Store) -> None:
    late = PruningSettings(enabled=True, initial_sparsity=20, final_sparsity=70, last_epoch=4)
    run = store.create(
        RunSettings(data=PENGUINS, model=LAYERS, training=TrainingSettings(epochs=4, pruning=late))
    )

    def stop(event: Event) -> None:
        if isinstance(event, EpochDone):
            run.ask_to_stop()

    assert worker.work(run.folder, store.home, stop).state == "stopped"

    pruning = pruning_afterwards.settings_of(run).training.pruning
    assert pruning.initial_sparsity == pytest.approx(20, abs=0.5)
    assert pruning.final_sparsity == 70


@pytest.fixture(scope="module")
def origin(store: Store) -> Run:
    """Three networks, two of which answer, at a threshold of its own."""
    run = trained(store, pruning=PruningSettings(), data=CANCER, members=3, precision="mixed_bfloat16")
    network = SavedModel.load(run.folder).network
    network.get_layer("mean_of_members").set_weights([np.array([[0.25], [0], [0.75]], np.float32)])
    network.save(run.model_path)
    thresholding.set_threshold(run.folder, store.home, Threshold(0.999))
    return run


def test_before_pruning_is_measured_as_after_it(origin: Run, store: Store) -> None:
    settings = pruning_afterwards.settings_of(origin)
    run = store.create(checked(settings, training=checked(settings.training, members=2)))
    worker.work(run.folder, store.home)
    measured_sizes.measure(run.folder, store.home)

    found = model_sizes.kept(run.folder)
    assert found is not None
    before, after = found.forms[:2]
    assert (before.name, after.name) == ("before pruning", "pruned")
    # Files of as many weights, all in float32.
    assert before.file_bytes == pytest.approx(after.file_bytes, rel=0.02)
    scores = Scores.from_json(origin.scores_path.read_bytes())
    name, value = before.scores[0]
    assert name == scores.metrics[0].name
    assert value == pytest.approx(scores.metrics[0].value, abs=0.02)


def test_what_changed_since_is_not_taken_for_what_a_run_started_from(store: Store) -> None:
    plain = trained(store, pruning=PruningSettings())
    run = store.create(pruning_afterwards.settings_of(plain))
    worker.work(run.folder, store.home)
    assert finished_run.recipe(run, store).initial
    weights = plain.model_path.read_bytes()

    calibrating.calibrate(plain.folder, store.home)

    assert plain.model_path.read_bytes() != weights
    with pytest.raises(UserError, match="The run that this one started from has other weights now"):
        _ = finished_run.recipe(run, store).initial
    measured_sizes.measure(run.folder, store.home)
    found = model_sizes.kept(run.folder)
    assert found is not None
    assert found.forms[0].name == "not pruned, not trained"
    assert "started from has other weights now" in found.notes[0]
    # A run from before this was kept goes on as it did.
    lines = run.events_path.read_text().splitlines(keepends=True)
    run.events_path.write_text("".join(re.sub(r', "weights": "\w+"', "", line) for line in lines))
    assert finished_run.recipe(run, store).initial


def test_why_there_is_no_score_from_before_is_said(single: Run, store: Store) -> None:
    def why(**changes: Any) -> str:
        found = measured_sizes._before(store.create(checked(single.settings, **changes)), store)
        assert isinstance(found, str)
        return found

    def start(run: Run) -> ModelSettings:
        return checked(LAYERS, start=RunStart(run=run.id))

    gone = store.create(single.settings)
    shutil.rmtree(gone.folder)
    dense = store.create(checked(single.settings, training=TrainingSettings()))  # never trained

    assert "pruned while it trained" in why()
    assert "is no longer here" in why(model=start(gone))
    assert "learned from other data" in why(model=start(dense), data=checked(PENGUINS, split_seed=5))
    assert "cannot be read" in why(model=start(dense))


def test_the_script_of_a_run_that_was_pruned_later_keeps_its_zeros(
    single: Run, store: Store, tmp_path: Path
) -> None:
    run = store.create(pruning_afterwards.settings_of(single))
    worker.work(run.folder, store.home)
    made = finished_run.recipe(run, store)
    (tmp_path / "train.py").write_text(script.script(made), "utf-8")
    (tmp_path / made.reading.file).write_bytes(made.reading.data)
    (tmp_path / "split.csv").write_bytes(made.split)
    (tmp_path / finished_run.INITIAL).write_bytes(made.initial or b"")

    after = """
    kernels = [np.asarray(layer.kernel) for layer in made["network"].layers if hasattr(layer, "kernel")]
    print("ZEROS", sum(int((kernel == 0).sum()) for kernel in kernels))"""
    printed = printed_by({"run": tmp_path}, after)["run"]

    assert re.findall(r"ZEROS (\d+)", printed) == [str(left(run).zeros)]
    (line,) = (line for line in printed.splitlines() if "(the run: " in line)
    figure, wanted = re.findall(r"rows: ([\d.]+) \(the run: ([\d.]+)\)", line)[0]
    assert float(figure) == pytest.approx(float(wanted), abs=0.03)


def test_what_was_measured_goes_with_the_model(single: Run, store: Store) -> None:
    measured_sizes.measure(single.folder, store.home)
    found = model_sizes.kept(single.folder)
    assert found is not None
    assert found.forms[0].name == "not pruned, not trained"
    assert found.forms[0].scores == ()
    assert list(found.frame().columns) == [
        "model",
        "zeros",
        "file",
        "zip",
        "time for a row",
        "accuracy",
        "log loss",
    ]
    network, prepared = SavedModel.load(single.folder).network, worker.prepared_data(store, PENGUINS)
    worker.leave_model(single, network, prepared)
    assert model_sizes.kept(single.folder) is None


def test_a_damaged_measurement_counts_as_none(tmp_path: Path) -> None:
    for text in ("", "{}", '{"forms": [{"name": 1}], "notes": []}', '{"forms": 3, "notes": []}'):
        (tmp_path / model_sizes.FILE).write_text(text)
        assert model_sizes.kept(tmp_path) is None
