import io
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lrapp.errors import Stopped, UserError
from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.export import download
from lrapp.networks import models
from lrapp.networks.saved import SavedModel
from lrapp.prediction import folders, images
from lrapp.prediction.progress import Progress
from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.runs.store import Run, Store
from lrapp.settings import DataSettings, ModelSettings, PicturesSource, RunSettings

SHAPE = (6, 6, 1)
CLASSES = ("dark", "light", "neither")


def picture(grey: int, size: int = 6, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((size, size), grey, np.uint8)).save(file, kind)
    return file.getvalue()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run whose network knows light from dark: its logits are -9 x and 9 x the mean brightness."""
    settings = RunSettings(
        data=DataSettings(source=PicturesSource(name="digits")), model=ModelSettings(layers=())
    )
    made = Store(tmp_path / "home").create(settings)
    network = models.build(settings.model, SHAPE, "multi-class", 3)
    kernel, bias = network.get_layer("output").get_weights()
    kernel[:] = np.array([-1.0, 1.0, 0.0]) * 9 / 36
    network.get_layer("output").set_weights([kernel, bias - np.array([0, 0, 5], np.float32)])
    PicturePreprocessor("multi-class", CLASSES, SHAPE).save(made.folder)
    made.scores_path.write_text(
        Scores("multi-class", "test", 4, "dark", (Metric("accuracy", 1.0, 0.5, True),)).to_json()
    )
    network.save(made.model_path)
    return made


def test_hundreds_of_classes_are_hundreds_of_columns() -> None:
    names = tuple(f"class {number}" for number in range(300))
    network = models.build(ModelSettings(layers=()), SHAPE, "multi-class", len(names))
    model = SavedModel(network, PicturePreprocessor("multi-class", names, SHAPE))
    # Warnings are errors: pandas gives one where columns are added one by one.
    found = images.predict_pictures(model, [("a.png", picture(9)), ("b.png", b"")])
    assert list(found.frame)[:4] == ["file", "not predicted because", "prediction", "confidence"]
    assert list(found.frame)[4:] == [f"probability of {name}" for name in names]
    assert found.frame.loc[0].iloc[4:].sum() == pytest.approx(1, abs=1e-5)
    assert found.frame.loc[1].iloc[2:].isna().all()


def test_each_picture_gets_its_answer_in_order(run: Run) -> None:
    files = [("a.png", picture(250)), ("b.jpg", picture(3, 40, "JPEG")), ("c.png", picture(255, 9))]
    found = images.predict_files(run.folder, files)
    assert found.frame["file"].tolist() == ["a.png", "b.jpg", "c.png"]
    assert found.frame["prediction"].tolist() == ["light", "dark", "light"]
    chances = found.frame[[f"probability of {name}" for name in CLASSES]].to_numpy()
    assert chances.sum(axis=1) == pytest.approx(1, abs=1e-5)
    # Softmax of (-9, 9, -5) times brightness between -1 and 1, by hand.
    bright = 250 / 127.5 - 1
    logits = np.array([-9 * bright, 9 * bright, -5])
    assert chances[0] == pytest.approx(np.exp(logits) / np.exp(logits).sum(), abs=1e-4)
    assert found.frame["confidence"].tolist() == chances.max(axis=1).tolist()
    assert found.seen.shape == (3, *SHAPE)
    assert (found.seen[2] == 255).all()
    assert found.notes == ()


def test_what_is_no_picture_keeps_its_row_with_the_reason(run: Run) -> None:
    found = images.predict_files(run.folder, [("x.png", b"GIF89a?"), ("y.png", picture(0))])
    assert found.frame["prediction"].isna().tolist() == [True, False]
    assert "must be a picture" in found.frame["not predicted because"][0]
    assert found.frame["not predicted because"][1] == ""
    assert found.notes == ("1 file could not be read as a picture.",)


def test_only_broken_files_are_a_table_of_reasons(run: Run) -> None:
    found = images.predict_files(run.folder, [("x.png", b"no")])
    assert list(found.frame.columns) == ["file", "not predicted because"]


def test_a_zip_stands_for_its_pictures_in_folders_or_not(run: Run) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("some/where/a.png", picture(255))
        archive.writestr("__MACOSX/some/._a.png", b"clutter")
        archive.writestr("notes.txt", b"none")
        archive.writestr("b.png", picture(0))
    found = images.predict_files(run.folder, [("p.zip", packed.getvalue()), ("c.png", picture(9))])
    assert found.frame["file"].tolist() == ["some/where/a.png", "b.png", "c.png"]
    assert found.frame["prediction"].tolist() == ["light", "dark", "dark"]


def test_more_pictures_than_the_network_sees_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_AT_ONCE", 2)
    greys = [0, 255, 255, 0, 0, 255, 0]
    files = [(f"{number}.png", picture(grey)) for number, grey in enumerate(greys)]
    found = images.predict_files(run.folder, files, most_seen=3)
    assert found.frame["prediction"].tolist() == ["light" if grey else "dark" for grey in greys]
    assert len(found.seen) == 3


def test_no_pictures_at_all_are_a_sentence(run: Run) -> None:
    with pytest.raises(UserError, match="no picture among these files"):
        images.predict_files(run.folder, [])


def test_a_model_of_tables_is_a_sentence(tmp_path: Path) -> None:
    fitted: Any = SimpleNamespace(kind="table")
    model = SavedModel(network=None, preprocessor=fitted)
    with pytest.raises(UserError, match="learned from a table, not from pictures"):
        images.predict_pictures(model, [("a.png", picture(0))])


def test_the_download_predicts_a_folder_of_pictures_on_its_own(run: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(download.pack(run))) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert "`dark`, `light`, `neither`" in (tmp_path / "unpacked/README.md").read_text()
    folder = tmp_path / "new"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.png").write_bytes(picture(255))
    (folder / "inner" / "b.png").write_bytes(picture(0))
    done = subprocess.run(
        [sys.executable, str(tmp_path / "unpacked/predict.py"), str(folder), str(tmp_path / "out.csv")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    rows = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    assert [row.split(",")[1] for row in rows[1:]] == ["light", "dark"]


def many(number: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for place in range(number):
            archive.writestr(f"{place}.png", picture(place % 256))
    return packed.getvalue()


def test_pictures_say_how_far_they_are(run: Run) -> None:
    told: list[Progress] = []
    pictures: list[tuple[str, bytes | Path]] = [("p.zip", many(600)), ("c.png", picture(9))]
    found = images.predict_files(run.folder, pictures, on_progress=told.append)
    assert len(found.frame) == 601
    assert [progress.rows for progress in told] == [256, 512, 601]
    assert [progress.share for progress in told] == pytest.approx([256 / 1200, 512 / 1200, 1.0])


def test_pictures_can_be_cancelled_and_nothing_is_left(run: Run) -> None:
    home = run.folder.parents[1]
    stopped = folders.create_of_pictures(home, [("c.png", picture(9))], run=run.id)
    stopped.cancel()
    with pytest.raises(Stopped, match="was cancelled"):
        folders.work_on_pictures(stopped.folder, run.folder)
    assert not stopped.folder.exists()


def test_what_pictures_show_outlasts_a_reload_and_what_was_cut_off_is_done_again(run: Run) -> None:
    home = run.folder.parents[1]
    pictures = [
        ("p.zip", memoryview(many(600))),
        ("c.png", memoryview(picture(9))),
        ("x.png", memoryview(b"")),
    ]
    folder = folders.create_of_pictures(home, pictures, run=run.id, owner="me")
    assert folder.asked == folders.Asked("3 files", run.id, "me", ("p.zip", "c.png", "x.png"))
    assert folder.cut_off
    assert not folder.done
    with folder.work_on():
        assert not folder.cut_off
        with pytest.raises(UserError, match="already"):
            folders.work_on_pictures(folder.folder, run.folder)
    folder.begin_again()
    folders.work_on_pictures(folder.folder, run.folder)
    assert (folder.cut_off, folder.done) == (False, True)
    found, at_once = folder.seen(), images.predict_files(run.folder, [(n, bytes(d)) for n, d in pictures])
    pd.testing.assert_frame_equal(found.frame, at_once.frame, check_dtype=False)
    np.testing.assert_array_equal(found.seen, at_once.seen)
    assert found.notes == at_once.notes != ()
    (folder.folder / "seen.npy").write_bytes(b"no")
    with pytest.raises(UserError, match="predict the pictures again"):
        folder.seen()


def test_a_cancel_in_between_ends_the_reading(run: Run) -> None:
    told: list[Progress] = []
    with pytest.raises(Stopped):
        images.predict_files(run.folder, [("p.zip", many(3_000))], 24, told.append, lambda: bool(told))
    assert told[-1].rows < 3_000
