"""The file of a study, which names its runs: made with them, found again, put into the bin and taken back out of it."""

import os
import re
import secrets
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lrapp.errors import UserError
from lrapp.execution import worker_setup
from lrapp.experiments.search import Search
from lrapp.files import disk_errors, write_beside
from lrapp.runs.store import ENDED, Run, Store, now
from lrapp.settings import RunSettings

# As many as a policy's own label can have; a run's name holds it beside the study's.
MOST_LABEL = 80
_ID = re.compile(r"[0-9]{8}-[0-9]{12}-[0-9a-f]{16}")


class Member(BaseModel):
    """One run of a study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(min_length=1, max_length=MOST_LABEL)
    seed: int
    run_id: str = Field(pattern=_ID.pattern)


class Study(BaseModel):
    """Which runs belong together.

    ``yardstick`` is the policy that the others are measured by; a random search has none, and its ``search`` says what
    it draws from, which comparisons of policies have not. ``owner`` is an id of whoever started it; empty where nobody
    in particular did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    id: str = Field(pattern=_ID.pattern)
    name: str = Field(max_length=200)
    created: datetime
    yardstick: str = ""
    search: Search | None = None
    owner: str = ""
    members: tuple[Member, ...] = Field(min_length=1)

    @property
    def word(self) -> str:
        """Its name in sentences: comparison or search."""
        return "search" if self.search is not None else "comparison"

    @property
    def queue(self) -> tuple[Member, ...]:
        """The members in the order in which they train."""
        return tuple(sorted(self.members, key=lambda member: member.run_id))

    @property
    def labels(self) -> tuple[str, ...]:
        """The policies' names, in their order."""
        return tuple(dict.fromkeys(member.label for member in self.members))

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in their order."""
        return tuple(dict.fromkeys(member.seed for member in self.members))


def _folder(store: Store) -> Path:
    return store.home / "studies"


def _binned(store: Store, study_id: str) -> Path:
    # A folder, as everything in the bin is, so that it is emptied like the rest.
    return store.home / "bin" / f"study-{study_id}"


def make(
    store: Store,
    name: str,
    runs: Sequence[tuple[str, int, RunSettings]],
    *,
    yardstick: str = "",
    search: Search | None = None,
    owner: str = "",
) -> Study:
    """Make the runs of a study, queued, and the study; the owner of the queue has to submit them.

    Args:
        name: What to call the study; the first 200 letters are kept.
        runs: Label, seed and settings of each.
        yardstick, search, owner: As in ``Study``; the owner's are its runs, too.

    Raises:
        UserError: If the disk is full; then no run is left behind.
    """
    # Runs of one kind of worker follow one another, as starting another kind takes seconds.
    kinds = [worker_setup.kind_for(settings) for _, _, settings in runs]
    made: dict[int, Run] = {}
    try:
        for place in sorted(range(len(runs)), key=lambda place: kinds.index(kinds[place])):
            made[place] = store.create(runs[place][2], owner)
        members = (
            Member(label=label, seed=seed, run_id=made[place].id)
            for place, (label, seed, _) in enumerate(runs)
        )
        created = now()
        study = Study(
            id=f"{created:%Y%m%d-%H%M%S%f}-{secrets.token_hex(8)}",
            name=name[:200],
            created=created,
            yardstick=yardstick,
            search=search,
            owner=owner,
            members=tuple(members),
        )
        with disk_errors():
            _folder(store).mkdir(exist_ok=True)
        write_beside(_folder(store) / f"{study.id}.json", study.model_dump_json(indent=2).encode())
    except UserError:
        for run in made.values():
            shutil.rmtree(run.folder, ignore_errors=True)
        raise
    return study


def get(store: Store, study_id: str) -> Study:
    """Return the study of that id.

    Raises:
        UserError: If there is none, or its file is damaged.
    """
    path = _folder(store) / f"{study_id}.json"
    if not _ID.fullmatch(study_id) or not path.exists():
        raise UserError(
            "There is no such comparison here. It may have been deleted; choose another or start one."
        )
    return _read(path, "is damaged. Its runs are still on the Runs page; compare again.")


def _read(path: Path, damaged: str) -> Study:
    try:
        return Study.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"The file of this comparison {damaged}") from error


def every(store: Store) -> list[Study]:
    """Return all studies whose files can be read, the newest first."""
    studies = []
    for path in sorted(_folder(store).glob("*.json"), reverse=True):
        try:
            studies.append(get(store, path.stem))
        except UserError:
            continue
    return studies


def run_of(store: Store, member: Member) -> Run | None:
    """Return a member's run; None if it was deleted."""
    try:
        return store.get(member.run_id)
    except UserError:
        return None


def delete(store: Store, study: Study) -> None:
    """Put a study and its runs into the bin, from which ``restore`` takes them back within a week.

    Raises:
        UserError: If a run has not ended.
    """
    runs = [run for member in study.members if (run := run_of(store, member)) is not None]
    if not all(_ended(run) for run in runs):
        raise UserError(f"Stop this {study.word} before you delete it.")
    binned = _binned(store, study.id)
    with disk_errors():
        binned.mkdir(parents=True, exist_ok=True)
        os.replace(_folder(store) / f"{study.id}.json", binned / "study.json")
    for run in runs:
        store.delete(run)


def _ended(run: Run) -> bool:
    try:
        return run.status.state in ENDED
    except UserError:
        return True  # nobody trains a run whose status cannot be read


def binned(store: Store, study_id: str) -> Study:
    """Return a study that lies in the bin.

    Raises:
        UserError: If it is no longer there.
    """
    return _read(_in_bin(store, study_id), "is damaged; it cannot be taken back.")


def _in_bin(store: Store, study_id: str) -> Path:
    path = _binned(store, study_id) / "study.json"
    if not _ID.fullmatch(study_id) or not path.exists():
        raise UserError("This comparison is no longer in the bin.")
    return path


def restore(store: Store, study_id: str) -> Study:
    """Take a study and those of its runs that are still there out of the bin.

    Raises:
        UserError: If the study is no longer there.
    """
    binned = _in_bin(store, study_id)
    with disk_errors():
        _folder(store).mkdir(exist_ok=True)
        os.replace(binned, _folder(store) / f"{study_id}.json")
        binned.parent.rmdir()
    study = get(store, study_id)
    for member in study.members:
        try:
            store.restore(member.run_id)
        except UserError:
            continue  # deleted for good, or never deleted; the comparison says which are missing
    return study
