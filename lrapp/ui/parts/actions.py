"""Whatever a page does to what somebody made: first whether this visitor may, then the deed; pages call nothing else.

Hiding a button is a courtesy; here is where it counts.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from lrapp.access import rights
from lrapp.experiments import studies
from lrapp.experiments.search import Search
from lrapp.experiments.studies import Plan, Study
from lrapp.export import download as bundle
from lrapp.export import registry
from lrapp.export.exporter import Exporter
from lrapp.formats.match import Choice
from lrapp.prediction import folders
from lrapp.prediction.folders import PredictionFolder
from lrapp.runs import notes
from lrapp.runs.store import ENDED, Run
from lrapp.settings import RunSettings, RunStart
from lrapp.ui.parts import access, identity, resources
from lrapp.ui.parts.access import Owned
from lrapp.ui.parts.plain_text import plain

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from lrapp.execution.tasks import Task

# Clicks that come sooner after one another are one click that was not felt.
SECONDS_OF_A_DOUBLE_CLICK = 2.0


def say_that_it_is_shown(thing: Owned, word: str = "run") -> None:
    """Tell a visitor who may look and no more that this is so."""
    if not access.may("delete", thing):
        st.info(plain(rights.refusal(word, thing.owner), None), icon=":material/visibility:")


# --- runs ----------------------------------------------------------------------------------------------------


@dataclass
class _Started:
    """The run that this tab started last, of which settings, and when the button was pressed last."""

    settings: RunSettings
    run: Run
    pressed: float

    def again(self, settings: RunSettings) -> bool:
        """Whether a button was pressed twice for one run."""
        return (
            self.settings == settings
            and time.monotonic() - self.pressed < SECONDS_OF_A_DOUBLE_CLICK
            and self.run.status.state not in ENDED
        )


def check(settings: RunSettings) -> None:
    """Do nothing for settings that this visitor may train.

    Raises:
        UserError: If they name a table or a run to start from that is somebody else's.
    """
    access.require_table(settings.data.source)
    if isinstance(settings.model.start, RunStart):
        access.require("start from weights", resources.store().get(settings.model.start.run))


def start(settings: RunSettings) -> Run:
    """Start a run and return it; a button that is clicked twice or three times in a row starts it once.

    Raises:
        UserError: If the visitor may not, or the disk is full.
    """
    check(settings)
    last: _Started | None = st.session_state.get("started")
    if last is not None and last.again(settings):
        last.pressed = time.monotonic()
        return last.run
    run = resources.store().create(settings, identity.current())
    # At once: a second click interrupts the page wherever it draws.
    st.session_state["started"] = _Started(settings, run, time.monotonic())
    resources.jobs().submit(run)
    return run


def stop(run: Run) -> None:
    """Ask a run to stop.

    Raises:
        UserError: If the visitor may not.
    """
    access.require("stop", run)
    resources.jobs().stop(run)


def resume(run: Run) -> None:
    """Let a run go on.

    Raises:
        UserError: If the visitor may not, or it has not ended.
    """
    access.require("resume", run)
    resources.jobs().resume(run)


def delete(runs: Iterable[Run]) -> None:
    """Move runs into the bin: all of them, or none where one is somebody else's.

    Raises:
        UserError: If the visitor may not, or the disk cannot be written.
    """
    runs = list(runs)
    for run in runs:
        access.require("delete", run)
    for run in runs:
        resources.store().delete(run)


def restore(run_id: str) -> None:
    """Take a run back out of the bin.

    Raises:
        UserError: If the visitor may not, or it is no longer there.
    """
    access.require("restore", Run(resources.store().home / "bin" / run_id))
    resources.store().restore(run_id)


def star(run: Run, starred: bool) -> None:
    """Star a run, or take its star away.

    Raises:
        UserError: If the visitor may not, or it is gone.
    """
    access.require("star", run)
    notes.change(run, starred=starred)


def say(run: Run, name: str | None, note: str) -> None:
    """Name a run and keep a note with it.

    Raises:
        UserError: If the visitor may not, it is gone, or the words are too long.
    """
    access.require("say", run)
    notes.change(run, name=name, note=note)


def download(run: Run) -> Callable[[], bytes]:
    """Return what makes the download of a run's model.

    Raises:
        UserError: If the visitor may not.
    """
    access.require("download", run)
    return partial(bundle.pack, run)


def export(run: Run, item: Exporter) -> "Task[Path]":
    """Have a run's model made into another format.

    Raises:
        UserError: If the visitor may not.
    """
    access.require("download", run)
    return resources.jobs().task(
        registry.export,
        run.folder,
        resources.store().home,
        item.key,
        failure="This format could not be made; the server's log has the details.",
    )


# --- studies -------------------------------------------------------------------------------------------------


def compare(plan: Plan, training_rows: int | None = None) -> Study:
    """Start a comparison.

    Raises:
        UserError: If the visitor may not use its table, or it compares nothing.
    """
    check(plan.base)
    return _started(studies.create(resources.store(), plan, training_rows, owner=identity.current()))


def search(asked: Search, base: RunSettings, training_rows: int | None = None) -> Study:
    """Start a random search.

    Raises:
        UserError: If the visitor may not use its table, or the search cannot be made.
    """
    check(base)
    owner = identity.current()
    return _started(studies.create_search(resources.store(), asked, base, training_rows, owner=owner))


def _started(study: Study) -> Study:
    for member in study.queue:
        run = studies.run_of(resources.store(), member)
        if run is not None:
            resources.jobs().submit(run)
    return study


def delete_study(study: Study) -> None:
    """Move a study and its runs into the bin.

    Raises:
        UserError: If the visitor may not, or a run has not ended.
    """
    access.require("delete", study, study.word)
    studies.delete(resources.store(), study)


def restore_study(study_id: str) -> Study:
    """Take a study and its runs back out of the bin.

    Raises:
        UserError: If the visitor may not, or it is no longer there.
    """
    binned = studies.binned(resources.store(), study_id)
    access.require("restore", binned, binned.word)
    return studies.restore(resources.store(), study_id)


# --- predictions ---------------------------------------------------------------------------------------------


def predict(run: Run, name: str, data: bytes | memoryview) -> PredictionFolder:
    """Have a table predicted.

    Raises:
        UserError: If the visitor may not, or the disk is full.
    """
    access.require("predict", run)
    folder = folders.create(resources.store().home, data, name=name, run=run.id, owner=identity.current())
    _work_on(folder, run)
    return folder


def predict_again(folder: PredictionFolder, run: Run) -> None:
    """Have a table predicted whose prediction was cut off.

    Raises:
        UserError: If the visitor may not.
    """
    access.require("predict", run)
    access.require("predict", folder, "prediction")
    folder.begin_again()
    _work_on(folder, run)


def answer(folder: PredictionFolder, run: Run, choice: Choice) -> None:
    """Have a table predicted that can be read in several ways, now that it is said how it is meant.

    Raises:
        UserError: If the visitor may not.
    """
    access.require("predict", run)
    access.require("predict", folder, "prediction")
    folder.answer()
    _work_on(folder, run, choice)


def cancel(folder: PredictionFolder) -> None:
    """Ask whoever works on a prediction to end.

    Raises:
        UserError: If the visitor may not.
    """
    access.require("stop", folder, "prediction")
    folder.cancel()


def _work_on(folder: PredictionFolder, run: Run, choice: Choice | None = None) -> None:
    """Hand a prediction to the worker; this process answers for it until it is done, whatever becomes of either."""
    answering = folder.answer_for()
    try:
        future = resources.jobs().call(
            folders.work, folder.folder, run.folder, folder.asked.name, choice or Choice()
        )
    except BaseException:
        answering.release()
        raise
    future.add_done_callback(lambda _: answering.release())
    futures()[folder.id] = future


def futures() -> "dict[str, Future[None]]":
    """Return what this tab has asked for, by the prediction's id."""
    asked: dict[str, Future[None]] = st.session_state.setdefault("predict.futures", {})
    return asked
