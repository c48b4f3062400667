"""How a model's columns were written against how a file writes them: what is read, converted, asked, refused."""

import pickle
from dataclasses import replace

import pytest

from lrapp.column_formats import match as format_match
from lrapp.column_formats.match import Choice, Learned, Plan, UnclearFormat, match
from lrapp.column_formats.written import look
from lrapp.errors import UserError
from lrapp.tables.columns.formats import ColumnFormat

POINTS = Learned(ColumnFormat("number", decimal_seen=True), ".", 90.0)
COMMAS = Learned(ColumnFormat("number", ",", decimal_seen=True), ",", 90.0)
GROUPED = Learned(ColumnFormat("number", ",", ".", decimal_seen=True, thousands_seen=True), ",", 90_000.0)
WHOLE = Learned(ColumnFormat("number"), "", 6_000.0)
DAYS = Learned(ColumnFormat("date", date_order="dmy", date_order_seen=True, date_shape="numbers"))
MONTHS = Learned(ColumnFormat("date", date_order="mdy", date_order_seen=True, date_shape="numbers"))
ISO = Learned(ColumnFormat("date", date_order="ymd", date_order_seen=True, date_shape="ymd"))


def unit(suffix: str, most: float = 90.0) -> Learned:
    percent = suffix == "%"
    return Learned(ColumnFormat("number", suffix="" if percent else suffix, percent=percent), "", most)


def plan(
    told: Learned, *cells: str, name: str = "x", choice: Choice | None = None, typed: bool = False
) -> Plan:
    return match({name: told}, {name: look(cells)}, choice, typed=typed)


@pytest.mark.parametrize(
    ("told", "cells", "marks", "noted"),
    [
        (POINTS, ["12", "14"], (".", ""), False),
        (POINTS, ["12.5"], (".", ""), False),
        (POINTS, ["3.125"], (".", ""), False),
        (POINTS, ["1,234.5"], (".", ","), False),
        (COMMAS, ["12,5"], (",", ""), False),
        (COMMAS, ["3,125", "7,250"], (",", ""), True),
        (COMMAS, ["1.234,5"], (",", "."), False),
        (GROUPED, ["50.000", "20.000"], (",", "."), True),
        (GROUPED, ["50.000,00"], (",", "."), False),
        (WHOLE, ["12,5"], (",", ""), False),
        (WHOLE, ["12.5"], (".", ""), False),
    ],
)
def test_marks_that_fit_what_was_learned_are_read_so(
    told: Learned, cells: list[str], marks: tuple[str, str], noted: bool
) -> None:
    found = plan(told, *cells)
    form = found.readings["x"].format
    assert (form.decimal, form.thousands) == (marks[0], form.thousands if not marks[1] else marks[1])
    assert form.thousands in ("", marks[1] or told.format.thousands)
    assert not found.questions
    assert bool(found.notes) == noted


@pytest.mark.parametrize(
    ("told", "cells", "as_model", "as_file"),
    [
        (COMMAS, ["12.5"], "no number", "12.5"),
        (COMMAS, ["3.125"], "3125", "3.125"),
        (POINTS, ["12,5"], "no number", "12.5"),
        (POINTS, ["3,750", "4,100"], "3750", "3.75"),
        (WHOLE, ["3,750"], "3750", "3.75"),
        (GROUPED, ["12.5"], "no number", "12.5"),
    ],
)
def test_other_marks_are_asked_about_and_chosen(
    told: Learned, cells: list[str], as_model: str, as_file: str
) -> None:
    found = plan(told, *cells)
    (question,) = found.questions
    assert question.about == "decimal"
    assert f"“x” has {cells[0]}" in question.sentence
    file, model = question.options
    assert file.label.endswith(f"so that {cells[0]} is {as_file}")
    assert model.label.endswith(f"so that {cells[0]} is {as_model}")
    with pytest.raises(UnclearFormat, match=r"new.csv: .*--format model or --format file"):
        format_match.check(found, "new.csv")
    other = "," if "," in cells[0] else "."
    assert plan(told, *cells, choice=file.choice).readings["x"].format.decimal == other
    chosen = plan(told, *cells, choice=model.choice)
    assert chosen.readings["x"].format.decimal == ({",": ".", ".": ","}[other])
    assert not chosen.questions
    for mark in (".", ","):
        told_mark = plan(told, *cells, choice=Choice(decimal=mark))
        assert told_mark.readings["x"].format.decimal == mark
        assert not told_mark.questions


def test_what_a_person_chose_is_noted() -> None:
    (note,) = plan(COMMAS, "12.5", choice=Choice("file")).notes
    assert note == "“x”: 12.5 was read as 12.5, as you chose."


def test_other_columns_tell_what_one_leaves_open() -> None:
    learned = {"size": POINTS, "mass": WHOLE}
    found = match(learned, {"size": look(["12.5"]), "mass": look(["3,750"])})
    assert not found.questions
    assert (found.readings["mass"].format.decimal, found.readings["mass"].format.thousands) == (".", ",")
    # The other way round, one question holds for both.
    found = match(learned, {"size": look(["12,5"]), "mass": look(["3.750"])})
    assert len(found.questions) == 1
    found = match(learned, {"size": look(["12,5"]), "mass": look(["3.750"])}, Choice("file"))
    assert (found.readings["mass"].format.decimal, found.readings["mass"].format.thousands) == (",", ".")


def test_a_spreadsheet_has_numbers_whose_point_is_certain() -> None:
    for cells in (["12.5"], ["3.125"]):
        found = plan(COMMAS, *cells, typed=True)
        assert found.readings["x"].format.decimal == "."
        assert not found.questions
        assert not found.notes
    assert plan(POINTS, "12,5", typed=True).questions, "which is text there"


@pytest.mark.parametrize(
    ("told", "cells", "times", "said"),
    [
        (unit("kg"), ["50000 g", "20000 g"], (1, 1000), "“x” was converted from g to kg"),
        (unit("kg"), ["50 kg"], (1, 1), ""),
        (unit("kg"), ["50 KG"], (1, 1), ""),
        (unit("kg"), ["50"], (1, 1), "“x” has no unit in this file; its numbers were taken as kg"),
        (unit("%"), ["12 %"], (1, 1), ""),
        (unit("%"), ["12 ‰"], (1, 10), "from ‰ to %"),
        (unit("%"), ["12", "40"], (1, 1), "were taken as %"),
        (unit("", 0.9), ["12 %"], (1, 100), "from % to shares"),
        (unit("€"), ["12 €"], (1, 1), ""),
        (unit("€"), ["EUR 12"], (1, 1), ""),
    ],
)
def test_units_are_converted_where_that_is_certain(
    told: Learned, cells: list[str], times: tuple[int, int], said: str
) -> None:
    found = plan(told, *cells)
    assert (found.readings["x"].numerator, found.readings["x"].denominator) == times
    assert len(found.notes) == bool(said)
    assert said in " ".join(found.notes)


def test_temperatures_are_converted_to_the_last_bit() -> None:
    found = plan(unit("°C"), "212 °F", "32 °F")
    reading = found.readings["x"]
    assert reading.converts
    assert [(n * reading.numerator + reading.added) / reading.denominator for n in (212, 32, 98.6)] == [
        100,
        0,
        37,
    ]
    assert found.notes == ("“x” was converted from °F to °C, as the model learned it.",)
    with pytest.raises(UserError, match="cannot be converted for certain"):
        plan(unit("°C"), "9 °F", name="temperature difference")


def test_the_unit_may_stand_in_the_name() -> None:
    found = plan(unit(""), "3.75 kg", name="body_mass_g")
    assert (found.readings["body_mass_g"].numerator, found.readings["body_mass_g"].denominator) == (1000, 1)
    assert "from kg to g" in found.notes[0]


@pytest.mark.parametrize(
    ("told", "cells", "sentence"),
    [
        (unit("kg"), ["50 m"], "in kg, and the file has it in m: that cannot be converted for certain"),
        (unit("°C"), ["50 J"], "in °C, and the file has it in J"),
        (unit("K"), ["50 kg"], "in K, and the file has it in kg"),
        (unit(""), ["50 kg"], "without a unit, and the file has it in kg"),
        (unit(""), ["12 %"], "without a unit, and the file has it in %"),
        (unit("%"), ["0.12", "0.4"], "bare numbers up to 0.4, which may be shares"),
        (unit("€"), ["$12"], "in €, and the file has it in $"),
    ],
)
def test_other_units_are_refused(told: Learned, cells: list[str], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        plan(told, *cells)
    assert sentence in str(caught.value)
    assert not isinstance(caught.value, UnclearFormat)


@pytest.mark.parametrize(
    ("told", "cells", "order", "noted"),
    [
        (DAYS, ["31/12/2020"], "dmy", False),
        (DAYS, ["01/02/2020"], "dmy", True),
        (MONTHS, ["01/02/2020"], "mdy", True),
        (MONTHS, ["01.02.2020"], "mdy", True),
        (DAYS, ["2020-02-01"], "", False),
        (ISO, ["31.12.2020"], "dmy", False),
        (ISO, ["12/31/2020"], "mdy", False),
    ],
)
def test_dates_are_read_as_they_were_learned(
    told: Learned, cells: list[str], order: str, noted: bool
) -> None:
    found = plan(told, *cells)
    assert found.readings["x"].format.date_order == order
    assert not found.questions
    assert bool(found.notes) == noted


@pytest.mark.parametrize(
    ("told", "cells", "first"),
    [(DAYS, ["12/31/2020"], False), (MONTHS, ["31.12.2020"], True), (ISO, ["01/02/2020"], True)],
)
def test_the_order_of_dates_is_asked_where_it_is_another_or_open(
    told: Learned, cells: list[str], first: bool
) -> None:
    found = plan(told, *cells)
    (question,) = found.questions
    assert question.about == "dates"
    assert [option.choice.day_first for option in question.options] == [first, not first]
    for option in question.options:
        chosen = plan(told, *cells, choice=option.choice)
        assert not chosen.questions
        assert chosen.readings["x"].format.date_order == ("dmy" if option.choice.day_first else "mdy")
        assert ("as you chose" in " ".join(chosen.notes)) == (told is ISO or option.choice.day_first == first)
    with pytest.raises(UnclearFormat, match="--day-first or --month-first"):
        format_match.check(found, "new.csv")
    if told is not ISO:
        assert plan(told, *cells, choice=Choice("file")).readings["x"].format.date_order == (
            "dmy" if first else "mdy"
        )


def test_other_words_for_yes_and_no_are_said() -> None:
    told = Learned(ColumnFormat("yes/no", yes_words=("ja",), no_words=("nein",)))
    assert plan(told, "ja", "Nein").notes == ()
    assert plan(told, "oui", "non").notes == ("“x”: “non”, “oui” were taken as words for “nein” and “ja”.",)
    assert plan(told, "perhaps").notes == ()


def test_questions_go_from_process_to_process() -> None:
    with pytest.raises(UnclearFormat) as caught:
        format_match.check(plan(COMMAS, "12.5"), "t")
    error = pickle.loads(pickle.dumps(caught.value))
    assert str(error) == str(caught.value)
    assert error.questions == caught.value.questions


def test_columns_that_the_file_lacks_are_passed_over() -> None:
    found = match({"a": POINTS, "b": replace(POINTS)}, {"a": look(["1.5"])})
    assert list(found.readings) == ["a"]
