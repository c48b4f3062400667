"""Settings <-> the text of a link, short enough to be sent and safe to be opened."""

import base64
import json
import zlib
from enum import Enum
from typing import Any

from pydantic import BaseModel, ValidationError

from lrapp.errors import UserError
from lrapp.settings import RunSettings, describe

# Servers and proxies accept addresses of 8,000 letters; the rest is for the address itself.
MOST_LETTERS = 6_000
# Limit of unpacking: a few letters could expand to gigabytes.
MOST_BYTES = 200_000
# Written even with default values: the kind of settings, and their version.
_ALWAYS = ("type", "version")


def to_text(settings: RunSettings) -> str:
    """Return settings as the text of a link: base64, safe in addresses, of the packed JSON without defaults.

    Raises:
        UserError: If the text is too long for a link.
    """
    packed = zlib.compress(json.dumps(_told(settings), separators=(",", ":")).encode(), 9)
    text = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    if len(text) > MOST_LETTERS:
        raise UserError(
            f"A link holds at most {MOST_LETTERS:,} letters; send these settings as a file instead. "
            f"Received: {len(text):,}."
        )
    return text


def from_text(text: str) -> RunSettings:
    """Return the settings that the text of a link holds.

    Raises:
        UserError: If the text is too long, was cut or changed in transit, or holds invalid settings.
    """
    if len(text) > MOST_LETTERS:
        raise UserError(
            f"A link with settings has at most {MOST_LETTERS:,} letters; ask for the settings as a file. "
            f"Received: {len(text):,}."
        )
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(packed, MOST_BYTES + 1)
    except (ValueError, zlib.error) as error:
        raise _broken() from error
    if len(data) > MOST_BYTES:
        raise UserError(
            f"The settings in a link may unpack to at most {MOST_BYTES:,} bytes, and this one holds more; "
            "ask for the settings as a file."
        )
    if not unpacker.eof or unpacker.unused_data:
        raise _broken()
    try:
        return RunSettings.model_validate_json(data)
    except ValidationError as error:
        if error.errors(include_url=False)[0]["type"] == "json_invalid":
            raise _broken() from error
        raise UserError(f"The link holds settings that this app cannot use. {describe(error)}") from error


def _broken() -> UserError:
    return UserError(
        "The link was cut off or changed on its way: copy all of it, or ask for the settings as a file."
    )


def _told(value: Any) -> Any:
    """Settings for JSON, with the fields that differ from their defaults."""
    if isinstance(value, BaseModel):
        fields = {}
        for name, field in type(value).model_fields.items():
            own = getattr(value, name)
            if name in _ALWAYS or field.is_required() or own != field.get_default(call_default_factory=True):
                fields[name] = _told(own)
        return fields
    if isinstance(value, dict):
        return {name: _told(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_told(one) for one in value]
    return value.value if isinstance(value, Enum) else value
