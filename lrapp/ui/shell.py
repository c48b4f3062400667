"""The frame around the pages: navigation, and errors of any page."""

import logging
from contextlib import suppress

import streamlit as st

from lrapp.errors import UserError
from lrapp.ui.compare import page as compare
from lrapp.ui.parts import identity, reading, resources, session, start_buttons
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.predict import page as predict
from lrapp.ui.runs import page as runs
from lrapp.ui.train import page as train

log = logging.getLogger(__name__)

# Wide enough for a table of layers.
RAIL_PIXELS = 420
# A wave that settles, as a learning rate does, in a blue that both themes carry.
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 132 32" width="132" height="32">
<path d="M3 26 L10 6 L17 26 L22 13 L27 26 L31 19 L35 26" fill="none" stroke="#3b82f6" stroke-width="3"
 stroke-linecap="round" stroke-linejoin="round"/>
<text x="44" y="24" font-family="Source Sans, sans-serif" font-size="23" font-weight="700" fill="#3b82f6">LR Lab</text>
</svg>"""


def show() -> None:
    """Set the page up, and run the one that the address names."""
    st.set_page_config(page_title="LR Lab", page_icon="📈", layout="wide", initial_sidebar_state=RAIL_PIXELS)
    st.logo(LOGO, size="large")
    pages = [
        st.Page(train.page, title="Train", icon=":material/model_training:", default=True),
        st.Page(runs.page, title="Runs", icon=":material/list:", url_path="runs"),
        st.Page(compare.page, title="Compare", icon=":material/compare_arrows:", url_path="compare"),
        st.Page(predict.page, title="Predict", icon=":material/online_prediction:", url_path="predict"),
    ]
    session.state().pages = {page.url_path or "train": page for page in pages}
    # The first page is at the address without a path; its own name must work, too.
    named = st.Page(_to_train, title="Train", url_path="train", visibility="hidden")
    chosen = st.navigation([*pages, named], position="top")
    if not identity.lasts():
        st.caption(
            "Your browser keeps no cookie of this app: what you make here is yours in this tab only, and will not be "
            "found again when it is closed or loaded anew."
        )
    kept, here = session.state(), chosen.url_path or "train"
    if kept.page != here:
        kept.page = ""
    if chosen not in (pages[0], named):
        start_buttons.answered()  # a click on Train that came too late is not to start a run on some later visit
    try:
        resources.uploads()  # its process is ready, and its limits are right, before a file comes
        chosen.run()
    except reading.StillReading as still:
        reading.show(still.work)
    except UserError as error:
        start_buttons.answered()
        st.error(plain(str(error), None), icon=":material/error:")
    session.state().page = here
    if not session.state().reader_expected:
        session.state().reader_expected = True  # a new visitor may upload a file
        with suppress(UserError):
            resources.uploads().readers.prewarm()
    # After the page is drawn, since importing TensorFlow takes both cores; it is warm before the page has been read.
    resources.jobs()
    resources.settle()


def _to_train() -> None:
    st.switch_page(session.state().pages["train"], query_params=st.query_params.to_dict())
