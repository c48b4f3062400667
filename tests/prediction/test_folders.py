"""Where predictions lie: names that cannot be guessed, kept for a day."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lrapp.errors import Stopped, UserError
from lrapp.prediction import folders
from lrapp.prediction.folders import Asked
from lrapp.progress import Progress
from lrapp.runs.store import SAMPLES, Run

ROOT = Path(__file__).parents[2]
PENGUINS = (SAMPLES / "penguins.csv").read_bytes()


def aged(folder: Path, hours: float) -> None:
    then = time.time() - 3600 * hours
    os.utime(folder, (then, then))


def test_a_prediction_from_upload_to_result(finished: Run, tmp_path: Path) -> None:
    folder = folders.create(tmp_path, memoryview(PENGUINS))
    assert folder.table_path.read_bytes() == PENGUINS
    assert folder.progress is None
    folders.work(folder.folder, finished.folder, "p.csv")
    found = folders.get(tmp_path, folder.id)
    assert found.result().rows == 344
    assert found.progress is not None
    assert found.csv_path.stat().st_size > 10_000
    assert found.parquet_path.exists()
    assert found.preview_path.exists()
    assert not found.table_path.exists(), "an upload is not kept longer than needed"


def test_names_cannot_be_guessed_nor_lead_elsewhere(tmp_path: Path) -> None:
    one, two = (folders.create(tmp_path, b"a") for _ in range(2))
    assert one.id != two.id
    assert len(one.id) == 32
    for name in ("0" * 32, "../runs", one.id.upper(), "", f"{one.id}/."):
        with pytest.raises(UserError, match="no longer kept"):
            folders.get(tmp_path, name)


def test_one_that_fails_or_is_cancelled_leaves_nothing(finished: Run, tmp_path: Path) -> None:
    folder = folders.create(tmp_path, b"x,y\n1,2\n3,4\n")
    with pytest.raises(UserError, match="Missing columns"):
        folders.work(folder.folder, finished.folder, "x.csv")
    assert not folder.folder.exists()
    folder = folders.create(tmp_path, PENGUINS)
    folder.cancel()
    with pytest.raises(Stopped):
        folders.work(folder.folder, finished.folder, "p.csv")
    assert not folder.folder.exists()


def test_old_ones_and_those_beyond_a_number_are_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "KEPT", 2)
    made = [folders.create(tmp_path, b"a") for _ in range(5)]
    for folder, hours in zip(made, (25, 3, 2, 1, 0), strict=True):
        aged(folder.folder, hours)
    folders.tidy(tmp_path)
    assert [folder.folder.exists() for folder in made] == [False, False, False, True, True]
    # Young ones stay, however many there are.
    young = [folders.create(tmp_path, b"a") for _ in range(4)]
    folders.tidy(tmp_path)
    assert all(folder.folder.exists() for folder in young)


def test_progress_that_is_being_written_is_none(tmp_path: Path) -> None:
    folder = folders.create(tmp_path, b"a")
    (folder.folder / "progress.json").write_text('{"doing": "x", "sh')
    assert folder.progress is None
    (folder.folder / "progress.json").write_text('{"doing": "Writing …", "share": 0.5}')
    assert folder.progress == Progress("Writing …", 0.5)


def test_one_that_nobody_works_on_is_told(tmp_path: Path) -> None:
    folder = folders.create(tmp_path, b"a")
    assert folder.cut_off
    for take in (folder.answer_for, folder.work_on):
        busy = take()
        assert not folder.cut_off
        with pytest.raises(UserError, match="already"):
            take()
        busy.release()
        assert folder.cut_off
    with pytest.raises(UserError, match="no longer kept"):
        folder.result()


_HOLDER = """
import sys, time
from pathlib import Path
from lrapp.prediction.folders import PredictionFolder
lock = PredictionFolder(Path(sys.argv[1])).work_on()
print("held", flush=True)
time.sleep(600)
"""


def test_a_process_that_is_killed_leaves_a_prediction_that_can_be_done_again(
    finished: Run, tmp_path: Path
) -> None:
    folder = folders.create(tmp_path, PENGUINS, name="p.csv", run=finished.id, owner="me")
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder.folder)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"held\n"
        assert not folder.cut_off
        with pytest.raises(UserError, match="already"):
            folders.work(folder.folder, finished.folder, "p.csv")
        assert folder.table_path.exists(), "who came too late takes nothing from whoever works"
        (folder.folder / "progress.json").write_text('{"doing": "Writing …", "share": 0.5}')
        process.kill()
        process.wait()
    assert folder.cut_off
    assert folder.asked == Asked("p.csv", finished.id, "me")
    folder.begin_again()
    assert folder.progress is None
    folders.work(folder.folder, finished.folder, folder.asked.name)
    assert folder.result().rows == 344
    assert not folder.cut_off
