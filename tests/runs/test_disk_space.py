"""What the store's folder takes, and emptying the prepared data."""

from pathlib import Path

import pytest

from lrapp.errors import UserError
from lrapp.runs import disk_space


def test_sizes_are_those_of_the_files(tmp_path: Path) -> None:
    for name, size in (("runs/a/run.json", 10), ("runs/b/deep/model", 200), ("prepared/x/a.npy", 3000)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    taken = disk_space.taken(tmp_path)
    assert {name: size for name, size in taken.items() if size} == {"Runs": 210, "Prepared data": 3000}
    disk_space.empty_prepared(tmp_path)
    assert disk_space.taken(tmp_path) == {**taken, "Prepared data": 0}
    disk_space.empty_prepared(tmp_path / "not there")


def test_what_a_worker_is_writing_stays(tmp_path: Path) -> None:
    for name in (".being-made", "own-made"):
        (tmp_path / "prepared" / name).mkdir(parents=True)
    disk_space.empty_prepared(tmp_path)
    assert [path.name for path in (tmp_path / "prepared").iterdir()] == [".being-made"]


def test_the_limit_is_a_size(subtests: pytest.Subtests) -> None:
    cases: list[tuple[str, int]] = [
        ("", 4_000_000_000),
        ("500MB", 500_000_000),
        ("1.5 gb", 1_500_000_000),
        ("0", 0),
    ]
    for text, size in cases:
        with subtests.test(text):
            assert disk_space.most_prepared({"LRAPP_PREPARED_DISK": text}) == size


def test_anything_else_is_a_sentence(subtests: pytest.Subtests) -> None:
    for text in ["much", "-1GB", "4", "1e3MB", "GB"]:
        with subtests.test(text), pytest.raises(UserError, match=r"must be a size.*Received: "):
            disk_space.most_prepared({"LRAPP_PREPARED_DISK": text})
