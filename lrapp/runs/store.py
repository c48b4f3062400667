"""The run folder: the only place where a run is kept.

A home folder holds ``data/`` (uploaded files, named by their content) and ``runs/`` (a folder for each run). A run
folder holds ``run.json`` (settings), ``status.json``, ``events.jsonl``, a checkpoint while it trains, and, at the
end, the model, the fitted preprocessor and the scores; in ``starts/``, the run that it starts from, where that is
kept nowhere else. Files are written beside and renamed, so that a reader, or
a process that is killed, never meets half a file.
"""

import hashlib
import heapq
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from lrapp import palette
from lrapp.errors import BusyError, UserError
from lrapp.files import disk_errors, write_beside
from lrapp.runs import disk_space
from lrapp.runs.events import Event, History, from_line, to_line
from lrapp.settings import FileSource, RunSettings, Source, UploadedSource
from lrapp.settings.sources import DataSource

State = Literal[
    "queued", "running", "completed", "early_stopping", "stopped", "diverged", "failed", "interrupted"
]
STARTS = "starts"  # the folder, in a run's own, of the run that it starts from
ENDED: tuple[State, ...] = ("completed", "early_stopping", "stopped", "diverged", "failed", "interrupted")
SAMPLES = Path(__file__).parents[2] / "sample_data"
_MAKING_SECONDS = 60
_HELD_SECONDS = 1.0  # a process that only checks whether a run is free releases it at once
# A new run has another colour than the newest of these.
_SEEN_TOGETHER = 40
ID = re.compile(r"[0-9]{8}-[0-9]{12}-[0-9a-f]{16}")


class Status(BaseModel):
    """The status of a run.

    ``message`` is one plain sentence; ``queued`` is when the run was put into the queue again, None where that was when
    it was created; ``attempts`` counts how often a worker started the run.
    """

    model_config = ConfigDict(frozen=True)

    state: State = "queued"
    message: str = ""
    created: datetime
    queued: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    attempts: int = 0
    worker: int | None = None


def now() -> datetime:
    """Return the time, with its zone, as status files keep it."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Run:
    """One run's folder, and the names of what lies in it."""

    folder: Path

    @property
    def id(self) -> str:
        """The run's name in links and on disk; cannot be guessed."""
        return self.folder.name

    @property
    def events_path(self) -> Path:
        """The run's events, one a line."""
        return self.folder / "events.jsonl"

    @property
    def checkpoint_path(self) -> Path:
        """All that is needed to resume after the last saved epoch."""
        return self.folder / "checkpoint.npz"

    @property
    def model_path(self) -> Path:
        """The finished model, as Keras saves it."""
        return self.folder / "model.keras"

    @property
    def scores_path(self) -> Path:
        """The test results of the finished model."""
        return self.folder / "scores.json"

    @property
    def insight_path(self) -> Path:
        """The detailed evaluation of the finished model."""
        return self.folder / "insight.json"

    @property
    def lock_path(self) -> Path:
        """Locked by the process that works on the run, for as long as it lives."""
        return self.folder / "lock"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody else work on the run meanwhile.

        Raises:
            BusyError: If somebody does.
        """
        from filelock import FileLock, Timeout

        try:
            with FileLock(self.lock_path, timeout=_HELD_SECONDS):
                yield
        except Timeout as error:
            raise BusyError("This run is being worked on already; wait for that to finish.") from error

    @property
    def turn_path(self) -> Path:
        """Locked by the server that is responsible for the run, from taking it to its end."""
        return self.folder / "turn"

    @property
    def owner(self) -> str:
        """Id of the run's owner, as given to ``Store.create``; empty if it has none."""
        try:
            return (self.folder / "owner").read_text("ascii")
        except (OSError, UnicodeDecodeError):
            return ""

    @property
    def settings(self) -> RunSettings:
        """The settings as they were when Train was pressed.

        Raises:
            UserError: If the file is missing or damaged.
        """
        return RunSettings.from_json(self._read("run.json"))

    @property
    def status(self) -> Status:
        """Where the run stands.

        Raises:
            UserError: If the file is missing or damaged.
        """
        try:
            return Status.model_validate_json(self._read("status.json"))
        except ValidationError as error:
            raise UserError(f"The run {self.id} is damaged: its status.json cannot be read.") from error

    def set_status(self, **changes: object) -> Status:
        """Change fields of the status and return it; only the owner of the queue may."""
        status = Status.model_validate(self.status.model_dump() | changes)
        path, data = self.folder / "status.json", status.model_dump_json(indent=2).encode()
        try:
            write_beside(path, data, "content")
        except UserError:
            # A full disk has no room for a new file, but the old one can be overwritten; a run that failed
            # because the disk is full must still get its status.
            with disk_errors(), path.open("r+b", buffering=0) as file:
                file.write(data)
                file.truncate()
        return status

    def ask_to_stop(self) -> None:
        """Create the stop file, which the worker checks between two chunks of steps."""
        with disk_errors():
            (self.folder / "stop").touch()

    @property
    def stop_asked(self) -> float | None:
        """When the run was asked to stop, in seconds since 1970; None if it was not."""
        try:
            return (self.folder / "stop").stat().st_mtime
        except FileNotFoundError:
            return None

    def forget_stop(self) -> None:
        """Remove the stop file, before the run is resumed."""
        (self.folder / "stop").unlink(missing_ok=True)

    def history(self) -> History:
        """Return the run's history so far."""
        return EventReader(self).read()

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError as error:
            raise UserError(
                f"The run {self.id} is damaged: its {name} is missing. Delete it and train again."
            ) from error


class EventReader:
    """Reads a run's events as they come, each once."""

    def __init__(self, run: Run) -> None:
        self._path = run.events_path
        self._offset = 0
        self.history = History()

    def read(self) -> History:
        """Read what is new and return the history so far.

        A last line without its end is still being written and waits for the next call; a damaged line is passed
        over, because what comes after it still tells something.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return self.history
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        for line in data[:whole].splitlines():
            try:
                self.history.add(from_line(line))
            except ValueError:
                continue
        return self.history


class EventWriter:
    """Appends events to a run's file, each at once, so that the page sees it."""

    def __init__(self, run: Run) -> None:
        with disk_errors():
            # Unbuffered: an event that a full disk refused must not be written again on close.
            self._file: FileIO = run.events_path.open("ab", buffering=0)
            self._drop_torn_line()

    def _drop_torn_line(self) -> None:
        """Remove half a line, left by a worker that was killed, which would spoil the next one."""
        data = Path(os.fsdecode(self._file.name)).read_bytes()
        if data and not data.endswith(b"\n"):
            self._file.truncate(data.rfind(b"\n") + 1)

    def write(self, event: Event) -> None:
        """Append one event.

        Raises:
            UserError: If the disk is full.
        """
        line = to_line(event).encode()
        with disk_errors():
            while line:
                line = line[self._file.write(line) :]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Store:
    """A home folder with its uploaded files and its runs; made when it is not there."""

    def __init__(self, home: Path, starts: Path | None = None) -> None:
        self.home, self._starts = home, starts
        with disk_errors():
            (home / "data").mkdir(parents=True, exist_ok=True)
            (home / "runs").mkdir(exist_ok=True)

    @classmethod
    def default(cls) -> "Store":
        """Return the store in the folder that LRAPP_HOME names, or in ``.lrapp`` in the person's home."""
        return cls(Path(os.environ.get("LRAPP_HOME") or Path.home() / ".lrapp").absolute())

    def keep_file(self, data: bytes, name: str) -> FileSource:
        """Keep an uploaded file under the hash of its content, and return what settings call it.

        Raises:
            UserError: If the disk is full.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.home / "data" / sha256
        if path.exists():
            os.utime(path)  # its week starts again
        else:
            write_beside(path, data)
        return FileSource(name=name[:500] or "table", sha256=sha256)

    def holds(self, source: Source) -> bool:
        """Return whether the source is there to be read; what comes with the app always is."""
        sha256 = getattr(source, "sha256", None)
        return sha256 is None or (self.home / "data" / sha256).exists()

    def keep_wanted(self, data: bytes, source: Source) -> None:
        """Keep an uploaded file that settings from elsewhere ask for.

        Raises:
            UserError: If it is another file, or the disk is full.
        """
        wanted, received = getattr(source, "sha256", ""), hashlib.sha256(data).hexdigest()
        if received != wanted:
            raise UserError(
                f"The file's SHA-256 must begin with {wanted[:8]}, as that of {source.name} does. "
                f"Received: {received[:8]}. Upload the right one, or choose another table below."
            )
        self.keep_file(data, source.name)

    def read_source(self, source: DataSource) -> bytes:
        """Return the bytes of a sample table or of an uploaded file.

        Raises:
            UserError: If there is no such sample, or the file is no longer kept here.
        """
        if isinstance(source, UploadedSource):
            return self.source_path(source).read_bytes()
        known = {path.name: path for path in SAMPLES.glob("*.csv")}
        if source.name not in known:
            raise UserError(
                f"There is no sample table called {source.name}. There are: {', '.join(sorted(known))}."
            )
        return known[source.name].read_bytes()

    def source_path(self, source: UploadedSource) -> Path:
        """Return where an uploaded file is kept.

        Raises:
            UserError: If it is no longer kept here.
        """
        path = self.home / "data" / source.sha256
        if not path.exists():
            raise UserError(
                f"The file {source.name} is not kept on this machine; upload it again, "
                "or name it with --data on the command line."
            )
        return path

    def create(self, settings: RunSettings, owner: str = "") -> Run:
        """Make a folder for a new run, queued.

        Args:
            owner: Id of its owner, ASCII; empty if it has none.

        Raises:
            UserError: If the disk is full.
        """
        created = now()
        run = Run(self.home / "runs" / self._new_id(created))
        status = Status(created=created)
        with disk_errors():
            run.folder.mkdir()
        try:
            write_beside(run.folder / "run.json", settings.to_json().encode(), "content")
            if owner:
                write_beside(run.folder / "owner", owner.encode("ascii"), "content")
            # The status comes last: a folder without one is not a run yet.
            write_beside(run.folder / "status.json", status.model_dump_json(indent=2).encode(), "content")
        except BaseException:
            shutil.rmtree(run.folder, ignore_errors=True)
            raise
        return run

    def of(self, run: Run) -> "Store":
        """Return the same store, which looks first into a run's own folder for the run that it starts from."""
        return Store(self.home, run.folder / STARTS)

    def _new_id(self, created: datetime) -> str:
        """An id that nobody can guess, whose colour the runs before it have not."""
        ids = (path.name for path in (self.home / "runs").iterdir() if ID.fullmatch(path.name))
        wanted = palette.unlike(heapq.nlargest(_SEEN_TOGETHER, ids))
        while True:
            found = f"{created:%Y%m%d-%H%M%S%f}-{secrets.token_hex(8)}"
            if palette.colour_of(found) == wanted:
                return found

    def get(self, run_id: str) -> Run:
        """Return the run of that id.

        Raises:
            UserError: If there is none.
        """
        run = Run(self.home / "runs" / run_id)
        if self._starts is not None and (self._starts / run_id / "status.json").exists():
            run = Run(self._starts / run_id)
        if not ID.fullmatch(run_id) or not (run.folder / "status.json").exists():
            raise UserError(
                "There is no such run here. It may have been deleted; the Runs page lists those kept."
            )
        return run

    def runs(self) -> list[Run]:
        """Return all runs, the newest first."""
        folders = (path for path in (self.home / "runs").iterdir() if ID.fullmatch(path.name))
        return [Run(path) for path in sorted(folders, reverse=True) if (path / "status.json").exists()]

    def broken(self) -> list[Run]:
        """Return folders of runs that lost their status, the newest first."""
        folders = (path for path in (self.home / "runs").iterdir() if ID.fullmatch(path.name))
        # A run that is being made has no status yet either.
        limit = time.time() - _MAKING_SECONDS
        return [
            Run(path)
            for path in sorted(folders, reverse=True)
            if path.is_dir() and not (path / "status.json").exists() and path.stat().st_mtime < limit
        ]

    def delete(self, run: Run) -> None:
        """Move a run into the bin, from which ``restore`` can take it back within a week."""
        bin_folder = self.home / "bin"
        with disk_errors():
            bin_folder.mkdir(exist_ok=True)
            os.replace(run.folder, bin_folder / run.id)
            os.utime(bin_folder / run.id)

    def restore(self, run_id: str) -> Run:
        """Take a run back out of the bin.

        Raises:
            UserError: If it is no longer there.
        """
        if not ID.fullmatch(run_id) or not (self.home / "bin" / run_id).exists():
            raise UserError("This run is no longer in the bin.")
        os.replace(self.home / "bin" / run_id, self.home / "runs" / run_id)
        return Run(self.home / "runs" / run_id)

    def tidy(self, older_than_days: float = 7.0) -> None:
        """Delete for good what has been in the bin for longer, and uploads that no run has used for as long.

        What was prepared of them goes too.
        """
        limit = time.time() - older_than_days * 86_400
        for path in (self.home / "bin").glob("*"):
            if path.stat().st_mtime < limit:
                shutil.rmtree(path, ignore_errors=True)
        try:
            used = b"".join(path.read_bytes() for path in self.home.glob("*/*/run.json"))
        except OSError:
            return  # unreadable settings could name any of the uploads
        for path in (self.home / "data").iterdir():
            if path.stat().st_mtime < limit and path.name.encode() not in used:
                path.unlink(missing_ok=True)
        with suppress(UserError):  # a limit that is no size is reported to the next run
            disk_space.tidy_prepared(self.home, disk_space.most_prepared())
