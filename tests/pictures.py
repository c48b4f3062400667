"""Small pictures and zips of them for several tests."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lrapp.images.datasets import Images


def plain(
    color: int | tuple[int, ...] = 0, size: tuple[int, int] = (10, 10), mode: str = "RGB"
) -> Image.Image:
    """A picture of one colour; the size is width and height."""
    return Image.new(mode, size, color)


def packed(image: Image.Image, format: str = "PNG", **how: Any) -> bytes:  # noqa: A002
    target = io.BytesIO()
    image.save(target, format, **how)
    return target.getvalue()


RED, GREEN, BLUE = (packed(plain(color)) for color in ((255, 0, 0), (0, 255, 0), (0, 0, 255)))
GREY = packed(plain(100, mode="L"))


def zipped(
    files: Mapping[str, bytes] | Sequence[tuple[str, bytes]], packing: int = zipfile.ZIP_STORED
) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", packing) as archive:
        for name, data in files.items() if isinstance(files, Mapping) else files:
            archive.writestr(name, data)
    return target.getvalue()


def some_images(
    counts: Sequence[int] = (6, 8, 10), tests: int = 0, shape: tuple[int, int, int] = (4, 4, 1), seed: int = 0
) -> Images:
    """Noise whose first pixel tells the row; ``tests`` more pictures of each class make a test part."""
    parts = [np.repeat(np.arange(len(counts)), counts), np.repeat(np.arange(len(counts)), tests)]
    rng = np.random.default_rng(seed)
    labels = np.concatenate([rng.permutation(part) for part in parts]).astype(np.int32)
    pixels: NDArray[np.uint8] = rng.integers(0, 256, (len(labels), *shape), np.uint8)
    pixels[:, 0, 0, 0] = np.arange(len(labels)) % 256
    names = tuple(f"class {'abcdefghij'[number]}" for number in range(len(counts)))
    return Images(pixels, labels, names, sum(counts) if tests else None)


def large_png(side: int) -> bytes:
    """A header that promises side x side pixels, and nothing behind it."""
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\x00\x00\x00\x00IDAT\x35\xaf\x06\x1e"
