"""Where things are kept, how much they take, and a button that empties what can be made again."""

import pandas as pd
import streamlit as st

from lrapp.errors import UserError
from lrapp.phrasing import size
from lrapp.runs import disk_space
from lrapp.ui.parts import actions, resources
from lrapp.ui.parts.plain_text import plain


def show() -> None:
    """Show the section, closed; its sizes are measured when it is opened."""
    section = st.expander(
        "Where things are kept", icon=":material/hard_drive:", key="disk", on_change="rerun"
    )
    if not section.open:
        return
    with section:
        _sizes()


@st.fragment
def _sizes() -> None:
    home = resources.store().home
    if actions.may_empty_prepared():
        st.caption("On the computer that runs this app, in")
        st.code(str(home), language=None, width="content")
    taken = disk_space.taken(home)
    st.dataframe(
        pd.DataFrame({"What": taken.keys(), "Size": [size(number) for number in taken.values()]}),
        hide_index=True,
        width="content",
    )
    try:
        most = size(disk_space.most_prepared())
    except UserError as error:
        st.warning(plain(str(error), None), icon=":material/warning:")
        return
    st.caption(
        f"Prepared data let the next run on the same data start at once. At most {most} are kept; those longest "
        "unused go first."
    )
    if not actions.may_empty_prepared():
        return
    if st.button("Empty prepared data", icon=":material/mop:", disabled=not taken["Prepared data"]):
        try:
            actions.empty_prepared()
        except UserError as error:
            st.warning(plain(str(error), None), icon=":material/warning:")
            return
        st.rerun(scope="fragment")
