"""The fitted preprocessor: cells of a table -> the float32 inputs of a network, and its outputs -> predictions.

Every column becomes one or more *slots* (raw numbers, codes of categories, parts of dates); a scikit-learn
``ColumnTransformer``, fitted on training rows only, turns slots into inputs.
"""

import hashlib
import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from lrapp.column_formats import learned
from lrapp.column_formats.learned import ModelFormats
from lrapp.errors import UserError
from lrapp.files import from_json, write_beside
from lrapp.phrasing import quoted
from lrapp.preparation import threshold as thresholds
from lrapp.preparation.log_target import LogTarget
from lrapp.preparation.threshold import Threshold
from lrapp.settings import DataKind, Task
from lrapp.tables import cell_values
from lrapp.tables.columns.coded_gaps import gaps_in
from lrapp.tables.columns.kinds import ColumnKind

log = logging.getLogger(__name__)

VERSION = 1
SKOPS_FILE, JSON_FILE = "preprocessor.skops", "preprocessor.json"
# skops trusts most of scikit-learn; these are our own types, and no others are built.
# The last pair are the names of version 1.0 for the first.
TRUSTED = (
    *("lrapp.preparation.clipping.QuantileClip", "lrapp.preparation.clipping.UnitScale", "numpy.dtype"),
    "lrapp.preparation.robust_scaling.RobustScale",
    *("lrapp.clipping.QuantileClip", "lrapp.clipping.UnitScale"),
)
# No training row is further from the mean than the root of their number; what is further, in new rows, is moved
# here, so that a network's float32 sums stay finite.
_FARTHEST = 1e6
_ROWS_AT_ONCE = 65_536
_READS, _BETWEEN_READS = 10, 0.05  # tries, and seconds between them

Strange = dict[str, list[tuple[str, int]]]


@dataclass(frozen=True)
class InputColumn:
    """A column that the model needs.

    Args:
        kind: Number, yes/no, category or date.
        values: The texts that training saw: of a category all (sorted; "" is a missing value), of a yes/no
            the one that became 0 and the one that became 1.
        gaps: Numbers that stand for a missing value.
    """

    name: str
    kind: ColumnKind
    values: tuple[str, ...] = ()
    gaps: tuple[float, ...] = ()

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the numbers that the column is turned into first."""
        match self.kind:
            case ColumnKind.DATE:
                return tuple(f"{self.name}: {part}" for part in cell_values.DATE_PARTS)
            case ColumnKind.YES_NO:
                return (f"{self.name} = {self.values[1]}",)
            case _:
                return (self.name,)


@dataclass(frozen=True)
class Decoded:
    """Predictions in the table's terms.

    Args:
        values: Class names (object) or numbers in the target's units (float64), shape (rows,).
        probabilities: float64, shape (rows, classes), in the order of ``classes``; None for a regression.
        places: Of the class names among ``classes``, int64; None for a regression.
    """

    values: np.ndarray
    probabilities: np.ndarray | None
    places: np.ndarray | None = None

    @property
    def confidence(self) -> np.ndarray:
        """The probability of each row's class; of classes only."""
        assert self.probabilities is not None
        assert self.places is not None
        return np.take_along_axis(self.probabilities, self.places[:, None], axis=1)[:, 0]


@dataclass(frozen=True, eq=False)
class Preprocessor:
    """All that was learned from the training rows, except the network.

    Args:
        classes: Names of the classes in the order of the outputs; empty for a regression.
        target_mean, target_scale: Mean and standard deviation of the target (0 and 1 unless a regression).
        logarithm: Used instead where the network learns the target's logarithm, else None.
        columns: The columns that the model needs, in the order of the slots.
        transformer: The fitted ``sklearn.compose.ColumnTransformer``.
        formats: How the columns were written; None where that was not kept.
        threshold: From which probability on the second of two classes is answered; None for the usual half.
    """

    task: Task
    target: str
    classes: tuple[str, ...]
    target_mean: float
    target_scale: float
    columns: tuple[InputColumn, ...]
    inputs: tuple[str, ...]
    transformer: Any
    formats: ModelFormats | None = None
    logarithm: LogTarget | None = None
    threshold: Threshold | None = None
    kind: ClassVar[DataKind] = "table"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row's inputs."""
        return (len(self.inputs),)

    @property
    def numbers(self) -> int:
        """How many inputs are scaled numbers; they come first."""
        parts = self.transformer.transformers_
        return next((len(slots) for name, _, slots in parts if name == "numbers"), 0)

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the network's inputs for the rows of a table.

        Args:
            frame: Holds at least ``columns`` under their names, in any order, converted to their kinds.

        Returns:
            float32, shape (rows, inputs), finite.

        Raises:
            UserError: If a column is missing.
        """
        return self.transform_counting(frame)[0]

    def transform_counting(self, frame: pd.DataFrame) -> tuple[np.ndarray, Strange]:
        """Return the inputs, and for each column the texts that training never saw, each with its rows."""
        slots, strange = raw_slots(frame, self.columns)
        return self.transform_slots(slots), strange

    def transform_slots(self, slots: np.ndarray) -> np.ndarray:
        """Return the inputs (float32) for slots (float64) that ``raw_slots`` made."""
        inputs = np.empty((len(slots), len(self.inputs)), np.float32)
        for start in range(0, len(slots), _ROWS_AT_ONCE):  # the float64 inputs of all rows may not fit
            rows = slice(start, start + _ROWS_AT_ONCE)
            inputs[rows] = np.clip(self.transformer.transform(slots[rows]), -_FARTHEST, _FARTHEST)
        return inputs

    def decode(self, outputs: np.ndarray) -> Decoded:
        """Return the network's outputs as class names and probabilities, or as numbers in the target's units.

        Args:
            outputs: Shape (rows,) or (rows, 1) for binary (probability of the second class) and regression
                (standardised), (rows, classes) for multi-class (probabilities).
        """
        table = np.asarray(outputs, np.float64).reshape(len(outputs), -1)
        if self.task == "regression":
            if self.logarithm is not None:
                return Decoded(self.logarithm.numbers(table[:, 0]), None)
            return Decoded(table[:, 0] * self.target_scale + self.target_mean, None)
        return decoded_classes(self.task, self.classes, table, self.threshold)

    def with_threshold(self, threshold: Threshold | None) -> Self:
        """Return the same with another threshold."""
        return replace(self, threshold=threshold)

    def linear(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs or targets, float64; with a logarithm, converted back and standardised."""
        if self.logarithm is None:
            return np.asarray(outputs, np.float64)
        return standardised(
            self.logarithm.numbers(outputs), self.target_mean, self.target_scale, kind=np.float64
        )

    def save(self, folder: Path) -> None:
        """Write ``preprocessor.skops``, ``preprocessor.json``, ``formats.json`` and ``threshold.json``."""
        import skops.io
        from sklearn import __version__ as sklearn_version

        packed = skops.io.dumps(self.transformer)
        described = {
            "version": VERSION,
            "scikit-learn": sklearn_version,
            "sha256": hashlib.sha256(packed).hexdigest(),
            "task": self.task,
            "target": self.target,
            "classes": self.classes,
            "target_mean": self.target_mean,
            "target_scale": self.target_scale,
            **({} if self.logarithm is None else {"logarithm": asdict(self.logarithm)}),
            "columns": [asdict(column) for column in self.columns],
            "inputs": self.inputs,
        }
        if self.formats is not None:
            write_beside(folder / learned.FILE, self.formats.to_json())
        else:
            (folder / learned.FILE).unlink(missing_ok=True)
        thresholds.keep(folder, self.threshold)
        write_beside(folder / SKOPS_FILE, packed)
        write_beside(folder / JSON_FILE, json.dumps(described, indent=1, allow_nan=False).encode("ascii"))

    @classmethod
    def load(cls, folder: Path) -> "Preprocessor":
        """Return the preprocessor that a folder holds; only known types are built from the files.

        Raises:
            UserError: If a file is missing, damaged, foreign or from a later version.
        """
        described, packed = _saved_together(folder)
        loaded = replace(cls._revived(described, packed), formats=ModelFormats.load(folder))
        loaded = loaded.with_threshold(thresholds.kept(folder))
        loaded._check()
        return loaded

    @classmethod
    def _revived(cls, described: dict[str, Any], packed: bytes) -> "Preprocessor":
        import skops.io

        from lrapp.preparation import clipping

        sys.modules.setdefault("lrapp.clipping", clipping)  # where files of version 1.0 expect it

        try:
            return cls(
                task=described["task"],
                target=described["target"],
                classes=tuple(described["classes"]),
                target_mean=float(described["target_mean"]),
                target_scale=float(described["target_scale"]),
                columns=_columns(described),
                inputs=tuple(described["inputs"]),
                transformer=skops.io.loads(packed, trusted=list(TRUSTED)),
                logarithm=LogTarget(**described["logarithm"]) if "logarithm" in described else None,
            )
        except Exception as error:  # a foreign file can raise anything; the log shows whether it is a defect
            log.warning("The preprocessor could not be read, though its checksum is right.", exc_info=True)
            raise UserError(_DAMAGED) from error

    def _check(self) -> None:
        """Transform one row: the two files must belong together."""
        from sklearn.compose import ColumnTransformer

        slots = sum(len(column.slots) for column in self.columns)
        try:
            fits = isinstance(self.transformer, ColumnTransformer) and (
                self.transformer.transform(np.zeros((1, slots))).shape == (1, len(self.inputs))
            )
        except Exception as error:  # a crafted transformer can raise anything
            log.warning("The preprocessor could not take a row.", exc_info=True)
            raise UserError(_DAMAGED) from error
        if not fits:
            raise UserError(_DAMAGED)


@dataclass(frozen=True)
class Needs:
    """What a saved model asks of a table, in which the target need not be."""

    target: str
    columns: tuple[InputColumn, ...]


def needs(folder: Path) -> Needs:
    """Return what the model in a folder needs, without importing scikit-learn, so that a page may ask.

    Raises:
        UserError: If the description is missing, damaged, foreign or from a later version.
    """
    described = _read(folder)
    try:
        return Needs(str(described["target"]), _columns(described))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(_DAMAGED) from error


_GONE = (
    "This model has no preprocessor beside it: its run did not finish, or files were removed. Train it again."
)
_DAMAGED = (
    "The preprocessor beside this model is damaged or not one of LR Lab's: download or train the model again."
)


def _read(folder: Path) -> dict[str, Any]:
    try:
        described = from_json((folder / JSON_FILE).read_bytes())
    except FileNotFoundError as error:
        raise UserError(_GONE) from error
    except (ValueError, OSError) as error:
        raise UserError(_DAMAGED) from error
    if not isinstance(described, dict) or not isinstance(described.get("version"), int):
        raise UserError(_DAMAGED)
    if described["version"] != VERSION:
        raise UserError(
            f"The preprocessor of this model must be of version {VERSION}. Received: {described['version']}. "
            "Open it with the version of LR Lab that made it."
        )
    return described


def _saved_together(folder: Path) -> tuple[dict[str, Any], bytes]:
    """Return both files of one save; between its two renames they are of two, so a mismatch is read again."""
    for attempt in range(_READS):
        described = _read(folder)
        try:
            packed = (folder / SKOPS_FILE).read_bytes()
        except FileNotFoundError as error:
            raise UserError(_GONE) from error
        except OSError as error:
            raise UserError(_DAMAGED) from error
        if described.get("sha256") == hashlib.sha256(packed).hexdigest():
            return described, packed
        if attempt < _READS - 1:
            time.sleep(_BETWEEN_READS)
    raise UserError(_DAMAGED)


def _columns(described: dict[str, Any]) -> tuple[InputColumn, ...]:
    return tuple(
        InputColumn(
            column["name"],
            ColumnKind(column["kind"]),
            tuple(column["values"]),
            tuple(map(float, column.get("gaps", ()))),
        )
        for column in described["columns"]
    )


def raw_slots(frame: pd.DataFrame, columns: Sequence[InputColumn]) -> tuple[np.ndarray, Strange]:
    """Return the raw numbers of each row, and for each column the texts that training never saw.

    Args:
        frame: Holds the columns, converted to their kinds; others are passed over.
        columns: What to read, in the order of the slots.

    Returns:
        float64, shape (rows, slots): numbers, 0 and 1 for no and yes, codes of categories, parts of dates; NaN
        is missing. And unknown texts with their number of rows, for the columns that hold some.

    Raises:
        UserError: If columns are missing.
    """
    gone = [column.name for column in columns if column.name not in frame.columns]
    if gone:
        word = "column" if len(gone) == 1 else "columns"
        raise UserError(
            f"The table must hold every column that the model learned from. Missing {word}: {quoted(gone)}."
        )
    widths = [len(column.slots) for column in columns]
    slots = np.empty((len(frame), sum(widths)))
    starts = np.cumsum([0, *widths])
    strange: Strange = {}
    numeric = [place for place, column in enumerate(columns) if column.kind is ColumnKind.NUMBER]
    if numeric:  # all at once: thousands of columns one by one take minutes
        slots[:, starts[numeric]] = cell_values.numbers(frame[[columns[place].name for place in numeric]])
    for column, start in zip(columns, starts, strict=False):
        found: list[tuple[str, int]] = []
        match column.kind:
            case ColumnKind.NUMBER if column.gaps:
                slots[np.isin(slots[:, start], column.gaps), start] = np.nan
            case ColumnKind.CATEGORY:
                slots[:, start], found = cell_values.codes_of(_with_gaps(frame, column), column.values)
            case ColumnKind.YES_NO:
                slots[:, start], found = cell_values.yes_no_codes(_with_gaps(frame, column), column.values)
            case ColumnKind.DATE:
                slots[:, start : start + len(cell_values.DATE_PARTS)] = cell_values.date_parts(
                    frame[column.name]
                )
        if found:
            strange[column.name] = found
    return slots, strange


def _with_gaps(frame: pd.DataFrame, column: InputColumn) -> pd.Series:
    values = frame[column.name]
    return values.mask(gaps_in(values, column.gaps)) if column.gaps else values


def standardised(
    values: np.ndarray, mean: float, scale: float, kind: type[np.floating[Any]] = np.float32
) -> np.ndarray:
    """Return (values - mean) / scale as numbers of a kind, at most a million from 0."""
    return np.clip((values - mean) / scale, -_FARTHEST, _FARTHEST).astype(kind)


def decoded_classes(
    task: Task, classes: tuple[str, ...], outputs: np.ndarray, threshold: Threshold | None = None
) -> Decoded:
    """Return a network's outputs as class names and probabilities.

    Args:
        task: Binary or multi-class.
        classes: Names of the classes in the order of the outputs.
        outputs: As for ``Preprocessor.decode``.
        threshold: From which probability on the second of two classes is answered.
    """
    table = np.asarray(outputs, np.float64).reshape(len(outputs), -1)
    if task == "binary":
        table = np.column_stack([1.0 - table[:, 0], table[:, 0]])
    best = np.where(np.isnan(table), -np.inf, table).argmax(axis=1)
    if task == "binary":
        # As Keras' binary accuracy counts.
        best = (table[:, 1] > thresholds.level_of(threshold)).astype(np.int64)
    return Decoded(np.array(classes, dtype=object)[best], table, best)
