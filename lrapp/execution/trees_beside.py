"""Boosted trees beside finished runs: they learn in the worker, for as long as nobody else needs it."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from lrapp.errors import UserError
from lrapp.evaluation import boosted_trees, out_of_fold
from lrapp.execution import worker
from lrapp.files import write_beside
from lrapp.preparation.preprocessor import SKOPS_FILE
from lrapp.runs.store import Run, Store

log = logging.getLogger(__name__)

# Inputs of all rows, in float32: of larger tables the worker keeps no data, and would have to read them again.
_MOST_BYTES = 500_000_000
_GIVE_WAY = "trees.stop"


def wanted(run: Run) -> bool:
    """Whether a run that has just ended is to be compared: it left the model of a table, and a closer look."""
    try:
        return (
            run.status.state in ("completed", "early_stopping")
            and run.settings.closer_look
            and not run.settings.data.all_rows
            and not (run.settings.crossed and not run.settings.data.test_share)
            and run.model_path.exists()
            and (run.folder / SKOPS_FILE).exists()
            and not (run.folder / boosted_trees.FILE).exists()
        )
    except UserError:
        return False


def compare(folder: Path, home: Path, asked_to_stop: Callable[[], bool] | None = None) -> bool:
    """Save in a run's folder how its network compares with boosted trees; an error here does not affect the run.

    Args:
        asked_to_stop: Whether to stop; by default, whether a stop file is there.

    Returns:
        Whether it was done; False when it was stopped.
    """
    from lrapp.networks.saved import SavedModel

    run, stop = Run(folder), folder / _GIVE_WAY
    if asked_to_stop is None:
        asked_to_stop = stop.exists
    try:
        settings, history = run.settings, run.history()
        sizes = history.prepared
        rows = 0 if sizes is None else sizes.train + sizes.validation + sizes.test
        if sizes is not None and 4 * rows * sizes.inputs > _MOST_BYTES:
            found = boosted_trees.BesideTrees(
                "test",
                sizes.test,
                sentence="Boosted trees were left out of the comparison: the table is too large.",
            )
        else:
            # With folds, the trees watch one of them.
            prepared = out_of_fold.one_held_out(worker.prepared_data(Store(home), settings.data))
            part = prepared.test if len(prepared.test.y) else prepared.validation
            model = SavedModel.load(folder)
            outputs = model.outputs(part.x)
            prepared = prepared.with_threshold(model.preprocessor.threshold)
            done = boosted_trees.beside(prepared, outputs, settings, history, lambda: not asked_to_stop())
            if done is None:
                return False
            found = done
    except Exception as error:
        log.warning("The comparison of run %s with boosted trees failed.", run.id, exc_info=True)
        found = boosted_trees.BesideTrees(
            "test",
            0,
            sentence=f"Boosted trees were left out of the comparison: it failed ({type(error).__name__}).",
        )
    finally:
        stop.unlink(missing_ok=True)
    if run.model_path.exists():  # the run may have been deleted meanwhile
        with suppress(UserError):
            write_beside(folder / boosted_trees.FILE, found.to_json())
    return True


class Comparisons:
    """Runs that wait to be compared. Callers of all methods must hold the queue's lock.

    Args:
        done: Called, from another thread, when one was done or stopped.
    """

    def __init__(self, home: Path, done: Callable[[], None]) -> None:
        self._home, self._done = home, done
        self._waiting: list[Run] = []
        self._current: tuple[Run, Future[Any]] | None = None

    @property
    def due(self) -> bool:
        """Whether one waits and none is being made."""
        self._settle()
        return self._current is None and bool(self._waiting)

    @property
    def running(self) -> bool:
        """Whether one is being made."""
        self._settle()
        return self._current is not None

    def _settle(self) -> None:
        if self._current is not None and self._current[1].done():
            run, future = self._current
            self._current = None
            if future.cancelled() or (future.exception() is None and not future.result()):
                self._waiting.append(run)  # it was stopped for a run, and starts again later

    def add(self, run: Run) -> None:
        """Add a run that has ended, if it is to be compared."""
        if wanted(run) and not self.has(run):
            self._waiting.append(run)

    def has(self, run: Run) -> bool:
        """Whether a run waits to be compared, or is being compared."""
        self._settle()
        return run in self._waiting or (self._current is not None and self._current[0] == run)

    def begin(self, submit: Callable[..., Future[Any]]) -> None:
        """Begin the next one, if none is being made."""
        if not self.due:
            return
        run = self._waiting.pop(0)
        with suppress(OSError):
            (run.folder / _GIVE_WAY).unlink(missing_ok=True)
        self._current = run, submit(compare, run.folder, self._home)
        self._current[1].add_done_callback(lambda _: self._done())

    def give_way(self) -> None:
        """Stop the one that is being made: the worker is needed."""
        if self._current is None or self._current[1].done():
            return
        run, future = self._current
        if not future.cancel() and run.folder.is_dir():
            with suppress(OSError):
                (run.folder / _GIVE_WAY).touch()
