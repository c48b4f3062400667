"""Which sheet of a spreadsheet is read can be chosen: in the app, for a link, and for a new file to predict."""

from pathlib import Path

import numpy as np
import pytest
from spreadsheets import workbook

from lrapp.column_formats.as_learned import read_known
from lrapp.column_formats.learned import learned
from lrapp.column_formats.match import Choice
from lrapp.errors import UserError
from lrapp.runs import links
from lrapp.runs.store import Store
from lrapp.sandbox.sources import read_table
from lrapp.settings import DataSettings, DialectSettings, RunSettings
from lrapp.tables.reading import read_csv
from lrapp.tables.text.dialects import DialectOverrides


def rows(first: int, count: int) -> list[list[str | float | None]]:
    made: list[list[str | float | None]] = [["size", "kind"]]
    for n in range(count):
        made.append([first + n, "ab"[n % 2]])
    return made


NOTES: list[list[str | float | None]] = [["read me"], ["first"]]
OLD, NEW = rows(0, 12), rows(100, 15)
FILE = workbook({"About": NOTES, "2023": OLD, "2024 & later": NEW, "Empty": []})


def sizes(sheet: str | None) -> list[int]:
    return read_csv(FILE, "t.xlsx", dialect=DialectOverrides(sheet=sheet)).frame["size"].tolist()


def test_each_sheet_can_be_read() -> None:
    assert sizes("2023") == list(range(12))
    assert sizes("2024 & later") == list(range(100, 115))
    first = read_csv(FILE, "t.xlsx")
    assert first.sheets == ("About", "2023", "2024 & later", "Empty")
    assert "The spreadsheet has 4 sheets; 'About' was read." in first.notes


def test_what_is_not_there_is_a_sentence() -> None:
    with pytest.raises(
        UserError, match=r"must have the sheet that was chosen. Received: '2022'. Its sheets are"
    ):
        sizes("2022")
    with pytest.raises(
        UserError, match=r"The sheet that was chosen has no cell with a value. Choose another sheet."
    ):
        sizes("Empty")


def test_an_upload_is_read_as_a_link_says(tmp_path: Path) -> None:
    store = Store(tmp_path)
    source = store.keep_file(FILE, "t.xlsx")
    said = RunSettings(data=DataSettings(source=source, dialect=DialectSettings(sheet="2023")))
    data = links.from_text(links.to_text(said)).data
    table = read_table(store, data)
    assert len(table.frame) == 12
    assert table.sheets == ("About", "2023", "2024 & later", "Empty")


def test_a_model_reads_its_own_sheet_of_a_new_file_unless_another_one_is_named() -> None:
    chosen = DialectOverrides(sheet="2023")
    table = read_csv(FILE, "t.xlsx", dialect=chosen)
    formats = learned(table, ["size", "kind"], chosen)
    new = workbook({"Cover": NOTES, "2023": NEW, "Other": OLD})
    assert len(read_known(new, "new.xlsx", ["size"], formats=formats).frame) == 15
    other = formats.chosen(Choice(sheet="Other"))
    assert len(read_known(new, "new.xlsx", ["size"], formats=other).frame) == 12
    # Where it is not there, the first one counts.
    alone = workbook({"Sheet1": OLD})
    assert len(read_known(alone, "new.xlsx", ["size"], formats=formats).frame) == 12
    with pytest.raises(UserError, match="must have the sheet that was chosen"):
        read_known(alone, "new.xlsx", ["size"], formats=other)
    np.testing.assert_array_equal(table.frame["size"], np.arange(12))
