"""Uploaded pictures: a zip with a folder for each class -> ``Images``. Names in the zip are never used as paths."""

import io
import math
import re
import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrapp.errors import UserError
from lrapp.free_memory import available_bytes
from lrapp.images.datasets import PICTURE_COPIES, Images, PictureFacts, Progress
from lrapp.images.folders import Contents, Picture, contents, entry_name, is_clutter, is_picture
from lrapp.images.pixels import FORMATS, TooLarge, is_coloured, read_picture
from lrapp.phrasing import counted, quoted, size
from lrapp.settings import PictureSettings
from lrapp.tables.cell_values import natural

MOST_PICTURES = 200_000
MOST_UNPACKED = 2 << 30
"""Bytes of all pictures together, and below, of one."""
MOST_ONE = 256 << 20

_TOLD_EVERY = 50
# Pictures to check for colours.
_LOOKED_AT = 48
# Python does not limit blocks of other methods: a kilobyte of bzip2 can hold gigabytes.
_READABLE_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError),
    *(NotImplementedError, RuntimeError, KeyError),
)


def is_picture_zip(data: bytes | Path) -> bool:
    """Return whether a file, its bytes or where it lies, is a zip that holds pictures rather than a table."""
    if isinstance(data, bytes) and data[:4] != b"PK\x03\x04":
        return False
    try:
        names = [entry_name(entry) for entry in _open(data, "").infolist()]
    except UserError:
        return False
    pictures = sum(is_picture(name) for name in names)
    others = sum(not name.endswith("/") and not is_clutter(name.split("/")) for name in names) - pictures
    return pictures > 0 and pictures >= others


def about_zip(data: bytes | Path, name: str, settings: PictureSettings) -> PictureFacts:
    """Return what a zip of pictures holds, by its directory; broken pictures count until they are read.

    Args:
        data: The file's bytes, or where it lies.
        name: Its name, for sentences only.

    Raises:
        UserError: As ``read_zip``.
    """
    with _open(data, name) as archive:
        found = _checked(archive)
        channels = _channels(archive, found.pictures, settings)
    classes = found.classes
    place = {name: number for number, name in enumerate(classes)}
    labels = np.array([place[picture.label] for picture in found.pictures])
    test = np.array([picture.test for picture in found.pictures])
    counts, tests = (np.bincount(of, minlength=len(classes)).tolist() for of in (labels, labels[test]))
    return PictureFacts(
        len(labels), settings.size, settings.size, channels, classes, tuple(counts), tuple(tests)
    )


def read_zip(
    data: bytes | Path,
    name: str,
    settings: PictureSettings,
    progress: Progress | None = None,
    most_of_each: int | None = None,
    out: Path | None = None,
) -> Images:
    """Return the pictures of a zip with a folder for each class.

    A folder around the classes is ignored; folders ``train`` and ``test`` (or ``val``) around them make
    the test part. Broken pictures are left out and counted.

    Args:
        data: The file's bytes, or where it lies.
        name: Its name, for sentences only.
        progress: Called with the stage and the share done, 0 to 1.
        most_of_each: Reads no more than this many files of each class, for a look at them; None for all.
        out: File that the pixels are written to, one picture after the other, and mapped from, so that memory need not
            hold them; None for an array in memory.

    Raises:
        UserError: If the file cannot be read, holds fewer than two classes, or too much.
    """
    with _open(data, name) as archive:
        found = _checked(archive)
        places = {id(entry): place for place, entry in enumerate(archive.infolist())}
        channels = _channels(archive, found.pictures, settings)
        if most_of_each is not None:
            found.pictures = _some(found.pictures, most_of_each)
        shape = (settings.size, settings.size, channels)
        if out is None:
            _check_memory(len(found.pictures), shape)
            # Unused pages take no memory, so the rest that broken pictures leave costs nothing.
            pixels = np.empty((len(found.pictures), *shape), np.uint8)
        else:
            _check_disk(len(found.pictures), shape, out)
        kept: list[Picture] = []
        broken: list[str] = []
        large: list[str] = []
        with nullcontext() if out is None else out.open("wb") as file:
            for number, picture in enumerate(found.pictures):
                if number % _TOLD_EVERY == 0 and progress is not None:
                    progress("Reading the pictures", number / len(found.pictures))
                try:
                    read = read_picture(_unpacked(archive, picture), shape)
                except TooLarge:
                    large.append(picture.name)
                except (UserError, *_DAMAGED):
                    broken.append(picture.name)
                else:
                    if file is None:
                        pixels[len(kept)] = read
                    else:  # a full disk is an error here, and would end the process where the file was mapped
                        file.write(np.ascontiguousarray(read).data)
                    kept.append(picture)
    if progress is not None:
        progress("The pictures are read", 1.0)
    classes = natural({picture.label for picture in kept})
    notes = [*_notes(found, settings, channels), *_failures(broken, large, found.classes, classes)]
    if len(classes) < 2:
        raise UserError(
            "There must be pictures of at least two classes that can be read. Received: "
            f"{quoted(classes) or 'none'}. {' '.join(_failures(broken, large, classes, classes))}"
        )
    place = {name: number for number, name in enumerate(classes)}
    tests = sum(picture.test for picture in kept)
    if out is not None:
        pixels = mapped_pixels(out, (len(kept), *shape))
    return Images(
        pixels=pixels[: len(kept)],
        labels=np.array([place[picture.label] for picture in kept], np.int32),
        classes=classes,
        test_from=len(kept) - tests if tests else None,
        names=tuple(picture.name for picture in kept),
        notes=tuple(notes),
        # A zip may hold a name twice, and one of the two may be broken.
        entries=tuple(places[id(picture.entry)] for picture in kept),
    )


def mapped_pixels(path: Path, shape: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Return the pixels in a file of ``read_zip``, mapped; on Windows in memory, as a mapped file cannot be removed.

    Args:
        shape: Pictures, at least 1, height, width and channels.
    """
    if sys.platform == "win32":
        return np.fromfile(path, np.uint8).reshape(shape)
    return np.asarray(np.memmap(path, np.uint8, "r", shape=shape))


def every_picture(data: bytes, name: str) -> Iterator[tuple[str, bytes, float]]:
    """Return name and bytes of each picture in a zip, in its order, in folders or not; for pictures to be predicted.

    Each comes with the share of the zip done, 0 to 1.

    Args:
        data: The zip's bytes.
        name: Its name, for sentences only.

    Raises:
        UserError: If it cannot be read, is locked, or holds too much.
    """
    with _open(data, name) as archive:
        entries = [entry for entry in archive.infolist() if is_picture(entry_name(entry))]
        _check_readable(entries)
        for number, entry in enumerate(entries, 1):
            try:
                unpacked = _unpacked(archive, Picture(entry, entry_name(entry), ""))
            except (UserError, *_DAMAGED):
                unpacked = b""  # not a picture; reported as such
            yield entry_name(entry), unpacked, number / len(entries)


def _open(data: bytes | Path, name: str) -> zipfile.ZipFile:
    try:
        # Checked before all entries become objects of half a kilobyte each.
        if isinstance(data, bytes):
            _check_entries(data)
            return zipfile.ZipFile(io.BytesIO(data))
        with data.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as mapped:
            _check_entries(mapped)
        return zipfile.ZipFile(data)
    except UserError:
        raise
    except (*_DAMAGED, UnicodeDecodeError) as error:
        raise UserError(
            f"{quoted([name])} must be a zip archive of pictures. It is something else, damaged or cut off: "
            "pack it again and upload it again."
        ) from error


def _check_entries(raw: bytes | mmap) -> None:
    marks = re.finditer(rb"PK\x01\x02", raw)
    if sum(1 for _ in zip(marks, range(4 * MOST_PICTURES), strict=False)) == 4 * MOST_PICTURES:
        raise UserError(_TOO_MANY + "Received: more.")


def _check_readable(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_PICTURES:
        raise UserError(f"{_TOO_MANY}Received: {len(entries):,}. Leave some out.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise UserError("The zip archive is locked with a password. Pack the pictures again without one.")
    if any(entry.compress_type not in _READABLE_PACKINGS for entry in entries):
        raise UserError("The zip archive uses a rare compression. Pack the pictures again as a plain zip.")


_TOO_MANY = f"A zip archive may hold at most {MOST_PICTURES:,} pictures. "


def _checked(archive: zipfile.ZipFile) -> Contents:
    """What the zip holds, within all limits."""
    found = contents(archive)
    pictures = found.pictures
    if not pictures and not found.loose:
        raise UserError(
            f"The zip archive must hold pictures ({FORMATS}) in a folder for each class. This one holds none."
        )
    _check_readable([picture.entry for picture in pictures])
    unpacked = sum(picture.entry.file_size for picture in pictures)
    if unpacked > MOST_UNPACKED:
        raise UserError(
            f"The pictures may unpack to at most {MOST_UNPACKED >> 30} GB. Received: {unpacked / 2**30:.1f} GB. "
            "Make them smaller, or leave some out."
        )
    if len(found.classes) < 2:
        only = f"one folder, {quoted(found.classes)}" if found.classes else "no folder"
        raise UserError(
            "The zip archive must hold a folder for each class, and at least two of them with pictures. "
            f"Received: {only}"
            + (f" and {counted(len(found.loose), 'picture')} beside." if found.loose else ".")
        )
    return found


def _channels(archive: zipfile.ZipFile, pictures: list[Picture], settings: PictureSettings) -> int:
    if settings.color != "auto":
        return 1 if settings.color == "grey" else 3
    places = np.unique(np.linspace(0, len(pictures) - 1, min(_LOOKED_AT, len(pictures))).astype(int))
    for place in places.tolist():
        try:
            if is_coloured(read_picture(_unpacked(archive, pictures[place]), (32, 32, 3))):
                return 3
        except (UserError, *_DAMAGED):
            continue
    return 1


def _some(pictures: list[Picture], most: int) -> list[Picture]:
    """At most so many of each class, evenly from all of them, in the same order."""
    places: dict[str, list[int]] = {}
    for number, picture in enumerate(pictures):
        places.setdefault(picture.label, []).append(number)
    chosen = [
        of[place]
        for of in places.values()
        for place in np.unique(np.linspace(0, len(of) - 1, min(most, len(of))).astype(int))
    ]
    return [pictures[number] for number in sorted(chosen)]


def _unpacked(archive: zipfile.ZipFile, picture: Picture) -> bytes:
    """The bytes of a picture; never more than its entry says, and that is limited."""
    if picture.entry.file_size > MOST_ONE:
        raise TooLarge(f"A picture may have at most {MOST_ONE >> 20} MB.")
    return archive.read(picture.entry)


def _check_memory(pictures: int, shape: tuple[int, int, int]) -> None:
    needed, available = PICTURE_COPIES * pictures * int(np.prod(shape)), available_bytes()
    if available is not None and needed > available:
        raise UserError(
            f"{pictures:,} pictures of {shape[0]} x {shape[1]} pixels need about {needed / 2**30:.1f} GB of memory, "
            f"this machine has {available / 2**30:.1f} GB free: choose a smaller size or upload fewer pictures."
        )


def _check_disk(pictures: int, shape: tuple[int, int, int], out: Path) -> None:
    needed, free = pictures * math.prod(shape), shutil.disk_usage(out.parent).free
    if needed > free:
        raise UserError(
            f"{pictures:,} pictures of {shape[0]} x {shape[1]} pixels need about {size(needed)} on the disk while they "
            f"are read, and it has {size(free)} free: choose a smaller size, upload fewer pictures, or free some space."
        )


def _notes(found: Contents, settings: PictureSettings, channels: int) -> Iterator[str]:
    size = f"{settings.size} x {settings.size} pixels"
    yield f"Pictures are brought to {size}: the shorter side fits, and the centre is cut out."
    if settings.color == "auto" and channels == 1:
        yield "The pictures show no colours and are read as grey."
    if any(picture.test for picture in found.pictures):
        yield "The folders train and test (or val) were taken as the parts of a split."
    if found.both:
        yield "The pictures in the folder for validation were added to those for training."
    for names, one, several in (
        (found.loose, "picture lies in no folder of a class", "pictures lie in no folder of a class"),
        (found.beside, "picture lies beside train and test", "pictures lie beside train and test"),
        (found.refused, "picture has a name that leads elsewhere", "pictures have names that lead elsewhere"),
        (found.strange, f"file is no picture ({FORMATS})", f"files are no pictures ({FORMATS})"),
    ):
        if names:
            yield _counted(names, one, several)


def _failures(
    broken: list[str], large: list[str], before: tuple[str, ...], after: tuple[str, ...]
) -> Iterator[str]:
    if broken:
        yield _counted(broken, "picture is broken", "pictures are broken")
    if large:
        yield _counted(large, "picture has too many pixels", "pictures have too many pixels")
    if gone := [name for name in before if name not in after]:
        yield f"Left out, because none of their pictures can be read: {quoted(gone)}."


def _counted(names: list[str], one: str, several: str) -> str:
    which = one if len(names) == 1 else several
    return f"{len(names):,} {which} and {'was' if len(names) == 1 else 'were'} left out: {quoted(names)}."
