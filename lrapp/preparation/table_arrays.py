"""A table and its settings -> arrays for training, validation and test, and the preprocessor of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from lrapp import free_memory
from lrapp.column_formats.learned import learned
from lrapp.phrasing import quoted
from lrapp.preparation import log_target
from lrapp.preparation.fitted import Fitted
from lrapp.preparation.fitting import fit, fits_memory
from lrapp.preparation.folds import Folds
from lrapp.preparation.log_target import LogTarget
from lrapp.preparation.pieces import Pieces
from lrapp.preparation.preprocessor import Preprocessor, standardised
from lrapp.preparation.splitting import divide, no_inputs
from lrapp.preparation.targets import (
    default_target,
    find_task,
    present,
    with_chosen_kinds,
)
from lrapp.preparation.threshold import Threshold
from lrapp.settings import DATA_KINDS, DataKind, DataSettings, Task
from lrapp.tables.reading import Table
from lrapp.tables.text.dialects import DialectOverrides


@dataclass(frozen=True, eq=False)
class Split:
    """Training, validation or test rows.

    Args:
        x: Inputs. Of a table: float32, shape (rows, inputs), finite. Pictures stay bytes: uint8, shape (rows, height,
            width, channels).
        y: float32, shape (rows,): 0 and 1 for binary, standardised for a regression; int32 class numbers for
            multi-class.
        weight: Weight of each row in the loss, float32, shape (rows,), mean 1; None where all count alike.
        rows: Positions in the table's frame or among the pictures, int64, shape (rows,), ascending.
    """

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that training and evaluation need of the data.

    Args:
        classes: Names of the classes in the order of the outputs; empty for a regression.
        inputs: Names of the network's inputs; none for pictures.
        train, validation, test: The split; test may have no rows.
        metric_scale: An error of 1 in ``y`` in the target's units: its standard deviation, else 1.
        names: File names of the pictures, by their positions; None for a table, or where they have none.
        logarithm: How ``y`` was computed, if it is a logarithm of the target; else None.
        folds: With cross-validation, the fold of each training row; then no rows validate.
        block_rows: How many training rows memory is to hold at once, whole batches; 0 where it holds all.
    """

    task: Task
    target: str
    classes: tuple[str, ...]
    inputs: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    metric_scale: float
    notes: tuple[str, ...]
    preprocessor: Fitted
    names: tuple[str, ...] | None = None
    logarithm: LogTarget | None = None
    folds: Folds | None = None
    block_rows: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row's inputs: ``(inputs,)``, or ``(height, width, channels)``."""
        return self.train.x.shape[1:]

    @property
    def kind(self) -> DataKind:
        """Which kind of data these are."""
        return self.preprocessor.kind

    @property
    def unit(self) -> str:
        """What the rows are called in sentences."""
        return DATA_KINDS[self.kind].units

    def with_threshold(self, threshold: Threshold | None) -> "Prepared":
        """Return the same data for a model that answers from another probability on."""
        return replace(self, preprocessor=self.preprocessor.with_threshold(threshold))

    @property
    def tabular(self) -> Preprocessor:
        """The preprocessor of a table; not for pictures."""
        assert isinstance(self.preprocessor, Preprocessor)
        return self.preprocessor


def prepare(table: Table, settings: DataSettings, pieces: Pieces | None = None) -> Prepared:
    """Split a table and turn it into arrays; all statistics are learned from the training rows.

    Args:
        table: As it was read; kinds that the settings overrule are applied here.
        settings: Target, split and preprocessing; without a target, ``default_target`` is taken.
        pieces: How to prepare a table that memory does not hold, if that can be done.

    Raises:
        UserError: If the target cannot be predicted, or rows or columns are too few or too many.
    """
    table = with_chosen_kinds(table, settings)
    target = settings.target if settings.target is not None else default_target(table)
    task = find_task(table, target, settings.task)
    assert target is not None  # or there would be no task
    column = table.frame[target]
    known = np.flatnonzero(present(column))
    notes = list(_gaps(len(column) - len(known), target))
    division = divide(table, known, target, task, settings)
    numbers, classes = division.numbers, division.classes
    training, validation, test = division.training, division.validation, division.test
    notes.extend(division.notes)
    mean, scale, logarithm = 0.0, 1.0, None
    if task == "regression":
        mean, scale = _mean_and_scale(numbers[training])
        if settings.target_transform == "log":
            log_target.require(numbers, target)
            logarithm = LogTarget.of(numbers[training])
            y = standardised(logarithm.standardised(numbers), 0.0, 1.0)
        else:
            y = standardised(numbers, mean, scale)
        if settings.class_weights:
            notes.append("Class weights were not used: they are for classes, and this target is a number.")
    else:
        if settings.target_transform == "log":
            notes.append("No logarithm was taken: the target is a class, not a number.")
        y = numbers.astype(np.float32 if task == "binary" else np.int32)
        notes.extend(_small_classes(numbers, classes, (training, validation, test)))
    frame = table.frame.drop(columns=no_inputs(target, settings), errors="ignore")
    columns = [column for column in table.columns if column.name in frame.columns]
    sizes = len(known), len(training)
    whole = pieces is None or fits_memory(columns, *sizes, settings, free_memory.for_a_run())
    if whole:
        rows = frame.iloc[known] if len(known) < len(frame) else frame
        fitted = fit(rows, table.kinds, training, settings)
    else:
        assert pieces is not None
        fitted = pieces.fitted(frame, table.kinds, known, training, settings)
    notes.extend(fitted.notes)
    preprocessor = Preprocessor(
        task,
        target,
        classes,
        mean,
        scale,
        fitted.columns,
        fitted.inputs,
        fitted.transformer,
        learned(
            table,
            [*(column.name for column in fitted.columns), target],
            DialectOverrides(**settings.dialect.model_dump()),
        ),
        logarithm,
    )
    weight = class_weights(y[training]) if settings.class_weights and task != "regression" else None

    def part(name: str, rows: np.ndarray, weight: np.ndarray | None = None) -> Split:
        if whole:
            return Split(preprocessor.transform_slots(fitted.slots[rows]), y[rows], weight, known[rows])
        assert pieces is not None
        x = pieces.transformed(name, frame, known[rows], preprocessor)
        return Split(x, y[rows], weight, known[rows])

    return Prepared(
        task=task,
        target=target,
        classes=classes,
        inputs=fitted.inputs,
        train=part("train", training, weight),
        validation=part("validation", validation),
        test=part("test", test),
        metric_scale=scale,
        logarithm=logarithm,
        notes=tuple(notes),
        preprocessor=preprocessor,
        folds=division.folds,
    )


def _mean_and_scale(numbers: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation, which is never 0."""
    mean, scale = float(numbers.mean()), float(numbers.std())
    return mean, scale if scale > 0 else float(abs(mean)) or 1.0


def class_weights(y: np.ndarray) -> np.ndarray:
    """Return a weight for each row, float32, so that all classes weigh the same and the mean weight is 1."""
    classes, places, counts = np.unique(y, return_inverse=True, return_counts=True)
    return (len(y) / (len(classes) * counts))[places].astype(np.float32)


def _gaps(rows: int, target: str) -> Iterator[str]:
    if rows:
        word, verb = ("row", "was") if rows == 1 else ("rows", "were")
        yield f"{rows:,} {word} without a value in {quoted([target])} {verb} left out."


def _small_classes(
    numbers: np.ndarray, classes: tuple[str, ...], parts: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> Iterator[str]:
    counts = np.bincount(numbers, minlength=len(classes))
    if single := [name for name, count in zip(classes, counts, strict=True) if count == 1]:
        word, they = ("class has", "it is") if len(single) == 1 else ("classes have", "they are")
        yield (
            f"{len(single):,} {word} a single row: {quoted(single)}. In training only, so nothing tells how well "
            f"{they} learned."
        )
    for name, rows in zip(("training", "validation", "test"), parts, strict=True):
        held = np.bincount(numbers[rows], minlength=len(classes))
        absent = [
            name
            for name, count, all_of in zip(classes, held, counts, strict=True)
            if not count and all_of > (name != "training")
        ]
        if absent and name == "training":  # where whole groups, or times, were divided
            yield f"The training rows hold none of {quoted(absent)}, so the network cannot learn to answer that."
        elif absent and len(rows):
            yield f"The {name} rows hold none of {quoted(absent)}: there are too few of them."
