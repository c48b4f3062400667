"""How a model's columns were written when it learned them, against how a new file writes them.

What the model learned decides. Where a file seems to be written otherwise, there is a question for a person; where a
unit differs, its numbers are converted if that is certain, and else the file is refused. All of it is plain data, which
goes from process to process and into files as JSON.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lrapp.column_formats import units
from lrapp.column_formats.written import Written, is_currency
from lrapp.errors import UserError
from lrapp.phrasing import counted, number, quoted
from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.columns.number_formats import NumberFormat, parse_number, written_number
from lrapp.tables.columns.yes_no_words import NO, YES

Whose = Literal["model", "file"]
_MARKS = {".": "points", ",": "commas"}
_ORDERS = {True: "day before month", False: "month before day"}
_PERCENT = ("%", "‰")
_SHARE = "of 1"


@dataclass(frozen=True)
class Learned:
    """How a column was written when the model learned it.

    Args:
        decimal: The decimal mark that its table showed, or that a person chose; ``""`` where neither is so.
        most: The greatest number without its sign; None where that is not known.
    """

    format: ColumnFormat
    decimal: Literal["", ".", ","] = ""
    most: float | None = None

    @property
    def kind(self) -> ColumnKind:
        """What the column was."""
        return ColumnKind(self.format.kind)

    @property
    def unit(self) -> str:
        """The unit behind its numbers, ``"%"`` and ``"‰"`` among them, or ``""``."""
        if self.format.percent:
            return "%"
        return "" if is_currency(self.format.suffix) else self.format.suffix

    @property
    def currency(self) -> str:
        """The sign or code of its currency, or ``""``."""
        behind = self.format.suffix
        return self.format.prefix or (behind if is_currency(behind) else "")

    @property
    def day_first(self) -> bool | None:
        """Whether the day stood before the month; None where its dates did not show that."""
        return {"dmy": True, "mdy": False}.get(self.format.date_order)


@dataclass(frozen=True)
class Choice:
    """A person's choice for a file that is not written as the model learned.

    Args:
        whose: Whether decimal marks and dates are read as the model learned them, or as the file seems to write.
        day_first: Whether days stand before months.
        sheet: Name of the sheet of a spreadsheet; by default the one that was chosen for the model, the first with a
            value, or another that has the columns.
    """

    whose: Whose | None = None
    decimal: Literal[".", ","] | None = None
    day_first: bool | None = None
    sheet: str | None = None

    def and_(self, other: "Choice") -> "Choice":
        """Return this choice completed by another one."""
        return Choice(
            other.whose or self.whose,
            other.decimal or self.decimal,
            self.day_first if other.day_first is None else other.day_first,
            other.sheet or self.sheet,
        )


@dataclass(frozen=True)
class Option:
    """One answer to a question."""

    label: str
    choice: Choice


@dataclass(frozen=True)
class Question:
    """A question to answer before anything is predicted.

    Args:
        about: ``"decimal"``, ``"dates"`` or ``"sheet"``.
        sentence: What was found, and why it is not certain.
    """

    about: Literal["decimal", "dates", "sheet"]
    sentence: str
    options: tuple[Option, ...]

    def after(self, choice: Choice) -> "Question":
        """Return the question with answers that keep an earlier choice."""
        options = (replace(option, choice=choice.and_(option.choice)) for option in self.options)
        return replace(self, options=tuple(options))


@dataclass(frozen=True)
class Reading:
    """How one column of a file is to be read.

    Args:
        numerator, added, denominator: The numbers are in the model's unit when they are multiplied by the first, the
            second is added, and they are divided by the third.
    """

    format: ColumnFormat
    numerator: int = 1
    denominator: int = 1
    added: int = 0

    @property
    def converts(self) -> bool:
        """Whether the numbers of the file are in another unit than the model's."""
        return self.numerator != self.denominator or self.added != 0


@dataclass(frozen=True)
class Plan:
    """How a file is to be read for a model.

    Args:
        readings: For each column of the model that needs one.
        notes: Plain sentences on what is not read as the file suggests, and on conversions.
        questions: What a person must answer first; the plan holds for their first options.
    """

    readings: Mapping[str, Reading]
    notes: tuple[str, ...]
    questions: tuple[Question, ...]


class UnclearFormat(UserError):
    """A file can be read in several ways, and which one is right is not certain.

    Args:
        sentence: What was found and how to answer, for the command line.
    """

    def __init__(self, sentence: str, questions: tuple[Question, ...] = ()) -> None:
        super().__init__(sentence, questions)
        self.sentence, self.questions = sentence, questions

    def __str__(self) -> str:
        return self.sentence


def match(
    learned: Mapping[str, Learned],
    file: Mapping[str, Written],
    choice: Choice | None = None,
    *,
    typed: bool = False,
) -> Plan:
    """Return how a file's columns are to be read, or what there is to be asked.

    Args:
        learned: How the columns that the model needs were written, by name.
        file: How the file writes its columns, by name; others than the model needs tell of the file as a whole.
        typed: Whether the file keeps numbers as numbers, as a spreadsheet does, so that a point starts decimals.

    Raises:
        UserError: If a unit differs and there is no certain conversion.
    """
    chosen = choice or Choice()
    marks = [written.decimal for written in file.values() if written.decimal]
    whole = max((".", ","), key=marks.count) if marks else ""
    readings: dict[str, Reading] = {}
    notes: list[str] = []
    open_: dict[ColumnKind, list[tuple[str, Learned, Written]]] = {ColumnKind.NUMBER: [], ColumnKind.DATE: []}
    refused: list[str] = []
    for name, known in learned.items():
        there = file.get(name)
        if there is None:
            continue
        match known.kind:
            case ColumnKind.NUMBER:
                try:
                    readings[name], asked = _number(name, known, there, chosen, whole, typed, notes)
                except UserError as error:
                    refused.append(str(error))
                    continue
            case ColumnKind.DATE:
                readings[name], asked = _date(name, known, there, chosen, notes)
            case _:
                readings[name], asked = Reading(known.format), False
                notes.extend(_other_words(name, known, there))
        if asked:
            open_[known.kind].append((name, known, there))
    if refused:
        raise UserError(" ".join(refused))
    questions = (*_about_marks(open_[ColumnKind.NUMBER]), *_about_dates(open_[ColumnKind.DATE]))
    return Plan(readings, tuple(notes), questions)


def check(plan: Plan, name: str) -> None:
    """Raise the ``UnclearFormat`` that holds the questions of a plan, if it has any."""
    if not plan.questions:
        return
    flags = {"decimal": "--format model or --format file", "dates": "--day-first or --month-first"}
    said = " ".join(question.sentence for question in plan.questions)
    ways = " and ".join(flags[question.about] for question in plan.questions)
    raise UnclearFormat(f"{name}: {said} Say how it is meant: {ways}.", plan.questions)


def unclear_sheet(name: str, sheets: Sequence[str]) -> UnclearFormat:
    """Return what asks which sheet of a spreadsheet is meant.

    Args:
        name: What the person calls the file.
        sheets: Those that have the columns that the model needs, at least two.
    """
    sentence = f"{counted(len(sheets), 'sheet')} have the columns that the model needs: {quoted(sheets)}."
    options = tuple(Option(sheet, Choice(sheet=sheet)) for sheet in sheets)
    return UnclearFormat(
        f"{name}: {sentence} Say which one is meant: --sheet.", (Question("sheet", sentence, options),)
    )


def _number(
    name: str, known: Learned, there: Written, choice: Choice, whole: str, typed: bool, notes: list[str]
) -> tuple[Reading, bool]:
    """How numbers are to be read, and whether that must be asked."""
    if typed and (there.decimal or there.unclear) == ".":
        mine, there = ".", replace(there, decimal=".", unclear="")
    else:
        # A model that saw no decimals had whole numbers, whose only marks group thousands.
        mine = known.decimal or there.decimal or whole or ("," if there.unclear == "." else ".")
    # A thousands mark that no training cell had only follows from the decimal mark.
    learned_thousands = known.format.thousands if known.format.thousands_seen else ""
    wanted, asked = mine, False
    own = there.decimal or there.unclear
    if not own:
        pass
    elif choice.decimal is not None:
        wanted = choice.decimal
    elif there.decimal:
        asked = there.decimal != mine and choice.whose is None
        wanted = there.decimal if choice.whose == "file" else mine
    elif choice.whose == "file":
        wanted = whole or there.unclear
    elif there.unclear not in (mine, learned_thousands):
        # By the model's format, 3.125 would be three thousand, and its own table had no such numbers.
        asked = whole != mine and choice.whose is None
    thousands = next(
        (
            mark
            for mark in (there.thousands, known.format.thousands, there.unclear)
            if mark not in ("", wanted)
        ),
        "",
    )
    if not asked and own and (value := _value(there.example, wanted)):
        # No note for numbers as programs write them, and where other columns settle it.
        settled = there.decimal or whole == wanted or there.unclear == wanted == "."
        if wanted != mine or not settled:
            whose = "you chose" if wanted != mine else "the model learned it"
            notes.append(f"{_named(name)}: {there.example} was read as {value}, as {whose}.")
    form = replace(
        known.format,
        decimal=wanted,
        thousands=thousands,
        percent=there.unit == "%",
        prefix=there.currency or known.format.prefix,
        suffix="" if there.unit == "%" else there.unit,
    )
    return _in_unit(name, known, there, Reading(form), notes), asked


def _in_unit(name: str, known: Learned, there: Written, reading: Reading, notes: list[str]) -> Reading:
    """The reading with the unit that the file writes, and by how much its numbers are to be multiplied."""
    if known.currency and there.currency and not units.same_currency(known.currency, there.currency):
        raise UserError(
            f"The model learned {_named(name)} in {known.currency}, and the file has it in {there.currency}: "
            "convert it first."
        )
    if there.unit == known.unit or there.most is None:
        return reading
    if not there.unit:
        if known.unit in _PERCENT and there.most <= 1 and (known.most is None or known.most > 1):
            raise UserError(
                f"The model learned {_named(name)} with {known.unit} signs, and the file has bare numbers up to "
                f"{number(there.most, 6)}, which may be shares. Write them with {known.unit} signs first."
            )
        notes.append(
            f"{_named(name)} has no unit in this file; its numbers were taken as {known.unit}, as the model learned it."
        )
        return reading
    wanted = known.unit or units.unit_in_name(name)
    if not wanted and there.unit in _PERCENT and known.most is not None and known.most <= 1:
        wanted = _SHARE
    into_wanted = units.conversion(there.unit, wanted, name)
    if into_wanted is None:
        before = f"in {known.unit}" if known.unit else "without a unit"
        raise UserError(
            f"The model learned {_named(name)} {before}, and the file has it in {there.unit}: that cannot be converted "
            f"for certain. Write it {before} first."
        )
    times, plus = into_wanted.times, into_wanted.plus
    if into_wanted != units.Conversion():
        into = "shares" if wanted == _SHARE else wanted
        notes.append(f"{_named(name)} was converted from {there.unit} to {into}, as the model learned it.")
    # One division, so that 212 °F are 100 °C to the last bit.
    below = math.lcm(times.denominator, plus.denominator)
    return replace(reading, numerator=int(times * below), added=int(plus * below), denominator=below)


def _date(
    name: str, known: Learned, there: Written, choice: Choice, notes: list[str]
) -> tuple[Reading, bool]:
    """How dates are to be read, and whether that must be asked."""
    mine, own = known.day_first, {"day": True, "month": False}.get(there.order)
    if not there.order:
        return Reading(replace(known.format, date_order="", date_shape="")), False  # they are unambiguous
    if choice.day_first is not None:
        wanted: bool | None = choice.day_first
    elif mine is not None and own is not None and own != mine:
        wanted = {"model": mine, "file": own, None: None}[choice.whose]
    else:
        wanted = own if mine is None else mine
    if wanted is None:
        return Reading(known.format), True
    if wanted != mine and mine is not None:
        notes.append(f"{_named(name)}: {there.date} was read with {_ORDERS[wanted]}, as you chose.")
    elif own is None:
        whose = "the model learned it" if wanted == mine else "you chose"
        notes.append(f"{_named(name)}: {there.date} was read with {_ORDERS[wanted]}, as {whose}.")
    form = replace(known.format, date_order="dmy" if wanted else "mdy", date_shape="numbers")
    return Reading(form), False


def _other_words(name: str, known: Learned, there: Written) -> Iterator[str]:
    """Other words for yes and no than the model learned."""
    no, yes = known.format.no_words, known.format.yes_words
    if not no or not yes:
        return
    usual = {word.casefold() for word in (*no, *yes)}
    others = sorted(word for word in there.words if word.casefold() not in usual)
    if others and all(word.casefold() in YES | NO for word in others):
        listed = ", ".join(f"“{word}”" for word in others)
        yield f"{_named(name)}: {listed} were taken as words for “{no[0]}” and “{yes[0]}”."


def _about_marks(found: list[tuple[str, Learned, Written]]) -> Iterator[Question]:
    if not found:
        return
    name, known, there = found[0]
    other = there.decimal or there.unclear
    mine = known.decimal or (set(_MARKS) - {other}).pop()
    learned = f"with decimal {_MARKS[known.decimal]}" if known.decimal else "without decimals"
    if not there.decimal and known.decimal:
        learned += " and nothing between thousands"
    more = _others(len(found) - 1)
    ways: tuple[tuple[Whose, str, str], ...] = (
        ("file", other, "As the file seems to write it"),
        ("model", mine, "As the model learned it"),
    )
    yield Question(
        "decimal",
        f"{_named(name)} has {there.example}, and the model learned it {learned}.{more}",
        tuple(
            Option(f"{said}: decimal {_MARKS[mark]}, {_becomes(there.example, mark)}", Choice(whose=whose))
            for whose, mark, said in ways
        ),
    )


def _others(number: int) -> str:
    if not number:
        return ""
    return f" {number:,} more {'column is' if number == 1 else 'columns are'} written so."


def _about_dates(found: list[tuple[str, Learned, Written]]) -> Iterator[Question]:
    if not found:
        return
    name, known, there = found[0]
    before = "dates that can be read in one way only" if known.day_first is None else _ORDERS[known.day_first]
    own = there.order != "month"
    yield Question(
        "dates",
        f"{_named(name)} has {there.date}, and the model learned it with {before}.",
        tuple(Option(_ORDERS[first].capitalize(), Choice(day_first=first)) for first in (own, not own)),
    )


def _becomes(example: str, decimal: str) -> str:
    value = _value(example, decimal)
    return f"so that {example} is {value}" if value else f"so that {example} is no number"


def _value(example: str, decimal: str) -> str:
    """What a number is with a decimal mark; "" where it is none."""
    match_ = written_number(example)
    unit = (match_["unit"] or "").strip() if match_ else ""
    for thousands in (",."[decimal == ","], " ", "'", "_"):
        value = parse_number(example, NumberFormat(decimal, thousands, unit))
        if value is not None:
            return f"{value:.12g}"
    return ""


def _named(name: str) -> str:
    return f"“{name if len(name) <= 60 else name[:57] + '…'}”"
