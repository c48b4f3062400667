"""What is exported of a run on each kind of data? A module for each; what they have in common is here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrapp.errors import UserError
from lrapp.settings import DataKind, DataSettings
from lrapp.settings.kinds import part

if TYPE_CHECKING:
    from lrapp.export.exporter import Maker
    from lrapp.export.finished_run import FinishedRun
    from lrapp.export.script_data import Cell
    from lrapp.runs.store import Run, Store


@dataclass(frozen=True)
class Predicts:
    """How a download describes its model.

    Args:
        needs: A sentence on what the script must be given.
    """

    target: str
    needs: str


@dataclass(frozen=True)
class Download:
    """The files of a download for a kind of data.

    Args:
        files: What its preprocessor has left in the run's folder.
        listed: These in the README's table: names, a bar, and what they are.
        script: The code of ``predict.py``.
        usage: What the script is given first, in capitals.
        about: Returns what the README says of the model in a folder.
        code: Modules of ours that the script needs, beside those that every download holds: paths without ``.py``.
    """

    files: tuple[str, ...]
    listed: str
    script: str
    usage: str
    about: Callable[[Path], Predicts]
    code: tuple[str, ...] = ()


def _unexplained(finished: Any, most: float, off: str) -> UserError | None:
    return None


@dataclass(frozen=True)
class KindExports:
    """What is exported of runs on a kind of data.

    Args:
        reading: Text to show while the data are read again.
        finished: Returns a finished run with its data, for ``cells`` and for the makers of formats.
        cells: Returns the steps of the script up to the network.
        tolerance: A sentence or two on how well the script's figures agree with the run's.
        rows_at_once: How many rows the script has the network answer at once.
        checked: What an export's answers are checked on: one of them, with the part that it is in as ``{part}``.
        purpose: Says what a network is for, given the data and the number of classes, 0 where it is not known.
        explain: Returns why a format's predictions may be that far off, where it is not a defect; given the run, the
            largest difference that is not too much, and how large it was, in words.
        makers: Makers of formats by their keys, beside those that the formats have for this kind themselves.
    """

    reading: str
    finished: "Callable[[Run, Store], FinishedRun]"
    cells: "Callable[[Any], tuple[Cell, ...]]"
    steps: str
    tolerance: str
    rows_at_once: int
    checked: str
    purpose: Callable[[DataSettings, int], str]
    download: Download
    explain: Callable[[Any, float, str], UserError | None] = _unexplained
    makers: "Mapping[str, Maker]" = field(default_factory=dict)


def of(kind: DataKind) -> KindExports:
    """Return what is exported of runs on a kind of data."""
    found: KindExports = part(__name__, kind)
    return found
