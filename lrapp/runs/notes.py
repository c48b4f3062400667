"""A run's name, note and star.

Kept in ``about.json`` in the run's folder, apart from the settings, which decide what is computed.
"""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lrapp.errors import UserError
from lrapp.files import write_beside
from lrapp.runs.store import Run

MOST_NAME = 200
MOST_NOTE = 2_000
_FILE = "about.json"
# Far more than a name and a note need.
_MOST_BYTES = 100_000


class About(BaseModel):
    """A name (None: the one in the settings), a note and a star."""

    model_config = ConfigDict(frozen=True)

    name: str | None = Field(None, max_length=MOST_NAME)
    note: str = Field("", max_length=MOST_NOTE)
    starred: bool = False


def read(run: Run) -> tuple[About, str]:
    """Return a run's name, note and star, and a sentence on what is wrong with the file, if anything."""
    try:
        with (run.folder / _FILE).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ValueError("too long")
        return About.model_validate_json(data), ""
    except FileNotFoundError:
        return About(), ""
    except (OSError, ValueError):
        return About(), (
            f"The {_FILE} of this run cannot be read: its own name, note and star are lost. Give them again."
        )


def change(
    run: Run, *, name: str | None = None, note: str | None = None, starred: bool | None = None
) -> About:
    """Change a run's name, note or star, and return them; None leaves a part as it is.

    Raises:
        UserError: If the run is gone, the name or the note is too long, or the disk is full.
    """
    if not run.folder.is_dir():
        raise UserError("This run is no longer here; it was deleted meanwhile. Undo that, or choose another.")
    given = {"name": name, "note": note, "starred": starred}
    said = read(run)[0].model_dump() | {part: value for part, value in given.items() if value is not None}
    try:
        about = About.model_validate(said)
    except ValidationError as error:
        raise UserError(
            f"A name has at most {MOST_NAME} letters and a note at most {MOST_NOTE:,}. "
            f"Received: {len(said['name'] or '')} and {len(said['note']):,}."
        ) from error
    write_beside(run.folder / _FILE, about.model_dump_json(indent=2).encode())
    return about


def name_of(run: Run) -> str:
    """Return a run's name, empty if it has none.

    Raises:
        UserError: If its settings are damaged.
    """
    name = read(run)[0].name
    return run.settings.name if name is None else name
