from pathlib import Path

import numpy as np
import pytest

from lrapp.errors import UserError
from lrapp.training.checkpoints import TrainingState


def state(epochs: int = 3) -> TrainingState:
    generator = np.random.default_rng(epochs)
    return TrainingState(
        epochs=epochs,
        best_epoch=2,
        best_value=0.1 + 0.2,
        wait=1,
        model=(generator.normal(size=(3, 2)).astype(np.float32), np.array([7, 2], np.int64)),
        optimizer=tuple(np.array(number, np.float32) for number in range(12)),
        best_weights=(np.zeros((3, 2), np.float32), np.array([7, 1], np.int64)),
    )


def test_a_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    written = state()
    written.save(path)
    read = TrainingState.load(path)
    assert (read.epochs, read.best_epoch, read.best_value, read.wait) == (3, 2, 0.1 + 0.2, 1)
    for one, two in (
        (read.model, written.model),
        (read.optimizer, written.optimizer),
        (read.best_weights, written.best_weights),
    ):
        assert len(one) == len(two)
        for value, wanted in zip(one, two, strict=True):
            assert value.dtype == wanted.dtype
            assert value.shape == wanted.shape
            np.testing.assert_array_equal(value, wanted)


def test_a_run_without_a_best_epoch_has_a_state_too(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    TrainingState(1, None, float("nan"), 0, (), (), ()).save(path)
    read = TrainingState.load(path)
    assert read.best_epoch is None
    assert np.isnan(read.best_value)
    assert read.best_weights == ()


def test_the_new_state_takes_the_old_ones_place_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    state(3).save(path)
    state(4).save(path)
    assert TrainingState.load(path).epochs == 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.npz"]


def test_a_write_that_fails_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.npz"
    state(3).save(path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UserError, match=r"^The disk is full\."):
        state(4).save(path)
    assert TrainingState.load(path).epochs == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.npz"]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 cut off"])
def test_what_cannot_be_read_is_said_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read; start the run again"):
        TrainingState.load(path)


def test_a_cut_off_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    state().save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match="cannot be read"):
        TrainingState.load(path)


def test_objects_that_would_run_code_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    np.savez(path, about=np.array([{"format": 1}], dtype=object))
    with pytest.raises(UserError, match="cannot be read"):
        TrainingState.load(path)


def test_a_state_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    np.savez(path, about=np.array('{"format": 99}'))
    with pytest.raises(UserError, match="cannot be read"):
        TrainingState.load(path)
