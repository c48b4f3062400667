"""What is known before a file is read: the person's choices, and a model's knowledge of its columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lrapp.tables.columns.formats import ColumnFormat
from lrapp.tables.columns.kinds import Context
from lrapp.tables.text.dialects import Dialect, DialectOverrides


@dataclass(frozen=True)
class Given:
    """What is known before a file is read, and what holds for all of its columns.

    Args:
        chosen: The user's choices for the dialect.
        names: Names that columns may have.
        formats: How columns are known to be written, by name.
        na_in_numbers: As in ``kinds.Context``.
    """

    chosen: DialectOverrides = field(default_factory=DialectOverrides)
    names: tuple[str, ...] = ()
    formats: Mapping[str, ColumnFormat] = field(default_factory=dict)
    na_in_numbers: bool = False

    def about(
        self, name: str, place: int, width: int, dialect: Dialect | None, *, unnamed: bool = False
    ) -> Context:
        """Return a column's context.

        Args:
            name, place, width, unnamed: As in ``kinds.Context``.
            dialect: How the file is written, None for a spreadsheet.
        """
        chosen = self.chosen
        return Context(
            name,
            place,
            width,
            dialect.decimal if dialect else chosen.decimal or ".",
            dialect.thousands if dialect else chosen.thousands or "",
            chosen=chosen.decimal is not None or chosen.thousands is not None,
            unnamed=unnamed,
            date_order=chosen.date_order or "",
            missing_words=chosen.missing_words or "",
            na_in_numbers=self.na_in_numbers,
        )
