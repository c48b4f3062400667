"""Pictures that are to be predicted, and zips of them: read by a separate process, batch by batch."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrapp.files import disk_errors
from lrapp.sandbox.readers import Readers


@dataclass(frozen=True, eq=False)
class Batch:
    """Some pictures.

    Args:
        reasons: Why each could not be read; empty where it could.
        pixels: Those that could, uint8, shape (pictures, height, width, channels).
        share: The share of all files that is done with it, 0 to 1.
    """

    names: list[str]
    reasons: list[str]
    pixels: NDArray[np.uint8]
    share: float


def batches(
    files: Sequence[tuple[str, bytes | Path]],
    shape: tuple[int, int, int],
    at_once: int,
    readers: Readers | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Batch]:
    """Return pictures, those in zips too, as a network looks at them; errors as for ``Readers.ask``.

    Args:
        files: Name of each, and its bytes or where it lies; a zip stands for the pictures in it.
        shape: Height, width and channels of a picture.
    """
    with disk_errors():
        folder = Path(tempfile.mkdtemp(prefix="lrapp-"))
    try:
        there = []
        for number, (name, data) in enumerate(files):
            path = data if isinstance(data, Path) else folder / f"{number}"
            if not isinstance(data, Path):
                with disk_errors():
                    path.write_bytes(data)
            there.append((name, str(path.absolute())))
        arguments = {"files": there, "shape": shape, "at_once": at_once, "out": str(folder)}
        for word in (readers or Readers()).stream("single_pictures", "pictures", arguments, should_stop):
            file = folder / Path(word["file"]).name
            pixels = np.load(file, allow_pickle=False)
            file.unlink()
            yield Batch(word["names"], word["reasons"], pixels, word["share"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
