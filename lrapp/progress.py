"""How far something is that a person waits for, and whether it is still wanted; between threads or processes."""

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from lrapp.errors import Stopped
from lrapp.files import disk_errors, from_json, write_beside

_SECONDS_BETWEEN_WORDS = 0.2
_PROGRESS_FILE, _STOP_FILE = "progress.json", "stop"


@dataclass(frozen=True)
class Progress:
    """How far something is.

    Args:
        doing: What is being done, as a person reads it.
        share: How much of it is done, 0 to 1; None where that is not known.
    """

    doing: str
    share: float | None = None


class Watch(Protocol):
    """What stands between whoever works and whoever waits."""

    def tell(self, doing: str, share: float | None = None) -> None:
        """Say how far it is."""

    def should_stop(self) -> bool:
        """Return whether somebody asked for its end, or nobody waits any more."""

    def check(self, sentence: str) -> None:
        """Go on, if it is still wanted.

        Args:
            sentence: What the person is told who stopped it.

        Raises:
            Stopped: If it is not.
        """


class Unwatched:
    """Nobody waits, as where there is no page; it goes on to its end."""

    def tell(self, doing: str, share: float | None = None) -> None:
        """Say nothing."""

    def should_stop(self) -> bool:
        """Return that nobody asked for its end."""
        return False

    def check(self, sentence: str) -> None:
        """Go on."""


NOBODY = Unwatched()


@dataclass(eq=False)
class ThreadWatch:
    """Between threads of one process."""

    progress: Progress | None = None
    asked_to_stop: bool = False

    def tell(self, doing: str, share: float | None = None) -> None:
        """Say how far it is."""
        self.progress = Progress(doing, share)

    def should_stop(self) -> bool:
        """Return whether somebody asked for its end."""
        return self.asked_to_stop

    def check(self, sentence: str) -> None:
        """Go on, or raise ``Stopped``."""
        if self.should_stop():
            raise Stopped(sentence)

    def ask_to_stop(self) -> None:
        """Ask for its end."""
        self.asked_to_stop = True


@dataclass(eq=False)
class FolderWatch:
    """Between processes that see one folder, also after the page was loaded anew.

    Args:
        folder: Is there for as long as somebody waits; other files in it are left alone.
    """

    folder: Path
    _told: float = field(default=-_SECONDS_BETWEEN_WORDS, repr=False)

    def tell(self, doing: str, share: float | None = None) -> None:
        """Say how far it is; a share that comes sooner than somebody who watches could see is passed over."""
        if share is not None and time.monotonic() - self._told < _SECONDS_BETWEEN_WORDS:
            return
        self._told = time.monotonic()
        with suppress(FileNotFoundError):  # nobody waits any more
            write_beside(
                self.folder / _PROGRESS_FILE, json.dumps(asdict(Progress(doing, share))).encode(), "nothing"
            )

    @property
    def progress(self) -> Progress | None:
        """How far it is; None before it has begun."""
        try:
            found = from_json((self.folder / _PROGRESS_FILE).read_bytes())
            share = found["share"]
            return Progress(str(found["doing"]), None if share is None else min(1.0, max(0.0, float(share))))
        except (OSError, ValueError, KeyError, TypeError):  # not there, or damaged
            return None

    def should_stop(self) -> bool:
        """Return whether somebody asked for its end, or nobody waits any more."""
        return (self.folder / _STOP_FILE).exists() or not self.folder.is_dir()

    def check(self, sentence: str) -> None:
        """Go on, or raise ``Stopped``."""
        if self.should_stop():
            raise Stopped(sentence)

    def ask_to_stop(self) -> None:
        """Ask for its end.

        Raises:
            UserError: If the disk cannot be written.
        """
        with disk_errors(), suppress(FileNotFoundError):  # where the folder is gone, it has ended
            (self.folder / _STOP_FILE).touch()

    def begin_again(self) -> None:
        """Forget how far it was, and that it was to end."""
        for name in (_PROGRESS_FILE, _STOP_FILE):
            (self.folder / name).unlink(missing_ok=True)
