"""The names in a zip of pictures -> which picture is of which class. Names are never used as paths."""

import re
import unicodedata
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field

from lrapp.tables.cell_values import natural

_ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".webp")
_TRAIN, _TEST, _VALIDATION = ("train", "training"), ("test", "testing"), ("val", "valid", "validation")
_SAYS_UTF8 = 0x800


@dataclass(frozen=True)
class Picture:
    """A picture in a zip: its entry, name, class, and whether it is of the test part."""

    entry: zipfile.ZipInfo
    name: str
    label: str
    test: bool = False


@dataclass
class Contents:
    """What a zip holds, by its directory.

    Args:
        pictures: Those that are of a class.
        loose: Names of pictures in no folder of a class.
        strange: Names of files that are no pictures.
        refused: Names that lead elsewhere.
        beside: Names of pictures beside the folders for training and test.
        both: Whether there are folders for validation and for test.
    """

    pictures: list[Picture] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    both: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted as a person would."""
        return natural({picture.label for picture in self.pictures})


def entry_name(entry: zipfile.ZipInfo) -> str:
    """Return an entry's name, with slashes between its folders.

    Some programs write UTF-8 without marking it; Python then decodes it as DOS letters.
    """
    name = entry.filename
    if not entry.flag_bits & _SAYS_UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return unicodedata.normalize("NFC", name).replace("\\", "/")


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def is_picture(name: str) -> bool:
    """Return whether a name from ``entry_name`` is that of a picture."""
    return name.lower().endswith(_ENDINGS) and not is_clutter(name.split("/"))


def is_clutter(parts: list[str]) -> bool:
    """Return whether a file is one that operating systems add by themselves."""
    hidden = any(part.startswith(".") and part not in (".", "..") for part in parts)
    return hidden or "__MACOSX" in parts or parts[-1].lower() in ("thumbs.db", "desktop.ini")


def contents(archive: zipfile.ZipFile) -> Contents:
    """Return what a zip holds, sorted by part, class and name.

    A folder around the classes is ignored; folders ``train`` and ``test`` (or ``val``) around them make the test
    part.
    """
    found = Contents()
    rest: list[tuple[zipfile.ZipInfo, list[str]]] = []
    for entry in archive.infolist():
        name = entry_name(entry)
        parts = _parts(name)
        if entry.is_dir() or not parts or is_clutter(parts):
            continue
        if not is_picture(parts[-1]):
            found.strange.append(name)
        elif ".." in parts or name.startswith("/") or re.match("[A-Za-z]:", name):
            found.refused.append(name)
        else:
            rest.append((entry, parts))
    names = [parts for _, parts in rest]
    depth = _wrappers(names)
    tops = {parts[depth].casefold() for parts in names if len(parts) > depth + 2}
    test_names = next((known for known in (_TEST, _VALIDATION) if tops.intersection(known)), ())
    split = bool(tops.intersection(_TRAIN)) and (bool(test_names) or _unlabelled_test(names, depth))
    found.both = split and test_names == _TEST and bool(tops.intersection(_VALIDATION))
    for entry, parts in rest:
        name = "/".join(parts)
        if len(parts) <= depth:  # beside the folder that is around all others
            found.loose.append(name)
            continue
        top = parts[depth].casefold()
        if split and top not in (*_TRAIN, *_TEST, *_VALIDATION):
            found.beside.append(name)
        elif len(parts) < depth + 2 + split:
            found.loose.append(name)
        else:
            found.pictures.append(Picture(entry, name, parts[depth + split], split and top in test_names))
    # The order of the entries must not matter.
    order = {name: number for number, name in enumerate(found.classes)}
    found.pictures.sort(key=lambda picture: (picture.test, order[picture.label], picture.name))
    return found


def _wrappers(pictures: list[list[str]]) -> int:
    """How many folders there are around the classes: those that all pictures have in common."""
    depth = 0
    while True:
        tops = {parts[depth] for parts in pictures if len(parts) > depth + 1}
        if len(tops) != 1 or not any(len(parts) > depth + 2 for parts in pictures):
            return depth
        depth += 1


def _unlabelled_test(pictures: list[list[str]], depth: int) -> bool:
    """Whether only training pictures have classes, and test pictures have none.

    Competitions distribute such data. The folder names are then not classes.
    """
    inside = [parts for parts in pictures if len(parts) > depth + 1]
    classes = {parts[depth + 1] for parts in inside if len(parts) > depth + 2}
    learned = {parts[depth].casefold() for parts in inside if len(parts) > depth + 2}
    others = {parts[depth].casefold() for parts in inside} - learned
    return len(classes) > 1 and learned <= {*_TRAIN} and bool(others) and others <= {*_TEST, *_VALIDATION}
