"""The first step: which data, of whatever kind; what follows is drawn by the kind."""

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from lrapp.errors import UserError
from lrapp.settings import DATA_KINDS, DataSettings, Source, UploadedSource
from lrapp.ui.parts import choices, draft, kinds, session
from lrapp.ui.parts.kinds import Offer
from lrapp.ui.parts.plain_text import plain
from lrapp.ui.train import data_choice
from lrapp.ui.train.data_choice import Chosen


def show(data: DataSettings) -> Chosen:
    """Show the step, and return what was chosen."""
    source = _source(data.source)
    if source != data.source:
        data_choice.take(source)
        if source.kind != data.kind:
            st.rerun()  # other data are another page
        data = draft.get().data
    return kinds.of(data.kind).data_step(data)


def _keep(uploaded: UploadedFile) -> None:
    """Keep an uploaded file, and choose it.

    Uploaded bytes are lost with the tab, so they are saved at once, under their hash. That it was kept is noted last:
    a click may cut this run of the script short before, and the next one then keeps the file.
    """
    try:
        data_choice.choose(data_choice.keep(uploaded.getvalue(), uploaded.name))
    except UserError:
        session.state().last_upload = uploaded.file_id  # not to be said again in every run
        raise
    session.state().last_upload = uploaded.file_id
    context = get_script_run_ctx()
    # As Streamlit itself does with a recording: else the file stays in the server's memory until the tab ends.
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, uploaded.file_id)
    st.rerun()


def _source(current: Source) -> Source:
    every = {kind: kinds.of(kind) for kind in DATA_KINDS}
    uploaded = st.file_uploader(
        plain(f"Upload {' or '.join(facts.upload for facts in DATA_KINDS.values())}", None),
        type=list(dict.fromkeys(suffix for facts in DATA_KINDS.values() for suffix in facts.suffixes)),
        key=draft.key("upload"),
        help=plain(" ".join(pages.upload for pages in every.values()), None),
    )
    if uploaded is not None and session.state().last_upload != uploaded.file_id:
        _keep(uploaded)
    offers: dict[Source, Offer] = {}
    for pages in every.values():
        offers |= pages.offers()
    with st.container(horizontal=True, gap="small"):
        for source, offer in offers.items():
            if offer.button:
                st.button(
                    plain(offer.button, None),
                    icon=offer.icon,
                    key=draft.key(f"take.{source.name}"),
                    help=plain(offer.tip, None),
                    on_click=data_choice.choose,
                    args=(source,),
                )
    options: list[Source] = [*reversed(data_choice.uploads(current)), *offers]

    def label(source: Source) -> str:
        if isinstance(source, UploadedSource):
            return f"Your file: {source.name}"
        return offers[source].label if source in offers else source.name

    if current not in options:
        options.append(current)
    pick_key = data_choice.source_key()
    session.start_with(pick_key, current)
    chosen: Source = st.selectbox(
        plain(DATA_KINDS[current.kind].label, None),
        options,
        format_func=choices.texts(options, label, data_choice.short_id),
        key=pick_key,
        help="A sample to start with, or a file that you uploaded.",
    )
    if chosen in offers and offers[chosen].about:
        st.caption(plain(offers[chosen].about, None))
    return chosen
