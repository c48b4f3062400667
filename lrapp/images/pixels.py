"""One picture's file -> the pixels a network expects, and pixels -> PNG files, by Pillow."""

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrapp.errors import UserError

Pixels = NDArray[np.uint8]

MOST_PIXELS = 50_000_000
"""Width times height that a picture may have."""

# Formats to try, whatever the file's name is.
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
FORMATS = "PNG, JPEG, GIF, BMP or WebP"
# Differences between red, green and blue that still count as grey: a grey JPEG saved in colour has some.
_GREY_UP_TO = 8
# On a contact sheet: pixels of a small picture's side at least, between pictures, and of the sheet's width.
_SHOWN_SIDE, _GAP, _SHEET_WIDTH = 48, 3, 1_600


class TooLarge(UserError):
    """A picture with too many pixels."""


def read_picture(data: bytes, shape: tuple[int, int, int]) -> Pixels:
    """Return the pixels of a picture's file, brought to a shape: the shorter side fits, the centre is cut out.

    Turned as its camera says; transparent places become white; of an animation the first picture is taken.

    Args:
        data: The file's bytes: PNG, JPEG, GIF, BMP or WebP.
        shape: Height, width and channels: 1 for grey, 3 for colours.

    Raises:
        UserError: If it is no picture, damaged, or larger than ``MOST_PIXELS``.
    """
    from PIL import Image, ImageOps

    height, width, channels = shape
    try:
        # Warnings about a file (such as a broken EXIF block) do not matter: it can be read or not.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(data), formats=_FORMATS) as image,
        ):
            if image.width * image.height > MOST_PIXELS:
                raise TooLarge(
                    f"A picture may have at most {MOST_PIXELS // 10**6} megapixels. Received: {image.width:,} x "
                    f"{image.height:,} pixels. Make it smaller."
                )
            # A JPEG can be decoded at a half, a quarter or an eighth; twice what is needed loses nothing visible.
            image.draft(None, (2 * max(shape[:2]), 2 * max(shape[:2])))
            upright: Any = _upright(image, ImageOps)
            plain = _on_white(upright, Image).convert("L" if channels == 1 else "RGB")
            factor = min(plain.width / width, plain.height / height)
            left, top = (plain.width - factor * width) / 2, (plain.height - factor * height) / 2
            box = (left, top, left + factor * width, top + factor * height)
            fitted = plain.resize((width, height), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
            return np.asarray(fitted, np.uint8).reshape(shape)
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise TooLarge(
            f"A picture may have at most {MOST_PIXELS // 10**6} megapixels. Make it smaller."
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged file can raise anything; that is not a defect of ours
        raise UserError(
            f"The file must be a picture that can be read: {FORMATS}. This one is damaged or something else."
        ) from error


def _upright(image: Any, operations: Any) -> Any:
    try:
        return operations.exif_transpose(image)
    except OSError:
        raise
    except Exception:  # unreadable EXIF data
        return image


def _on_white(image: Any, module: Any) -> Any:
    """Eight bits, without transparency."""
    if image.mode.startswith("I"):  # 16 bits of grey
        return module.fromarray((np.asarray(image).clip(0, 65_535) / 257).round().astype(np.uint8))
    if not image.has_transparency_data:
        # Palettes to colours first; converting them to grey directly would use their indices.
        return image.convert("RGB") if image.mode in ("P", "CMYK", "PA") else image
    coloured = image.convert("RGBA")
    white = module.new("RGBA", coloured.size, "white")
    white.alpha_composite(coloured)
    return white.convert("RGB")


def is_coloured(pixels: Pixels) -> bool:
    """Return whether a picture of three channels shows any colour but grey."""
    return int(np.ptp(pixels.astype(np.int16), axis=-1).max(initial=0)) > _GREY_UP_TO


def png(pixels: Pixels, most_side: int = 4_096) -> bytes:
    """Return a picture as a PNG file.

    Args:
        pixels: uint8, shape (height, width, channels), 1 or 3 channels.
        most_side: A picture that is larger is made two, three, … times smaller.
    """
    if max(pixels.shape[:2]) > most_side:
        pixels = _scaled(pixels, 1, -(-max(pixels.shape[:2]) // most_side))
    return _file(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def contact_sheet(pixels: Pixels, columns: int) -> bytes:
    """Return pictures side by side as one PNG file; what is between them is transparent.

    Small pictures are drawn larger, pixel by pixel; large ones smaller, so that the sheet stays below 1,600 pixels.

    Args:
        pixels: uint8, shape (pictures, height, width, channels), at least one picture.
        columns: Pictures in a row, at least 1.
    """
    count, height, width, _ = pixels.shape
    columns = min(columns, count)
    lines = -(-count // columns)
    shrink = max(1, -(-columns * (width + _GAP) // _SHEET_WIDTH))
    grow = 1 if shrink > 1 else max(1, round(_SHOWN_SIDE / max(height, width)))
    high, wide = (grow * -(-side // shrink) for side in (height, width))
    sheet = np.zeros((lines * (high + _GAP) - _GAP, columns * (wide + _GAP) - _GAP, 4), np.uint8)
    for place, picture in enumerate(pixels):
        top, left = place // columns * (high + _GAP), place % columns * (wide + _GAP)
        sheet[top : top + high, left : left + wide, :3] = _scaled(picture, grow, shrink)
        sheet[top : top + high, left : left + wide, 3] = 255
    return _file(sheet)


def _scaled(picture: Pixels, grow: int, shrink: int) -> Pixels:
    from PIL import Image

    if shrink == 1:
        return picture.repeat(grow, axis=0).repeat(grow, axis=1)
    bare = picture[..., 0] if picture.shape[-1] == 1 else picture
    return np.asarray(Image.fromarray(np.ascontiguousarray(bare)).reduce(shrink).convert("RGB"))


def _file(table: Pixels) -> bytes:
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(table)).save(target, "PNG")
    return target.getvalue()
