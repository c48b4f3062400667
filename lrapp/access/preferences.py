"""What a visitor chose once for all of the pages, such as to see the expert settings, kept from visit to visit.

Where runs have no owners, all who use the server are one visitor.
"""

import json
from contextlib import suppress
from pathlib import Path

from lrapp.errors import UserError
from lrapp.files import disk_errors, from_json, write_beside

_FOLDER = "preferences"
_EVERYONE = "everyone"


def read(home: Path, owner: str, name: str) -> bool:
    """Return whether a visitor switched something on; the visitor's id is empty where runs have no owners."""
    return _all(home, owner).get(name) is True


def write(home: Path, owner: str, name: str, on: bool) -> None:
    """Keep what a visitor chose. A disk that is full loses the choice, and nothing else."""
    path = _path(home, owner)
    with suppress(UserError), disk_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_beside(path, json.dumps(_all(home, owner) | {name: on}).encode())


def _all(home: Path, owner: str) -> dict[str, object]:
    try:
        found = from_json(_path(home, owner).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _path(home: Path, owner: str) -> Path:
    return home / _FOLDER / f"{owner or _EVERYONE}.json"
