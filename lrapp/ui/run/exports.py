"""Exports of a finished run: a choice of formats, each made by the worker when it is asked for."""

from pathlib import Path

import streamlit as st

from lrapp.errors import UserError
from lrapp.execution.tasks import Task
from lrapp.export import download, registry
from lrapp.export.exporter import Exporter
from lrapp.phrasing import size
from lrapp.runs.store import Run
from lrapp.ui.parts import actions, session, tasks, waiting
from lrapp.ui.parts.plain_text import plain


def show(run: Run) -> None:
    """Show the formats, make the one that is asked for, and offer it."""
    titles = {item.title: item for item in registry.formats(run)}
    chosen = st.radio(
        "Other formats",
        list(titles),
        key=f"takeaway.{run.id}",
        captions=[item.whom for item in titles.values()],
    )
    item = titles[chosen]
    st.caption(plain(registry.about(item, run), None))
    task = _tasks().get(_key(run, item))
    if task is not None and not task.done:
        tasks.show(
            task,
            f"takeaway.cancel.{run.id}.{item.key}",
            lambda: waiting.for_worker("the export", "Starting …"),
        )
        return
    if task is not None:
        _say_how_it_ended(task)
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
        _tasks()[_key(run, item)] = actions.export(run, item)
        st.rerun()
    if ready:
        name = f"{Path(download.file_name(run)).stem}-{item.key}.zip"
        right.download_button(
            f"Download ({size(path.stat().st_size)})",
            data=path.read_bytes,
            file_name=name,
            mime="application/zip",
            icon=":material/download:",
            key=f"takeaway.download.{run.id}.{item.key}",
            on_click="ignore",
            width="stretch",
        )


def _say_how_it_ended(task: Task[Path]) -> None:
    try:
        task.result()
    except UserError as error:
        st.warning(plain(str(error), None), icon=":material/warning:")


def _tasks() -> dict[tuple[str, str], Task[Path]]:
    """What this tab has asked for."""
    return session.state().exports


def _key(run: Run, item: Exporter) -> tuple[str, str]:
    return run.id, item.key
