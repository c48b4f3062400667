"""What this visitor may do with a run, a study, a prediction or an uploaded table; asked before anything is done."""

from typing import Protocol

import streamlit as st

from lrapp.access import rights, uploaders
from lrapp.access.rights import Action, Relation
from lrapp.errors import UserError
from lrapp.runs.store import Store
from lrapp.settings import Source, UploadedSource
from lrapp.ui.parts import identity

_NAMES = ("run", "test", "study", "prediction")


class Owned(Protocol):
    """Anything that has an owner."""

    @property
    def id(self) -> str:
        """As in addresses."""

    @property
    def owner(self) -> str:
        """Id of its maker; empty where it is nobody's."""


def relation(thing: Owned) -> Relation:
    """Return whether this visitor is its owner, was given its address, or neither."""
    # Without owners their files are not even looked for, which in long lists would take its time.
    if not rights.private() or identity.is_mine(thing.owner):
        return "owner"
    asked = {one for name in _NAMES for one in st.query_params.get_all(name)}
    return "guest" if thing.id in asked else "stranger"


def may(action: Action, thing: Owned) -> bool:
    """Return whether this visitor may do that with it."""
    return rights.allowed(action, relation(thing))


def require(action: Action, thing: Owned, word: str = "run") -> None:
    """Check that this visitor may do that with it.

    Raises:
        UserError: For everybody else.
    """
    if not may(action, thing):
        raise UserError(rights.refusal(word, thing.owner))


def may_use(source: Source) -> bool:
    """Return whether this visitor may train on a table or on pictures: whatever comes with the app, and own uploads."""
    if not rights.private() or not isinstance(source, UploadedSource):
        return True
    return any(identity.is_mine(owner) for owner in uploaders.of(Store.default().home, source.sha256))


def require_table(source: Source) -> None:
    """Check that this visitor may use a file.

    Raises:
        UserError: For everybody else; it does not tell whether the file is kept on this server.
    """
    if not may_use(source):
        raise UserError(
            f"The file {source.name} has not been uploaded in this browser, and settings alone do not give it away. "
            "Upload it yourself, or choose another."
        )


def uploaded(source: Source) -> None:
    """Record that this visitor has uploaded a file.

    Raises:
        UserError: If the disk is full.
    """
    owner = identity.current()
    if owner and isinstance(source, UploadedSource):
        uploaders.note(Store.default().home, source.sha256, owner)
