"""Who is using this tab. A login (``st.user``) or a proxy's header could take the cookie's place here.

An identity is an opaque id, and all that the pages know of a person. It is empty where runs have no owners.
"""

import streamlit as st

from lrapp.access import rights, visitors
from lrapp.errors import UserError
from lrapp.runs.store import Store
from lrapp.ui.parts import session


def current() -> str:
    """Return the owner's id of whatever is made now; empty where runs have no owners."""
    return _ids()[0] if rights.private() else ""


def is_mine(owner: str) -> bool:
    """Return whether an id, as ``current`` once returned it, is that of this tab's visitor."""
    return owner in _ids() if rights.private() else True


def lasts() -> bool:
    """Return whether this identity will be known again in another tab or after a reload."""
    return not rights.private() or bool(_of_cookies())


def _ids() -> tuple[str, ...]:
    """All ids of this visitor, the first being the one for new things; of the tab alone where no cookie is kept."""
    return _of_cookies() or (session.state().tab_identity,)


def _of_cookies() -> tuple[str, ...]:
    cookies = dict(st.context.cookies)
    kept = session.state().identity
    if kept is None or kept[0] != cookies:
        try:
            known = visitors.known(visitors.key(Store.default().home), cookies)
        except UserError:  # the key cannot be read or made; the server's log says so
            known = ()
        kept = session.state().identity = (cookies, tuple(one.id for one in known))
    return kept[1]
