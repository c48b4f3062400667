"""The kinds of columns, and the result of reading one."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

import pandas as pd

from lrapp.tables.columns.formats import ColumnFormat

DISTINCT_CAP = 10_000
"""Different values are counted up to this many; it stands for more, too."""


_ID_NAME = re.compile(
    r"(?i:(.*[_\s.\-#])?(id|ids|uuid|guid|index|idx|rowid|row|key|rownames|row_names|nr|no|no\.|number|#))|"
    r"(?i:id[_\s.\-].*)|.*[a-z](Id|ID)|(?i:unnamed: 0)|"
    r"(?i:(user|customer|client|patient|passenger|order|product|item|account|member|employee|student|sample|record)id)"
)


class ColumnKind(StrEnum):
    """The kind of a column, as a network sees it."""

    NUMBER = "number"
    CATEGORY = "category"
    YES_NO = "yes/no"
    DATE = "date"
    IDENTIFIER = "identifier"
    CONSTANT = "constant"
    TEXT = "text"


@dataclass(frozen=True)
class Context:
    """Context of a column, from the rest of the file.

    Args:
        place: Its position from 0.
        decimal, thousands: Marks that the file uses.
        unnamed: Whether the file gives the column no name.
        date_order: ``"dmy"`` or ``"mdy"`` where the user chose that, else ``""``.
        missing_words: ``"missing"`` or ``"values"`` where the user chose what NA and the like are in columns of words,
            else ``""``.
        na_in_numbers: Whether NA appears among the numbers of some column, so that the file writes gaps so.
    """

    name: str
    place: int
    width: int
    decimal: str
    thousands: str
    chosen: bool = False
    unnamed: bool = False
    date_order: str = ""
    missing_words: str = ""
    na_in_numbers: bool = False


@dataclass(frozen=True)
class Read:
    """A column as its kind.

    Args:
        reason: Why, as one short phrase.
        values: The values, without a name.
        distinct: Different values, up to ``DISTINCT_CAP``.
        notes: Sentence parts that go after the column's name.
        lossy: Whether the text cannot be restored from the values.
        format: How the cells are written, as far as the kind depends on it.
        misfits: Cells that do not fit a format that was given, and so have no value.
    """

    kind: ColumnKind
    reason: str
    values: pd.Series
    distinct: int
    notes: tuple[str, ...] = ()
    lossy: bool = False
    format: ColumnFormat | None = None
    misfits: int = 0

    @property
    def written(self) -> ColumnFormat:
        """How the cells are written, with the kind that the column has."""
        return replace(self.format or ColumnFormat(self.kind), kind=self.kind)


def count(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it must be."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(words: dict[str, int]) -> str:
    """The three most frequent words, quoted and shortened."""
    top = sorted(words.items(), key=lambda item: -item[1])[:3]
    return ", ".join(repr(word if len(word) <= 30 else word[:29] + "…") for word, _ in top)


def is_id_name(name: str) -> bool:
    """Whether a column is named like one that numbers or names its rows."""
    return _ID_NAME.fullmatch(name.strip()) is not None
