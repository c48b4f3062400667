"""What a person says about a run is kept beside it, and a damaged file loses nothing else."""

from pathlib import Path

import pytest

from lrapp.errors import UserError
from lrapp.runs import notes
from lrapp.runs.notes import About
from lrapp.runs.store import Run, Store
from lrapp.settings import RunSettings


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Store(tmp_path / "home").create(RunSettings(name="as trained"))


def test_a_new_run_has_the_name_of_its_settings(run: Run) -> None:
    assert notes.read(run) == (About(), "")
    assert notes.name_of(run) == "as trained"


def test_a_part_is_changed_and_the_others_stay(run: Run) -> None:
    before = (run.folder / "run.json").read_bytes()
    notes.change(run, name="Ünïcode 🐧 **name**")
    notes.change(run, starred=True)
    assert notes.change(run, note="two\nlines").model_dump() == {
        "name": "Ünïcode 🐧 **name**",
        "note": "two\nlines",
        "starred": True,
    }
    assert notes.read(Run(run.folder)) == (
        About(name="Ünïcode 🐧 **name**", note="two\nlines", starred=True),
        "",
    )
    assert notes.name_of(run) == "Ünïcode 🐧 **name**"
    assert (run.folder / "run.json").read_bytes() == before, "settings decide what is computed"
    assert {path.name for path in run.folder.iterdir()} == {"run.json", "status.json", "about.json"}


def test_a_name_can_be_taken_away(run: Run) -> None:
    notes.change(run, name="")
    assert notes.name_of(run) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"starred": "perhaps"}',
        b'{"note": "%s"}' % (b"x" * 2_001),
        b" " * 200_000,
    ],
)
def test_a_damaged_file_is_a_sentence(run: Run, content: bytes) -> None:
    (run.folder / "about.json").write_bytes(content)
    said, sentence = notes.read(run)
    assert said == About()
    assert sentence.startswith("The about.json of this run cannot be read")
    assert notes.name_of(run) == "as trained"
    notes.change(run, starred=True)
    assert notes.read(run) == (About(starred=True), "")


def test_a_folder_in_its_place_is_a_sentence(run: Run) -> None:
    (run.folder / "about.json").mkdir()
    assert notes.read(run)[0] == About()
    assert notes.read(run)[1]


def test_what_is_too_long_says_how_long_it_is(run: Run) -> None:
    with pytest.raises(
        UserError, match=r"at most 200 letters and a note at most 2,000\. Received: 201 and 0\.$"
    ):
        notes.change(run, name="x" * 201)
    with pytest.raises(UserError, match=r"Received: 0 and 2,001\.$"):
        notes.change(run, note="x" * 2_001)
    assert notes.read(run) == (About(), "")


def test_a_run_that_is_gone_is_said(run: Run, tmp_path: Path) -> None:
    Store(tmp_path / "home").delete(run)
    with pytest.raises(UserError, match=r"^This run is no longer here"):
        notes.change(run, starred=True)


def test_a_run_takes_what_is_said_into_the_bin_and_back(run: Run, tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    notes.change(run, note="mine")
    store.delete(run)
    assert notes.read(store.restore(run.id))[0].note == "mine"
