"""Files are there whole or as they were, and a disk that refuses says so."""

import ast
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrapp import files
from lrapp.errors import UserError
from lrapp.files import write_beside

ROOT = Path(__file__).parents[1]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.json"
    write_beside(path, b"first")

    def full(source: Path, target: Path) -> None:
        assert Path(source).read_bytes() == b"second"
        assert Path(source).parent == Path(target).parent
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(UserError, match=r"^The disk is full\. Free some space"):
            write_beside(path, b"second")
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == {"kept.json"}
    write_beside(path, b"second")
    assert path.read_bytes() == b"second"
    assert names(tmp_path) == {"kept.json"}


def test_a_disk_that_refuses_is_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, str]] = [
        (errno.ENOSPC, r"^The disk is full\."),
        (errno.EDQUOT, r"^The disk is full\."),
        (errno.EACCES, r"^This folder cannot be written: x\. Set LRAPP_HOME to a folder that can\.$"),
        (errno.EROFS, r"^This folder cannot be written: x\."),
    ]
    for number, sentence in cases:
        with subtests.test(f"{number!r}"), pytest.raises(UserError, match=sentence), files.disk_errors():
            raise OSError(number, "refused", "x")


def test_other_troubles_with_files_are_not_hidden() -> None:
    with pytest.raises(IsADirectoryError), files.disk_errors():
        raise OSError(errno.EISDIR, "a folder", "x")


def test_a_file_may_come_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    write_beside(path, (bytes([number]) * 1_000 for number in range(200)))
    assert path.read_bytes() == b"".join(bytes([number]) * 1_000 for number in range(200))

    def breaks_off() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError("the tab was closed")

    with pytest.raises(ConnectionError):
        write_beside(path, breaks_off())
    assert path.stat().st_size == 200_000
    assert names(tmp_path) == {"large.csv"}


def test_pieces_that_fill_a_real_disk_leave_nothing(small_disk: Path) -> None:
    with pytest.raises(UserError, match=r"^The disk is full\."):
        write_beside(small_disk / "large.csv", (b"x" * 10_000 for _ in range(100)))
    assert names(small_disk) == set()


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no fsync there")
def test_what_must_last_is_on_the_disk_before_and_after_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    fsync, replace = os.fsync, os.replace

    def watched_fsync(number: int) -> None:
        happened.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")
        fsync(number)

    def watched_replace(source: Path, target: Path) -> None:
        happened.append("renamed")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    write_beside(tmp_path / "kept.json", b"{}")
    assert happened == ["file", "renamed", "folder"]
    write_beside(tmp_path / "status.json", b"{}", "content")
    assert happened[3:] == ["file", "renamed"]
    write_beside(tmp_path / "progress.json", b"{}", "nothing")
    assert happened[5:] == ["renamed"]


def test_what_writes_a_file_by_itself_gets_a_name_with_its_ending(tmp_path: Path) -> None:
    with files.whole(tmp_path / "model.keras") as beside:
        assert (beside.parent, beside.suffix) == (tmp_path, ".keras")
        assert beside.name.startswith(".")
        beside.write_bytes(b"model")
    assert names(tmp_path) == {"model.keras"}

    def ended_meanwhile() -> None:
        with files.whole(tmp_path / "model.keras") as beside:
            beside.write_bytes(b"half a mo")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ended_meanwhile()
    assert (tmp_path / "model.keras").read_bytes() == b"model"
    assert names(tmp_path) == {"model.keras"}


def calls(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            found.add(ast.unparse(node.func))
    return found


def test_there_is_one_way_to_put_a_file_in_its_place_and_one_to_read_json() -> None:
    rooms = {path.relative_to(ROOT / "lrapp").as_posix(): calls(path) for path in ROOT.glob("lrapp/**/*.py")}
    movers = {"os.replace", "os.rename", "shutil.move"}
    # The others move whole folders: into the bin and out of it, and a copy into its place.
    assert {room for room, called in rooms.items() if called & movers} == {
        "files.py",
        "runs/starts.py",
        "runs/store.py",
        "experiments/study_files.py",
    }
    # The others ask whether an upload is JSON, and read a file that comes with the app.
    assert {room for room, called in rooms.items() if "json.loads" in called} <= {
        *("files.py", "tables/file_kinds.py", "ui/train/data.py")
    }
