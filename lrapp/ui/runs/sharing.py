"""Sharing settings: as a link, and as a file."""

from urllib.parse import urlsplit, urlunsplit

import streamlit as st

from lrapp.access import rights
from lrapp.errors import UserError
from lrapp.runs import links
from lrapp.settings import RunSettings
from lrapp.ui.parts import access, draft, resources, session
from lrapp.ui.parts.plain_text import plain

_MOST_FILE_BYTES = 2_000_000


def trouble() -> None:
    """Say what is wrong with a link, and ask for the file that settings want."""
    if trouble := draft.link_trouble():
        st.warning(
            f"{plain(trouble, None)} Until then the usual settings are on this page.",
            icon=":material/link_off:",
        )
    _wanted_file(draft.get())


def bar() -> None:
    """Show, on the Train page: Share, Open settings."""
    resources.fragment(_buttons)()


def _buttons() -> None:
    with st.container(horizontal=True):
        share(None, draft.key("share"))
        _open()


def share(settings: RunSettings | None, key: str) -> None:
    """Show a button that offers settings as a link and as a file.

    Args:
        settings: What is shared; None for those on the Train page, as they are when the button is pressed.
        key: Of the button.
    """
    # Made when it is opened, because fields of the Train page change without drawing this anew.
    popover = st.popover("Share", icon=":material/share:", key=key, on_change="rerun")
    if popover.open:
        with popover:
            _ways(draft.get() if settings is None else settings, key)


def _ways(settings: RunSettings, key: str) -> None:
    st.markdown("Whoever opens this link finds these settings on the Train page.")
    try:
        link = f"{_address()}?settings={links.to_text(draft.to_train(settings))}"
        st.code(link, language=None, wrap_lines=True)
    except UserError as error:
        st.info(plain(str(error), None), icon=":material/info:")
    source = settings.data.source
    if sha256 := getattr(source, "sha256", ""):
        st.caption(
            f"The table itself is not in it. Send {plain(source.name)} along"
            f"{'' if rights.private() else ', unless the link is opened on this server'}: the other side is asked "
            f"for the file whose SHA-256 begins with {plain(sha256[:8])}."
        )
    st.download_button(
        "Settings (JSON)",
        settings.to_json(),
        file_name="run.json",
        mime="application/json",
        icon=":material/settings:",
        key=f"{key}.file",
        on_click="ignore",
        help="For “Open settings” on the Train page, or for python -m lrapp run.json --out FOLDER.",
    )


def _address() -> str:
    """The address of the Train page, as this visitor knows the app."""
    scheme, host, path, _, _ = urlsplit(st.context.url or "")
    folder, _, last = path.rpartition("/")
    if last and last in session.state().pages:
        path = f"{folder}/"
    return urlunsplit((scheme, host, path or "/", "", ""))


def _open() -> None:
    with st.popover("Open settings", icon=":material/file_open:"):
        uploaded = st.file_uploader(
            "Settings (JSON)",
            type=["json"],
            key=draft.key("settings_upload"),
            help="A file that Share, or a downloaded model, holds. It replaces all settings on this page.",
        )
        if uploaded is None:
            return
        try:
            if uploaded.size > _MOST_FILE_BYTES:
                raise UserError(
                    f"Settings have at most {_MOST_FILE_BYTES // 1_000_000} MB; choose the run.json that was saved. "
                    f"Received: {uploaded.size / 1e6:.1f} MB."
                )
            draft.replace(RunSettings.from_json(uploaded.getvalue()))
        except UserError as error:
            st.error(plain(str(error), None), icon=":material/error:")
            return
        st.rerun()


def _wanted_file(settings: RunSettings) -> None:
    """Ask for the table that the settings name, where it is not kept here; all else on the page stays."""
    source = settings.data.source
    store = resources.store()
    if resources.uploads().refused(source):
        return  # the Data step says why a file was refused
    if access.may_use(source) and store.holds(source):
        return
    # Where uploads have owners, this does not reveal whether another visitor has uploaded it.
    missing = "this browser has not uploaded" if rights.private() else "is not kept on this server"
    st.warning(
        f"These settings were made for {plain(source.name)} (its SHA-256 begins with "
        f"{plain(getattr(source, 'sha256', '')[:8])}), which {missing}. Upload it here, and the other settings stay "
        "as they are; or choose another table.",
        icon=":material/upload_file:",
    )
    uploaded = st.file_uploader("The table of these settings", key=draft.key("wanted_file"))
    if uploaded is None:
        return
    try:
        store.keep_wanted(uploaded.getvalue(), source)
        access.uploaded(source)
    except UserError as error:
        st.error(plain(str(error), None), icon=":material/error:")
        return
    st.rerun()
