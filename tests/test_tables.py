"""One clean table, polluted in many ways, comes back the same; whatever is no table ends in a sentence."""

import codecs
import csv
import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrapp.errors import UserError
from lrapp.tables import DialectOverrides, Kind, Table, read_csv

ROWS = 60
NAMES = ["code", "city", "price", "count", "day", "member", "remark"]
CITIES = ["Köln", "Paris", "São Paulo", "Oslo"]


def clean_rows() -> list[list[str]]:
    """The table that every pollution starts from; remarks hold delimiters, quotes and line ends."""
    rng = np.random.default_rng(3)
    remarks = ["fine", "late, but fine", 'he said "yes"', "two\nlines", "", "a; b"]
    return [
        [
            f"{place * 37 % 1000:05d}",
            CITIES[rng.integers(4)],
            f"{rng.uniform(1, 900):.2f}",
            str(rng.integers(0, 500)),
            f"2021-{rng.integers(1, 13):02d}-{rng.integers(13, 29):02d}",
            ["yes", "no"][rng.integers(2)],
            remarks[place % len(remarks)],
        ]
        for place in range(ROWS)
    ]


def written(
    rows: list[list[str]] | None = None,
    names: list[str] | None = None,
    *,
    delimiter: str = ",",
    quotechar: str = '"',
    lineterminator: str = "\n",
    quoting: int = csv.QUOTE_MINIMAL,
    doublequote: bool = True,
) -> str:
    """The table as the csv module writes it."""
    out = io.StringIO(newline="")
    writer = csv.writer(
        out,
        delimiter=delimiter,
        quotechar=quotechar,
        lineterminator=lineterminator,
        quoting=quoting,  # type: ignore[arg-type]
        doublequote=doublequote,
        escapechar=None if doublequote else "\\",
    )
    if names is None:
        names = NAMES
    if names:
        writer.writerow(names)
    writer.writerows(clean_rows() if rows is None else rows)
    return out.getvalue()


def plain_rows() -> list[list[str]]:
    """The table without its remarks, so that no cell needs quotes."""
    return [row[:-1] for row in clean_rows()]


def plain(**how: str) -> str:
    """The table without its remarks, as text."""
    return written(plain_rows(), NAMES[:-1], **how)  # type: ignore[arg-type]


def check(table: Table, *, remarks: bool = True, names: bool = True, but: set[int] = frozenset()) -> None:  # type: ignore[assignment]
    """Compare a table with the clean rows, apart from some rows."""
    rows = clean_rows()
    frame = table.frame
    assert frame.shape == (ROWS, len(NAMES) if remarks else len(NAMES) - 1)
    if names:
        assert list(frame.columns) == NAMES[: frame.shape[1]]
    keep = [place for place in range(ROWS) if place not in but]
    columns = [frame.iloc[keep, place] for place in range(frame.shape[1])]
    assert columns[0].tolist() == [rows[place][0] for place in keep]
    assert columns[1].tolist() == [rows[place][1] for place in keep]
    assert columns[2].tolist() == [float(rows[place][2]) for place in keep]
    assert columns[3].tolist() == [int(rows[place][3]) for place in keep]
    assert columns[4].dt.strftime("%Y-%m-%d").tolist() == [rows[place][4] for place in keep]
    assert columns[5].tolist() == [rows[place][5] for place in keep]
    if remarks:
        assert columns[6].fillna("").tolist() == [rows[place][6] for place in keep]


def with_line(text: str, place: int, line: str) -> str:
    """The text with one line put in before a line."""
    lines = text.split("\n")
    return "\n".join([*lines[:place], line, *lines[place:]])


def changed_line(text: str, place: int, change: Callable[[str], str]) -> str:
    """The text with one line changed."""
    lines = text.split("\n")
    return "\n".join([*lines[:place], change(lines[place]), *lines[place + 1 :]])


def decimal_comma() -> list[list[str]]:
    """The rows with prices such as 3,25."""
    return [[*row[:2], row[2].replace(".", ","), *row[3:]] for row in clean_rows()]


SAME: dict[str, bytes] = {
    "as it is": written().encode(),
    "CRLF": written(lineterminator="\r\n").replace("two\nlines", "two\nlines").encode(),
    "CR": plain(lineterminator="\r").encode(),
    "no last line end": written().rstrip("\n").encode(),
    "empty lines at the end": (written() + "\n\n\n").encode(),
    "everything quoted": written(quoting=csv.QUOTE_ALL).encode(),
    "semicolons": written(delimiter=";").encode(),
    "semicolons and decimal commas": written(decimal_comma(), delimiter=";").encode(),
    "tabs": written(delimiter="\t").encode(),
    "bars": written(delimiter="|").encode(),
    "carets": written(delimiter="^").encode(),
    "unit separators": written(delimiter="\x1f").encode(),
    "single quotes": written(quotechar="'").encode(),
    "single quotes everywhere": written(quotechar="'", quoting=csv.QUOTE_ALL).encode(),
    "backslash escapes": written(doublequote=False).encode(),
    "UTF-8 mark": codecs.BOM_UTF8 + written().encode(),
    "UTF-16 LE with mark": written().encode("utf-16"),
    "UTF-16 BE with mark": codecs.BOM_UTF16_BE + written().encode("utf-16-be"),
    "UTF-16 LE": written().encode("utf-16-le"),
    "UTF-16 BE": written().encode("utf-16-be"),
    "UTF-32": written().encode("utf-32"),
    "cp1252": written().encode("cp1252"),
    "cp1252 and semicolons": written(decimal_comma(), delimiter=";").encode("cp1252"),
    "sep line": ("sep=;\n" + written(delimiter=";")).encode(),
    "gzip": gzip.compress(written().encode()),
    "preamble": ("Sales of the north\nmade by hand\n\n" + written()).encode(),
    "preamble with delimiters": ("Report,2021\nby,me\n\n" + written()).encode(),
    "comment before": ("# exported 2021-03-02\n# by hand\n" + written()).encode(),
    "comment amid": with_line(written(), 30, "# checked up to here").encode(),
    "empty line amid": with_line(written(), 30, "").encode(),
    "blank line amid": with_line(written(), 30, "   ").encode(),
    "names again": with_line(written(), 30, ",".join(NAMES)).encode(),
    "empty rows at the end": (written() + ",,,,,,\n,,,,,,\n").encode(),
    "source below": (written() + "Source: the bureau of numbers\n").encode(),
    "trailing delimiters": "".join(line + ",\n" for line in written(quoting=csv.QUOTE_MINIMAL).replace("two\nlines", "two lines").split("\n") if line).replace('two lines', '"two\nlines"').replace('""two\nlines""', '"two\nlines"').encode(),
    "spaces after delimiters": plain(delimiter=",").replace(",", ", ").encode(),
    "spaces around cells": written().replace(",yes,", ", yes ,").encode(),
    "NUL bytes": written().replace("Paris", "Pa\0ris").encode(),
    "names with spaces": written(names=[f" {name} " for name in NAMES]).encode(),
    "stray quote inside": changed_line(written(), 20, lambda line: line.replace("Oslo", 'Os"lo', 1)).encode(),
    "one row too short": changed_line(written(), 1, lambda line: line[: line.rfind(",")]).encode(),
    "one row too long": changed_line(written(), 1, lambda line: line + ",,").encode(),
    "one row with semicolons": changed_line(written(), 1, lambda line: line.replace(",", ";")).encode(),
}  # fmt: skip
WITHOUT_REMARKS = {"CR", "spaces after delimiters"}


@pytest.mark.parametrize("pollution", SAME)
def test_a_polluted_table_reads_as_the_clean_one(pollution: str) -> None:
    table = read_csv(SAME[pollution], "a.csv")
    but = {19} if pollution == "stray quote inside" else {0} if pollution == "one row too short" else set()
    check(table, remarks=pollution not in WITHOUT_REMARKS, but=but)
