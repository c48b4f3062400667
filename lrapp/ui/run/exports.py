"""What a person takes away from a finished run: a choice of formats, each made by the worker when it is asked for."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from lrapp.errors import UserError
from lrapp.export import download, registry
from lrapp.export.exporter import Exporter
from lrapp.runs.store import Run
from lrapp.ui.parts import actions, resources
from lrapp.ui.parts.plain_text import plain

if TYPE_CHECKING:
    from concurrent.futures import Future

SECONDS_BETWEEN_LOOKS = 0.5


def show(run: Run) -> None:
    """Show the formats, make the one that is asked for, and offer it."""
    with st.expander("Export: code and other formats", icon=":material/takeout_dining:"):
        titles = {item.title: item for item in registry.formats(run)}
        chosen = st.radio("Format", list(titles), key=f"takeaway.{run.id}", horizontal=True)
        item = titles[chosen]
        st.caption(plain(registry.about(item, run), None))
        future = _futures().get(_key(run, item))
        if future is not None and not future.done():
            st.fragment(_wait, run_every=SECONDS_BETWEEN_LOOKS)(run, item)
            return
        if future is not None:
            _say_how_it_ended(future)
        _offer(run, item)


def _offer(run: Run, item: Exporter) -> None:
    path = registry.export_path(run, item)
    if item.missing:
        st.info(
            f"This needs packages that are not installed here. Install them beside the app, then restart it: "
            f"`pip install {' '.join(item.packages)}`",
            icon=":material/info:",
        )
        return
    left, right = st.columns(2)
    ready = path.exists()
    if left.button(
        "Make again" if ready else "Make",
        key=f"takeaway.make.{run.id}.{item.key}",
        icon=":material/build:",
        width="stretch",
        help="Made in the background; waits while a run trains.",
    ):
        _futures()[_key(run, item)] = actions.export(run, item)
        st.rerun()
    if ready:
        name = f"{Path(download.file_name(run)).stem}-{item.key}.zip"
        right.download_button(
            f"Download ({_size(path)})",
            data=path.read_bytes,
            file_name=name,
            mime="application/zip",
            icon=":material/download:",
            key=f"takeaway.download.{run.id}.{item.key}",
            on_click="ignore",
            width="stretch",
        )


def _wait(run: Run, item: Exporter) -> None:
    if _futures()[_key(run, item)].done():
        st.rerun()
    try:
        text = registry.progress_path(run, item).read_text("utf-8")
    except OSError:  # not begun yet, or just done
        text = _waiting()
    st.progress(0.0, plain(text, None))


def _waiting() -> str:
    jobs = resources.jobs()
    if not jobs.warm:
        return "TensorFlow is starting, this takes some seconds …"
    if jobs.busy:
        return "Waiting for the run that is training; stop it if this is more urgent …"
    return "Starting …"


def _say_how_it_ended(future: "Future[Path]") -> None:
    error = future.exception()
    if isinstance(error, UserError):
        st.warning(plain(str(error), None), icon=":material/warning:")
    elif error is not None:
        st.error("This format could not be made; the server's log has the details.", icon=":material/error:")


def _futures() -> "dict[tuple[str, str], Future[Path]]":
    """What this tab has asked for."""
    futures: dict[tuple[str, str], Future[Path]] = st.session_state.setdefault("takeaways", {})
    return futures


def _key(run: Run, item: Exporter) -> tuple[str, str]:
    return run.id, item.key


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{max(1, round(size / 1e3))} kB"
