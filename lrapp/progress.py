"""The progress of what a person waits for, and the request to cancel it; between threads or processes."""

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
    """The progress of a task, with the share done, 0 to 1; None where that is unknown."""

    doing: str
    share: float | None = None


class Watch(Protocol):
    """The connection between a task and the person who waits for it."""

    def tell(self, doing: str, share: float | None = None) -> None:
        """Report progress."""

    def should_stop(self) -> bool:
        """Return whether it was cancelled, or nobody waits for it any more."""

    def check(self, sentence: str) -> None:
        """Raise ``Stopped`` if it was cancelled.

        Args:
            sentence: Message for the person who cancelled it.

        Raises:
            Stopped: If it was.
        """
        if self.should_stop():
            raise Stopped(sentence)


class Unwatched(Watch):
    """No progress and no cancelling, where there is no page."""

    def tell(self, doing: str, share: float | None = None) -> None:
        """Do nothing."""

    def should_stop(self) -> bool:
        """Return False."""
        return False


NOBODY = Unwatched()


@dataclass(eq=False)
class ThreadWatch(Watch):
    """Between threads of one process."""

    progress: Progress | None = None
    asked_to_stop: bool = False

    def tell(self, doing: str, share: float | None = None) -> None:
        """Report progress."""
        self.progress = Progress(doing, share)

    def should_stop(self) -> bool:
        """Return whether it was cancelled."""
        return self.asked_to_stop

    def ask_to_stop(self) -> None:
        """Cancel it."""
        self.asked_to_stop = True


@dataclass(eq=False)
class FolderWatch(Watch):
    """Between processes that share a folder, also after the page was reloaded.

    Args:
        folder: Exists for as long as somebody waits; other files in it are not touched.
    """

    folder: Path
    _told: float = field(default=-_SECONDS_BETWEEN_WORDS, repr=False)

    def tell(self, doing: str, share: float | None = None) -> None:
        """Report progress; shares that come faster than a person can see are skipped."""
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
        """Return whether it was cancelled, or nobody waits for it any more."""
        return (self.folder / _STOP_FILE).exists() or not self.folder.is_dir()

    def ask_to_stop(self) -> None:
        """Cancel it.

        Raises:
            UserError: If the disk cannot be written.
        """
        with disk_errors(), suppress(FileNotFoundError):  # where the folder is gone, it has ended
            (self.folder / _STOP_FILE).touch()

    def begin_again(self) -> None:
        """Reset progress and the request to cancel."""
        for name in (_PROGRESS_FILE, _STOP_FILE):
            (self.folder / name).unlink(missing_ok=True)
