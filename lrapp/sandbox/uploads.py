"""An uploaded file -> its table or pictures, read by a separate process.

What was read is kept as Arrow beside the uploads, under the hash of the file and of all options for reading
it, so that a worker can use what the page has read. What could not be read within its limits is remembered under
the file's hash: it is not read again, and the file itself is not kept.
"""

import base64
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrapp.errors import Refused, UserError
from lrapp.files import disk_errors, from_json, put, write_beside
from lrapp.runs.store import Store
from lrapp.sandbox.readers import OverLimit, Readers
from lrapp.settings import (
    DATA_KINDS,
    DataKind,
    DialectSettings,
    PictureSettings,
    UploadedSource,
)

if TYPE_CHECKING:
    from lrapp.images.datasets import Images, PictureFacts
    from lrapp.images.examples import Look
    from lrapp.tables.columns.kinds import ColumnKind
    from lrapp.tables.reading import Table

TABLES, REFUSED = "tables", "refused"
MOST_KEPT_BYTES = 4 * 10**9
_YOUNG_SECONDS, _OLD_SECONDS = 600, 7 * 86_400
# As many first bytes as identify a kind of file.
_BEGINNING = 16
# Memory to decide whether a zip holds pictures or a table, by its list of names.
_TELL_SECONDS, _TELL_BYTES = 20.0, 400 * 10**6
_ROOM = Path(__file__).parents[1]


class Uploads:
    """The uploaded files of a store, as tables and pictures; their readers are by default those of this process."""

    def __init__(self, store: Store, readers: Readers | None = None) -> None:
        self.store = store
        self.readers = readers or Readers()

    def table(
        self,
        source: UploadedSource,
        dialect: DialectSettings,
        kinds: Mapping[str, "ColumnKind"],
        known_names: Collection[str] = (),
        should_stop: Callable[[], bool] = lambda: False,
        *,
        gap_codes: Mapping[str, Collection[float]] | None = None,
    ) -> "Table":
        """Return the table of a file.

        Args:
            dialect: What is known of how it is written.
            gap_codes: Numbers that stand for a missing value, by column.

        Raises:
            UserError: If it is not kept here, cannot be read so, was refused before, or it was asked to stop.
        """
        from lrapp.tables.kept_tables import open_table

        self._path(source)  # or the error says why the file is not there
        codes = {column: sorted(one) for column, one in (gap_codes or {}).items()}
        kept = self._kept(source, dialect, kinds, known_names, codes)
        with suppress(OSError, ValueError, KeyError):
            table = open_table(kept)
            os.utime(kept)
            return table
        with disk_errors():
            kept.parent.mkdir(exist_ok=True)
        beside = kept.with_name(f".{secrets.token_hex(8)}")
        try:
            self.ask(
                "read",
                source,
                should_stop=should_stop,
                dialect=dialect.model_dump(mode="json"),
                kinds={column: kind.value for column, kind in kinds.items()},
                known_names=sorted(known_names),
                gap_codes=codes,
                out=str(beside),
            )
            put(beside, kept, "nothing")
        finally:
            beside.unlink(missing_ok=True)
        tidy(self.store.home)
        return open_table(kept)

    def kind_of(self, source: UploadedSource) -> DataKind:
        """Return which kind of data a file holds, by its first bytes and, if needed, its contents."""
        try:
            with self._path(source).open("rb") as file:
                begins = file.read(_BEGINNING)
            for kind, facts in DATA_KINDS.items():
                if facts.begins and begins.startswith(facts.begins) and self._holds(kind, source):
                    return kind
        except UserError:
            pass  # reported when it is used
        return next(iter(DATA_KINDS))

    def _holds(self, kind: DataKind, source: UploadedSource) -> bool:
        from lrapp.sandbox.tasks import TASKS

        task, late = f"holds_{kind}", time.monotonic() + _TELL_SECONDS
        if task not in TASKS:
            return True
        answer = self.readers.ask(
            task,
            kind,
            {"path": str(self._path(source))},
            should_stop=lambda: time.monotonic() > late,
            memory=_TELL_BYTES,
        )
        return bool(answer["holds"])

    def facts(
        self,
        source: UploadedSource,
        settings: PictureSettings,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> "PictureFacts":
        """Return what a zip of pictures holds; errors as for ``zip_files.about_zip``."""
        from lrapp.images.datasets import PictureFacts

        found = self._ask_of_pictures("about_pictures", source, settings, should_stop)
        lists = {name: tuple(found[name]) for name in ("classes", "counts", "test_counts")}
        return PictureFacts(**found | lists)

    def look(
        self,
        source: UploadedSource,
        settings: PictureSettings,
        tell: Callable[[str, float], None] = lambda what, share: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> "Look":
        """Return a look at a zip of pictures; errors as for ``examples.look_at_zip``."""
        from lrapp.images.examples import Look

        found = self._ask_of_pictures("look_at_pictures", source, settings, should_stop, tell)
        return Look(tuple(found["classes"]), tuple(base64.b64decode(sheet) for sheet in found["sheets"]))

    def images(
        self,
        source: UploadedSource,
        settings: PictureSettings,
        tell: Callable[[str, float], None] = lambda what, share: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> "Images":
        """Return all pictures of a zip, mapped from the disk; errors as for ``zip_files.read_zip``."""
        import numpy as np

        from lrapp.images.datasets import Images
        from lrapp.images.zip_files import mapped_pixels

        with _folder(self.store.home) as out:
            found = self._ask_of_pictures("read_pictures", source, settings, should_stop, tell, out=str(out))
            rows, height, width, channels = found["shape"]
            # The system keeps what is mapped after the file has lost its name.
            pixels = mapped_pixels(out / "pixels", (rows, height, width, channels))
            labels = np.load(out / "labels.npy", allow_pickle=False)
        return Images(
            pixels=pixels,
            labels=labels,
            classes=tuple(found["classes"]),
            test_from=found["test_from"],
            names=tuple(found["names"]),
            entries=tuple(found["entries"]),
            notes=tuple(found["notes"]),
        )

    def _ask_of_pictures(
        self,
        task: str,
        source: UploadedSource,
        settings: PictureSettings,
        should_stop: Callable[[], bool],
        tell: Callable[[str, float], None] = lambda what, share: None,
        **more: Any,
    ) -> dict[str, Any]:
        return self.ask(
            task,
            source,
            lambda word: tell(word["doing"], word["share"]),
            should_stop,
            settings=settings.model_dump(mode="json"),
            **more,
        )

    def ask(
        self,
        task: str,
        source: UploadedSource,
        on_word: Callable[[dict[str, Any]], None] = lambda word: None,
        should_stop: Callable[[], bool] = lambda: False,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Read a file by a task of ``tasks.TASKS``, and return its answer; refusals are remembered.

        Args:
            arguments: The task's, beside the file's path and name, as JSON.

        Raises:
            UserError: If it is not kept here, cannot be read, was refused before, or it was asked to stop.
        """
        arguments |= {"path": str(self._path(source)), "name": source.name}
        try:
            return self.readers.ask(task, source.kind, arguments, on_word, should_stop)
        except Refused as error:
            self.refuse(source, error)
            raise

    def _path(self, source: UploadedSource) -> Path:
        if said := self.refused(source):
            self._let_go(source)  # the file may have been uploaded again
            raise Refused(said)
        return self.store.source_path(source)

    def _kept(
        self,
        source: UploadedSource,
        dialect: DialectSettings,
        kinds: Mapping[str, "ColumnKind"],
        known_names: Collection[str],
        gap_codes: Mapping[str, Collection[float]],
    ) -> Path:
        # The name is part of the table, and of its notes.
        parts = [
            source.name,
            dialect.model_dump(mode="json"),
            sorted(kinds.items()),
            sorted(known_names),
            sorted(gap_codes.items()),
            _program(),
        ]
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return self.store.home / TABLES / f"{source.sha256}-{key[:32]}"

    def refused(self, source: object) -> str:
        """Return why a file was refused, in a sentence; empty if it was not, or if there is more memory now."""
        sha256 = getattr(source, "sha256", None)
        if sha256 is None:
            return ""
        try:
            found = from_json((self.store.home / REFUSED / sha256).read_bytes())
            memory, sentence = int(found["memory"]), str(found["sentence"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        there = (self.store.home / "data" / sha256).exists()
        return "" if there and memory and self.readers.memory > 1.2 * memory else sentence

    def refuse(self, source: UploadedSource, error: Refused) -> None:
        """Remember that a file cannot be read, and delete it, unless a run names it."""
        folder = self.store.home / REFUSED
        memory = error.memory if isinstance(error, OverLimit) else 0
        with suppress(UserError), disk_errors():
            folder.mkdir(exist_ok=True)
            write_beside(
                folder / source.sha256, json.dumps({"sentence": str(error), "memory": memory}).encode()
            )
        self._let_go(source)

    def _let_go(self, source: UploadedSource) -> None:
        path = self.store.home / "data" / source.sha256
        if path.exists() and not _named(self.store.home, source.sha256):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _named(home: Path, sha256: str) -> bool:
    """Whether a run, also one in the bin, names a file; yes if that is unknown."""
    try:
        return any(sha256.encode() in path.read_bytes() for path in home.glob("*/*/run.json"))
    except OSError:
        return True


@contextmanager
def _folder(home: Path) -> Iterator[Path]:
    """A folder on the disk of the store, for the results of a reading."""
    with disk_errors():
        (home / TABLES).mkdir(exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".", dir=home / TABLES))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@cache
def _program() -> str:
    """A value that changes when the code that reads tables changes."""
    import pandas
    import pyarrow

    digest = hashlib.sha256(f"{pandas.__version__} {pyarrow.__version__}".encode())
    for path in sorted((_ROOM / "tables").rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def tidy(home: Path) -> None:
    """Remove what was read of uploads that are gone, long ago, or where there is much; refusals go after a week."""
    now, total = time.time(), 0
    found = []
    for path in (home / REFUSED).glob("*"):
        with suppress(OSError):
            if now - path.stat().st_mtime > _OLD_SECONDS:
                path.unlink(missing_ok=True)
    for path in (home / TABLES).glob("*"):
        with suppress(OSError):
            about = path.stat()
            found.append((now - about.st_mtime, about.st_size, path))
    for age, size, path in sorted(found):
        total += size
        gone = path.name.startswith(".") or not (home / "data" / path.name.partition("-")[0]).exists()
        if age > _YOUNG_SECONDS and (gone or age > _OLD_SECONDS or total > MOST_KEPT_BYTES):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
