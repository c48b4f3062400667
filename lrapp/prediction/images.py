"""A saved network and pictures -> a class for each."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrapp.errors import Stopped, UserError
from lrapp.files import from_json, write_beside
from lrapp.prediction.progress import CANCELLED, Progress
from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.sandbox import loose_images

if TYPE_CHECKING:
    import pandas as pd

    from lrapp.networks.saved import SavedModel

_FRAME, _SEEN, _NOTES = "pictures.parquet", "seen.npy", "notes.json"
# Pictures that the network sees at once.
_AT_ONCE = 256
FORMATS = ("png", "jpg", "jpeg", "gif", "bmp", "webp", "zip")


@dataclass(frozen=True, eq=False)
class PicturePredictions:
    """Predictions for pictures.

    Args:
        frame: A row for each picture, in order: ``file``, ``not predicted because`` where one could not be read,
            ``prediction``, ``confidence``, and ``probability of`` each class.
        seen: The pictures as the network saw them, uint8, shape (first rows, height, width, channels).
    """

    frame: "pd.DataFrame"
    seen: NDArray[np.uint8]
    notes: tuple[str, ...]

    def save(self, folder: Path) -> None:
        """Write it into a prediction's folder.

        Raises:
            UserError: If the disk is full.
        """
        write_beside(folder / _FRAME, self.frame.to_parquet(index=False))
        pixels = io.BytesIO()
        np.save(pixels, self.seen)
        write_beside(folder / _SEEN, pixels.getvalue())
        write_beside(folder / _NOTES, json.dumps(self.notes).encode())

    @classmethod
    def load(cls, folder: Path) -> "PicturePredictions":
        """Return what a folder holds.

        Raises:
            UserError: If it is missing or damaged.
        """
        import pandas as pd

        try:
            frame = pd.read_parquet(folder / _FRAME)
            notes = tuple(map(str, from_json((folder / _NOTES).read_bytes())))
            with (folder / _SEEN).open("rb") as file:
                seen = np.load(file, allow_pickle=False)
            if seen.ndim != 4 or seen.dtype != np.uint8 or "file" not in frame:
                raise ValueError("no pictures")
        except Exception as error:  # whatever a damaged file makes its reader do
            raise UserError(
                "These predictions are no longer kept here: predict the pictures again."
            ) from error
        return cls(frame, seen, notes)


def predict_files(
    folder: Path,
    files: Sequence[tuple[str, bytes | Path]],
    most_seen: int = 24,
    on_progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> PicturePredictions:
    """Return a finished run's predictions for pictures.

    Args:
        files: Name of each, and its bytes or where it lies; a zip stands for the pictures in it.
        most_seen: How many of the pictures to hand back.

    Raises:
        UserError: If the run's model looks at tables or is damaged, or there is no picture among the files.
        Stopped: If it was asked to stop.
    """
    from lrapp.networks.saved import SavedModel

    return predict_pictures(SavedModel.load(folder), files, most_seen, on_progress, should_stop)


def predict_pictures(
    model: "SavedModel",
    files: Sequence[tuple[str, bytes | Path]],
    most_seen: int = 24,
    on_progress: Callable[[Progress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> PicturePredictions:
    """Return a network's predictions for pictures; arguments and errors as for ``predict_files``."""
    import pandas as pd

    preprocessor = model.fitted(PicturePreprocessor)
    names: list[str] = []
    reasons: list[str] = []
    outputs: list[Any] = []
    seen: list[NDArray[np.uint8]] = []
    try:
        for batch in loose_images.batches(files, preprocessor.shape, _AT_ONCE, should_stop=should_stop):
            names += batch.names
            reasons += batch.reasons
            seen.extend(batch.pixels[: most_seen - len(seen)])
            if len(batch.pixels):
                outputs.append(model.outputs(batch.pixels))
            on_progress(Progress(len(names), batch.share))
    except Stopped as error:
        raise Stopped(CANCELLED) from error
    if not names:
        raise UserError("There is no picture among these files: upload PNG or JPEG files, or a zip of them.")
    good = np.flatnonzero([not reason for reason in reasons])
    frame = pd.DataFrame({"file": names})
    if len(good) < len(names):
        frame["not predicted because"] = reasons
    if len(good):
        decoded = preprocessor.decode(np.concatenate(outputs))
        table = np.full((len(names), len(preprocessor.classes)), np.nan)
        table[good] = decoded.probabilities
        frame["prediction"] = pd.Series(decoded.values, index=good).reindex(range(len(names)))
        frame["confidence"] = pd.Series(decoded.confidence, index=good).reindex(range(len(names)))
        chances = pd.DataFrame(table, columns=[f"probability of {one}" for one in preprocessor.classes])
        frame = pd.concat([frame, chances], axis=1)
    notes = []
    if preprocessor.threshold is not None:
        notes.append(preprocessor.threshold.sentence(preprocessor.classes[1]))
    if len(good) < len(names):
        count = len(names) - len(good)
        notes.append(f"{count:,} {'file' if count == 1 else 'files'} could not be read as a picture.")
    return PicturePredictions(
        frame, np.stack(seen) if seen else np.zeros((0, *preprocessor.shape), np.uint8), tuple(notes)
    )
