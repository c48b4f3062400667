"""What is wrong with settings, as one sentence."""

from typing import Any

from pydantic import ValidationError

from lrapp.settings.sources import SOURCES

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


def describe(error: ValidationError) -> str:
    """Return pydantic's first error as one sentence that names the field and what was received."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return (
            "These settings are not valid JSON; save them again from the app, or undo the last edit by hand."
        )
    # Behind a choice between kinds of settings, pydantic names the kind, which the JSON does not.
    place = ".".join(
        str(part)
        for before, part in zip(("", *first["loc"]), first["loc"], strict=False)
        if before not in ("policy", "source", "start") or part not in _KINDS
    )
    rule = first["msg"][:1].lower() + first["msg"][1:]
    received = _short(first["input"])
    more = error.error_count() - 1
    others = f" ({more} more {'field needs' if more == 1 else 'fields need'} a look.)" if more else ""
    if place and first["type"] in _LIMITS:
        (bound,) = first["ctx"].values()
        rule = f"The setting “{place}” must be {_LIMITS[first['type']]} {bound:,}"
        return f"{rule}. Received: {received}.{others}"
    what = f"The setting “{place}” is not valid" if place else "These are no settings"
    return f"{what}: {rule}. Received: {received}.{others}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"
