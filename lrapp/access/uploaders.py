"""Who has uploaded which file: a browser that uploads a file may use it from then on, however many others did too.

Beside ``data/`` lies ``uploaders/`` with a folder for each file's SHA-256, and in it an empty file for each owner, so
that two who upload at once do not undo one another.
"""

import shutil
import time
from pathlib import Path

from lrapp.files import disk_errors

_FOLDER = "uploaders"
_KEPT_SECONDS = 7 * 86_400


def note(home: Path, sha256: str, owner: str) -> None:
    """Record that a visitor has uploaded a file; remove records of files that are gone.

    Args:
        owner: An id, ASCII.

    Raises:
        UserError: If the disk is full or may not be written.
    """
    with disk_errors():
        folder = home / _FOLDER / sha256
        folder.mkdir(parents=True, exist_ok=True)
        (folder / owner).touch()
    limit = time.time() - _KEPT_SECONDS
    for other in (home / _FOLDER).iterdir():
        if not (home / "data" / other.name).exists() and other.stat().st_mtime < limit:
            shutil.rmtree(other, ignore_errors=True)


def of(home: Path, sha256: str) -> frozenset[str]:
    """Return the ids of all who have uploaded a file."""
    try:
        return frozenset(path.name for path in (home / _FOLDER / sha256).iterdir())
    except OSError:
        return frozenset()
