"""What a model of pictures expects: in memory, and in a folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrapp.errors import UserError
from lrapp.preparation.image_inputs import PicturePreprocessor

THREE = PicturePreprocessor("multi-class", ("Ärger", "b\n", "猫"), (8, 6, 3))
TWO = PicturePreprocessor("binary", ("no", "yes"), (28, 28, 1))


@pytest.mark.parametrize("one", [TWO, THREE])
def test_it_comes_back_from_a_folder(one: PicturePreprocessor, tmp_path: Path) -> None:
    one.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["pictures.json"]
    assert PicturePreprocessor.load(tmp_path) == one


def test_outputs_become_classes() -> None:
    decoded = THREE.decode(np.array([[0.1, 0.2, 0.7], [0.6, 0.2, 0.2]]))
    assert decoded.values.tolist() == ["猫", "Ärger"]
    assert decoded.probabilities is not None
    assert decoded.probabilities.shape == (2, 3)
    decoded = TWO.decode(np.array([0.5, 0.75]))
    assert decoded.values.tolist() == ["no", "yes"]
    assert decoded.probabilities is not None
    assert decoded.probabilities.tolist() == [[0.5, 0.5], [0.25, 0.75]]


def test_it_has_what_others_ask_of_a_tables() -> None:
    assert (TWO.target, TWO.target_mean, TWO.target_scale, TWO.columns, TWO.inputs) == (
        "class",
        0.0,
        1.0,
        (),
        (),
    )


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^This model has no pictures\.json beside it"):
        PicturePreprocessor.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"task": "regression"},
        {"task": "binary"},
        {"classes": ["a"]},
        {"classes": ["a", "b"]},
        {"classes": ["a", "a", "b"]},
        {"classes": [1, 2, 3]},
        {"classes": "abc"},
        {"shape": [8, 8]},
        {"shape": [8, 8, 2]},
        {"shape": [0, 8, 1]},
        {"shape": [10**9, 8, 1]},
        {"version": True},
        {"version": "1"},
        {"more": 1},
    ],
)
def test_damaged_or_foreign_files_are_told(change: dict[str, Any], tmp_path: Path) -> None:
    THREE.save(tmp_path)
    path = tmp_path / "pictures.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(UserError, match=r"^The pictures\.json beside this model is damaged"):
        PicturePreprocessor.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "null"])
def test_what_is_no_description_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "pictures.json").write_text(text, "utf-8")
    with pytest.raises(UserError, match="damaged"):
        PicturePreprocessor.load(tmp_path)


def test_another_version_is_told(tmp_path: Path) -> None:
    (tmp_path / "pictures.json").write_text('{"version": 2}', "utf-8")
    with pytest.raises(UserError, match=r"must be of version 1\. Received: 2\."):
        PicturePreprocessor.load(tmp_path)
