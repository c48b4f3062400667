"""Data that memory does not hold become arrays in files: a table some columns, then some rows after the other."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from lrapp.errors import Stopped
from lrapp.files import disk_errors
from lrapp.preparation.fitting import Fitted
from lrapp.preparation.preprocessor import Preprocessor
from lrapp.settings import DataSettings
from lrapp.tables.columns.kinds import ColumnKind

# Numbers that are prepared together: 8 MB in float64. And bytes of pictures.
_NUMBERS, _BYTES = 1 << 20, 1 << 23
_LEAST_ROWS = 64


@dataclass
class Pieces:
    """How such data are prepared.

    Args:
        folder: Returns the folder for a number of bytes; raises a ``UserError`` where there is none.
        tell: Told what is being done, and how much of it is done, 0 to 1.
        units: What the rows are called.
    """

    folder: Callable[[int], Path]
    tell: Callable[[str, float], None]
    should_stop: Callable[[], bool]
    units: str = "rows"
    _into: Path | None = field(default=None, init=False)

    def fitted(
        self,
        frame: pd.DataFrame,
        kinds: Mapping[str, ColumnKind],
        known: np.ndarray,
        training: np.ndarray,
        settings: DataSettings,
    ) -> Fitted:
        """Return what ``fitting.fit`` learns from the training rows, without the slots of the rows.

        Args:
            frame, kinds, settings: As for ``fitting.fit``.
            known: Positions in the frame of all rows that count, ascending.
            training: Positions among these of the training rows.

        Raises:
            UserError: If no column is of use, or there is no room for the arrays.
        """
        from lrapp.preparation import fitting_in_pieces

        # The disk is asked for the room of the codes first, and for that of the inputs when their number is known.
        self._into = self.folder(8 * len(training) * frame.shape[1])

        def tell(share: float) -> None:
            self._go_on("Looking at the columns, some after the other", share)

        with disk_errors():
            found = fitting_in_pieces.fit(frame, kinds, known[training], settings, self._into, tell)
        self.folder(4 * len(known) * len(found.inputs))
        return found

    def transformed(
        self, name: str, frame: pd.DataFrame, rows: np.ndarray, preprocessor: Preprocessor
    ) -> np.ndarray:
        """Return the inputs of some rows, mapped from a file.

        Args:
            rows: Positions in the frame.
            preprocessor: Fitted.
        """
        width = len(preprocessor.inputs)
        at_once = max(_LEAST_ROWS, _NUMBERS // width)
        names = [column.name for column in preprocessor.columns]
        some = (
            preprocessor.transform(frame[names].iloc[rows[start : start + at_once]])
            for start in range(0, len(rows), at_once)
        )
        return self._written(name, some, (len(rows), width), np.float32)

    def make_room(self, size: int) -> None:
        """Ask for a folder for a number of bytes.

        Raises:
            UserError: If there is no room for them.
        """
        self._into = self.folder(size)

    def copied(self, name: str, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return some rows of an array, mapped from a file; room was made for them.

        Args:
            x: As it was read, perhaps mapped, too.
            rows: Positions in it, ascending.
        """
        shape = x.shape[1:]
        at_once = max(1, _BYTES // (math.prod(shape) * x.itemsize))
        some = (x[rows[start : start + at_once]] for start in range(0, len(rows), at_once))
        return self._written(name, some, (len(rows), *shape), x.dtype)

    def _written(
        self, name: str, some: Iterable[np.ndarray], shape: tuple[int, ...], kind: np.typing.DTypeLike
    ) -> np.ndarray:
        """Write some rows after the other into a file, and map it."""
        assert self._into is not None
        path, done = self._into / f"{name}.x.npy", 0
        # Written as a file: where the disk is full, a write into mapped memory would end the process.
        with disk_errors(), path.open("wb") as file:
            about = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, about)
            for piece in some:
                self._go_on(f"Preparing the {name} {self.units} in pieces", done / shape[0])
                file.write(piece.data)
                done += len(piece)
        mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped

    def _go_on(self, what: str, share: float) -> None:
        if self.should_stop():
            raise Stopped
        self.tell(what, share)
        if self._into is not None:
            os.utime(self._into)  # else it looks as if a crash had left it
