"""Pictures as bytes: the built-in sets, and facts about them without reading them."""

import gzip
import hashlib
import os
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lrapp.errors import UserError
from lrapp.files import whole

SetName = Literal["fashion-mnist", "digits"]
Progress = Callable[[str, float], None]

FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
PICTURE_COPIES = 3
"""Copies of all pictures that memory must have room for: as they were read, their parts, and TensorFlow's tensors."""

# Of the unpacked files, as Debian repacked them.
_FASHION_FILES = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
_FASHION_ROWS = (60_000, 10_000)
_DEBIAN = Path("/usr/share/datasets/fashion-mnist")
# Where Keras gets them.
_ADDRESS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TIMEOUT_SECONDS = 20
_BLOCK = 1 << 20
# The packed files have 31 MB together.
_MOST_PACKED = 64 << 20
_DAMAGED = (OSError, EOFError, zlib.error, ValueError)


@dataclass(frozen=True, eq=False)
class Images:
    """Pictures of one size, and their classes.

    Args:
        pixels: uint8, shape (rows, height, width, channels); 1 channel (grey) or 3 (red, green, blue).
        labels: Number of each picture's class, int32, shape (rows,).
        test_from: Row of the first picture of the test part that the set brings along; None if it brings none.
        names: Name of each picture's file; None where the pictures are no files.
        notes: Plain sentences on what was changed or left out.
        entries: Place of each picture among the entries of its zip; None where they come from none.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int32]
    classes: tuple[str, ...]
    test_from: int | None = None
    names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    entries: tuple[int, ...] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a picture."""
        height, width, channels = self.pixels.shape[1:]
        return height, width, channels

    @property
    def facts(self) -> "PictureFacts":
        """Facts about these pictures."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        cut = len(self.labels) if self.test_from is None else self.test_from
        tests = np.bincount(self.labels[cut:], minlength=len(self.classes))
        return PictureFacts(
            len(self.labels), *self.shape, self.classes, tuple(counts.tolist()), tuple(tests.tolist())
        )


@dataclass(frozen=True)
class PictureFacts:
    """Facts about pictures, known without reading them.

    Args:
        height, width, channels: Of each, as the network sees it.
        test_counts: Those of them in the test part that the set brings along; zeros if it brings none.
    """

    rows: int
    height: int
    width: int
    channels: int
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    test_counts: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a picture."""
        return self.height, self.width, self.channels

    @property
    def test_rows(self) -> int:
        """Pictures in the test part that the set brings along."""
        return sum(self.test_counts)

    def tests_of(self, only: Sequence[str]) -> int:
        """Return how many can be used: those of classes with training pictures, and of the wanted ones, if any are."""
        classes = zip(self.classes, self.counts, self.test_counts, strict=True)
        return sum(tests for name, count, tests in classes if count > tests and (not only or name in only))


def about(name: SetName) -> PictureFacts:
    """Return what a set holds, without reading it."""
    if name == "digits":
        counts = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
        return PictureFacts(1_797, 8, 8, 1, tuple("0123456789"), counts, (0,) * 10)
    return PictureFacts(70_000, 28, 28, 1, FASHION_CLASSES, (7_000,) * 10, (1_000,) * 10)


def here(name: SetName) -> bool:
    """Return whether a set is on this machine, so that it can be read without the internet; looks at names only."""
    if name == "digits":
        return True
    return all(any((folder / file).is_file() for folder in _folders()) for file in _FASHION_FILES)


def read_set(name: SetName, progress: Progress | None = None) -> Images:
    """Return a set of pictures.

    Fashion-MNIST is looked for in Keras's cache, then where Debian's package puts it, then downloaded into the
    cache; each file is checked against its SHA-256. The digits come with scikit-learn.

    Args:
        progress: Called with the stage and the share done, 0 to 1.

    Raises:
        UserError: If it cannot be had.
    """
    return _digits() if name == "digits" else _fashion(progress or (lambda what, done: None))


def _digits() -> Images:
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels = np.rint(found.images * (255 / 16)).astype(np.uint8)[..., None]
    return Images(pixels, found.target.astype(np.int32), tuple("0123456789"))


def _fashion(progress: Progress) -> Images:
    cut, tests = _FASHION_ROWS
    pixels = np.empty((cut + tests, 28, 28, 1), np.uint8)
    labels = np.empty(cut + tests, np.uint8)
    places = (pixels[:cut], pixels[cut:], labels[:cut], labels[cut:])
    notes: list[str] = []
    # Nearly all bytes are those of the first two files.
    starts = (0.0, 0.85, 0.98, 0.99, 1.0)
    for file, place, start, end in zip(_FASHION_FILES, places, starts, starts[1:], strict=False):
        _fill(place, file, notes, _between(progress, start, end))
    progress("Fashion-MNIST is read", 1.0)
    return Images(pixels, labels.astype(np.int32), FASHION_CLASSES, cut, None, tuple(notes))


def _between(progress: Progress, start: float, end: float) -> Progress:
    return lambda what, done: progress(what, start + (end - start) * done)


def _fill(place: NDArray[np.uint8], file: str, notes: list[str], progress: Progress) -> None:
    """Read one of Fashion-MNIST's files into its place in the array, from the first source where it is complete."""
    for folder in _folders():
        path = folder / file
        try:
            if path.is_file():
                progress("Reading Fashion-MNIST", 0.0)
                _unpack(path, file, place)
                return
        except _DAMAGED:
            notes.append(f"{file} in {folder} is damaged or cut off and was skipped.")
    try:
        _download(file, place, progress)
    except (*_DAMAGED, HTTPException) as error:
        raise UserError(
            "Fashion-MNIST is not on this machine and could not be downloaded: connect to the internet and try again, "
            "install Debian's package dataset-fashion-mnist, or take the digits, which are always here."
        ) from error


def _unpack(path: Path, file: str, place: NDArray[np.uint8]) -> None:
    """Unpack into the array itself, to hold 47 MB only once."""
    bare = place.data.cast("B")
    with gzip.open(path) as stream:
        # Four bytes of type and rank, and four for each dimension: 3 of pictures, 1 of labels.
        head = stream.read(16 if "images" in file else 8)
        digest = hashlib.sha256(head)
        done = 0
        while done < len(bare):
            count = stream.readinto(bare[done : done + _BLOCK])
            if not count:
                raise EOFError
            digest.update(bare[done : done + count])
            done += count
        if stream.read(1) or digest.hexdigest() != _FASHION_FILES[file]:
            raise ValueError("other bytes than Fashion-MNIST's")


def _folders() -> tuple[Path, Path]:
    return _cache(), _DEBIAN


def _cache() -> Path:
    """The folder that Keras uses, so that both share downloads."""
    home = Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser())
    if home.exists() and not os.access(home, os.W_OK):
        home = Path(tempfile.gettempdir()) / ".keras"
    return home / "datasets" / "fashion-mnist"


def _download(file: str, place: NDArray[np.uint8], progress: Progress) -> None:
    """Download one file, read it into its place, and keep it in the cache if its checksum is right."""
    path = _cache() / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as beside:
        with (
            beside.open("wb") as target,
            urllib.request.urlopen(_ADDRESS + file, timeout=_TIMEOUT_SECONDS) as source,
        ):
            size = int(source.headers.get("Content-Length") or 0)
            done = 0
            while block := source.read(_BLOCK):
                target.write(block)
                done += len(block)
                if done > _MOST_PACKED:
                    raise ValueError("larger than Fashion-MNIST")
                progress("Downloading Fashion-MNIST", min(done / size, 1.0) if size else 0.0)
        _unpack(beside, file, place)
