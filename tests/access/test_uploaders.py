"""Who has shown the bytes of an upload."""

import os
import time
from pathlib import Path

from lrapp.access import uploaders
from lrapp.runs.store import Store


def test_several_may_have_uploaded_the_same_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    sha256 = store.keep_file(b"a,b\n1,2\n", "t.csv").sha256
    assert uploaders.of(tmp_path, sha256) == frozenset()
    for owner in ("one", "two", "one"):
        uploaders.note(tmp_path, sha256, owner)
    assert uploaders.of(tmp_path, sha256) == {"one", "two"}
    assert uploaders.of(tmp_path, "0" * 64) == frozenset()


def test_those_of_files_that_are_long_gone_are_forgotten(tmp_path: Path) -> None:
    kept = Store(tmp_path).keep_file(b"a,b\n1,2\n", "t.csv").sha256
    for sha256 in (kept, "0" * 64, "1" * 64):
        uploaders.note(tmp_path, sha256, "one")
    then = time.time() - 8 * 86_400
    for sha256 in (kept, "0" * 64):
        os.utime(tmp_path / "uploaders" / sha256, (then, then))
    uploaders.note(tmp_path, kept, "two")
    assert {path.name for path in (tmp_path / "uploaders").iterdir()} == {kept, "1" * 64}
    assert uploaders.of(tmp_path, kept) == {"one", "two"}
