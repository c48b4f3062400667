"""The frame around the pages: navigation, and errors of any page."""

import logging
from contextlib import suppress

import streamlit as st

from lrapp.errors import UserError
from lrapp.ui.parts import identity, reading, resources, saving, session
from lrapp.ui.parts.plain_text import plain

log = logging.getLogger(__name__)

# Wide enough for a table of layers.
RAIL_PIXELS = 420
# A wave that settles, as a learning rate does, in a blue that both themes carry.
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 132 32" width="132" height="32">
<path d="M3 26 L10 6 L17 26 L22 13 L27 26 L31 19 L35 26" fill="none" stroke="#3b82f6" stroke-width="3"
 stroke-linecap="round" stroke-linejoin="round"/>
<text x="44" y="24" font-family="Source Sans, sans-serif" font-size="23" font-weight="700" fill="#3b82f6">LR Lab</text>
</svg>"""
STYLE = """
<style>
/* Train and Stop stay in view. */
[data-testid="stLayoutWrapper"]:has(> .st-key-bar) {
  position: sticky; top: 3.25rem; z-index: 99; padding: 0.75rem 0;
}
.stApp :is([data-testid="stAppViewContainer"], [data-testid="stMain"], [data-testid="stMainBlockContainer"]),
[data-testid="stMainBlockContainer"] > div, [data-testid="stLayoutWrapper"]:has(> .st-key-bar) {
  background-color: inherit;
}
.st-key-bar { flex-wrap: nowrap; }
/* Its help lists what can be uploaded. */
.st-key-rail [data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
/* The rail's steps lie close together, so that all four are in view. */
.st-key-rail [class*="st-key-step-"] { padding: 0.6rem 0.9rem; }
/* Grey and blue texts that can be read: at least 4.5 : 1 in both themes. */
.st-key-rail summary { opacity: 1; }
[data-testid="stCaptionContainer"] { opacity: 0.75; }
[data-testid="stButtonGroup"] button[data-selected="true"],
[data-testid="stButtonGroup"] button[data-selected="true"] * {
  color: inherit !important;
}
[data-testid="stButton"] kbd { color: inherit; opacity: 0.9; }
@media (max-width: 640px) { [data-testid="stButton"] kbd { display: none; } }
/* Streamlit makes each of the stacked charts as wide as their place and lets the axis hang over: this is its room. */
.st-key-run_charts { padding-right: 92px; }
/* Streamlit's own Stop, while a page is drawn, would be taken for the one that ends a run. */
[data-testid="stStatusWidget"] [data-testid="stBaseButton-header"] { display: none; }
/* A quick third click was not meant for the button that has just replaced the first. */
@keyframes fresh { from, to { pointer-events: none; } }
[class*="st-key-train-"] button { animation: fresh 0.3s; }
.block-container { padding-top: 4.5rem; padding-bottom: 3rem; }
</style>
"""


def show() -> None:
    """Set the page up, and run the one that the address names."""
    st.set_page_config(page_title="LR Lab", page_icon="📈", layout="wide", initial_sidebar_state=RAIL_PIXELS)
    st.html(STYLE + saving.STYLE)
    st.logo(LOGO, size="large")
    from lrapp.ui.compare import page as compare
    from lrapp.ui.predict import page as predict
    from lrapp.ui.runs import page as runs
    from lrapp.ui.train import page as train

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
    try:
        resources.uploads()  # its process is ready, and its limits are right, before a file comes
        chosen.run()
    except reading.StillReading as still:
        reading.show(still.work)
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
    if not session.state().reader_expected:
        session.state().reader_expected = True  # a new visitor may upload a file
        with suppress(UserError):
            resources.uploads().readers.prewarm()
    # After the page is drawn, since importing TensorFlow takes both cores; it is warm before the page has been read.
    resources.jobs()
    resources.settle()


def _to_train() -> None:
    st.switch_page(session.state().pages["train"], query_params=st.query_params.to_dict())
