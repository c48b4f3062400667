"""A first look at pictures: some of each class, small, as files that a page can show."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrapp.image_files import read_zip
from lrapp.images import Images, Progress, read_set
from lrapp.picture_pixels import contact_sheet
from lrapp.settings import PictureSettings, PicturesSource

MOST_CLASSES = 40
PER_CLASS = 8
# Some may turn out to be broken.
_SPARE = 4


@dataclass(frozen=True)
class Look:
    """Pictures of each class.

    Args:
        classes: Names of the classes, at most ``MOST_CLASSES``.
        sheets: A PNG file for each of them, with up to ``PER_CLASS`` pictures side by side.
    """

    classes: tuple[str, ...]
    sheets: tuple[bytes, ...]


def look_at_set(source: PicturesSource, progress: Progress | None = None) -> Look:
    """Return a look at a set that the app knows.

    Args:
        source: The set.
        progress: Told what is being done and how much of all is done, 0 to 1.

    Raises:
        UserError: If it cannot be had.
    """
    return _look(read_set(source.name, progress))


def look_at_zip(
    data: bytes | Path, name: str, settings: PictureSettings, progress: Progress | None = None
) -> Look:
    """Return a look at an uploaded zip; reads few more pictures than are shown.

    Args:
        data: The zip, or where it lies.
        name: Its name, for sentences only.
        settings: Size and colour.
        progress: As for ``look_at_set``.

    Raises:
        UserError: If there are not pictures of two classes that can be read.
    """
    return _look(read_zip(data, name, settings, progress, most_of_each=PER_CLASS + _SPARE))


def _look(images: Images) -> Look:
    sheets = []
    for number in range(min(len(images.classes), MOST_CLASSES)):
        rows = np.flatnonzero(images.labels == number)
        # Evenly from all of them: what lies side by side is often alike.
        chosen = rows[np.unique(np.linspace(0, len(rows) - 1, PER_CLASS).astype(int))]
        sheets.append(contact_sheet(images.pixels[chosen], PER_CLASS))
    return Look(images.classes[:MOST_CLASSES], tuple(sheets))
