"""Tables -> CSV in which no cell can start a formula, in the encoding that spreadsheets expect."""

import csv
import io
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

# Spreadsheets read a file as UTF-8 only if it begins with this mark.
MARK = b"\xef\xbb\xbf"
# Characters that a spreadsheet may read as the start of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_SUSPECT = r"^ *[=+\-@\t\r\n＝＋－＠]"
_SPECIAL = '[",\r\n]'


def to_csv_bytes(frame: pd.DataFrame) -> bytes:
    """Return a frame as CSV (UTF-8 with a byte-order mark, for spreadsheets) in which no cell is a formula.

    Text that a spreadsheet could read as a formula gets an apostrophe in front.
    """
    return csv_header(map(str, frame.columns)) + csv_rows(arrow(frame))


def arrow(frame: pd.DataFrame) -> pa.Table:
    """Return a frame as an Arrow table without its index: numbers, points in time, and text for all else."""
    made = []
    for place, dtype in enumerate(frame.dtypes):
        column = frame.iloc[:, place]
        if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_datetime64_any_dtype(dtype):
            made.append(pa.array(column.to_numpy(), from_pandas=True))
            continue
        codes, found = pd.factorize(column)
        texts = np.array([*(_encodable(str(value)) for value in found), None], dtype=object)
        made.append(pa.array(texts[codes], pa.string()))
    return pa.Table.from_arrays(made, names=[_encodable(str(name)) for name in frame.columns])


def csv_header(names: Iterable[str]) -> bytes:
    """Return the mark and the first line of a CSV file."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_safe(name) for name in names])
    return MARK + line.getvalue().encode("utf-8", "replace")


def csv_rows(table: pa.Table) -> bytes:
    """Return the rows of an Arrow table of numbers, points in time and texts as CSV, without their names."""
    columns = [_written(column) for column in table.columns]
    # One option for all cells: by default the writer quotes every text.
    special = any(
        pa.types.is_string(column.type) and pc.any(pc.match_substring_regex(column, _SPECIAL)).as_py()
        for column in columns
    )
    options = pacsv.WriteOptions(include_header=False, quoting_style="needed" if special else "none")
    sink = pa.BufferOutputStream()
    plain = pa.Table.from_arrays(columns, names=[f"c{place}" for place in range(len(columns))])
    pacsv.write_csv(plain, sink, options)
    return bytes(sink.getvalue().to_pybytes())


def _written(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        text = pc.replace_substring_regex(pc.cast(column, pa.string()), r"\.0+$", "")
        return pc.replace_substring_regex(text, " 00:00:00$", "")
    if pa.types.is_large_string(column.type):
        column = pc.cast(column, pa.string())
    if not pa.types.is_string(column.type) or not pc.any(pc.match_substring_regex(column, _SUSPECT)).as_py():
        return column
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks()
    safe = pa.array([_safe(text) for text in coded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([safe.take(coded.indices)])


def _safe(text: str) -> str:
    if not text.lstrip(" ").startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return "'" + text
    return text  # -5 is a number


def _encodable(text: str) -> str:
    """Replace lone surrogates, which a Python text can hold but no file."""
    return text.encode("utf-8", "replace").decode()
