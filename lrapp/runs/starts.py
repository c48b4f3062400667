"""The run that another starts from, where that lies outside the app's own folder: it is kept inside the new run's."""

import hashlib
import os
import shutil
from pathlib import Path

from lrapp.errors import UserError
from lrapp.files import disk_errors
from lrapp.runs.store import ID, STARTS, Run
from lrapp.settings import RunSettings

# What a run that starts from another does not need of it.
_LEFT = ("checkpoint.npz", "lock", "turn", "stop", STARTS, "*.zip")


def id_of(run: Run) -> str:
    """Return what settings call a run to start from: its id; of a folder with another name, one made of its files.

    Raises:
        UserError: If its files are missing or damaged.
    """
    if ID.fullmatch(run.id):
        return run.id
    try:
        content = (run.folder / "run.json").read_bytes() + (run.folder / "events.jsonl").read_bytes()
    except OSError as error:
        raise UserError(f"The run in {run.folder} is damaged: its files cannot be read.") from error
    return f"{run.status.created:%Y%m%d-%H%M%S%f}-{hashlib.sha256(content).hexdigest()[:16]}"


def obstacle(settings: RunSettings, source: RunSettings) -> str:
    """Return why a run cannot start from the weights of another, as its rows are split otherwise; empty if it can.

    Args:
        settings: Of the run.
        source: Of the run to start from.
    """
    if source.data.all_rows and not settings.data.all_rows:
        return (
            "The weights to start from must not know the rows that test, and the run to start from was trained on "
            "all rows. Start from the run that it was made from, or from fresh weights."
        )
    if settings.crossed and settings.data != source.data:
        return (
            "Cross-validation starts from fresh weights, or from a run with the very same folds, as others may know "
            "the rows of a fold already; choose fresh weights, such a run, or set the folds to 1."
        )
    return ""


def keep(source: Run, run: Run) -> None:
    """Copy the run to start from into the folder of the one that will, if it is not there yet.

    Raises:
        UserError: If the disk is full.
    """
    target = run.folder / STARTS / id_of(source)
    if target.exists():
        return
    with disk_errors():
        made = run.folder / STARTS / "copy"
        shutil.copytree(source.folder, made, ignore=shutil.ignore_patterns(*_LEFT), dirs_exist_ok=True)
        os.replace(made, target)


def keep_those_of(folder: Path, run: Run) -> None:
    """Copy the run that a run in some folder starts from, if it is kept there, for a repetition of that run."""
    there = folder / STARTS
    if there.is_dir() and there != run.folder / STARTS:
        with disk_errors():
            shutil.copytree(there, run.folder / STARTS, dirs_exist_ok=True)
