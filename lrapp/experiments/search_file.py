"""A random search in a file: what it starts from and what varies, as ``python -m lrapp search`` takes it."""

from typing import Literal

from pydantic import ValidationError

from lrapp.errors import UserError
from lrapp.experiments.search import Search
from lrapp.experiments.search_space import NAMES, WAYS
from lrapp.settings import RunSettings
from lrapp.settings.base import SettingsModel
from lrapp.settings.run import describe


class SavedSearch(SettingsModel):
    """A random search before it is started."""

    version: Literal[1] = 1
    base: RunSettings
    search: Search

    def to_json(self) -> str:
        """Return it as indented JSON, readable by a person."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str | bytes) -> "SavedSearch":
        """Return the search that a JSON text holds.

        Raises:
            UserError: If it is not JSON, or a field is unknown or out of its range; names the field.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise UserError(describe(error, (NAMES, WAYS))) from error
