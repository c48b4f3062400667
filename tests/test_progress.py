"""How far something is, and whether it is still wanted: told through files that anybody may remove meanwhile."""

import json
import pickle
from pathlib import Path

import pytest

from lrapp import progress
from lrapp.errors import Stopped
from lrapp.progress import NOBODY, FolderWatch, Progress, ThreadWatch


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_WORDS", -1.0)


@pytest.mark.usefixtures("hasty")
def test_who_waits_sees_how_far_it_is(tmp_path: Path) -> None:
    waiting = FolderWatch(tmp_path)
    working: FolderWatch = pickle.loads(pickle.dumps(waiting))
    assert waiting.progress is None
    for said in (Progress("Reading …"), Progress("Counting …", 0.0), Progress("Counting …", 1.0)):
        working.tell(said.doing, said.share)
        assert waiting.progress == said


def test_shares_are_not_told_more_often_than_anybody_looks_but_words_are(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path)
    watch.tell("Counting …", 0.1)
    watch.tell("Counting …", 0.9)
    assert watch.progress == Progress("Counting …", 0.1)
    watch.tell("Packing …")
    assert watch.progress == Progress("Packing …")


def test_who_asks_for_its_end_gets_it(tmp_path: Path) -> None:
    for watch in (FolderWatch(tmp_path), ThreadWatch()):
        watch.check("It was stopped.")
        watch.ask_to_stop()
        assert watch.should_stop()
        with pytest.raises(Stopped, match=r"^It was stopped\.$"):
            watch.check("It was stopped.")


@pytest.mark.usefixtures("hasty")
def test_where_the_folder_is_gone_nobody_waits_any_more(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path / "gone")
    assert watch.should_stop()
    watch.tell("Counting …", 0.5)
    watch.ask_to_stop()
    assert watch.progress is None
    assert not watch.folder.exists(), "telling does not bring it back"


def test_what_was_cut_off_can_begin_again(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path)
    (tmp_path / "table").touch()
    watch.tell("Counting …", 0.5)
    watch.ask_to_stop()
    watch.begin_again()
    assert (watch.progress, watch.should_stop()) == (None, False)
    assert (tmp_path / "table").exists()


@pytest.mark.parametrize(
    "data", [b"", b"[", b"[]", b"{}", b'{"doing": "x"}', b'{"doing": "x", "share": "y"}', b"[" * 9999]
)
def test_a_damaged_file_says_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "progress.json").write_bytes(data)
    assert FolderWatch(tmp_path).progress is None


def test_a_share_that_is_none_is_moved_to_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "progress.json").write_text(json.dumps({"doing": "x", "share": 7}))
    assert FolderWatch(tmp_path).progress == Progress("x", 1.0)


def test_where_nobody_waits_it_goes_on() -> None:
    NOBODY.tell("Counting …", 0.5)
    NOBODY.check("It was stopped.")
    assert not NOBODY.should_stop()
