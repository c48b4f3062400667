"""The chosen data, and what changes in the other steps when the kind of data changes."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from lrapp.errors import UserError
from lrapp.preparation import expected_shape as outlook
from lrapp.preparation import log_target, splitting
from lrapp.preparation.expected_shape import ExpectedShape
from lrapp.preparation.targets import present
from lrapp.settings import (
    DATA_KINDS,
    DataSettings,
    Source,
    Task,
    UploadedSource,
)
from lrapp.settings.sources import upload_of
from lrapp.tables import cell_values
from lrapp.ui.parts import access, draft, kinds, resources, session, steps

DETECTED = "detected"
_RENEWED = "data.renewed"
# What the fields with a key of ``field_key`` ask for, of what can be changed elsewhere.
_IN_FIELDS = ("target", "task", "split_column_input")
NO_TARGET = "choose what should be predicted"


@dataclass(frozen=True)
class Chosen:
    """The result of the Data step.

    Args:
        data: The settings.
        rows: Rows to train on; None while there are none.
        outlook: What the network will be given; None while something is wrong.
        obstacle: Why training cannot start; None if it can.
    """

    data: DataSettings
    rows: int | None = None
    outlook: ExpectedShape | None = None
    obstacle: str | None = None


def expected(data: DataSettings, task: Task) -> ExpectedShape:
    """Return what a network will be given of a table, which is computed once for each choice of data.

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
    named = data.model_dump_json(include={"source", "dialect", "kinds", "gap_codes", "target"})
    return _suits_logarithm(named)


def check_split(data: DataSettings, task: Task) -> None:
    """Do nothing where the rows can be divided as the settings say; worked out once for each choice of data.

    Args:
        data: As for ``expected``.
        task: What the network answers.

    Raises:
        UserError: If there are too few groups, times, rows or rows of a class, or the split column cannot be used.
    """
    if data.split != "random" or data.folds > 1:
        named = {"source", "dialect", "kinds", "gap_codes", "target", "task", "stratify", "split_seed"}
        named |= {"validation_share", "test_share", "split", "split_column", "split_column_input", "folds"}
        if sentence := _split_trouble(data.model_dump_json(include=named), task):
            raise UserError(sentence)


@st.cache_data(max_entries=64, show_spinner=False)
def _split_trouble(data: str, task: Task) -> str:
    parsed = DataSettings.model_validate_json(data)
    table, target = resources.table(parsed), str(parsed.target)
    try:
        splitting.divide(table, np.flatnonzero(present(table.frame[target])), target, task, parsed)
    except UserError as error:
        return str(error)
    return ""


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


def answer(column: str) -> None:
    """Choose the column to predict.

    Args:
        column: Its name.
    """
    data = draft.get().data
    left_out = tuple(name for name in data.left_out if name != column)
    change(data.model_copy(update={"target": column, "task": None, "left_out": left_out}))


def change(data: DataSettings) -> None:
    """Put settings of the same table onto the page, also into the fields of the rail that ask for the same.

    Args:
        data: The settings.
    """
    settings = draft.get()
    if any(getattr(data, name) != getattr(settings.data, name) for name in _IN_FIELDS):
        renew_fields()
    draft.put(settings.model_copy(update={"data": data}))


def field_key(source: Source, name: str) -> str:
    """Return the key of a field that belongs to these data alone, and to what was chosen elsewhere."""
    return draft.key(f"data.{short_id(source)}.{name}.{st.session_state.get(draft.key(_RENEWED), 0)}")


def renew_fields() -> None:
    """Let these fields start anew from the settings.

    They are other ones then: what a browser says of the old ones may still be on its way.
    """
    st.session_state[draft.key(_RENEWED)] = st.session_state.get(draft.key(_RENEWED), 0) + 1


def short_id(source: Source) -> str:
    """Return a name for keys of widgets that belong to these data alone."""
    return source.sha256[:12] if isinstance(source, UploadedSource) else source.name


def keep(data: bytes, name: str) -> Source:
    """Keep an uploaded file on this machine, and return what settings call it.

    Raises:
        UserError: If the disk is full.
    """
    kept = resources.store().keep_file(data, name)
    access.uploaded(kept)
    fresh = upload_of(resources.uploads().kind_of(kept), kept.name, kept.sha256)
    mine = session.state().uploads
    mine[:] = [file for file in mine if short_id(file) != short_id(fresh)] + [fresh]
    return fresh


def choose(source: Source) -> None:
    """Choose data in the place of what the list says.

    The list is another one then: what a browser says of the old one may still be on its way, and would undo the choice.
    """
    session.state().sources_chosen += 1
    steps.leave_run()
    take(source)


def source_key() -> str:
    """Return the key of the list of data."""
    return draft.key(f"source.{session.state().sources_chosen}")


def uploads(current: Source) -> list[Source]:
    """Return the files that this session has uploaded, and the current one where it is a file, kind by kind."""
    mine = session.state().uploads
    if isinstance(current, UploadedSource) and current not in mine:
        mine.append(current)
    return [file for kind in DATA_KINDS for file in mine if file.kind == kind]


def take(source: Source) -> None:
    """Put other data into the draft; where they are of another kind, the whole page starts anew.

    Column kinds, target and dialect belong to the table that they were chosen for. Network, training and policy belong
    to the kind of data, and come back with it.
    """
    before = draft.get()
    if source == before.data.source:
        return
    data = DataSettings(
        source=source,
        target=DATA_KINDS[source.kind].target,
        **before.data.model_dump(include={"validation_share", "test_share", "split_seed", "stratify"}),
    )
    if data.kind == before.data.kind:
        draft.put(before.model_copy(update={"data": data}))
        return
    others = session.state().other_data
    others[before.data.kind] = (before.model, before.training, before.policy)
    model, training, policy = others.get(data.kind) or kinds.of(data.kind).first(before)
    parts = {"data": data, "model": model, "training": training, "policy": policy}
    draft.put(before.model_copy(update=parts), anew=True)
