"""Every change that a page makes to a run, study or prediction; the visitor's right is checked first.

A hidden button is only a convenience; the check here is what protects: each raises a ``UserError`` for a visitor who
may not.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from lrapp.access import rights
from lrapp.column_formats.match import Choice
from lrapp.errors import UserError
from lrapp.execution import calibrating, measured_sizes, thresholding
from lrapp.experiments import studies, study_files
from lrapp.experiments.search import Search
from lrapp.experiments.studies import Plan
from lrapp.experiments.study_files import Study
from lrapp.export import download as bundle
from lrapp.export import registry
from lrapp.export.exporter import Exporter
from lrapp.prediction import folders
from lrapp.prediction.folders import PredictionFolder
from lrapp.prediction.progress import CANCELLED
from lrapp.preparation.threshold import Threshold
from lrapp.progress import Progress
from lrapp.runs import disk_space, notes, starts
from lrapp.runs.store import Run
from lrapp.settings import RunSettings, RunStart
from lrapp.ui.parts import access, identity, resources, session
from lrapp.ui.parts.access import Owned
from lrapp.ui.parts.plain_text import plain

if TYPE_CHECKING:
    from pathlib import Path

    from lrapp.execution.tasks import Task


def say_that_it_is_shown(thing: Owned, word: str = "run") -> None:
    """Tell visitors who may only look that this is so."""
    if not access.may("delete", thing):
        st.info(plain(rights.refusal(word, thing.owner), None), icon=":material/visibility:")


# --- runs ----------------------------------------------------------------------------------------------------


def check(settings: RunSettings) -> None:
    """Check that this visitor may train these settings.

    Raises:
        UserError: If they name a table or a run to start from that is somebody else's, or one that knows their rows.
    """
    access.require_table(settings.data.source)
    if isinstance(settings.model.start, RunStart):
        source = resources.store().get(settings.model.start.run)
        access.require("start from weights", source)
        if why := starts.obstacle(settings, source.settings):
            raise UserError(why)


def start(settings: RunSettings, token: str = "") -> Run:
    """Start a run and return it.

    Args:
        token: Of the button that was clicked (``start_buttons.token``): all clicks on one button, with the same
            settings, start one run.

    Raises:
        UserError: If the visitor may not, or the disk is full.
    """
    check(settings)
    owner = identity.current()

    def make() -> Run:
        run = resources.store().create(settings, owner)
        resources.jobs().submit(run)
        return run

    return resources.jobs().once(f"{token} {settings.to_json()}" if token else "", make)


def stop(run: Run) -> None:
    """Ask a run to stop."""
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
    """Star a run, or remove its star.

    Raises:
        UserError: If the visitor may not, or it is gone.
    """
    access.require("star", run)
    notes.change(run, starred=starred)


def describe(run: Run, name: str | None, note: str) -> None:
    """Save a run's name and its note.

    Raises:
        UserError: If the visitor may not, it is gone, or the words are too long.
    """
    access.require("say", run)
    notes.change(run, name=name, note=note)


def download(run: Run) -> Callable[[], bytes]:
    """Return the function that builds the download of a run's model."""
    access.require("download", run)
    return partial(bundle.pack, run)


def export(run: Run, item: Exporter) -> "Task[Path]":
    """Have a run's model made into another format."""
    access.require("download", run)
    return resources.jobs().task(
        registry.export,
        run.folder,
        resources.store().home,
        item.key,
        failure="This format could not be made; the server's log has the details.",
    )


def calibrate(run: Run) -> "Task[None]":
    """Have a run's probabilities calibrated, as part of its model."""
    return _change_model(run, "The probabilities could not be calibrated", calibrating.calibrate)


def set_threshold(run: Run, threshold: Threshold | None) -> "Task[None]":
    """Have a run's model answer from another probability on; None for the usual half."""
    return _change_model(run, "The threshold could not be set", thresholding.set_threshold, threshold)


def measure_sizes(run: Run) -> "Task[None]":
    """Have it measured what a run's model takes, and takes in int8."""
    access.require("resume", run)
    return resources.jobs().task(
        *(measured_sizes.measure, run.folder, resources.store().home),
        failure="The model could not be measured; the server's log has the details.",
    )


def _change_model(run: Run, failure: str, change: Callable[..., None], *args: Any) -> "Task[None]":
    """Have the worker change the model of a run; boosted trees are compared with it anew."""
    access.require("resume", run)
    jobs = resources.jobs()
    task = jobs.task(
        *(change, run.folder, resources.store().home, *args),
        failure=f"{failure}; the server's log has the details.",
    )
    task.then(lambda: jobs.compare(run))
    return task


# --- studies -------------------------------------------------------------------------------------------------


def compare(plan: Plan, training_rows: int | None = None, token: str = "") -> Study:
    """Start a comparison; ``token`` as for ``start``.

    Raises:
        UserError: If the visitor may not use its table, or it compares nothing.
    """
    check(plan.base)
    owner = identity.current()
    return _started(token, lambda: studies.create(resources.store(), plan, training_rows, owner=owner))


def search(asked: Search, base: RunSettings, training_rows: int | None = None, token: str = "") -> Study:
    """Start a random search; ``token`` as for ``start``.

    Raises:
        UserError: If the visitor may not use its table, or the search cannot be made.
    """
    check(base)
    owner = identity.current()
    return _started(
        token, lambda: studies.create_search(resources.store(), asked, base, training_rows, owner=owner)
    )


def _started(token: str, create: Callable[[], Study]) -> Study:
    def make() -> Study:
        study = create()
        for member in study.queue:
            run = study_files.run_of(resources.store(), member)
            if run is not None:
                resources.jobs().submit(run)
        return study

    return resources.jobs().once(token, make)


def delete_study(study: Study) -> None:
    """Move a study and its runs into the bin.

    Raises:
        UserError: If the visitor may not, or a run has not ended.
    """
    access.require("delete", study, study.word)
    study_files.delete(resources.store(), study)


def restore_study(study_id: str) -> Study:
    """Take a study and its runs back out of the bin.

    Raises:
        UserError: If the visitor may not, or it is no longer there.
    """
    binned = study_files.binned(resources.store(), study_id)
    access.require("restore", binned, binned.word)
    return study_files.restore(resources.store(), study_id)


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


def predict_pictures(run: Run, pictures: Sequence[tuple[str, bytes | memoryview]]) -> PredictionFolder:
    """Have pictures predicted.

    Args:
        pictures: Name and bytes of each file.

    Raises:
        UserError: If the visitor may not, or the disk is full.
    """
    access.require("predict", run)
    folder = folders.create_of_pictures(
        resources.store().home, pictures, run=run.id, owner=identity.current()
    )
    _work_on(folder, run)
    return folder


def predict_again(folder: PredictionFolder, run: Run) -> None:
    """Predict a table, or pictures, again whose prediction was cut off."""
    access.require("predict", run)
    access.require("predict", folder, "prediction")
    folder.begin_again()
    _work_on(folder, run)


def answer(folder: PredictionFolder, run: Run, choice: Choice) -> None:
    """Predict a table that could be read in several ways, after the person has chosen one."""
    access.require("predict", run)
    access.require("predict", folder, "prediction")
    folder.answer()
    _work_on(folder, run, choice)


@dataclass(frozen=True)
class Predicting:
    """A prediction that a page waits for; only its maker may end it.

    Args:
        task: The task; None where another tab, or this one before a refresh, asked for it: see its folder.
    """

    folder: PredictionFolder
    task: "Task[Any] | None"

    @property
    def done(self) -> bool:
        """Whether it has ended, or waits for an answer."""
        return self.folder.done if self.task is None else self.task.done

    @property
    def progress(self) -> Progress | None:
        """How far it is; None before it has begun."""
        return self.folder.progress

    def cancel(self) -> None:
        """Ask it to end; if nobody has begun it, it is removed at once."""
        cancel(self.folder)
        if self.task is not None:
            self.task.cancel()
        if self.task is None or self.task.done:
            self.folder.delete()


def cancel(folder: PredictionFolder) -> None:
    """Cancel a prediction."""
    access.require("stop", folder, "prediction")
    folder.cancel()


def _work_on(folder: PredictionFolder, run: Run, choice: Choice | None = None) -> None:
    """Hand a prediction to the worker; this process holds its lock until it is done or either process ends."""
    answering, asked = folder.answer_for(), folder.asked
    work: Callable[..., None] = folders.work
    arguments: tuple[Any, ...] = (asked.name, choice or Choice())
    if asked.pictures:
        work, arguments = folders.work_on_pictures, ()
    try:
        task = resources.jobs().task(
            work,
            folder.folder,
            run.folder,
            *arguments,
            failure=f"{'These pictures' if asked.pictures else 'This table'} could not be predicted; the server's log "
            "has the details.",
            stopped=CANCELLED,
            watch=folder.watch,
        )
    except BaseException:
        answering.release()
        raise
    task.then(answering.release)
    tasks()[folder.id] = task


def tasks() -> "dict[str, Task[None]]":
    """Return the predictions that this tab has asked for, by their ids."""
    return session.state().predictions


# --- the disk ------------------------------------------------------------------------------------------------


def may_empty_prepared() -> bool:
    """Whether this visitor may empty what all share; where strangers share a server, nobody may."""
    return not rights.private()


def empty_prepared() -> None:
    """Remove all prepared data from the disk; the next run on each prepares them again.

    Raises:
        UserError: If the visitor may not, or the disk may not be written.
    """
    if not may_empty_prepared():
        raise UserError(
            "Prepared data belong to all who share this server, so only its operator may remove them."
        )
    disk_space.empty_prepared(resources.store().home)
