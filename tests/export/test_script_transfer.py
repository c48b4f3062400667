"""Networks from ImageNet in a script: with a scale of their own, they see the same as in the app."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
from imagenet import weights as imagenet_weights

from lrapp.export import script_training
from lrapp.export.finished_run import INITIAL
from lrapp.networks import models, transfer
from lrapp.settings import (
    LayerSettings,
    ModelSettings,
    PretrainedName,
    PretrainedStart,
    RunSettings,
    RunStart,
)


@pytest.mark.parametrize("name", ["VGG16", "EfficientNetB0"])
def test_networks_with_a_scale_of_their_own_see_the_same_in_a_script(
    name: PretrainedName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keras.src.utils.file_utils.config, "keras_home", lambda: str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.validate_file", lambda *_, **__: True)
    imagenet_weights.keep(name, 32, tmp_path)
    start = PretrainedStart(name=name, size=32)
    model = ModelSettings(layers=(LayerSettings(units=4),), start=start)
    network = models.build(model, (9, 9, 3), "binary")
    transfer.of_imagenet(start).give(network)
    recipe: Any = SimpleNamespace(
        settings=RunSettings(model=model),
        model=SimpleNamespace(network=network),
        prepared=SimpleNamespace(task="binary"),
    )
    names: dict[str, Any] = {"keras": keras, "np": np}
    exec(script_training.network_cell(recipe).code, names)
    pictures = np.random.default_rng(0).integers(0, 256, (5, 9, 9, 3), dtype=np.uint8)
    ours, theirs = (
        np.asarray(keras.Model(one.inputs[0], one.layers[-2].input)(pictures))
        for one in (network, names["network"])
    )
    # How far pictures are apart, which with random weights is little of what they have in common.
    apart = ours - ours.mean(axis=0)
    assert apart.std() > 0
    np.testing.assert_allclose(theirs - theirs.mean(axis=0), apart, atol=0.2 * apart.std())


@pytest.mark.parametrize("name", ["VGG16", "EfficientNetB0"])
def test_a_network_that_starts_from_a_run_with_one_in_front_sees_the_same_in_a_script(
    name: PretrainedName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = RunStart(run="20260101-000000000000-" + "0" * 16, base=PretrainedStart(name=name, size=32))
    model = ModelSettings(layers=(LayerSettings(units=4),), start=before)
    network = models.build(model, (9, 9, 3), "binary", seed=1)
    recipe: Any = SimpleNamespace(
        settings=RunSettings(model=model),
        model=SimpleNamespace(network=models.build(model, (9, 9, 3), "binary")),
        prepared=SimpleNamespace(task="binary"),
    )
    monkeypatch.chdir(tmp_path)
    np.savez(INITIAL, *network.get_weights())
    names: dict[str, Any] = {"keras": keras, "np": np}
    exec(script_training.network_cell(recipe).code, names)
    pictures = np.random.default_rng(0).integers(0, 256, (5, 9, 9, 3), dtype=np.uint8)
    ours, theirs = (np.asarray(one(pictures)) for one in (network, names["network"]))
    assert ours.std() > 0
    np.testing.assert_allclose(theirs, ours, rtol=1e-3)
