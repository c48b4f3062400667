"""The Data step and the columns on the stage, without a browser."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from lrapp.execution.reading_desk import Desk
from lrapp.runs.store import Store
from lrapp.sandbox.uploads import Uploads
from lrapp.settings import DATA_KINDS, DataSettings, FileSource
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.text.dialects import Dialect
from lrapp.ui.parts import resources
from lrapp.ui.predict import table as predict_table
from lrapp.ui.train import columns, data


def _stage(settings: str) -> None:
    """Runs as a script of its own."""
    from lrapp.settings import DataSettings
    from lrapp.ui.train import columns
    from lrapp.ui.train.data_choice import Chosen

    columns.show(Chosen(DataSettings.model_validate_json(settings)))


def shown(settings: DataSettings) -> AppTest:
    page = AppTest.from_function(_stage, args=(settings.model_dump_json(),), default_timeout=60)
    for _ in range(100):
        page.run()
        assert not page.exception
        if page.subheader:  # it has been read
            return page
        time.sleep(0.3)
    raise AssertionError("The table is never read.")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    store = Store(tmp_path)
    uploads, desk = Uploads(store), Desk()
    for name, one in (("store", store), ("uploads", uploads), ("desk", desk)):
        monkeypatch.setattr(resources, name, lambda one=one: one)
    return store


def kept(store: Store, frame: pd.DataFrame) -> FileSource:
    source = store.keep_file(frame.to_csv(index=False).encode(), "t.csv")
    assert isinstance(source, FileSource)
    return source


def test_thousands_of_columns_are_found_by_name(store: Store) -> None:
    frame = pd.DataFrame(np.arange(80.0).reshape(2, 40) + 0.5)
    wide = pd.concat([frame.add_prefix(f"block{n}.") for n in range(50)], axis=1)
    page = shown(DataSettings(source=kept(store, wide)))
    assert page.caption[0].value == "The first 100 of 2,000 columns. Type part of a name to see others."
    assert len(page.dataframe[0].value) == 100
    page.text_input[0].input("K49.").run()
    assert not page.exception
    assert page.dataframe[0].value["name"].tolist() == [f"block49.{n}" for n in range(40)]
    page.text_input[0].input("nowhere").run()
    assert "None of the 2,000 columns has this in its name." in [one.value for one in page.caption]


def test_the_table_says_what_the_settings_say(store: Store) -> None:
    rows = 60
    frame = pd.DataFrame(
        {
            "key": [f"k{n * n}" for n in range(rows)],
            "size": np.where(np.arange(rows) % 9, np.arange(rows) % 40, -1),
            "town": np.resize(["Bonn", "Rome"], rows),
            "answer": np.resize(["yes", "no", "no"], rows),
        }
    )
    source = kept(store, frame)
    page = shown(DataSettings(source=source, target="answer"))
    (advice,) = [one.value for one in page.markdown if "warning" in one.value]
    assert "**size** is -1 in 11.7 % of the rows" in advice.replace("\\", "")
    told = page.dataframe[0].value
    assert told["role"].tolist() == ["target", "ignore", "input", "input"]
    changed = DataSettings(
        source=source,
        target="answer",
        left_out=("town",),
        gap_codes={"size": (-1.0,)},
        kinds={"key": ColumnKind.CATEGORY, "town": ColumnKind.DATE},  # which it cannot be
    )
    page = shown(changed)
    told = page.dataframe[0].value
    assert told["role"].tolist() == ["target", "input", "input", "ignore"]
    assert told["kind"].tolist()[1:] == ["category", "number", "date"]
    assert told["gaps"].tolist() == ["", "", "-1", ""]
    assert told["missing"].tolist()[2] == pytest.approx(100 * 7 / 60)
    assert page.caption[-1].value.replace("\\", "").endswith("Left out: town. Gaps: size -1.")


def test_every_bar_can_be_seen() -> None:
    assert columns._visible([5_000, 1, 0]) == [5_000, 200, 0]
    assert columns._visible([]) == []


def test_how_a_file_is_written_is_told_in_words() -> None:
    assert "a header, decimal points, thousands" in data._in_words(Dialect("utf-8", ";", '"', True, ".", ","))
    assert "a header, decimal commas" in data._in_words(Dialect("utf-8", ";", '"', True, ",", ""))


def test_a_spreadsheet_is_taken_wherever_a_table_is() -> None:
    assert {"csv", "xlsx", "xls", "xlsb", "ods"} <= set(DATA_KINDS["table"].suffixes)
    assert list(DATA_KINDS["table"].suffixes) == predict_table.FORMATS
