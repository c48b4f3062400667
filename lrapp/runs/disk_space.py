"""What the store's folder takes on the disk, and the part of it that can be emptied at any time: prepared data."""

import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lrapp.errors import UserError
from lrapp.files import disk_errors
from lrapp.phrasing import bytes_of

PREPARED, MOST_PREPARED = "prepared", "LRAPP_PREPARED_DISK"
_USUAL_MOST = 4 * 10**9
_YOUNG_SECONDS = 600
_SHA256_LETTERS = 64
_FOLDERS = {
    "Runs": "runs",
    "Uploaded files": "data",
    "Tables, as they were read": "tables",
    "Prepared data": PREPARED,
    "Predictions": "predictions",
    "Deleted runs": "bin",
}


def most_prepared(environment: Mapping[str, str] = os.environ) -> int:
    """Return the bytes that all prepared data may take; 0 keeps none.

    Raises:
        UserError: If the variable holds something else than a size.
    """
    text = environment.get(MOST_PREPARED, "").strip()
    if not text:
        return _USUAL_MOST
    most = 0 if text == "0" else bytes_of(text)
    if most is None:
        raise UserError(
            f"{MOST_PREPARED} must be a size, such as 500MB or 4GB, or 0 to keep nothing. Received: {text}."
        )
    return most


def taken(home: Path) -> dict[str, int]:
    """Return the bytes that each kind of thing takes in a store's folder, by its name."""
    return {name: folder_bytes(home / folder) for name, folder in _FOLDERS.items()}


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files in a folder and below; 0 where it is not there."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # gone meanwhile
                total += os.lstat(os.path.join(path, name)).st_size
    return total


def empty_prepared(home: Path) -> None:
    """Remove all prepared data; runs that train with them go on.

    Raises:
        UserError: If the disk may not be written.
    """
    with disk_errors():
        for path in (home / PREPARED).glob("*"):
            if not _being_made(path):
                shutil.rmtree(path, onerror=_unless_gone)


def tidy_prepared(home: Path, most: int) -> None:
    """Remove prepared data of uploads that are gone, what a crash left, and those longest unused beyond a size.

    Args:
        most: Bytes that may stay.
    """
    total, found = 0, []
    for path in (home / PREPARED).glob("*"):
        with suppress(OSError):
            found.append((path.stat().st_mtime, folder_bytes(path), path))
    for _, size, path in sorted(found, reverse=True):
        if _being_made(path):
            continue
        sha256 = path.name.partition("-")[0]
        gone = len(sha256) == _SHA256_LETTERS and not (home / "data" / sha256).exists()
        if path.name.startswith(".") or gone or total + size > most:
            shutil.rmtree(path, ignore_errors=True)
        else:
            total += size


def _being_made(path: Path) -> bool:
    """Whether a worker may still be writing prepared data into a folder, which gets its name when it is whole."""
    try:
        return path.name.startswith(".") and time.time() - path.stat().st_mtime < _YOUNG_SECONDS
    except OSError:
        return False  # gone


def _unless_gone(function: Any, path: str, problem: Any) -> None:
    if not isinstance(problem[1], FileNotFoundError):
        raise problem[1]
