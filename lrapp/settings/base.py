"""What all settings have in common: frozen, strict, and with hints for the widgets beside the fields."""

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue

AnyPart = TypeVar("AnyPart", bound="SettingsModel")


class SettingsModel(BaseModel):
    """A frozen part of the settings, in which an unknown field or a number out of its range is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)


def ui(
    unit: str = "", step: float | None = None, labels: dict[str, str] | None = None
) -> dict[str, JsonValue]:
    """Return hints for a widget, besides range and help.

    Args:
        unit: Shown behind the title; ``length`` for epochs or steps, as the policy says.
        step: What one press on plus or minus changes.
        labels: What choices are called on the page.
    """
    shown: dict[str, JsonValue] = {"unit": unit}
    if step is not None:
        shown["step"] = step
    if labels is not None:
        shown["labels"] = dict(labels)
    return shown


def bound(part: type[SettingsModel], field: str, side: Literal["ge", "le"]) -> float:
    """Return the least (``ge``) or the greatest (``le``) that a field may be, which must have such a bound."""
    return next(
        float(getattr(rule, side)) for rule in part.model_fields[field].metadata if hasattr(rule, side)
    )


def checked(part: AnyPart, **changes: Any) -> AnyPart:
    """Return a part with some fields changed and all of them validated again, which ``model_copy`` does not.

    Raises:
        pydantic.ValidationError: If a field is unknown or out of its range.
    """
    return type(part).model_validate(part.model_dump() | changes)
