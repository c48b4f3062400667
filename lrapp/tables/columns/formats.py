"""How the cells of one column are written, as a record that a model can keep and a later file can be read by."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from lrapp.errors import UserError


@dataclass(frozen=True)
class ColumnFormat:
    """How one column is written.

    Args:
        kind: The kind of the column, a value of ``kinds.Kind``.
        decimal: ``"."`` or ``","``; the file's where the column has no decimals.
        thousands: What groups digits, or ``""``; a space stands for every kind of space.
        decimal_seen, thousands_seen: Whether some cell has that mark, so that it is known rather than the file's.
        prefix: Currency before the digits, or ``""``.
        suffix: Unit or currency behind them, or ``""``; ``"‰"`` where they are per mille.
        percent: Whether percent signs stand behind the digits; 12% is read as 12.
        date_order: ``"dmy"``, ``"mdy"`` or ``"ymd"``; ``""`` where the column has no dates in digits.
        date_order_seen: Whether the cells allow no other order, rather than that it was chosen or is the default.
        date_shape: Name of the dates' shape in ``dates``, or ``""``; ``"time"`` for times of day alone.
        yes_words, no_words: Words of the column that mean yes and no, as they are written.
        kept_words: Words that often stand for a missing value and are values here, such as NA among codes.
        gap_codes: Numbers that a person said stand for a missing value.
    """

    kind: str
    decimal: str = "."
    thousands: str = ""
    decimal_seen: bool = False
    thousands_seen: bool = False
    prefix: str = ""
    suffix: str = ""
    percent: bool = False
    date_order: str = ""
    date_order_seen: bool = False
    date_shape: str = ""
    yes_words: tuple[str, ...] = ()
    no_words: tuple[str, ...] = ()
    missing_words: tuple[str, ...] = ()
    kept_words: tuple[str, ...] = ()
    gap_codes: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it for JSON, without fields that have their default."""
        usual = {field.name: field.default for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
            if value != usual[name]
        } | {"kind": str(self.kind)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "ColumnFormat":
        """Return the format that ``to_json`` wrote, of this version or an earlier one.

        Raises:
            UserError: If it is something else.
        """
        usual: dict[str, object] = {field.name: field.default for field in fields(cls)} | {"kind": ""}
        values: dict[str, Any] = {}
        for name, value in stored.items():
            if name not in usual:
                continue  # fields of later versions
            final = tuple(value) if isinstance(usual[name], tuple) and isinstance(value, list) else value
            parts = final if isinstance(final, tuple) else ()
            part = (int, float) if name == "gap_codes" else str
            if not isinstance(final, type(usual[name])) or not all(isinstance(one, part) for one in parts):
                raise UserError(
                    f"A column's format must hold its marks as text. Received: {name} = {value!r}."
                )
            values[name] = str(final) if name == "kind" else final
        if not values.get("kind"):
            raise UserError("A column's format must say the column's kind. Received none.")
        return cls(**values)
