"""Long files read in portions give what the whole file gives, or say that they cannot."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lrapp.column_formats import chunks
from lrapp.column_formats.chunks import Portions, ReadWhole
from lrapp.errors import UserError
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import read_csv

RNG = np.random.default_rng(11)
ROWS = 4_000
FRAME = pd.DataFrame(
    {
        "key": [f"k{number:06}" for number in RNG.permutation(ROWS)],
        "size": RNG.normal(100, 30, ROWS).round(2),
        "count": RNG.integers(0, 90, ROWS),
        "day": pd.date_range("2001-02-03", periods=ROWS, freq="D").strftime("%d.%m.%Y"),
        "town": RNG.choice(["Rome", "Åre", 'the "old" one', "two\nlines", "a, b"], ROWS),
    }
)
NEEDED = {
    "size": ColumnKind.NUMBER,
    "count": ColumnKind.NUMBER,
    "day": ColumnKind.DATE,
    "town": ColumnKind.CATEGORY,
}


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "PORTION_BYTES", 30_000)
    monkeypatch.setattr(chunks, "MOST_BYTES", 60_000)
    monkeypatch.setattr(chunks, "_BLOCK", 7_001)
    monkeypatch.setattr(chunks, "_LEAST_ROWS", 20)


def written(frame: pd.DataFrame, **how: Any) -> bytes:
    return frame.to_csv(index=False, **how).encode()


def read(
    tmp_path: Path, data: bytes, needed: dict[str, ColumnKind] | None = None
) -> tuple[pd.DataFrame, Portions, int]:
    path = tmp_path / "table.csv"
    path.write_bytes(data)
    found = Portions(path, "table.csv", NEEDED if needed is None else needed)
    parts = list(found)
    assert parts[-1].share == 1.0
    assert [part.share for part in parts] == sorted(part.share for part in parts)
    return pd.concat([part.table.frame for part in parts], ignore_index=True), found, len(parts)


@pytest.mark.parametrize(
    "encode",
    [
        lambda data: data,
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.decode().encode("cp1252"),
        lambda data: data.decode().encode("utf-16"),
        lambda data: data.decode().encode("utf-16-le"),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.removesuffix(b"\n"),
    ],
    ids=["utf-8", "mark", "cp1252", "utf-16", "utf-16 without a mark", "windows", "no last line end"],
)
def test_portions_are_the_whole(tmp_path: Path, encode: Callable[[bytes], bytes]) -> None:
    data = encode(written(FRAME))
    whole = read_csv(data, "table.csv")

    frame, found, count = read(tmp_path, data)

    assert count > 3
    pd.testing.assert_frame_equal(frame, whole.frame)
    assert set(found.notes) == set(whole.notes)


def test_another_dialect_is_found_on_the_first_portion(tmp_path: Path) -> None:
    data = written(FRAME, sep=";", decimal=",")
    frame, _, count = read(tmp_path, data)
    assert count > 3
    pd.testing.assert_frame_equal(frame, read_csv(data, "t").frame)


def test_what_is_counted_is_added_up(tmp_path: Path) -> None:
    frame = FRAME.astype({"size": object})
    frame.loc[::100, "size"] = "?"
    data = written(frame)
    whole = read_csv(data, "t")

    _, found, count = read(tmp_path, data)

    assert count > 3
    assert "Column 'size': 40 values marked as missing ('?')." in whole.notes
    assert set(found.notes) == set(whole.notes)


def _repaired(frame: pd.DataFrame) -> bytes:
    lines = written(frame.assign(town="Rome")).splitlines(keepends=True)
    return b"".join([*lines[:-40], b"1,2,3\n", *lines[-40:]])


def _order_of_days(frame: pd.DataFrame) -> bytes:
    # Which comes first, day or month, is told by the last rows alone.
    days = ["03/04/2020"] * (len(frame) - 50) + ["25/12/2020"] * 50
    return written(frame.assign(day=days))


def _other_encoding(frame: pd.DataFrame) -> bytes:
    plain = written(frame.assign(town="Rome"))
    return plain[:-5] + "é".encode("cp1252") + plain[-5:]


def _words_at_the_end(frame: pd.DataFrame) -> bytes:
    sizes = frame["size"].astype(object)
    sizes.iloc[-60:] = [f"word{number}" for number in range(60)]
    return written(frame.assign(size=sizes))


def _open_quote(frame: pd.DataFrame) -> bytes:
    lines = written(frame.assign(town="Rome")).splitlines(keepends=True)
    lines[2_000] = lines[2_000].replace(b"Rome", b'"Rome')
    return b"".join(lines)


@pytest.mark.parametrize(
    "make",
    [_repaired, _order_of_days, _other_encoding, _words_at_the_end, _open_quote],
    ids=lambda make: make.__name__,
)
def test_portions_that_do_not_agree_are_read_as_a_whole(
    tmp_path: Path, make: Callable[[pd.DataFrame], bytes]
) -> None:
    with pytest.raises(ReadWhole):
        read(tmp_path, make(FRAME))


def test_what_only_other_columns_hold_does_not_matter(tmp_path: Path) -> None:
    data = _words_at_the_end(FRAME)
    frame, _, count = read(tmp_path, data, {"count": ColumnKind.NUMBER})
    assert count > 3
    assert frame["count"].tolist() == FRAME["count"].tolist()


@pytest.mark.parametrize("data", [b"a,b\n1,2\n", b"\x1f\x8b" + bytes(40_000), b"PK\x03\x04" + bytes(40_000)])
def test_short_and_packed_files_are_read_as_a_whole(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ReadWhole):
        read(tmp_path, data)


def test_a_file_that_is_no_table_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="HTML"):
        read(tmp_path, b"<!DOCTYPE html><html><body>" + b"<p>text</p>\n" * 9_000)


def test_pieces_end_where_records_end(tmp_path: Path) -> None:
    """An oracle: however a text is cut, the standard library finds the same rows in the pieces as in the whole."""
    import csv

    data = written(FRAME)
    text = chunks._Text(io.BytesIO(data), "utf-8")
    rows: list[list[str]] = []
    pieces = 0
    while piece := text.take('"'):
        rows += csv.reader(io.StringIO(piece.decode(), newline=""))
        pieces += 1
    assert pieces > 3
    assert rows == list(csv.reader(io.StringIO(data.decode(), newline="")))
