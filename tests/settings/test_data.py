"""Settings of the data: sources by content, never by path."""

import pytest
from pydantic import TypeAdapter, ValidationError

from lrapp.settings.data import DataSettings, DialectSettings
from lrapp.settings.sources import FileSource, SampleSource, Source
from lrapp.tables.columns.kinds import ColumnKind

SOURCES: TypeAdapter[Source] = TypeAdapter(Source)


def test_defaults_name_a_sample() -> None:
    assert DataSettings().source == SampleSource(name="penguins.csv")
    assert DataSettings().dialect == DialectSettings()
    assert set(DialectSettings().model_dump().values()) == {None}, (
        "nothing is overruled unless somebody says so"
    )


def test_a_source_is_told_by_its_type() -> None:
    assert SOURCES.validate_python({"type": "sample", "name": "x.csv"}) == SampleSource(name="x.csv")
    held = SOURCES.validate_python({"type": "file", "name": "x.csv", "sha256": "ab" * 32})
    assert held == FileSource(name="x.csv", sha256="ab" * 32)


def test_a_hash_that_is_none_never_becomes_a_path(subtests: pytest.Subtests) -> None:
    for sha256 in ["", "ab", "AB" * 32, "../" + "a" * 61, "ab" * 32 + "\n", "ab" * 33, "g" * 64]:
        with subtests.test(sha256), pytest.raises(ValidationError, match=r"sha256"):
            FileSource(name="x.csv", sha256=sha256)


def test_kinds_are_kept_under_any_name() -> None:
    kinds = {"a.b": ColumnKind.CATEGORY, "": ColumnKind.NUMBER, "🐧\n": ColumnKind.TEXT}
    held = DataSettings(kinds=kinds, target="")
    assert DataSettings.model_validate_json(held.model_dump_json()) == held


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"kinds"):
        DataSettings.model_validate({"kinds": {"a": "colour"}})


def test_how_a_file_is_read_can_be_chosen_and_comes_back_and_need_not_be_said() -> None:
    chosen = DialectSettings(date_order="mdy", missing_words="values")
    assert DialectSettings.model_validate_json(chosen.model_dump_json()) == chosen
    earlier = {
        "encoding": None,
        "delimiter": ";",
        "quote": None,
        "header": None,
        "decimal": None,
        "thousands": None,
    }
    assert DialectSettings.model_validate(earlier) == DialectSettings(delimiter=";")
    with pytest.raises(ValidationError):
        DialectSettings.model_validate({"date_order": "ydm"})
