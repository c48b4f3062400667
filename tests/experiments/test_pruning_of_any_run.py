"""Runs that nothing could start from: of folds, on all rows, with a network of ImageNet in front; now pruned, too."""

from pathlib import Path

import keras
import numpy as np
import pytest
from imagenet import weights as imagenet_weights
from zeros.runs import CANCER, LAYERS, PENGUINS, left, trained

from lrapp.errors import UserError
from lrapp.evaluation import model_sizes
from lrapp.execution import calibrating, loops, measured_sizes, worker
from lrapp.experiments import model_for_use, pruning_afterwards
from lrapp.networks import calibration, layers, members, models
from lrapp.networks.saved import SavedModel
from lrapp.runs.events import MembersChosen, to_line
from lrapp.runs.store import Run, Store
from lrapp.settings import (
    DataSettings,
    GroupSettings,
    LayerSettings,
    ModelSettings,
    PicturesSource,
    PretrainedStart,
    PruningSettings,
    RunStart,
    SampleSource,
)
from lrapp.settings.base import checked
from lrapp.settings.data import PictureSettings

FOLDS = {
    "random": checked(PENGUINS, folds=3),
    "in the order of time": DataSettings(
        source=SampleSource(name="auto_mpg.csv"),
        target="mpg",
        folds=3,
        split="time",
        split_column="model_year",
        left_out=("car_name", "origin"),  # of which the years know other ones
    ),
}


def pruned_by(run: Run, store: Store) -> Run:
    made = store.create(pruning_afterwards.settings_of(run, epochs=3))
    outcome = worker.work(made.folder, store.home)
    assert outcome.state == "completed"
    made.set_status(state=outcome.state, message=outcome.message)
    return made


@pytest.mark.parametrize("folds", FOLDS)
def test_each_network_of_a_cross_validation_is_pruned_on_the_rows_that_it_has_learned_from(
    folds: str, store: Store
) -> None:
    origin = trained(store, pruning=PruningSettings(), data=FOLDS[folds])
    settings = pruning_afterwards.settings_of(origin, epochs=3)
    assert settings.data == origin.settings.data
    prepared = worker.prepared_data(store, settings.data)
    loop, _, _ = loops.loop_for(store, settings, prepared)
    one = models.build(
        *(LAYERS, prepared.shape, prepared.task, len(prepared.classes)), numbers=prepared.preprocessor.numbers
    )
    before = members.each(SavedModel.load(origin.folder).network)
    assert len(before) == 3
    for place, member in enumerate(before):
        members.pick(loop.model, one, place)
        for ours, theirs in zip(one.get_weights(), member.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    run = pruned_by(origin, store)

    assert left(run).share == pytest.approx(0.8, abs=0.02)
    measured_sizes.measure(run.folder, store.home)
    found = model_sizes.kept(run.folder)
    assert found is not None
    assert [form.name for form in found.forms[:2]] == ["before pruning", "pruned"]
    assert all(form.scores for form in found.forms[:2])
    # And on to a model for use, which has as many networks, whichever of them answered.
    use = model_for_use.settings_of(run)
    made = store.create(use)
    assert worker.work(made.folder, store.home).state == "completed"

    other = checked(settings, data=checked(settings.data, split_seed=9))
    with pytest.raises(UserError, match="from a run with the very same folds"):
        worker.work(store.create(other).folder, store.home)


def test_a_fold_without_weights_is_why_the_others_are_not_pruned(store: Store) -> None:
    run = trained(store, pruning=PruningSettings(), data=FOLDS["random"])
    assert pruning_afterwards.refusal(run, run.history()) == ""
    lost = MembersChosen("", (0.5, 0.0, 0.5), (1, 1, 1), (0.4,) * 3, (4, 0, 4), (0.4,) * 3, 1, left_out=(2,))
    with run.events_path.open("a") as file:
        file.write(to_line(lost))
    assert pruning_afterwards.refusal(run, run.history()).startswith(
        "1 network of this cross-validation diverged"
    )


def test_a_model_for_use_is_pruned_on_all_rows_and_calibrated_as_it_was(store: Store) -> None:
    origin = trained(store, pruning=PruningSettings(), data=CANCER)
    calibrating.calibrate(origin.folder, store.home)
    temperature = calibration.kept(origin.folder)
    assert temperature != 1
    use = store.create(model_for_use.settings_of(origin))
    worker.work(use.folder, store.home)

    settings = pruning_afterwards.settings_of(use, epochs=3)

    assert settings.data.all_rows
    assert settings.made_from is not None
    assert settings.made_from.run == origin.id
    assert settings.made_from.expected == ""
    assert "nothing told the best epoch, so it has the weights of the last one" in settings.made_from.epochs
    loop, _, _ = loops.loop_for(store, settings, worker.prepared_data(store, settings.data))
    kept = SavedModel.load(use.folder).network
    for layer in kept.layers:
        factor = temperature if layer.name == layers.OUTPUT else 1
        for ours, theirs in zip(
            loop.model.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True
        ):
            np.testing.assert_allclose(ours, factor * theirs, rtol=1e-6)
    run = pruned_by(use, store)
    assert left(run).share == pytest.approx(0.8, abs=0.01)
    assert calibration.kept(run.folder) == temperature
    assert not run.scores_path.exists()
    assert len(run.history().epochs) == 3
    again = pruning_afterwards.settings_of(run)
    assert again.made_from == settings.made_from


def test_a_network_with_one_of_imagenet_in_front_is_pruned_without_its_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.src.utils.file_utils.config, "keras_home", lambda: str(tmp_path))
    imagenet_weights.keep("MobileNetV2", 224, tmp_path)
    store = Store(tmp_path / "home")
    start = PretrainedStart(size=32)
    digits = DataSettings(source=PicturesSource(name="digits"), pictures=PictureSettings(most_rows=48))
    plain = trained(
        store,
        ModelSettings(layers=(LayerSettings(units=4),), start=start),
        PruningSettings(),
        digits,
        batch_size=16,
        groups=GroupSettings(early=0.1),
    )
    (file,) = (tmp_path / "models").iterdir()
    file.unlink()

    run = pruned_by(plain, store)

    assert run.settings.model.start == RunStart(run=plain.id, base=start)
    assert run.settings.model.base == start
    assert left(run).share == pytest.approx(0.8, abs=0.01)
    assert run.history().epochs[0].sparsity == pytest.approx(0.8, abs=0.01)
