"""A look at pictures shows some of every class, and reads few of a zip."""

import io
import zipfile

import numpy as np
from PIL import Image

from lrapp.images.datasets import PictureFacts
from lrapp.images.examples import MOST_CLASSES, PER_CLASS, Look, as_html, look_at_set, look_at_zip
from lrapp.settings import PictureSettings, PicturesSource


def png(shade: int) -> bytes:
    target = io.BytesIO()
    Image.fromarray(np.full((8, 8), shade, np.uint8)).save(target, "PNG")
    return target.getvalue()


def packed(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def shades(sheet: bytes) -> list[int]:
    """The shade in the middle of each picture of a sheet, from the left."""
    with Image.open(io.BytesIO(sheet)) as image:
        pixels = np.asarray(image)
    line = pixels[pixels.shape[0] // 2]
    edges = np.flatnonzero(np.diff(np.r_[0, line[:, 3] > 0, 0]))
    return [int(line[(start + end) // 2, 0]) for start, end in zip(edges[::2], edges[1::2], strict=True)]


SMALL = PictureSettings(size=8)


def test_the_digits() -> None:
    look = look_at_set(PicturesSource(name="digits"))
    assert look.classes == tuple("0123456789")
    assert [len(shades(sheet)) for sheet in look.sheets] == [PER_CLASS] * 10


def test_pictures_are_taken_evenly_and_only_where_there_are_some() -> None:
    files = {f"many/{number:03}.png": png(number) for number in range(200)}
    files |= {f"few/{number}.png": png(100 + number) for number in range(3)}
    look = look_at_zip(packed(files), "a.zip", SMALL)
    assert look.classes == ("few", "many")
    assert shades(look.sheets[0]) == [100, 101, 102]
    many = shades(look.sheets[1])
    assert len(many) == PER_CLASS
    assert (many[0], many[-1]) == (0, 199)
    assert many == sorted(many)


def test_broken_pictures_leave_no_gap_and_nearly_nothing_else_is_read() -> None:
    files = {f"a/{number:03}.png": png(50) for number in range(100)}
    files |= {f"b/{number:03}.png": b"no picture" if number == 50 else png(60) for number in range(101)}
    told: list[float] = []
    look = look_at_zip(packed(files), "a.zip", SMALL, lambda what, done: told.append(done))
    assert shades(look.sheets[1]) == [60] * PER_CLASS
    assert told[-1] == 1.0


def test_of_very_many_classes_the_first_are_shown() -> None:
    files = {f"class {number:02}/{copy}.png": png(number) for number in range(60) for copy in range(2)}
    look = look_at_zip(packed(files), "a.zip", SMALL)
    assert len(look.classes) == len(look.sheets) == MOST_CLASSES


def test_the_table_of_classes_escapes_names_and_measures_bars() -> None:
    facts = PictureFacts(15, 8, 8, 1, ('<b>&"', "b", "c"), (10, 4, 1), (0, 0, 0))
    text = as_html(facts, Look(('<b>&"', "b", "c"), (b"one", b"two", b"three")))
    assert "<b>" not in text
    assert text.count('alt="Examples of &lt;b&gt;&amp;&quot;"') == 1
    assert [part.split("%")[0] for part in text.split('<div style="width:')[1:]] == ["100", "40", "10"]
    assert text.count("data:image/png;base64,") == 3


def test_only_the_chosen_classes_are_shown_and_the_rest_is_counted() -> None:
    facts = PictureFacts(6, 8, 8, 1, ("a", "b", "c"), (1, 2, 3), (0, 0, 0))
    assert as_html(facts, None, ["c", "a"]).count("<tr>") == 2
    many = PictureFacts(100, 8, 8, 1, tuple(map(str, range(100))), (1,) * 100, (0,) * 100)
    assert "and 60 more" in as_html(many, None)
