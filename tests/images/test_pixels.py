"""One file -> pixels, and pixels -> PNG."""

import io
import struct

import numpy as np
import pytest
from pictures import large_png, packed, plain
from PIL import Image

from lrapp.errors import UserError
from lrapp.images import pixels as picture_pixels
from lrapp.images.pixels import contact_sheet, is_coloured, png, read_picture


def gradient(width: int = 40, height: int = 20) -> Image.Image:
    """Red grows to the right, green downwards."""
    table = np.zeros((height, width, 3), np.uint8)
    table[..., 0] = np.linspace(0, 255, width)[None, :]
    table[..., 1] = np.linspace(0, 255, height)[:, None]
    return Image.fromarray(table)


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "WEBP", "JPEG"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_of_the_right_size_is_taken_as_it_is(form: str, channels: int) -> None:
    color = (200, 40, 90)
    pixels = read_picture(packed(plain(color, (8, 8)), form, quality=95), (8, 8, channels))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (8, 8, channels)
    # ITU-R 601: 0.299, 0.587, 0.114.
    expected = color if channels == 3 else 0.299 * 200 + 0.587 * 40 + 0.114 * 90
    assert np.abs(pixels.astype(float) - expected).max() <= (0.6 if form in ("PNG", "BMP", "GIF") else 6)


def test_png_round_trip_is_exact() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28, 1), np.uint8)
    np.testing.assert_array_equal(read_picture(png(pixels), (28, 28, 1)), pixels)
    colored = np.random.default_rng(1).integers(0, 256, (9, 9, 3), np.uint8)
    np.testing.assert_array_equal(read_picture(png(colored), (9, 9, 3)), colored)


def test_the_shorter_side_fits_and_the_centre_is_kept() -> None:
    # 40 x 20: the middle 20 columns stay, reds 64 to 191.
    pixels = read_picture(packed(gradient()), (10, 10, 3)).astype(int)
    assert 60 < pixels[0, 0, 0] < 80
    assert 175 < pixels[0, -1, 0] < 195
    assert pixels[0, 0, 1] < 15
    assert pixels[-1, 0, 1] > 240
    upright = read_picture(packed(gradient(20, 40)), (10, 10, 3)).astype(int)
    assert upright[0, 0, 0] < 15
    assert 60 < upright[0, 0, 1] < 80
    wide = read_picture(packed(gradient()), (10, 20, 3)).astype(int)
    assert (wide[0, 0, 0], wide[-1, -1, 1]) < (15, 0)
    assert wide[0, -1, 0] > 240


def test_smaller_pictures_grow() -> None:
    assert (
        read_picture(packed(plain((7, 8, 9), (2, 3))), (16, 16, 3)).reshape(-1, 3).tolist()
        == [[7, 8, 9]] * 256
    )


def test_a_picture_is_turned_as_its_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of what was seen is the right-hand side of the file
    lying = read_picture(packed(gradient(40, 40), "JPEG", exif=exif, quality=95), (10, 10, 3)).astype(int)
    as_saved = read_picture(packed(gradient(40, 40), "JPEG", quality=95), (10, 10, 3)).astype(int)
    assert np.abs(lying - np.rot90(as_saved, -1)).max() < 12
    assert np.abs(lying - as_saved).max() > 150


def test_a_broken_note_of_the_camera_is_no_broken_picture() -> None:
    data = packed(plain((9, 9, 9)), "JPEG")
    odd = data[:2] + b"\xff\xe1" + struct.pack(">H", 20) + b"Exif\x00\x00" + b"\xff" * 12 + data[2:]
    assert read_picture(odd, (4, 4, 1)).shape == (4, 4, 1)


def test_transparency_becomes_white() -> None:
    clear = Image.new("RGBA", (6, 6), (255, 0, 0, 0))
    assert (read_picture(packed(clear), (6, 6, 3)) == 255).all()
    half = Image.new("RGBA", (6, 6), (0, 0, 0, 128))
    assert set(read_picture(packed(half), (6, 6, 1)).ravel().tolist()) <= {126, 127, 128}
    assert (read_picture(packed(Image.new("LA", (6, 6), (0, 0))), (6, 6, 1)) == 255).all()
    palette = Image.new("P", (6, 6), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert (read_picture(packed(palette, transparency=1), (6, 6, 3)) == 255).all()
    assert (read_picture(packed(plain((1, 2, 3)), transparency=(1, 2, 3)), (6, 6, 3)) == 255).all()


def test_palettes_sixteen_bits_black_and_white_and_cmyk() -> None:
    palette = Image.new("P", (6, 6), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert read_picture(packed(palette), (6, 6, 3))[0, 0].tolist() == [10, 20, 30]
    assert read_picture(packed(palette), (6, 6, 1))[0, 0, 0] == round(0.299 * 10 + 0.587 * 20 + 0.114 * 30)
    deep = Image.fromarray(np.array([[0, 65_535], [32_768, 257]], np.uint16))
    assert read_picture(packed(deep), (2, 2, 1))[..., 0].tolist() == [[0, 255], [128, 1]]
    bits = Image.new("1", (6, 6), 1)
    assert (read_picture(packed(bits), (6, 6, 1)) == 255).all()
    ink = Image.new("CMYK", (6, 6), (255, 0, 0, 0))
    red, green, blue = read_picture(packed(ink, "JPEG", quality=95), (6, 6, 3))[0, 0].tolist()
    assert red < 10
    assert green > 245
    assert blue > 245


def test_of_an_animation_the_first_picture_is_taken() -> None:
    data = packed(plain((10, 10, 10)), "GIF", save_all=True, append_images=[plain((200, 200, 200))])
    assert (read_picture(data, (4, 4, 1)) == 10).all()


def test_too_many_pixels_are_refused_before_they_are_unpacked(subtests: pytest.Subtests) -> None:
    for side in [8_000, 12_000, 60_000]:
        with (
            subtests.test(f"{side!r}"),
            pytest.raises(picture_pixels.TooLarge, match=r"^A picture may have at most 50 megapixels\."),
        ):
            read_picture(large_png(side), (8, 8, 1))


def test_what_is_no_picture_is_told(subtests: pytest.Subtests) -> None:
    for data in [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        large_png(20),
        packed(gradient(200, 200))[:-3000],
        packed(gradient(200, 200), "JPEG")[:2000],
        packed(gradient(), "TIFF"),
    ]:
        with (
            subtests.test(f"{data!r}"),
            pytest.raises(
                UserError,
                match=r"^The file must be a picture that can be read: PNG, JPEG, GIF, BMP or WebP\.",
            ),
        ):
            read_picture(data, (8, 8, 1))


def test_colours_are_told_from_grey() -> None:
    grey = np.repeat(np.arange(27, dtype=np.uint8).reshape(3, 9, 1), 3, axis=2)
    assert not is_coloured(grey)
    grey[0, 0] = (100, 104, 97)  # what a JPEG does to grey
    assert not is_coloured(grey)
    grey[0, 0] = (100, 120, 100)
    assert is_coloured(grey)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_contact_sheet(channels: int) -> None:
    pixels = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.full((1, 24, 24, channels), 50, np.uint8)
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet(pixels, 3))))
    # Drawn twice as large, with gaps of 3.
    assert sheet.shape == (2 * 48 + 3, 3 * 48 + 2 * 3, 4)
    assert sheet[0, 0].tolist() == [0, 0, 0, 255]
    assert sheet[10, 51 + 10].tolist() == [50, 50, 50, 255]
    assert sheet[51, 51].tolist() == [200, 200, 200, 255]
    assert sheet[10, 49, 3] == 0, "between pictures"
    assert sheet[60, 110, 3] == 0, "no sixth picture"


def test_large_pictures_are_drawn_smaller() -> None:
    pixels = np.zeros((8, 225, 225, 3), np.uint8)
    pixels[:, ::2] = 200
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet(pixels, 8))))
    assert sheet.shape == (113, 8 * 116 - 3, 4)
    assert sheet[50, 50].tolist() == [100, 100, 100, 255]
