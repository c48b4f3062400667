"""Which column can be predicted, and the task that it gives; cheap enough for each rerun of a page."""

import re

import numpy as np
import pandas as pd

from lrapp.errors import UserError
from lrapp.phrasing import quoted
from lrapp.preparation import log_target, splitting
from lrapp.preparation.random_split import part_sizes
from lrapp.settings import DataSettings, Task
from lrapp.tables import cell_values
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table

# Kinds that a network cannot learn from.
_LEFT_OUT = (ColumnKind.IDENTIFIER, ColumnKind.CONSTANT, ColumnKind.TEXT)

# A whole number with more values than this is a measure, not a class.
MOST_NUMBER_CLASSES = 20
MOST_FRACTION_CLASSES = 100
_ROWS_PER_CLASS = 10
_TARGET_NAME = re.compile(r"(?i)(target|label|labels|class|classes|y|outcome|response|diagnosis)")


def target_choices(table: Table) -> tuple[str, ...]:
    """Return the columns that may be predicted, in the table's order."""
    return tuple(
        column.name
        for column in table.columns
        if column.kind in (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.YES_NO) and column.distinct >= 2
    )


def default_target(table: Table) -> str | None:
    """Return the column that is most likely meant: of that role or name, else the last suitable one."""
    choices = target_choices(table)[::-1]
    if table.to_predict in choices and predictable(table, table.to_predict):
        return table.to_predict
    named = [name for name in choices if _TARGET_NAME.fullmatch(name.strip())]
    return next((name for name in (*named, *choices) if predictable(table, name)), None)


def find_task(table: Table, target: str | None, override: Task | None = None) -> Task:
    """Return the task that a target gives.

    Two values are binary, words are multi-class; whole numbers with at most 20 values and ten rows for each
    are multi-class, other numbers a regression.

    Args:
        table: Its kinds as the user wants them.
        override: The user's choice, taken if the column allows it.

    Raises:
        UserError: If the column cannot be predicted, or not in the way that was chosen.
    """
    if target is None:
        raise UserError(
            "The table needs a column to predict: a number, category or yes/no column with two values or more. "
            "Change the kind of a column, or upload another table."
        )
    kind = table.kinds.get(target)
    if kind is None:
        raise UserError(
            f"The target must be a column of the table. Received: {quoted([target])}. Choose one of its columns."
        )
    name = quoted([target])
    if kind in (ColumnKind.DATE, ColumnKind.TEXT, ColumnKind.IDENTIFIER):
        what = {
            ColumnKind.DATE: "a date",
            ColumnKind.TEXT: "long text",
            ColumnKind.IDENTIFIER: "an identifier",
        }[kind]
        raise UserError(
            f"The target must be a number, category or yes/no column, and {name} is {what}: choose another "
            "target, or another kind for this column."
        )
    values = _present(table.frame[target])
    distinct = values.nunique()
    if distinct < 2:
        held = (
            "no values"
            if distinct == 0
            else f"a single value, {quoted([cell_values.text_of(values.iloc[0])])}"
        )
        raise UserError(
            f"The target must have at least two different values, and {name} has {held}: choose another."
        )
    natural = _natural_task(kind, values, distinct)
    task = override or natural
    if task == "regression" and not _numeric(values):
        raise UserError(
            f"Only a column of numbers can be predicted as a number, and {name} holds words: choose classes."
        )
    if task == "binary" and distinct != 2:
        raise UserError(
            f"Two classes need a target with exactly two values. {name} has {distinct:,}: choose several "
            "classes" + (" or a number." if _numeric(values) else ".")
        )
    if task == "multi-class":
        _check_classes(name, values, distinct)
    return task


def check_data(table: Table, settings: DataSettings) -> Task:
    """Return the task that ``prepare`` will find, or raise why it cannot.

    Looks at kinds, target, task and split only, so that the page can ask at every rerun.

    Raises:
        UserError: If the target cannot be predicted, no column is left to predict it from, or there are too few
            rows for the split.
    """
    table = with_chosen_kinds(table, settings)
    target = settings.target if settings.target is not None else default_target(table)
    task = find_task(table, target, settings.task)
    no_inputs = splitting.no_inputs(target or "", settings)
    if all(kind in _LEFT_OUT for name, kind in table.kinds.items() if name not in no_inputs):
        raise UserError(
            "No column is left to learn from: besides the target, the table needs a number, category, yes/no or date "
            "column. Identifiers, constants and long texts are left out; change a column's kind if that is wrong."
        )
    values = _present(table.frame[target])
    if settings.target_transform == "log" and task == "regression" and target is not None:
        log_target.require(cell_values.numbers(values.to_frame())[:, 0], target)
    part_sizes(len(values), 1 if task == "regression" else values.nunique(), settings)
    return task


def with_chosen_kinds(table: Table, settings: DataSettings) -> Table:
    """Return the table with the kinds chosen in the settings; columns that it does not have are ignored."""
    kinds = table.kinds
    return table.with_kinds(
        {name: kind for name, kind in settings.kinds.items() if kinds.get(name, kind) != kind}
    )


def present(column: pd.Series) -> np.ndarray:
    """Return which rows have a value, bool, shape (rows,); an infinity is none."""
    if pd.api.types.is_float_dtype(column.dtype):
        return ~np.isnan(cell_values.numbers(column.to_frame())[:, 0])
    return column.notna().to_numpy()


def predictable(table: Table, target: str) -> bool:
    """Return whether a column can be predicted as it is."""
    try:
        find_task(table, target)
    except UserError:
        return False
    return True


def _present(column: pd.Series) -> pd.Series:
    return column[present(column)]


def _natural_task(kind: ColumnKind, values: pd.Series, distinct: int) -> Task:
    if kind is ColumnKind.YES_NO or distinct == 2:
        return "binary"
    if kind is ColumnKind.CATEGORY or not _numeric(values):
        return "multi-class"
    few = distinct <= MOST_NUMBER_CLASSES and len(values) >= _ROWS_PER_CLASS * distinct
    return "multi-class" if few and _whole(values) else "regression"


def _check_classes(name: str, values: pd.Series, distinct: int) -> None:
    if _numeric(values) and not _whole(values) and distinct > MOST_FRACTION_CLASSES:
        raise UserError(
            f"Numbers with decimals can be classes up to {MOST_FRACTION_CLASSES} different ones. "
            f"{name} has {distinct:,}: choose a number as the task."
        )
    if 2 * distinct > len(values):
        raise UserError(
            f"Classes need at least two rows each on average. {name} has {distinct:,} classes in {len(values):,} "
            "rows: choose another target"
            + (", or a number as the task." if _numeric(values) else ", or add rows.")
        )


def _numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)


def _whole(values: pd.Series) -> bool:
    numbers = values.to_numpy(dtype=np.float64)
    return bool((numbers == np.floor(numbers)).all())
