"""Where predictions lie on a server: a folder for each, under a name that cannot be guessed, for a day.

Two locks in it distinguish a running prediction from one that was cut off: one of the server that is responsible
for it, from the moment it is asked for, and of the worker, while it works. A process that dies releases its lock.
"""

import re
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from lrapp.column_formats.match import Choice, Question, UnclearFormat
from lrapp.errors import UserError
from lrapp.files import disk_errors, write_beside
from lrapp.phrasing import counted
from lrapp.prediction import files, images
from lrapp.prediction.files import Result
from lrapp.prediction.images import PicturePredictions
from lrapp.progress import FolderWatch, Progress, Watch

KEPT_HOURS = 24.0
KEPT = 30
# Younger ones stay, however many there are: they may be about to be downloaded.
_YOUNG_SECONDS = 1800
_QUESTIONS = TypeAdapter(tuple[Question, ...])
_QUESTIONS_FILE = "questions.json"
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Asked:
    """What a prediction was asked for.

    Args:
        run: Id of the run whose model is to predict.
        owner: Id of its owner; empty if it has none.
        pictures: What the person called the files of pictures; empty for a table.
    """

    name: str = ""
    run: str = ""
    owner: str = ""
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class PredictionFolder:
    """One prediction's folder, and the names of what lies in it."""

    folder: Path

    @property
    def id(self) -> str:
        """The name of the folder, in links and on disk."""
        return self.folder.name

    @property
    def table_path(self) -> Path:
        """The file that was uploaded; gone when its rows are predicted."""
        return self.folder / "table"

    @property
    def pictures_path(self) -> Path:
        """The folder of the pictures that were uploaded, under their numbers; gone when they are predicted."""
        return self.folder / "pictures"

    @property
    def waits(self) -> bool:
        """Whether what was uploaded is still to be predicted."""
        return self.table_path.exists() or self.pictures_path.exists()

    @property
    def csv_path(self) -> Path:
        """All rows with their predictions."""
        return self.folder / files.CSV_FILE

    @property
    def parquet_path(self) -> Path:
        """The same rows, with types."""
        return self.folder / files.PARQUET_FILE

    @property
    def preview_path(self) -> Path:
        """The first rows."""
        return self.folder / files.PREVIEW_FILE

    @property
    def watch(self) -> FolderWatch:
        """The work's progress, and the request to cancel."""
        return FolderWatch(self.folder)

    @property
    def progress(self) -> Progress | None:
        """How far it is; None before it has begun."""
        return self.watch.progress

    @property
    def done(self) -> bool:
        """Whether it needs no more work for now, as far as the folder tells."""
        return not self.waits or bool(self.questions)

    @property
    def asked(self) -> Asked:
        """What it was asked for; nothing, where that cannot be read."""
        try:
            return TypeAdapter(Asked).validate_json((self.folder / "asked.json").read_bytes())
        except (OSError, ValidationError):
            return Asked()

    @property
    def owner(self) -> str:
        """Who asked for it; empty where nobody in particular did."""
        return self.asked.owner

    @property
    def cut_off(self) -> bool:
        """Whether what was uploaded waits and no process works on it, as after a crash."""
        return self.waits and not self.questions and not any(map(_held, self._locks))

    @property
    def _locks(self) -> tuple[Path, Path]:
        return self.folder / "answering.lock", self.folder / "working.lock"

    def answer_for(self) -> FileLock:
        """Return a lock that marks it as being worked on, until it is released or this process ends.

        Raises:
            UserError: If somebody else is.
        """
        return _take(self._locks[0])

    def work_on(self) -> FileLock:
        """As ``answer_for``, for the worker."""
        return _take(self._locks[1])

    def begin_again(self) -> None:
        """Reset the progress of a prediction that was cut off."""
        self.watch.begin_again()

    @property
    def questions(self) -> tuple[Question, ...]:
        """Questions to answer before its table is predicted; empty if there are none."""
        try:
            return _QUESTIONS.validate_json((self.folder / _QUESTIONS_FILE).read_bytes())
        except (OSError, ValidationError):  # not there, or damaged
            return ()

    def answer(self) -> None:
        """Remove the questions, once they are answered."""
        (self.folder / _QUESTIONS_FILE).unlink(missing_ok=True)

    def result(self) -> Result:
        """Return the result.

        Raises:
            UserError: If nothing has yet, or it is no longer kept.
        """
        return Result.load(self.folder)

    def seen(self) -> PicturePredictions:
        """Return the predictions of pictures; errors as for ``result``."""
        return PicturePredictions.load(self.folder)

    def cancel(self) -> None:
        """Cancel it."""
        self.watch.ask_to_stop()

    def delete(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _take(path: Path) -> FileLock:
    # It may be released by another thread than the one that took it.
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise UserError("This is being predicted already; wait for it, or cancel it.") from error
    return lock


def _held(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def create(
    home: Path, data: bytes | memoryview, *, name: str = "", run: str = "", owner: str = ""
) -> PredictionFolder:
    """Make a folder for a new prediction, with the table in it, and remove old ones.

    Args:
        data: Bytes of the uploaded file.

    Raises:
        UserError: If the disk is full.
    """
    with _begun(home, Asked(name, run, owner)) as made:
        write_beside(made.table_path, data, "nothing")
    return made


@contextmanager
def _begun(home: Path, asked: Asked) -> Iterator[PredictionFolder]:
    """Make a folder for a new prediction, in which its files are to be put; errors as for ``create``."""
    tidy(home)
    made = PredictionFolder(home / "predictions" / secrets.token_hex(16))
    with disk_errors():
        made.folder.mkdir(parents=True)
    try:
        write_beside(made.folder / "asked.json", TypeAdapter(Asked).dump_json(asked, indent=1))
        yield made
    except UserError:
        made.delete()
        raise


def get(home: Path, name: str) -> PredictionFolder:
    """Return the prediction of that id.

    Raises:
        UserError: If there is none.
    """
    found = PredictionFolder(home / "predictions" / name)
    if not _ID.fullmatch(name) or not found.folder.is_dir():
        raise UserError("These predictions are no longer kept here: predict the table again.")
    return found


def tidy(home: Path) -> None:
    """Delete predictions older than a day, and the oldest ones where there are many."""
    now = time.time()
    known = []
    for path in (home / "predictions").glob("*"):
        try:
            known.append((now - path.stat().st_mtime, path))
        except OSError:
            continue
    for place, (age, path) in enumerate(sorted(known)):
        if age > KEPT_HOURS * 3600 or (place >= KEPT and age > _YOUNG_SECONDS):
            shutil.rmtree(path, ignore_errors=True)


def work(
    folder: Path, run_folder: Path, name: str, choice: Choice | None = None, watch: Watch | None = None
) -> None:
    """Predict the table that lies in a prediction's folder; what a worker does for the page.

    Where a person must say first how the file is written, that is left in the folder, and nothing is predicted.

    Raises:
        UserError: As ``files.predict_file``.
    """
    prediction = PredictionFolder(folder)
    watched = watch or prediction.watch
    with prediction.work_on():
        try:
            files.predict_file(
                run_folder,
                prediction.table_path,
                name,
                folder,
                lambda progress: watched.tell(progress.words("row"), progress.share),
                watched.should_stop,
                choice,
            )
        except UnclearFormat as error:
            # What was answered before stays answered.
            asked = [question.after(choice or Choice()) for question in error.questions]
            write_beside(folder / _QUESTIONS_FILE, _QUESTIONS.dump_json(tuple(asked)))
            return
        except BaseException:
            prediction.delete()
            raise
        prediction.table_path.unlink(missing_ok=True)


def create_of_pictures(
    home: Path, pictures: Sequence[tuple[str, bytes | memoryview]], *, run: str = "", owner: str = ""
) -> PredictionFolder:
    """Make a folder for a new prediction, with the files of pictures in it.

    Args:
        pictures: Name and bytes of each, at least one.

    Raises:
        UserError: If the disk is full.
    """
    names = tuple(name for name, _ in pictures)
    called = names[0] if len(names) == 1 else counted(len(names), "file")
    with _begun(home, Asked(called, run, owner, names)) as made:
        with disk_errors():
            made.pictures_path.mkdir()
        for number, (_, data) in enumerate(pictures):
            write_beside(made.pictures_path / f"{number}", data, "nothing")
    return made


def work_on_pictures(folder: Path, run_folder: Path, watch: Watch | None = None) -> None:
    """Predict the pictures that lie in a prediction's folder, as ``work`` does a table.

    Args:
        folder: From ``create_of_pictures``.

    Raises:
        UserError: As ``images.predict_files``.
    """
    prediction = PredictionFolder(folder)
    watched = watch or prediction.watch
    pictures = [
        (name, prediction.pictures_path / f"{number}")
        for number, name in enumerate(prediction.asked.pictures)
    ]
    with prediction.work_on():
        try:
            found = images.predict_files(
                run_folder,
                pictures,
                on_progress=lambda progress: watched.tell(progress.words("picture"), progress.share),
                should_stop=watched.should_stop,
            )
            found.save(folder)
        except BaseException:
            prediction.delete()
            raise
        shutil.rmtree(prediction.pictures_path)
