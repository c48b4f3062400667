"""The preprocessor of pictures: kept beside the network as ``pictures.json``."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lrapp.errors import UserError
from lrapp.files import from_json, write_beside
from lrapp.preparation import threshold as thresholds
from lrapp.preparation.preprocessor import Decoded, decoded_classes
from lrapp.preparation.threshold import Threshold
from lrapp.settings import DATA_KINDS, DataKind

VERSION = 1
JSON_FILE = DATA_KINDS["pictures"].model_file
TARGET = DATA_KINDS["pictures"].target or ""
# Where the memory of pictures must start for the training to use it without a copy.
ALIGNMENT = 64

PictureTask = Literal["binary", "multi-class"]


@dataclass(frozen=True)
class PicturePreprocessor:
    """What was learned from the training pictures, to prepare new ones.

    Args:
        classes: Names of the classes in the order of the outputs.
        shape: Height, width and channels of a picture, as the network sees it.
        threshold: From which probability on the second of two classes is answered; None for the usual half.
    """

    task: PictureTask
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    threshold: Threshold | None = None
    # Attributes of a table's preprocessor that pictures do not need.
    kind: ClassVar[DataKind] = "pictures"
    target: ClassVar[str] = TARGET
    target_mean: ClassVar[float] = 0.0
    target_scale: ClassVar[float] = 1.0
    logarithm: ClassVar[None] = None
    numbers: ClassVar[int] = 0
    columns: ClassVar[tuple[()]] = ()
    inputs: ClassVar[tuple[()]] = ()

    def decode(self, outputs: np.ndarray) -> Decoded:
        """Return the network's outputs as class names and probabilities.

        Args:
            outputs: Shape (rows,) or (rows, 1) for binary (probability of the second class), (rows, classes) for
                multi-class (probabilities).
        """
        return decoded_classes(self.task, self.classes, outputs, self.threshold)

    def with_threshold(self, threshold: Threshold | None) -> Self:
        """Return the same with another threshold."""
        return replace(self, threshold=threshold)

    def linear(self, outputs: np.ndarray) -> np.ndarray:
        """Return the network's outputs as they are: pictures have classes, no numbers."""
        return np.asarray(outputs, np.float64)

    def save(self, folder: Path) -> None:
        """Write ``pictures.json`` and ``threshold.json`` into a folder, beside, then renamed."""
        thresholds.keep(folder, self.threshold)
        described = _Described(
            version=VERSION, task=self.task, classes=list(self.classes), shape=list(self.shape)
        )
        write_beside(folder / JSON_FILE, described.model_dump_json(indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> "PicturePreprocessor":
        """Return what a folder holds.

        Raises:
            UserError: If the file is missing, damaged, foreign or from a later version.
        """
        try:
            data = (folder / JSON_FILE).read_bytes()
        except FileNotFoundError as error:
            raise UserError(
                f"This model has no {JSON_FILE} beside it: its run did not finish, or files were removed. "
                "Train it again."
            ) from error
        except OSError as error:
            raise UserError(_DAMAGED) from error
        _check_version(data)
        try:
            described = _Described.model_validate_json(data)
        except ValidationError as error:
            raise UserError(_DAMAGED) from error
        height, width, channels = described.shape
        threshold = thresholds.kept(folder)
        return cls(described.task, tuple(described.classes), (height, width, channels), threshold)


def aligned(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return an array for pictures whose memory starts at a multiple of ``ALIGNMENT`` bytes.

    Args:
        shape: (rows, height, width, channels).

    Returns:
        uint8, of that shape, uninitialised.
    """
    size = int(np.prod(shape))
    room = np.empty(size + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size].reshape(shape)


_DAMAGED = (
    f"The {JSON_FILE} beside this model is damaged or not one of LR Lab's: download or train the model again."
)


class _Described(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: int
    task: PictureTask
    classes: list[str] = Field(min_length=2, max_length=100_000)
    shape: list[Annotated[int, Field(ge=1, le=4_096)]] = Field(min_length=3, max_length=3)

    @model_validator(mode="after")
    def _belongs_together(self) -> "_Described":
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("a class twice")
        if (self.task == "binary") != (len(self.classes) == 2):
            raise ValueError("classes that are not the task's")
        if self.shape[2] not in (1, 3):
            raise ValueError("channels that no picture has")
        return self


def _check_version(data: bytes) -> None:
    try:
        described = from_json(data)
    except ValueError as error:
        raise UserError(_DAMAGED) from error
    if not isinstance(described, dict) or type(described.get("version")) is not int:
        raise UserError(_DAMAGED)
    if described["version"] != VERSION:
        raise UserError(
            f"The {JSON_FILE} of this model must be of version {VERSION}. Received: {described['version']}. "
            "Open it with the version of LR Lab that made it."
        )
