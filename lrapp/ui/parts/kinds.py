"""What the pages show for a kind of data; each kind has a module in ``ui.kinds``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.runs.store import Run
from lrapp.settings import (
    DataKind,
    DataSettings,
    LayerSettings,
    ModelSettings,
    PolicySettings,
    RunSettings,
    Source,
    TrainingSettings,
)
from lrapp.settings.kinds import part

if TYPE_CHECKING:
    from lrapp.ui.train.data_choice import Chosen

_MODULES = "lrapp.ui.kinds"


@dataclass(frozen=True)
class Offer:
    """Data that come with the app.

    Args:
        label: What the list of data calls them.
        about: A sentence on them, shown while they are chosen.
        button: What a button that chooses them says; empty for none.
    """

    label: str
    about: str = ""
    button: str = ""
    icon: str | None = None
    tip: str = ""


@dataclass(frozen=True)
class KindPages:
    """What the pages show for a kind of data.

    Args:
        data_step: Draws the Data step below the choice of the source, and returns what was chosen.
        base: Returns the settings of the Train page as another page can use them, with what the network will be given.
        first: Returns network, training and policy that a person who comes to this kind of data starts with, given the
            settings so far.
        columns: Fields of a layer that the table of layers shows.
        predict: Draws what predicts with a finished run: on the Predict page, or elsewhere under keys that begin with a
            word of that place.
        stage: Draws the data on the stage of the Train page, before a run.
        rare: Fields of the network that most people leave as they are.
    """

    upload: str
    offers: Callable[[], Mapping[Source, Offer]]
    data_step: "Callable[[DataSettings], Chosen]"
    base: Callable[[RunSettings], tuple[RunSettings, ExpectedShape]]
    first: Callable[[RunSettings], tuple[ModelSettings, TrainingSettings, PolicySettings]]
    presets: Mapping[str, tuple[LayerSettings, ...]]
    columns: tuple[str, ...]
    predict: Callable[[Run, str], None]
    stage: "Callable[[Chosen], None]"
    rare: tuple[str, ...] = ("initial_weights",)


def of(kind: DataKind) -> KindPages:
    """Return what the pages show for a kind of data."""
    found: KindPages = part(_MODULES, kind)
    return found
