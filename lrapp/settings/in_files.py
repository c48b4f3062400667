"""Settings in files that a person may edit: read with one sentence on what is wrong."""

from collections.abc import Collection
from typing import Any, ClassVar, Self

from pydantic import ValidationError

from lrapp.errors import UserError
from lrapp.settings.base import SettingsModel
from lrapp.settings.sources import SOURCES


class InFiles(SettingsModel):
    """Settings that a person saves as a file, and gives back."""

    also: ClassVar[tuple[Collection[str], Collection[str]]] = ((), ())
    """As for ``describe``."""

    def to_json(self) -> str:
        """Return the settings as indented JSON, readable by a person."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the settings that a JSON text holds.

        Raises:
            UserError: If it is not JSON, or a field is unknown or out of its range; names the field.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise UserError(describe(error, cls.also)) from error


_KINDS = (
    *(str(source.model_fields["type"].default) for source in SOURCES),
    *("fixed", "clr", "sgdr", "one-cycle", "coslog4"),
    *("fresh", "run", "pretrained"),
)


_LIMITS = {
    "greater_than": "above",
    "greater_than_equal": "at least",
    "less_than": "below",
    "less_than_equal": "at most",
}


def describe(error: ValidationError, also: tuple[Collection[str], Collection[str]] = ((), ())) -> str:
    """Return pydantic's first error as one sentence that names the field and what was received.

    Args:
        also: More fields behind which pydantic names a kind that the JSON does not, and these kinds.
    """
    fields, kinds = ("policy", "source", "start", *also[0]), (*_KINDS, *also[1])
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return (
            "These settings are not valid JSON; save them again from the app, or undo the last edit by hand."
        )
    # Behind a choice between kinds of settings, pydantic names the kind, which the JSON does not.
    place = ".".join(
        str(part)
        for before, part in zip(("", *first["loc"]), first["loc"], strict=False)
        if before not in fields or part not in kinds
    )
    rule = first["msg"][:1].lower() + first["msg"][1:]
    received = _short(first["input"])
    more = error.error_count() - 1
    others = f" ({more} more {'field needs' if more == 1 else 'fields need'} a look.)" if more else ""
    if place and first["type"] in _LIMITS:
        (bound,) = first["ctx"].values()
        rule = f"The setting “{place}” must be {_LIMITS[first['type']]} {bound:,}"
        return f"{rule}. Received: {received}.{others}"
    if (
        first["type"] == "value_error" and "Received: " in rule
    ):  # a sentence of our own, which says that itself
        return f"The setting “{place}” is not valid. {first['ctx']['error']}{others}"
    what = f"The setting “{place}” is not valid" if place else "These are no settings"
    return f"{what}: {rule}. Received: {received}.{others}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"
