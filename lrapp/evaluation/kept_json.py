"""What an evaluation leaves in a run's folder as JSON."""

from functools import cache
from typing import Any, ClassVar, Self

from pydantic import TypeAdapter

from lrapp.errors import UserError


class KeptAsJson:
    """A dataclass that is kept as JSON; ``DAMAGED`` is what is said of a file that is damaged or of another version."""

    DAMAGED: ClassVar[str]

    def to_json(self) -> bytes:
        """Return it as JSON."""
        return self._adapter().dump_json(self)

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Return what a file holds.

        Raises:
            UserError: If it is damaged or from another version.
        """
        try:
            found: Self = cls._adapter().validate_json(data)
            found.require_whole()
        except ValueError as error:
            raise UserError(cls.DAMAGED) from error
        return found

    def require_whole(self) -> None:
        """Raise a ``ValueError`` if its parts do not belong together."""

    @classmethod
    @cache
    def _adapter(cls) -> TypeAdapter[Any]:
        return TypeAdapter(cls)
