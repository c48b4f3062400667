"""The temperature by which a run's model was calibrated after it was trained."""

import json
from pathlib import Path

from lrapp.errors import UserError
from lrapp.files import from_json, write_beside

FILE = "calibration.json"


def keep(folder: Path, temperature: float) -> None:
    """Save in a run's folder the temperature that is part of its model; 1 where there is none."""
    if temperature == 1.0:
        (folder / FILE).unlink(missing_ok=True)
    else:
        write_beside(folder / FILE, json.dumps({"temperature": temperature}).encode())


def kept(folder: Path) -> float:
    """Return the temperature that is part of a run's model; 1 where there is none.

    Raises:
        UserError: If its file is damaged.
    """
    try:
        found = from_json((folder / FILE).read_bytes())["temperature"]
        if not (isinstance(found, float) and 0 < found < float("inf")):
            raise ValueError("no temperature")
    except FileNotFoundError:
        return 1.0
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError("The note of this run's calibration is damaged: train it again.") from error
    return found
