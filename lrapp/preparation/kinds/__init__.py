"""How is each kind of data prepared? A module for each; what they have in common is here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrapp.column_formats.learned import ModelFormats
from lrapp.preparation.fitted import Fitted
from lrapp.settings import DataKind, DataSettings, RunSettings
from lrapp.settings.kinds import part

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared
    from lrapp.runs.store import Store

Tell = Callable[[str, float], None]
ShouldStop = Callable[[], bool]
Folder = Callable[[int], Path]


def _no_formats(preprocessor: Any, settings: RunSettings) -> ModelFormats:
    return ModelFormats()


@dataclass(frozen=True)
class Preparation:
    """How a kind of data becomes arrays.

    Args:
        prepared: Reads the data that settings name and turns them into arrays, reporting the stage and how
            much of it, 0 to 1, where that takes long, and asking again and again whether to stop. What memory does
            not hold, it may put into a folder that it asks for, telling the bytes.
        load: Returns what ``Fitted.save`` has left in a folder.
        formats: Returns the column formats of a model's data, if new data need them.
    """

    prepared: "Callable[[Store, DataSettings, Tell, ShouldStop, Folder], Prepared]"
    load: Callable[[Path], Fitted]
    formats: Callable[[Any, RunSettings], ModelFormats] = _no_formats


def of(kind: DataKind) -> Preparation:
    """Return how a kind of data is prepared."""
    found: Preparation = part(__name__, kind)
    return found
