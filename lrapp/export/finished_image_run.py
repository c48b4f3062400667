"""A finished run on pictures -> all that a script or an exported model needs to be made and checked."""

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lrapp.errors import UserError
from lrapp.export.finished_run import FinishedRun, finished
from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.runs.store import Run, Store
from lrapp.sandbox.sources import read_images
from lrapp.settings import UploadedSource

if TYPE_CHECKING:
    from lrapp.images.datasets import Images
    from lrapp.preparation.table_arrays import Split


ARCHIVE = "pictures.zip"
# Enough to find an error, and quick even with a large network.
_MOST_CHECKED = 1_000


@dataclass(frozen=True, eq=False)
class PictureRecipe(FinishedRun):
    """A finished run on pictures, with its data.

    Args:
        known: Names of all classes of the pictures, also of those that were left out.
        split: Which picture is in which part, as CSV: of a set a line for each of its pictures, of a zip a line with
            its entry for each that was used.
        archive: Path of the uploaded zip; None for a set that anyone can download.
    """

    preprocessor: PicturePreprocessor
    known: tuple[str, ...]
    split: bytes
    archive: Path | None

    @property
    def checked(self) -> "Split":
        """The pictures that an exported model is checked on, evenly from all that could be."""
        every = super().checked
        chosen = np.unique(np.linspace(0, len(every.y) - 1, min(_MOST_CHECKED, len(every.y))).astype(int))
        return replace(every, x=every.x[chosen], y=every.y[chosen], weight=None, rows=every.rows[chosen])


def picture_recipe(run: Run, store: Store) -> PictureRecipe:
    """Return a finished run with its data; reads and prepares its pictures again.

    Raises:
        UserError: If the run left no model, or its pictures are gone or no longer what they were.
    """
    from lrapp.preparation import kept_arrays
    from lrapp.preparation.image_arrays import fits_memory, prepare_images

    settings, history, scores, model = finished(run)
    preprocessor = model.fitted(PicturePreprocessor)
    images = read_images(store, settings.data, lambda what, share: None, lambda: False)
    if fits_memory(images.pixels.nbytes):
        prepared = prepare_images(images, settings.data)
    else:  # they were kept on the disk when they were trained on, or are now
        prepared = kept_arrays.prepared(store, settings.data, lambda what, share: None, lambda: False)
    if prepared.preprocessor != preprocessor:
        raise UserError(
            "The pictures are not those that this model was trained on, perhaps because of another version of LR Lab: "
            "train the run again."
        )
    source = settings.data.source
    archive = store.source_path(source) if isinstance(source, UploadedSource) else None
    made = FinishedRun(settings, history, scores, model, prepared, store.of(run))
    split = _split_of_set(made, images) if archive is None else _split_of_zip(made, images)
    return PictureRecipe(
        **vars(made), preprocessor=preprocessor, known=images.classes, split=split, archive=archive
    )


def _split_of_set(made: FinishedRun, images: "Images") -> bytes:
    parts = made.parts(len(images.labels))
    return ("part\n" + "".join(f"{part or 'none'}\n" for part in parts)).encode()


def _split_of_zip(made: FinishedRun, images: "Images") -> bytes:
    parts = made.parts(len(images.labels))
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["entry", "file", "class", "part"])
    assert images.names is not None
    assert images.entries is not None
    for entry, name, label, part in zip(images.entries, images.names, images.labels, parts, strict=True):
        if part:
            writer.writerow([entry, name, images.classes[label], part])
    return target.getvalue().encode("utf-8", "backslashreplace")
