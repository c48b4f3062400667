"""How a model's columns were written when it learned them: kept as ``formats.json`` beside its preprocessor."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from lrapp.column_formats.match import Choice, Learned
from lrapp.errors import UserError
from lrapp.tables import cell_values
from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table
from lrapp.tables.text.dialects import DialectOverrides

FILE = "formats.json"


@dataclass(frozen=True)
class ModelFormats:
    """The formats by which a new file is read; plain data that goes from process to process, and to JSON.

    Args:
        columns: The columns that the model needs and the one that it predicts, by name; those that are not there are
            read as they look.
        dialect: What a person chose by hand for the table that the model learned from.
        choice: What a person decided on the file that is to be read.
    """

    columns: Mapping[str, Learned] = field(default_factory=dict)
    dialect: DialectOverrides = field(default_factory=DialectOverrides)
    choice: Choice = field(default_factory=Choice)
    version: Literal[1] = 1

    def to_json(self) -> bytes:
        """Return it as JSON."""
        return _ADAPTER.dump_json(self, indent=1)

    @classmethod
    def from_json(cls, data: bytes) -> "ModelFormats":
        """Return what ``to_json`` wrote.

        Raises:
            UserError: If it is something else, or of a later version.
        """
        try:
            return _ADAPTER.validate_json(data)
        except ValidationError as error:
            raise UserError(
                "How this model's columns were written (formats.json) is damaged or of another version of LR Lab: "
                "download or train the model again."
            ) from error

    @classmethod
    def load(cls, folder: Path) -> "ModelFormats | None":
        """Return the formats beside a model; None where it is of a version that kept none.

        Raises:
            UserError: If they are damaged.
        """
        try:
            return cls.from_json((folder / FILE).read_bytes())
        except FileNotFoundError:
            return None

    def chosen(self, choice: Choice) -> "ModelFormats":
        """Return the same with a person's choice for the file that is to be read."""
        return replace(self, choice=choice)


_ADAPTER = TypeAdapter(ModelFormats)


def learned(table: Table, names: Collection[str], chosen: DialectOverrides) -> ModelFormats:
    """Return how a table's columns are written, for the model that learns from them.

    Args:
        table: With the kinds that the person chose.
        names: Columns that the model needs, and the one that it predicts.
    """
    typed = table.dialect is None
    formats = {column.name: column.format for column in table.columns}
    seen = [
        one.decimal for one in formats.values() if one.decimal_seen and not (typed and one.decimal == ".")
    ]
    whole = chosen.decimal or (max(sorted(set(seen)), key=seen.count) if seen else "")
    columns = {}
    for name in names:
        form = formats[name]
        own = form.decimal if form.decimal_seen and not (typed and form.decimal == ".") else whole
        if form.kind == ColumnKind.NUMBER:
            columns[name] = Learned(form, _mark(own), _most(table.frame[name]))
        elif form.kind == ColumnKind.DATE and form.date_order not in ("dmy", "mdy"):
            # Dates with a certain order; a chosen order is for later files without one.
            columns[name] = Learned(replace(form, date_order=chosen.date_order or form.date_order))
        else:
            columns[name] = Learned(form)
    return ModelFormats(columns, chosen)


def derived(kinds: Mapping[str, ColumnKind], chosen: DialectOverrides) -> ModelFormats:
    """Return the formats of a model that kept none: those chosen by hand."""
    columns = {}
    if chosen.decimal:
        form = ColumnFormat(ColumnKind.NUMBER, chosen.decimal, chosen.thousands or "", decimal_seen=True)
        for name, kind in kinds.items():
            if kind is ColumnKind.NUMBER:
                columns[name] = Learned(form, _mark(chosen.decimal))
    return ModelFormats(columns, chosen)


def _mark(mark: str) -> Literal["", ".", ","]:
    return "." if mark == "." else "," if mark == "," else ""


def _most(values: pd.Series) -> float | None:
    if not pd.api.types.is_numeric_dtype(values.dtype):
        return None
    numbers = np.abs(cell_values.numbers(values.to_frame())[:, 0])
    numbers = numbers[~np.isnan(numbers)]
    return float(numbers.max()) if len(numbers) else None
