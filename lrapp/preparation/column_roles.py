"""What each column of a table is there for, and the settings that give it another role, kind or codes for gaps."""

import math
import re
from collections.abc import Mapping
from enum import StrEnum

from lrapp.errors import UserError
from lrapp.phrasing import quoted
from lrapp.preparation import splitting
from lrapp.settings import DataSettings
from lrapp.tables.columns.column_records import Column
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.columns.number_formats import is_plain

_UNUSED = (ColumnKind.IDENTIFIER, ColumnKind.CONSTANT, ColumnKind.TEXT)
_PREDICTABLE = (ColumnKind.NUMBER, ColumnKind.CATEGORY, ColumnKind.YES_NO)


class Role(StrEnum):
    """What a column is there for."""

    TARGET = "target"
    INPUT = "input"
    IGNORE = "ignore"
    SPLIT = "splits the rows"


def role(column: str, kind: ColumnKind, data: DataSettings) -> Role:
    """Return the role of a column."""
    if column == data.target:
        return Role.TARGET
    if column in data.left_out:
        return Role.IGNORE
    if data.target is not None and column in splitting.no_inputs(data.target, data):
        return Role.SPLIT
    return Role.IGNORE if kind in _UNUSED else Role.INPUT


def with_role(data: DataSettings, column: Column, wanted: Role) -> DataSettings:
    """Return the settings with another role for a column; what it cannot be, it does not become.

    Args:
        column: As it was read, with the kind that was detected.
    """
    name, kind = column.name, data.kinds.get(column.name, column.kind)
    left_out = tuple(one for one in data.left_out if one != name)
    if wanted is Role.SPLIT or (kind is ColumnKind.CONSTANT and wanted is not Role.IGNORE):
        return data
    if wanted is Role.IGNORE:
        changes = {"left_out": data.left_out if name in data.left_out else (*data.left_out, name)}
        return data.model_copy(update=changes | ({"target": None} if name == data.target else {}))
    if wanted is Role.TARGET:
        if kind not in _PREDICTABLE:
            data = with_kind(data, column, _usable(column))
        return data.model_copy(update={"target": name, "task": None, "left_out": left_out})
    if kind in _UNUSED:
        data = with_kind(data, column, _usable(column))
    target = None if name == data.target else data.target
    shared = {"split_column_input": True} if role(name, kind, data) is Role.SPLIT else {}
    return data.model_copy(update={"target": target, "left_out": left_out, **shared})


def _usable(column: Column) -> ColumnKind:
    """The kind as which a network could learn a column that it is not given so far."""
    numbers = column.kind is ColumnKind.IDENTIFIER and all(map(is_plain, column.examples))
    return ColumnKind.NUMBER if numbers and column.examples else ColumnKind.CATEGORY


def with_kind(data: DataSettings, column: Column, kind: ColumnKind) -> DataSettings:
    """Return the settings with another kind for a column, which was read with the kind that was detected."""
    others: Mapping[str, ColumnKind] = {name: one for name, one in data.kinds.items() if name != column.name}
    chosen = {} if kind is column.kind else {column.name: kind}
    return data.model_copy(update={"kinds": {**others, **chosen}})


def with_codes(data: DataSettings, column: str, codes: tuple[float, ...]) -> DataSettings:
    """Return the settings with other codes, or none, for the gaps of a column."""
    others = {name: one for name, one in data.gap_codes.items() if name != column}
    return data.model_copy(update={"gap_codes": {**others, **({column: codes} if codes else {})}})


def codes_of(text: str) -> tuple[float, ...]:
    """Return the codes that a person typed: numbers with a point, parted by commas, semicolons or spaces.

    Raises:
        UserError: If something else is among them.
    """
    words = [word for word in re.split(r"[,;\s]+", text.strip()) if word]
    if wrong := [word for word in words if not is_plain(word) or not math.isfinite(float(word))]:
        raise UserError(
            f"Codes for gaps must be numbers, such as -1, 99.9. Received: {quoted(wrong)}. Type numbers, with commas "
            "between them."
        )
    return tuple(sorted({float(word) for word in words}))
