"""The shape of a run's data, computed before anything is prepared."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lrapp.errors import UserError
from lrapp.images.datasets import PictureFacts
from lrapp.preparation.random_split import part_sizes
from lrapp.preparation.targets import present
from lrapp.settings import DataSettings, Task
from lrapp.tables.cell_values import DATE_PARTS
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table

# For a table with more cells than this the shape is only estimated.
_MOST_CELLS = 5_000_000
# Rare categories are counted in columns with more than a few, in some thousand rows of each.
_FEW, _MOST_LOOKS, _ROWS = 10, 100, 5_000


@dataclass(frozen=True)
class ExpectedShape:
    """What the network will be given.

    Args:
        shape: Of one row: (numbers,), or (height, width, channels) for pictures.
        numbers: How many of a table's inputs are scaled numbers, if that is known.
    """

    task: Task
    rows: int
    validation_rows: int
    shape: tuple[int, ...]
    outputs: int
    numbers: int | None = None


def of_table(table: Table, data: DataSettings, task: Task) -> ExpectedShape:
    """Return the shape of a table as network inputs: exactly as ``prepare`` makes it, estimated for very large ones.

    Which categories are rare, which columns have gaps and which parts of dates never change depends on the rows that
    train, so the rows are divided as they will be. That takes some hundredths of a second: keep what it returns.
    """
    from lrapp.preparation import fitting, splitting

    if table.frame.size <= _MOST_CELLS and data.target in table.kinds:
        column = table.frame[data.target]
        known = np.flatnonzero(present(column))
        with suppress(UserError):  # too few rows; the caller has reported that
            parts = splitting.divide(table, known, data.target, task, data)
            frame = table.frame.drop(columns=splitting.no_inputs(data.target, data), errors="ignore")
            found, numbers = fitting.count_inputs(frame, table.kinds, known[parts.training], data)
            outputs = len(parts.classes) if task == "multi-class" else 1
            rows, watched = len(parts.training), len(parts.validation)
            return ExpectedShape(task, rows, watched, (max(1, found),), outputs, numbers)
    inputs, outputs = shape(table, data, task)
    rows = training_rows(table, data)
    if data.folds > 1 or data.all_rows:
        return ExpectedShape(task, rows, 0, (inputs,), outputs)
    whole = rows / max(1e-9, 1 - data.validation_share - data.test_share)
    return ExpectedShape(task, rows, round(whole * data.validation_share), (inputs,), outputs)


def of_pictures(facts: PictureFacts, data: DataSettings, task: Task) -> ExpectedShape:
    """Return the shape of pictures as network inputs.

    Args:
        data: Classes and split; ``check_pictures`` has found nothing wrong with them.
    """
    from lrapp.preparation.image_arrays import too_few_pictures

    wanted = data.pictures.only_classes or facts.classes
    learned = [
        count - tests
        for name, count, tests in zip(facts.classes, facts.counts, facts.test_counts, strict=True)
        if name in wanted and count > tests
    ]
    if facts.tests_of(data.pictures.only_classes):
        data = data.model_copy(update={"test_share": 0.0})
    rows, validation, _ = part_sizes(sum(learned), len(learned), data, too_few_pictures)
    most = data.pictures.most_rows
    rows = rows if most is None else min(rows, most)
    return ExpectedShape(task, rows, validation, facts.shape, len(learned) if task == "multi-class" else 1)


def training_rows(table: Table, data: DataSettings) -> int:
    """Return about how many rows there will be to train on; stratifying can move it by a few.

    Args:
        data: Target and shares of the split.
    """
    rows = len(table.frame)
    if data.target in table.kinds:
        rows -= next(column.missing for column in table.columns if column.name == data.target)
    if data.all_rows:
        return max(1, rows)
    held_back = round(rows * data.test_share)
    if data.folds == 1:
        held_back += round(rows * data.validation_share)
    return max(1, rows - held_back)


def shape(table: Table, data: DataSettings, task: Task) -> tuple[int, int]:
    """Return about how many numbers go into the network for each row, and how many come out.

    Args:
        data: Target, flags for missing numbers, and limits on categories.
    """
    from lrapp.preparation import splitting

    inputs, outputs, looks = 0, 1, 0
    no_inputs = set(splitting.no_inputs(data.target or "", data))
    for position, column in enumerate(table.columns):
        if column.name == data.target:
            outputs = column.distinct if task == "multi-class" else 1
            continue
        if column.name in no_inputs:
            continue
        match column.kind:
            case ColumnKind.NUMBER:
                inputs += 2 if column.missing and data.missing_flags else 1
            case ColumnKind.CATEGORY:
                common = column.distinct
                if common > _FEW and looks < _MOST_LOOKS:
                    looks += 1
                    common = _common(table.frame.iloc[:, position], table, data)
                inputs += min(common + bool(column.missing), data.max_categories)
            case ColumnKind.YES_NO:
                inputs += 1
            case ColumnKind.DATE:
                inputs += len(DATE_PARTS)  # fewer where some never change
    return max(1, inputs), max(1, outputs)


def _common(values: pd.Series, table: Table, data: DataSettings) -> int:
    """Inputs of a column of categories: one for each that is not rare, and one for all that are."""
    sample = values.iloc[:_ROWS]
    scale = training_rows(table, data) / max(1, len(sample))
    counts = sample.value_counts()
    common = int((counts * scale >= data.min_category_rows).sum())
    return common + (common < len(counts))
