"""The run folder: nothing is lost, nobody guesses or leaves it, and a disk that fails says so."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lrapp.errors import UserError
from lrapp.palette import HUES, colour_of
from lrapp.runs.events import Event, StepsDone, TrainingStarted, to_line
from lrapp.runs.store import EventReader, EventWriter, Run, Store
from lrapp.settings import DataSettings, FileSource, RunSettings, SampleSource

STARTED = TrainingStarted(parameters=9, metric="accuracy", steps_per_epoch=2, total_steps=8, epochs=4)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def steps(first: int, *losses: float) -> Event:
    return StepsDone(first, losses, losses, 1.0)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# --- runs in a store ----------------------------------------------------------------------------------------


def test_a_new_run_is_queued_and_found_again(store: Store) -> None:
    settings = RunSettings(name="first")
    run = store.create(settings)
    assert names(run.folder) == {"run.json", "status.json"}
    again = Store(store.home).get(run.id)
    assert again == run
    assert again.settings == settings
    assert again.status.state == "queued"
    assert again.status.attempts == 0
    assert abs((datetime.now(UTC) - again.status.created).total_seconds()) < 3_600
    assert again.history().steps_done == 0


def test_a_run_knows_who_started_it_also_after_a_restart(store: Store) -> None:
    mine, nobodys = store.create(RunSettings(), "7f3a"), store.create(RunSettings())
    assert Store(store.home).get(mine.id).owner == "7f3a"
    assert Store(store.home).get(nobodys.id).owner == ""


def test_runs_come_newest_first(store: Store) -> None:
    made = [store.create(RunSettings(name=str(number))) for number in range(5)]
    assert store.runs() == made[::-1]


def test_ids_cannot_be_guessed(store: Store) -> None:
    ids = {store.create(RunSettings()).id for _ in range(20)}
    secrets = {id_.rsplit("-", 1)[1] for id_ in ids}
    assert len(secrets) == 20
    assert all(re.fullmatch("[0-9a-f]{16}", secret) for secret in secrets)


def test_new_runs_have_all_colours_before_one_comes_again(store: Store) -> None:
    made = [store.create(RunSettings()) for _ in range(2 * len(HUES))]
    colours = [colour_of(run.id) for run in made]
    assert sorted(colours[: len(HUES)]) == sorted(HUES)
    assert colours[len(HUES) :] == colours[: len(HUES)]


@pytest.mark.parametrize(
    "run_id",
    [
        "",
        ".",
        "..",
        "../runs",
        "../../etc",
        "/etc",
        "a\x00b",
        "20260101-000000000000-0123456789abcdef",
        "x" * 5_000,
        "{id}/",
        "{id}/../{id}",
        "../runs/{id}",
        "{id}\n",
        "{ID}",
        "٢{id}",
    ],
)
def test_only_an_id_of_a_run_finds_one(store: Store, run_id: str) -> None:
    known = store.create(RunSettings()).id
    asked = run_id.replace("{id}", known).replace("{ID}", known.upper())
    assert asked != known
    with pytest.raises(UserError, match=r"^There is no such run here\."):
        store.get(asked)
    with pytest.raises(UserError, match=r"^This run is no longer in the bin\.$"):
        store.restore(asked)


def test_what_is_no_run_is_not_listed(store: Store) -> None:
    run = store.create(RunSettings())
    half_made = store.create(RunSettings())
    (half_made.folder / "status.json").unlink()
    (store.home / "runs" / "notes.txt").write_text("mine")
    (store.home / "runs" / "other").mkdir()
    assert store.runs() == [run]


def test_a_deleted_run_comes_back_from_the_bin(store: Store) -> None:
    run = store.create(RunSettings(name="mine"))
    store.delete(run)
    assert store.runs() == []
    with pytest.raises(UserError, match=r"may have been deleted"):
        store.get(run.id)
    assert store.restore(run.id) == run
    assert run.settings.name == "mine"
    with pytest.raises(UserError, match=r"no longer in the bin"):
        store.restore(run.id)


def test_tidying_deletes_what_lay_in_the_bin_for_a_week(store: Store) -> None:
    old, fresh, kept = (store.create(RunSettings(name=name)) for name in ("old", "fresh", "kept"))
    os.utime(old.folder, (0, 0))  # not the age of the run counts, but how long it has been in the bin
    store.delete(old)
    store.delete(fresh)
    store.tidy()
    assert names(store.home / "bin") == {old.id, fresh.id}
    week_ago = datetime.now(UTC).timestamp() - 7.1 * 86_400
    os.utime(store.home / "bin" / old.id, (week_ago, week_ago))
    store.tidy()
    assert names(store.home / "bin") == {fresh.id}
    assert store.runs() == [kept]


def test_tidying_keeps_uploads_that_a_run_needs(store: Store) -> None:
    used, binned, unused, fresh, again = (
        store.keep_file(f"a\n{number}\n".encode(), "t.csv") for number in range(5)
    )
    store.create(RunSettings(data=DataSettings(source=used)))
    store.delete(store.create(RunSettings(data=DataSettings(source=binned))))
    for source in (used, binned, unused, again):
        os.utime(store.home / "data" / source.sha256, (0, 0))
    store.keep_file(b"a\n4\n", "the same table under a new name.csv")
    store.tidy()
    assert names(store.home / "data") == {used.sha256, binned.sha256, fresh.sha256, again.sha256}
    assert not (store.home / "data" / unused.sha256).exists()


# --- sources ------------------------------------------------------------------------------------------------


def test_an_uploaded_file_is_kept_by_its_content(store: Store) -> None:
    source = store.keep_file(b"a,b\n1,2\n", "../../evil.csv")
    assert source.name == "../../evil.csv"
    assert source.sha256 == "492d5ea496056f1a6a6592241032fab764c321596317930b4fa0e1e8bc3b7470"
    assert names(store.home) == {"data", "runs"}
    assert names(store.home / "data") == {source.sha256}
    assert store.read_source(source) == b"a,b\n1,2\n"
    assert store.keep_file(b"a,b\n1,2\n", "") == FileSource(name="table", sha256=source.sha256)


def test_samples_are_read_by_name_and_nothing_else_is(store: Store) -> None:
    assert store.read_source(SampleSource(name="penguins.csv")).startswith(b"species")
    for name in ("", "index.json", "../app.py", "/etc/passwd", "README.md"):
        with pytest.raises(UserError, match=r"^There is no sample table called .* There are: auto_mpg.csv, "):
            store.read_source(SampleSource(name=name))


def test_an_upload_of_another_machine_is_asked_for(store: Store) -> None:
    with pytest.raises(UserError, match=r"^The file mine.csv is not kept on this machine; upload it again"):
        store.read_source(FileSource(name="mine.csv", sha256="0" * 64))


# --- status -------------------------------------------------------------------------------------------------


def test_changes_of_the_status_are_kept(store: Store) -> None:
    run = store.create(RunSettings())
    created = run.status.created
    run.set_status(state="running", attempts=1, worker=17)
    run.set_status(message="Going well.")
    status = Run(run.folder).status
    assert (status.state, status.attempts, status.worker) == ("running", 1, 17)
    assert (status.message, status.created) == ("Going well.", created)


def test_a_stop_is_asked_for_and_forgotten(store: Store) -> None:
    run = store.create(RunSettings())
    assert run.stop_asked is None
    run.ask_to_stop()
    assert run.stop_asked is not None
    run.forget_stop()
    run.forget_stop()
    assert run.stop_asked is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"state": "flying"}', b"\xff\xfe", b"[]"])
def test_a_damaged_run_says_what_is_damaged(store: Store, content: bytes) -> None:
    run = store.create(RunSettings())
    (run.folder / "status.json").write_bytes(content)
    with pytest.raises(UserError, match=rf"^The run {run.id} is damaged: its status.json cannot be read\.$"):
        _ = run.status
    (run.folder / "run.json").write_bytes(content)
    with pytest.raises(UserError, match=r"Received|not valid JSON"):
        _ = run.settings
    (run.folder / "run.json").unlink()
    with pytest.raises(UserError, match=r"its run.json is missing\. Delete it and train again\.$"):
        _ = run.settings
    store.delete(run)
    assert store.runs() == []


# --- events -------------------------------------------------------------------------------------------------


def test_a_reader_takes_each_event_once_and_waits_for_half_lines(store: Store) -> None:
    run = store.create(RunSettings())
    reader = EventReader(run)
    assert reader.read().steps_done == 0
    line = to_line(steps(0, 1.0, 2.0)).encode()
    run.events_path.write_bytes(to_line(STARTED).encode() + line[:15])
    assert reader.read().started == STARTED
    assert reader.history.steps_done == 0
    with run.events_path.open("ab") as file:
        file.write(line[15:])
    assert reader.read().steps_done == 2
    assert reader.read().steps_done == 2
    with run.events_path.open("ab") as file:
        file.write(to_line(steps(2, 3.0)).encode())
    assert reader.read().step_frame()["loss"].tolist() == [1, 2, 3]
    assert reader.read().starts == 1
    assert EventReader(run).read().step_frame().equals(reader.history.step_frame())


def test_a_damaged_line_is_passed_over(store: Store) -> None:
    run = store.create(RunSettings())
    good = to_line(STARTED).encode(), to_line(steps(0, 1.0)).encode()
    run.events_path.write_bytes(good[0] + b'{"type": "steps_\x00\xff\n\n[5]\n' + good[1])
    assert run.history().started == STARTED
    assert run.history().steps_done == 1


def test_a_line_that_a_killed_worker_left_is_dropped(store: Store) -> None:
    run = store.create(RunSettings())
    run.events_path.write_bytes(to_line(STARTED).encode() + to_line(steps(0, 9.0)).encode()[:-7])
    reader = EventReader(run)
    reader.read()
    writer = EventWriter(run)
    writer.write(steps(0, 1.0))
    assert reader.read().step_frame()["loss"].tolist() == [1.0], "seen before the file is closed"
    writer.close()
    assert run.events_path.read_text() == to_line(STARTED) + to_line(steps(0, 1.0))


@pytest.mark.parametrize("torn", [b'{"type": "st', b""])
def test_a_file_with_no_whole_line_starts_anew(store: Store, torn: bytes) -> None:
    run = store.create(RunSettings())
    run.events_path.write_bytes(torn)
    writer = EventWriter(run)
    writer.write(STARTED)
    writer.close()
    assert run.events_path.read_text() == to_line(STARTED)


# --- disks --------------------------------------------------------------------------------------------------


def test_a_real_disk_that_is_full(small_disk: Path) -> None:
    store = Store(small_disk / "home")
    run = store.create(RunSettings())
    run.set_status(state="running")
    with pytest.raises(UserError, match=r"^The disk is full\."):
        store.keep_file(b"x" * 400_000, "large.csv")
    assert names(store.home / "data") == set()
    writer = EventWriter(run)

    def fill() -> None:
        for number in range(10_000):
            writer.write(steps(number, *[0.5] * 100))

    with pytest.raises(UserError, match=r"^The disk is full\."):
        fill()
    written = run.history().steps_done
    assert written > 100
    with pytest.raises(UserError, match=r"^The disk is full\."):
        store.create(RunSettings(), owner="somebody")
    assert names(store.home / "runs") == {run.id}, "a run that could not be made leaves nothing"
    writer.close()
    run.set_status(state="failed", message="The disk is full. " * 20)
    assert run.status.state == "failed", "what failed for want of space can say so"
    run.set_status(message="Short.")
    assert run.status.message == "Short."
    assert store.runs() == [run]
    # With space again the half line goes and the events go on.
    (small_disk / "home" / "runs" / run.id / "run.json").unlink()
    writer = EventWriter(run)
    writer.write(steps(0, 0.5))
    writer.close()
    assert run.history().steps_done == written + 1


def test_the_home_folder_is_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRAPP_HOME", str(tmp_path / "named"))
    assert Store.default().home == tmp_path / "named"
    assert names(tmp_path / "named") == {"data", "runs"}
    monkeypatch.delenv("LRAPP_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    assert Store.default().home == tmp_path / "person" / ".lrapp"


def test_a_home_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"^This folder cannot be made, as a file is in its way: /"):
        Store(tmp_path / "file" / "home")


# --- what others send and what is broken ---------------------------------------------------------------------


def test_the_file_that_settings_want_is_kept_and_no_other(store: Store) -> None:
    wanted = FileSource(
        name="mine.csv", sha256="492d5ea496056f1a6a6592241032fab764c321596317930b4fa0e1e8bc3b7470"
    )
    assert store.holds(SampleSource(name="penguins.csv"))
    assert not store.holds(wanted)
    with pytest.raises(
        UserError, match=r"must begin with 492d5ea4, as that of mine.csv does\. Received: e3b0c442\."
    ):
        store.keep_wanted(b"", wanted)
    assert names(store.home / "data") == set()
    store.keep_wanted(b"a,b\n1,2\n", wanted)
    assert store.holds(wanted)
    assert store.read_source(wanted) == b"a,b\n1,2\n"


def test_a_folder_that_lost_its_status_is_found_deleted_and_taken_back(store: Store) -> None:
    whole, lost, young = (store.create(RunSettings(name=name)) for name in ("whole", "lost", "young"))
    for run in (lost, young):
        (run.folder / "status.json").unlink()
    os.utime(lost.folder, (0, 0))
    assert store.broken() == [lost], "one without a status may still be being made"
    assert store.runs() == [whole]
    store.delete(lost)
    assert store.broken() == []
    assert store.restore(lost.id) == lost
    assert lost.settings.name == "lost"


def test_tidying_keeps_all_uploads_while_settings_cannot_be_read(store: Store) -> None:
    upload = store.keep_file(b"a\n1\n", "t.csv")
    os.utime(store.home / "data" / upload.sha256, (0, 0))
    run = store.create(RunSettings())
    (run.folder / "run.json").unlink()
    (run.folder / "run.json").mkdir()
    store.tidy()
    assert store.holds(upload)
    store.delete(run)
    (store.home / "bin" / run.id / "run.json").rmdir()
    store.tidy()
    assert not store.holds(upload)
