"""A table -> a file that gives the same table back, and the other way: Arrow for the cells, JSON for the rest.

The file is mapped into memory when it is opened, so that numbers and words are where the file is, and take no memory
of their own. It holds two Arrow streams, one behind the other: the columns that are numbers (dates and truth values
as the numbers that they are) in one piece, then those of words, with the cells as they were written where the
reading would have lost that.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
import pyarrow as pa

from lrapp.files import from_json
from lrapp.tables.columns.column_records import Column
from lrapp.tables.reading import Table
from lrapp.tables.text.dialects import Dialect
from lrapp.tables.text.known_before import Given
from lrapp.tables.text.table_body import Repair

VERSION = 3
_KEY = b"lrapp"


def write_table(table: Table, path: Path) -> None:
    """Write a table into a file, which must not be there to be read before it is whole."""
    numbers: dict[str, pa.Array] = {}
    words: dict[str, pa.ChunkedArray] = {}
    types: list[str] = []
    for place, name in enumerate(table.frame.columns):
        values = table.frame[name]
        if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iufbmM":
            types.append(values.dtype.str)
            numbers[f"c{place}"] = pa.array(_bare(values.to_numpy()))
        elif isinstance(values.dtype, pd.StringDtype):
            types.append("str")
            array = pa.array(values, from_pandas=True)
            words[f"c{place}"] = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
        else:
            raise TypeError(f"A column of a table cannot be of type {values.dtype}.")
    places = {name: place for place, name in enumerate(table.frame.columns)}
    for name, text in table._texts.items():
        words[f"t{places[name]}"] = text
    about = json.dumps(_about(table, types)).encode()
    with pa.OSFile(str(path), "wb") as file:
        batch = pa.record_batch(list(numbers.values()), names=list(numbers))
        schema = batch.schema.with_metadata({_KEY: about})
        with pa.ipc.new_stream(file, schema) as stream:
            if numbers:
                stream.write_batch(batch.replace_schema_metadata(schema.metadata))
        rest = pa.table(words)
        with pa.ipc.new_stream(file, rest.schema) as stream:
            if words:
                stream.write_table(rest)


def _bare(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "mM":
        return values.view(np.int64)
    return values.view(np.uint8) if values.dtype.kind == "b" else values


def _about(table: Table, types: list[str]) -> dict[str, Any]:
    return {
        "version": VERSION,
        "name": table.name,
        "types": types,
        "columns": [asdict(column) for column in table.columns],
        "dialect": None if table.dialect is None else asdict(table.dialect),
        "notes": table.notes,
        "repairs": [asdict(repair) for repair in table.repairs],
        "repaired_rows": table.repaired_rows,
        "to_predict": table.to_predict,
        "sheets": table.sheets,
        "given": asdict(table._given),
    }


def open_table(path: Path) -> Table:
    """Return the table that a file holds; its cells stay in the file, which may be removed meanwhile.

    Args:
        path: A file of ``write_table``.

    Raises:
        OSError, ValueError: If it is not there, damaged, or of another version.
    """
    with pa.memory_map(str(path)) as file:
        with pa.ipc.open_stream(file) as stream:
            about = from_json(stream.schema.metadata[_KEY])
            if about["version"] != VERSION:
                raise ValueError("a table of another version")
            numbers = stream.read_all()
        with pa.ipc.open_stream(file) as stream:
            words = stream.read_all()
    numbers.validate()
    words.validate()
    columns: tuple[Column, ...] = _back(tuple[Column, ...], about["columns"])
    series: dict[str, pd.Series] = {}
    for place, (column, kind) in enumerate(zip(columns, about["types"], strict=True)):
        key = f"c{place}"
        if kind == "str":
            series[column.name] = pd.Series(
                pd.StringDtype("pyarrow", na_value=np.nan).__from_arrow__(words[key])  # type: ignore[attr-defined]
            )
        else:
            series[column.name] = pd.Series(_numbers(numbers[key], np.dtype(kind)), copy=False)
    texts: Mapping[str, pa.ChunkedArray] = {
        columns[int(key[1:])].name: words[key] for key in words.column_names if key[0] == "t"
    }
    return Table(
        name=about["name"],
        frame=pd.DataFrame(series, copy=False),
        columns=columns,
        dialect=_back(Dialect | None, about["dialect"]),
        notes=tuple(about["notes"]),
        repairs=_back(tuple[Repair, ...], about["repairs"]),
        repaired_rows=about["repaired_rows"],
        to_predict=about["to_predict"],
        sheets=tuple(about["sheets"]),
        _texts=texts,
        _given=_back(Given, about["given"]),
    )


def _back(kind: Any, stored: Any) -> Any:
    """What JSON holds, as the kind that it was; pydantic would take a process that reads a tenth of a second."""
    if is_dataclass(kind):
        hints = _hints(cast(type, kind))
        return kind(**{name: _back(hints[name], value) for name, value in stored.items()})  # type: ignore[operator]
    if get_origin(kind) is tuple:
        return tuple(_back(get_args(kind)[0], one) for one in stored)
    if get_origin(kind) is Mapping:
        return {name: _back(get_args(kind)[1], one) for name, one in stored.items()}
    if get_origin(kind) is UnionType:
        return None if stored is None else _back(get_args(kind)[0], stored)
    return kind(stored) if isinstance(kind, type) and issubclass(kind, Enum) else stored


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _numbers(column: pa.ChunkedArray, wanted: np.dtype) -> np.ndarray:
    values: np.ndarray = column.chunk(0).to_numpy(zero_copy_only=True)
    return values.view(wanted)
