"""Settings that cannot do what they promise, as a file, a link or the page may hold them: one sentence each."""

import json
from typing import Any

import pytest

from lrapp.errors import UserError
from lrapp.evaluation.setting_checks import before
from lrapp.networks import shapes
from lrapp.settings import RunSettings

ROWS = 320


def said(**parts: Any) -> str:
    """What is wrong with settings, wherever it is found before a run: in the file, its plans, its network, a remark."""
    try:
        settings = RunSettings.from_json(json.dumps(parts).encode())
        settings.check_momentum()
        settings.plan(ROWS)
        settings.range_test.linear_sweep(ROWS // settings.training.batch_size)
        shapes.pretrained(settings.model, (28, 28, 1))
    except UserError as error:
        return str(error)
    return settings.obstacle or " ".join(remark.text for remark in before(settings, ROWS, "binary"))


def training(**changes: Any) -> dict[str, Any]:
    return {"training": {"epochs": 10} | changes}


def stopping(**changes: Any) -> dict[str, Any]:
    return training(early_stopping={"patience": 4} | changes)


def test_every_bad_setting_has_its_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        (training(), ""),
        (stopping(criterion="PQ", strip=11), "PQ needs 1 strip of 11 epochs, and the run has 10 epochs"),
        (
            stopping(criterion="UP", strip=5, up_strips=2),
            "UP needs 3 strips of 5 epochs, and the run has 10 epochs",
        ),
        (stopping(criterion="UP", strip=1), "“training.early_stopping.strip”"),
        (stopping(patience=3, patience_unit="cycles"), "cycles"),
        (stopping(target="val_metric", target_value=90), "accuracy"),
        (stopping(target="val_loss", target_value=-1), "“training.early_stopping.target_value”"),
        (stopping(minutes=-1), "“training.early_stopping.minutes”"),
        (
            training(pruning={"enabled": True, "final_sparsity": 100}),
            "would leave no weight; choose a smaller",
        ),
        (training(pruning={"enabled": True, "final_sparsity": 101}), "“training.pruning.final_sparsity”"),
        (training(pruning={"enabled": True, "final_sparsity": 0}), "leaves all weights as they are"),
        (training(pruning={"enabled": True, "first_epoch": 11}), "would begin in epoch 11, after the last"),
        *(
            (training(**{name: value}), f"“training.{name}”")
            for name in ("momentum", "beta_1")
            for value in (-0.1, 1, 1.5)
        ),
        *(
            ({"policy": {"type": "clr", "cycle_momentum": True, name: value}}, f"“policy.{name}”")
            for name in ("base_momentum", "max_momentum")
            for value in (-0.1, 1, 1.5)
        ),
        (
            {"policy": {"type": "clr", "cycle_momentum": True, "base_momentum": 0.9, "max_momentum": 0.8}},
            "raise max_momentum or lower base_momentum",
        ),
        ({"range_test": {"rise": "linear", "epochs": 1}}, "at least 2 epochs and 40 steps"),
        ({"range_test": {"rise": "linear", "epochs": 0}}, "“range_test.epochs”"),
        (
            {"model": {"layers": [], "start": {"type": "pretrained", "name": "InceptionV3", "size": 74}}},
            "InceptionV3 needs pictures of at least 75 pixels along a side",
        ),
        ({"model": {"start": {"type": "pretrained", "size": 31}}}, "“model.start.size”"),
    ]
    for parts, sentence in cases:
        with subtests.test(f"{parts}"):
            found = said(**parts)
            assert sentence in found
            assert bool(found) == bool(sentence)
