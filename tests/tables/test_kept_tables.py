"""A table that went through a file is the same table."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrapp.runs.store import SAMPLES
from lrapp.tables.columns.column_records import Column
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.kept_tables import open_table, write_table
from lrapp.tables.reading import Table, read_csv
from lrapp.tables.text.table_body import Repair

_NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_ROWS = 7
_VALUES = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(),
    "bool": st.booleans(),
    "datetime64[s]": st.integers(-(2**40), 2**40),
    "datetime64[us]": st.none() | st.integers(-(2**55), 2**55),
    "datetime64[ns]": st.none() | st.integers(-(2**62), 2**62),
    "str": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
}


@st.composite
def _series(draw: st.DrawFn) -> pd.Series:
    kind = draw(st.sampled_from(sorted(_VALUES)))
    values = draw(st.lists(_VALUES[kind], min_size=_ROWS, max_size=_ROWS))
    if kind.startswith("datetime"):
        bare = [np.iinfo(np.int64).min if value is None else value for value in values]
        return pd.Series(np.array(bare, np.int64).view(kind))
    if kind == "str":
        return pd.Series(values, dtype="str")
    return pd.Series(np.array(values, kind))


@st.composite
def _tables(draw: st.DrawFn) -> Table:
    names = draw(st.lists(_NAMES, min_size=1, max_size=5, unique=True))
    columns = tuple(
        Column(name, draw(st.sampled_from(list(ColumnKind))), draw(_NAMES), 1, 2, (draw(_NAMES),))
        for name in names
    )
    known = read_csv(b"a,b\n1,2\n3,4\n", "x.csv")
    return replace(
        known,
        name=draw(_NAMES),
        frame=pd.DataFrame({name: draw(_series()) for name in names}),
        columns=columns,
        dialect=draw(st.sampled_from([None, known.dialect])),
        notes=tuple(draw(st.lists(_NAMES, max_size=3))),
        repairs=(Repair(3, draw(_NAMES)),),
        repaired_rows=draw(st.integers(0, 9)),
    )


def _same(one: Table, other: Table) -> None:
    pd.testing.assert_frame_equal(one.frame, other.frame, check_exact=True)
    for name, values in one.frame.items():
        if values.dtype.kind in "fM":  # also which kind of "no number" it is
            assert values.to_numpy().tobytes() == other.frame[name].to_numpy().tobytes()
    apart = one.frame  # compared above, and is no truth value
    assert one == replace(other, frame=apart)
    assert {name: text.to_pylist() for name, text in one._texts.items()} == {
        name: text.to_pylist() for name, text in other._texts.items()
    }


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_tables())
def test_any_table_comes_back_as_it_was(tmp_path: Path, table: Table) -> None:
    path = tmp_path / "a.table"
    write_table(table, path)
    _same(table, open_table(path))


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.csv")), ids=lambda path: path.stem)
def test_each_sample_comes_back_as_it_was(tmp_path: Path, path: Path) -> None:
    table = read_csv(path.read_bytes(), path.name)
    write_table(table, tmp_path / "a.table")
    again = open_table(tmp_path / "a.table")
    _same(table, again)
    for column in table.columns:  # what was written is still known where a kind is changed
        _same(*(one.with_kinds({column.name: ColumnKind.CATEGORY}) for one in (table, again)))


def test_what_was_written_comes_back_however_it_was_kept(tmp_path: Path) -> None:
    lines = [f"{place % 9},{place % 7} kg,{place:05d}x,{place % 3}" for place in range(40)]
    table = read_csv("\n".join(["a,b,c,d", *lines, "NA,n/a,,x"]).encode(), "x.csv")
    chosen = table.with_kinds({"d": ColumnKind.CATEGORY, "a": ColumnKind.CATEGORY})
    assert any(pa.types.is_dictionary(text.type) for text in chosen._texts.values())
    for one in (
        table,
        chosen,
        read_csv(b"a,b\n" + b"1,x\n2,y\n" * 9, "x.csv").with_kinds({"a": ColumnKind.TEXT}),
    ):
        write_table(one, tmp_path / "a.table")
        again = open_table(tmp_path / "a.table")
        _same(one, again)
        for column in one.columns:
            _same(*(each.with_kinds({column.name: ColumnKind.TEXT}) for each in (one, again)))


def test_a_file_that_is_none_is_an_error_that_callers_know(tmp_path: Path) -> None:
    for data in (b"", b"no table", b"\xff" * 500):
        (tmp_path / "a.table").write_bytes(data)
        with pytest.raises((OSError, ValueError, KeyError)):
            open_table(tmp_path / "a.table")
