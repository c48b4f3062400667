"""Files that are written whole or not at all, and JSON from files that may be damaged."""

import errno
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from lrapp.errors import UserError


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn a full or forbidden disk into a sentence.

    Raises:
        UserError: If the code inside finds no space or no permission.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                "The disk is full. Free some space (old runs can be deleted on the Runs page), then try again."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise UserError(
                f"This folder cannot be written: {error.filename}. Set LRAPP_HOME to a folder that can."
            ) from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST):
            raise UserError(
                f"This folder cannot be made, as a file is in its way: {error.filename}. Name another folder."
            ) from error
        raise


# Guarantee after a power cut: the new file; the new or the old file, whole; none.
Sync = Literal["name", "content", "nothing"]


def put(beside: Path, path: Path, sync: Sync = "name") -> None:
    """Rename a finished file into its place, where it takes that of the file before it.

    Args:
        beside: The file, on the same disk.
        sync: What must be on the disk on return; content and name take some milliseconds each.
    """
    if sync != "nothing":
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
    os.replace(beside, path)
    if sync == "name" and hasattr(os, "O_DIRECTORY"):  # not on Windows
        with suppress(OSError):  # some file systems support it only for files
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@contextmanager
def whole(path: Path, sync: Sync = "name") -> Iterator[Path]:
    """Yield a temporary path beside a file's place, with the same ending; then rename it into place.

    If writing fails, the temporary file is removed, and the old file stays.
    """
    beside = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        yield beside
        put(beside, path, sync)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_beside(path: Path, data: bytes | memoryview | Iterable[bytes], sync: Sync = "name") -> None:
    """Write a file in one step: beside its place, then renamed into it.

    Args:
        data: Its content, whole or in pieces.

    Raises:
        UserError: If the disk is full or may not be written.
    """
    with disk_errors(), whole(path, sync) as beside, beside.open("wb") as file:
        file.writelines([data] if isinstance(data, (bytes, memoryview)) else data)


def from_json(data: bytes | str) -> Any:
    """Return what a JSON text holds.

    Raises:
        ValueError: If it is damaged, or nested too deeply.
    """
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
