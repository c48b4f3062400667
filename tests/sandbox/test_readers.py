"""Files are read by a process of their own: what it may take, how it dies, and that nobody else notices."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bombs
import pandas as pd
import pytest
from pictures import RED, zipped

from lrapp.errors import Refused, Stopped, UserError
from lrapp.runs.store import Store
from lrapp.sandbox import limits
from lrapp.sandbox.limits import Limits
from lrapp.sandbox.readers import OverLimit, Readers, Unreadable
from lrapp.sandbox.sources import read_table
from lrapp.sandbox.uploads import Uploads
from lrapp.settings import (
    DataSettings,
    DialectSettings,
    FileSource,
    PictureFileSource,
    PictureSettings,
)
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import read_csv

MB = 10**6
SMALL = Limits(memory=300 * MB, seconds=60)
CSV = b"x,y,z\n" + b"".join(b"%d,%.2f,%c\n" % (n, n * 0.37, b"abc"[n % 3]) for n in range(60))
TABLE_BOMBS: dict[str, Callable[[], bytes]] = {
    "two corners that no look at blocks can see": bombs.cut_corners,
    "repeated rows and columns, named .xlsx": bombs.repeated_ods,
    "a string of 50 kB in 20,000 cells": bombs.one_string_everywhere,
    "32,767 letters in 60,000 cells": lambda: bombs.one_string_everywhere(32_767, 60_000),
    "1 MB of gzip": lambda: bombs.long_gzip(500),
    "0.9 MB of zip": lambda: bombs.long_zip(450),
}


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    """Readers with a process that stands ready, and little memory."""
    made = Readers(ready=True, allowed=SMALL)
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty home."""
    return Store(tmp_path / "home")


def read(readers: Readers, folder: Path, data: bytes, **more: Any) -> dict[str, Any]:
    """Have a table read."""
    (folder / "upload").write_bytes(data)
    arguments = {"path": str(folder / "upload"), "name": "a.xlsx", "dialect": {}, "kinds": {}}
    return readers.ask("read", "table", arguments | {"out": str(folder / "out")}, **more)


def memory() -> int:
    """Bytes that this process has."""
    gc.collect()
    return limits.memory_of(os.getpid()) or 0


@pytest.mark.parametrize("name", TABLE_BOMBS)
def test_a_file_that_wants_too_much_is_a_sentence_and_ends_its_own_process_only(
    readers: Readers, tmp_path: Path, name: str
) -> None:
    data = TABLE_BOMBS[name]()
    assert len(data) < 3 * MB
    read(readers, tmp_path, CSV)
    pid, before = readers.pid, memory()
    with pytest.raises(
        OverLimit, match=r"This file needs more than 300 MB of memory to be read\. Save it as CSV"
    ):
        read(readers, tmp_path, data)
    assert readers.pid == pid
    assert memory() - before < 10 * MB
    assert read(readers, tmp_path, CSV) == {}


@pytest.mark.parametrize(
    "data",
    [
        bombs.two_corners(),
        bombs.single_quotes(),
        bombs.two_corners("s='0' r = 'A1'", 'foo="r" r="$XFD$1048576"'),
        bombs.two_corners('r="A1"', 'r="XFD1048576"'),
    ],
)
def test_cells_far_apart_are_a_sentence_however_they_are_written(
    readers: Readers, tmp_path: Path, data: bytes
) -> None:
    with pytest.raises(Refused, match="cells of a sheet must lie close together"):
        read(readers, tmp_path, data)


@pytest.mark.parametrize("bomb", [bombs.picture_bomb, bombs.large_pictures])
def test_pictures_that_want_too_much_are_a_sentence(
    store: Store, readers: Readers, bomb: Callable[[], bytes]
) -> None:
    kept = store.keep_file(bomb(), "a.zip")
    uploads, source = Uploads(store, readers), PictureFileSource(name="a.zip", sha256=kept.sha256)
    assert uploads.kind_of(kept) == "pictures"
    sentence = "These pictures need more than 300 MB of memory to be read"
    with pytest.raises(OverLimit, match=sentence):
        uploads.look(source, PictureSettings())
    with pytest.raises(Refused, match=sentence):
        uploads.facts(source, PictureSettings())
    assert not store.holds(source)


def test_pictures_larger_than_the_readers_memory_are_read(store: Store) -> None:
    small = Limits(memory=100 * 10**6)
    files = {f"{name}/{number}.png": RED for name in "ab" for number in range(400)}
    kept = store.keep_file(zipped(files), "a.zip")
    source = PictureFileSource(name="a.zip", sha256=kept.sha256)
    uploads = Uploads(store, Readers(allowed=small))
    images = uploads.images(source, PictureSettings(size=224, color="rgb"))
    assert images.pixels.nbytes > small.memory
    assert images.pixels.shape == (800, 224, 224, 3)
    assert (images.pixels[::133] == images.pixels[0]).all()
    assert list((store.home / "tables").iterdir()) == []


def test_two_hundred_random_mutations_leave_the_readers_standing(readers: Readers, tmp_path: Path) -> None:
    small = bombs.small_files()
    for data in small.values():
        read(readers, tmp_path, data)
    pid, before, said = readers.pid, memory(), []
    assert pid is not None
    of_server = limits.memory_of(pid)
    for seed in range(200):
        name = list(small)[seed % len(small)]
        try:
            read(readers, tmp_path, bombs.mutated(small[name], seed))
        except UserError as error:
            said.append(str(error))
    assert said
    assert all(sentence.endswith((".", "!")) and "server's log" not in sentence for sentence in said)
    assert readers.pid == pid
    assert memory() - before < 20 * MB
    assert (limits.memory_of(pid) or 0) - (of_server or 0) < 10 * MB


def test_a_file_that_takes_too_long_is_a_sentence(tmp_path: Path) -> None:
    slow = Readers(ready=True, allowed=Limits(memory=2_000 * MB, seconds=1.0))
    try:
        with pytest.raises(OverLimit, match="more than 1 seconds to be read"):
            read(slow, tmp_path, bombs.repeated_ods(20_000, 900))
    finally:
        slow.close()


def test_a_reading_can_be_cancelled(readers: Readers, tmp_path: Path) -> None:
    asked = threading.Event()
    threading.Timer(0.5, asked.set).start()
    began = time.monotonic()
    os.mkfifo(tmp_path / "fifo")  # never anything in it
    arguments = {"path": str(tmp_path / "fifo"), "name": "a", "dialect": {}, "kinds": {}, "out": "x"}
    with pytest.raises(Stopped):
        readers.ask("read", "table", arguments, should_stop=asked.is_set)
    assert time.monotonic() - began < 10
    read(readers, tmp_path, CSV)


def test_the_process_that_stands_ready_comes_back_when_it_is_killed(tmp_path: Path) -> None:
    made = Readers(ready=True, allowed=SMALL)
    try:
        read(made, tmp_path, CSV)
        assert made.pid is not None
        os.kill(made.pid, signal.SIGKILL)
        time.sleep(0.2)
        read(made, tmp_path, CSV)
    finally:
        made.close()


def test_a_process_for_one_file_alone_keeps_to_the_limits_too(tmp_path: Path) -> None:
    made = Readers(allowed=SMALL)
    assert read(made, tmp_path, CSV) == {}
    with pytest.raises(OverLimit, match="more than 300 MB"):
        read(made, tmp_path, bombs.cut_corners())
    with pytest.raises(Unreadable, match="empty"):
        read(made, tmp_path, b"  ")


def test_where_the_system_keeps_no_limit_who_asks_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrapp.sandbox.processes.WATCHED", True)
    with pytest.raises(OverLimit, match="more than 150 MB"):
        read(Readers(allowed=Limits(memory=150 * MB)), tmp_path, bombs.long_gzip(500))


def test_readings_at_once_share_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 1_000 * MB
    monkeypatch.setattr("lrapp.sandbox.readers.available_bytes", lambda: free)
    made = Readers(ready=True, allowed=Limits(memory=4_000 * MB))
    given: list[int] = []
    begin = threading.Barrier(3)

    def hold() -> None:
        memory = made._turns.take(lambda: False)
        given.append(memory)
        begin.wait()
        made._turns.give_back(memory)

    threads = [threading.Thread(target=hold) for _ in range(2)]
    try:
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 5
        while not given and time.monotonic() < deadline:
            time.sleep(0.01)
        assert given == [750 * MB], "what is left is too little for a second one, which waits"
        free = 2_000 * MB
        begin.wait(timeout=10)
        assert sum(given) <= free
    finally:
        for thread in threads:
            thread.join()
        made.close()


def test_all_goes_when_whoever_asks_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    code = (
        "import sys, threading, time; from lrapp.sandbox.readers import Readers; r = Readers(ready=True);"
        f"a = dict(path={str(tmp_path / 'fifo')!r}, name='a', dialect={{}}, kinds={{}}, out='x');"
        "threading.Thread(target=r.ask, args=('read', 'table', a), daemon=True).start();"
        "time.sleep(2); print(r.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[2]
    asking = subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE)
    assert asking.stdout is not None
    pid = int(asking.stdout.readline())
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert children, "one process reads"
    asking.kill()
    asking.wait()
    asking.stdout.close()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{one}").exists() for one in (pid, *children)):
        assert time.monotonic() < deadline, "a process was left behind"
        time.sleep(0.05)


# --- uploads -----------------------------------------------------------------------------------------------------


def test_a_table_is_what_reading_it_here_gives_and_is_read_once(store: Store, readers: Readers) -> None:
    source = store.keep_file(CSV, "new.csv")
    settings = DataSettings(
        source=source, kinds={"x": ColumnKind.CATEGORY}, dialect=DialectSettings(header=True)
    )
    expected = read_csv(CSV, "new.csv").with_kinds({"x": ColumnKind.CATEGORY})
    asked: list[str] = []

    class Counting(Readers):
        def ask(self, task: str, *rest: Any, **more: Any) -> dict[str, Any]:
            asked.append(task)
            return readers.ask(task, *rest, **more)

    for _ in range(2):
        table = read_table(store, settings, uploads=Uploads(store, Counting(allowed=SMALL)))
        pd.testing.assert_frame_equal(table.frame, expected.frame, check_exact=True)
        assert (table.columns, table.notes) == (expected.columns, expected.notes)
    assert asked == ["read"]
    read_table(
        store, settings.model_copy(update={"kinds": {}}), uploads=Uploads(store, Counting(allowed=SMALL))
    )
    assert asked == ["read", "read"], "other kinds are another table"
    assert not list((store.home / "tables").glob(".*")), "nothing half done is left"


def test_what_was_refused_is_gone_and_is_not_read_again(store: Store, readers: Readers) -> None:
    data = bombs.cut_corners()
    source = store.keep_file(data, "a.xlsx")
    uploads = Uploads(store, readers)
    with pytest.raises(OverLimit) as first:
        uploads.table(source, DialectSettings(), {})
    assert not store.holds(source)

    class Never(Readers):
        def ask(self, *rest: Any, **more: Any) -> dict[str, Any]:
            raise AssertionError("it was read again")

    again = Uploads(store, Never(allowed=SMALL))
    for _ in range(2):
        with pytest.raises(Refused) as said:
            again.table(source, DialectSettings(), {})
        assert str(said.value) == str(first.value)
        assert not store.holds(source), "also when it was uploaded again"
        store.keep_file(data, "a.xlsx")
    # Who has more memory now may try.
    assert Uploads(store, Readers(allowed=Limits(memory=900 * MB))).refused(source) == ""


def test_a_refused_file_that_a_run_names_stays_and_is_not_read(store: Store, readers: Readers) -> None:
    from lrapp.settings import RunSettings

    source = store.keep_file(bombs.one_string_everywhere(), "a.xlsx")
    store.create(RunSettings(data=DataSettings(source=source)))
    uploads = Uploads(store, readers)
    for _ in range(2):
        with pytest.raises(Refused, match="more than 300 MB"):
            uploads.table(source, DialectSettings(), {})
        assert store.holds(source)


def test_a_file_that_only_cannot_be_read_so_stays(store: Store, readers: Readers) -> None:
    source = store.keep_file(b"x,y\n", "a.csv")
    with pytest.raises(Unreadable):
        Uploads(store, readers).table(source, DialectSettings(), {})
    assert store.holds(source)


def test_a_packed_file_over_the_limit_of_bytes_is_refused_for_good(
    store: Store, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = FileSource(name="a.gz", sha256="0" * 64)
    Uploads(store, readers).refuse(source, Refused("Too large."))
    assert Uploads(store, Readers(allowed=Limits(memory=9_000 * MB))).refused(source) == "Too large."


# --- limits ------------------------------------------------------------------------------------------------------


def test_limits_come_from_the_environment() -> None:
    assert Limits.of({}) == Limits(4 * 10**9, 600.0)
    assert Limits.of({"LRAPP_READER_MEMORY": "1.5 GB", "LRAPP_READER_SECONDS": "30"}) == Limits(
        1_500 * MB, 30.0
    )
    assert Limits.of({"LRAPP_READER_MEMORY": "500mb"}).memory == 500 * MB


def test_a_size_that_is_none_is_a_sentence(subtests: pytest.Subtests) -> None:
    for text in ["4", "lots", "-1GB", "99MB", "1e9"]:
        with (
            subtests.test(text),
            pytest.raises(UserError, match=rf"LRAPP_READER_MEMORY must be a size .* Received: {text}\."),
        ):
            Limits.of({"LRAPP_READER_MEMORY": text})


def test_seconds_that_are_none_are_a_sentence(subtests: pytest.Subtests) -> None:
    for text in ["soon", "0", "-3", "inf"]:
        with (
            subtests.test(text),
            pytest.raises(UserError, match=rf"LRAPP_READER_SECONDS must be .* Received: {text}\."),
        ):
            Limits.of({"LRAPP_READER_SECONDS": text})


def test_sizes_in_words(subtests: pytest.Subtests) -> None:
    cases: list[tuple[int, str]] = [(300 * MB, "300 MB"), (4 * 10**9, "4 GB"), (1_500 * MB, "1.5 GB")]
    for count, text in cases:
        with subtests.test(f"{count!r}"):
            assert limits.size(count) == text
