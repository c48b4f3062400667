"""What data were chosen, and what follows for the other cards when a table gives way to pictures."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from lrapp.preparation import expected_shape as outlook
from lrapp.preparation import log_target
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.settings import (
    DataSettings,
    FileSource,
    LayerSettings,
    ModelSettings,
    PictureFileSource,
    PicturesSource,
    PolicySettings,
    RunSettings,
    Source,
    Task,
    TrainingSettings,
)
from lrapp.settings.base import checked
from lrapp.tables import cell_values
from lrapp.ui.parts import access, draft, resources, session

# What is told apart; a table's settings name the column here.
_CLASS = "class"
# A start for pictures: there are many of them, and each step takes longer than one of a table.
SMALL_CNN = (
    LayerSettings(kind="conv", units=32),
    LayerSettings(kind="max_pool", size=2),
    LayerSettings(kind="conv", units=64),
    LayerSettings(kind="max_pool", size=2),
    LayerSettings(units=64),
)


@dataclass(frozen=True)
class Chosen:
    """What the Data card says.

    Args:
        data: The settings.
        rows: Rows to train on; None while there are none.
        outlook: What the network will be given; None while something is wrong.
        obstacle: What stands in the way of training; None if nothing.
    """

    data: DataSettings
    rows: int | None = None
    outlook: ExpectedShape | None = None
    obstacle: str | None = None


def expected(data: DataSettings, task: Task) -> ExpectedShape:
    """Return what a network will be given of a table, which is worked out once for each choice of data.

    Args:
        data: As for ``resources.table``, with a target.
        task: What the network answers.
    """
    return _expected(data.model_dump_json(), task)


def suits_logarithm(data: DataSettings, task: Task) -> bool:
    """Return whether a logarithm of the target is worth trying, and is not chosen yet.

    Args:
        data: As for ``expected``.
        task: What the network answers.
    """
    if task != "regression" or data.target_transform == "log":
        return False
    named = data.model_dump_json(include={"source", "dialect", "kinds", "target"})
    return _suits_logarithm(named)


@st.cache_data(max_entries=64, show_spinner=False)
def _suits_logarithm(data: str) -> bool:
    parsed = DataSettings.model_validate_json(data)
    column = resources.table(parsed).frame[parsed.target]
    numbers = cell_values.numbers(column.to_frame())[:, 0]
    return log_target.suits(numbers[np.isfinite(numbers)])


@st.cache_data(max_entries=64, show_spinner=False)
def _expected(data: str, task: Task) -> ExpectedShape:
    parsed = DataSettings.model_validate_json(data)
    return outlook.of_table(resources.table(parsed), parsed, task)


def short_id(source: Source) -> str:
    """Return a name for keys of widgets that belong to these data alone."""
    return source.sha256[:12] if isinstance(source, FileSource | PictureFileSource) else source.name


def keep(data: bytes, name: str) -> Source:
    """Keep an uploaded file on this machine, and return what settings call it.

    Raises:
        UserError: If the disk is full.
    """
    fresh: Source = resources.store().keep_file(data, name)
    access.uploaded(fresh)
    if isinstance(fresh, FileSource) and resources.uploads().holds_pictures(fresh):
        fresh = PictureFileSource(name=fresh.name, sha256=fresh.sha256)
    kept = _kept(fresh)
    kept[:] = [file for file in kept if short_id(file) != short_id(fresh)] + [fresh]
    return fresh


def uploads(current: Source) -> list[Source]:
    """Return the files that this session has uploaded, and the current one where it is a file."""
    for kind in (FileSource, PictureFileSource):
        if isinstance(current, kind) and current not in _kept(current):
            _kept(current).append(current)
    return [*session.state().uploads, *session.state().picture_uploads]


def _kept(like: Source) -> list[Source]:
    kept = session.state()
    return kept.picture_uploads if isinstance(like, PictureFileSource) else kept.uploads


def take(source: Source) -> DataSettings:
    """Return the settings of other data; where pictures follow a table or the other way, the whole page starts anew.

    Kinds, target and dialect belong to the table that they were chosen for. Network, training and policy belong to
    the kind of data, and come back with it.
    """
    before = draft.get()
    of_pictures = isinstance(source, PicturesSource | PictureFileSource)
    data = DataSettings(
        source=source,
        target=_CLASS if of_pictures else None,
        **before.data.model_dump(include={"validation_share", "test_share", "split_seed", "stratify"}),
    )
    if of_pictures == before.data.of_pictures:
        return data
    others = session.state().other_data
    others[before.data.of_pictures] = (before.model, before.training, before.policy)
    model, training, policy = others.get(of_pictures) or _first(of_pictures, before)
    draft.put(
        before.model_copy(update={"data": data, "model": model, "training": training, "policy": policy})
    )
    draft.renew()
    st.rerun()
    return data  # never: the page starts anew


def _first(of_pictures: bool, before: RunSettings) -> tuple[ModelSettings, TrainingSettings, PolicySettings]:
    if not of_pictures:
        return ModelSettings(), TrainingSettings(), RunSettings().policy
    # A whole cycle of the usual cyclical rates.
    training = checked(TrainingSettings(), batch_size=128, epochs=8, optimizer=before.training.optimizer)
    return ModelSettings(layers=SMALL_CNN), training, before.policy
