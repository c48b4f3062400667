"""Uploaded pictures: a zip with a folder for each class -> ``Images``; one file -> the pixels a network expects."""

import numpy as np
from numpy.typing import NDArray


def read_picture(data: bytes, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the pixels of one picture's file, as a network of that shape expects them."""
    raise NotImplementedError
