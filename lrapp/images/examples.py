"""A first look at pictures: how many there are of each class, and some of them, small, as a page can show them."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrapp.images.datasets import Images, PictureFacts, Progress, read_set
from lrapp.images.pixels import contact_sheet
from lrapp.images.zip_files import read_zip
from lrapp.settings import PictureSettings, PicturesSource

MOST_CLASSES = 40
PER_CLASS = 8
# A few more, as some may be broken.
_SPARE = 4


@dataclass(frozen=True)
class Look:
    """Pictures of each class: a PNG file each, with up to ``PER_CLASS`` of them side by side."""

    classes: tuple[str, ...]
    sheets: tuple[bytes, ...]


def look_at_set(source: PicturesSource, progress: Progress | None = None) -> Look:
    """Return a look at a set that the app knows.

    Args:
        progress: Called with the stage and the share done, 0 to 1.

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

    Raises:
        UserError: If there are not pictures of two classes that can be read.
    """
    return _look(read_zip(data, name, settings, progress, most_of_each=PER_CLASS + _SPARE))


def as_html(facts: PictureFacts, look: Look | None, only: Sequence[str] = ()) -> str:
    """Return a table with name, number of pictures, a bar and examples for each class.

    Args:
        look: The examples; None leaves their column empty.
        only: Classes to show; none given means all.
    """
    shown = [
        (name, count)
        for name, count in zip(facts.classes, facts.counts, strict=True)
        if not only or name in only
    ]
    most = max((count for _, count in shown), default=1)
    sheets = dict(zip(look.classes, look.sheets, strict=True)) if look else {}
    rows = [
        f'<tr><th scope="row">{html.escape(" ".join(name.split())[:60])}<br><small>{count:,}</small>'
        f'<div style="width:{max(1, round(100 * count / most))}%"></div></th><td>{_image(name, sheets.get(name))}</td>'
        "</tr>"
        for name, count in shown[:MOST_CLASSES]
    ]
    more = len(shown) - MOST_CLASSES
    rest = f"<p>and {more:,} more</p>" if more > 0 else ""
    return f'{_STYLE}<table class="classes">{"".join(rows)}</table>{rest}'


# The bars have the colour that training has in the charts.
_STYLE = """<style>
.classes { border-collapse: collapse; width: 100%; }
.classes th, .classes td { border: 0; padding: 2px 10px 2px 0; text-align: left; vertical-align: middle; }
.classes th { width: 28%; font-weight: 400; line-height: 1.15; overflow-wrap: anywhere; }
.classes th div { height: 4px; margin-top: 3px; border-radius: 2px; background: #2f7ed8; }
.classes img { max-width: 100%; display: block; }
</style>"""


def _image(name: str, sheet: bytes | None) -> str:
    if sheet is None:
        return ""
    data = base64.b64encode(sheet).decode()
    return f'<img src="data:image/png;base64,{data}" alt="Examples of {html.escape(name[:60])}">'


def _look(images: Images) -> Look:
    sheets = []
    for number in range(min(len(images.classes), MOST_CLASSES)):
        rows = np.flatnonzero(images.labels == number)
        # Evenly from all of them, as neighbours are often similar.
        chosen = rows[np.unique(np.linspace(0, len(rows) - 1, PER_CLASS).astype(int))]
        sheets.append(contact_sheet(images.pixels[chosen], PER_CLASS))
    return Look(images.classes[:MOST_CLASSES], tuple(sheets))
