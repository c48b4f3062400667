"""What the store's folder takes on the disk, and the part of it that can be emptied at any time: prepared data."""

import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lrapp.errors import UserError
from lrapp.files import disk_errors

PREPARED, MOST_PREPARED = "prepared", "LRAPP_PREPARED_DISK"
_USUAL_MOST = 4 * 10**9
_UNITS = {"MB": 10**6, "GB": 10**9}
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
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]+)?) ?([MG]B)|0", text, re.IGNORECASE)
    if match is None:
        raise UserError(
            f"{MOST_PREPARED} must be a size, such as 500MB or 4GB, or 0 to keep nothing. Received: {text}."
        )
    return int(float(match[1]) * _UNITS[match[2].upper()]) if match[1] else 0


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
            shutil.rmtree(path, onerror=_unless_gone)


def _unless_gone(function: Any, path: str, problem: Any) -> None:
    if not isinstance(problem[1], FileNotFoundError):
        raise problem[1]
