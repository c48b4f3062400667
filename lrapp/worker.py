"""What a worker does for one run: from its settings to a model in its folder."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrapp.errors import BusyError, UserError
from lrapp.events import DataPrepared, Event, RatesFound
from lrapp.runs import EventWriter, Run, State, Store, disk_errors, write_beside
from lrapp.settings import (
    DataSettings,
    ModelSettings,
    RunSettings,
    Task,
    TrainingSettings,
)

if TYPE_CHECKING:
    import numpy as np

    from lrapp.evaluation import Scores
    from lrapp.loop import Loop
    from lrapp.prepare import Prepared
    from lrapp.tables import Table

# A worker holds data and network of its last run for the next one, unless they are larger than this.
_KEPT_BYTES = 1_000_000_000

# What a run imports on its way; together some seconds.
_HEAVY = (
    "skops.io",
    "sklearn.compose",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.preprocessing",
    "lrapp.evaluation",
    "lrapp.insight",
    "lrapp.prepare",
    "lrapp.training",
)


@dataclass(frozen=True)
class Outcome:
    """How a run ended, for its status."""

    state: State
    message: str


def warm() -> None:
    """Import what takes seconds, before somebody waits for it."""
    # Read by TensorFlow when it is imported: only its errors are of use to anybody here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    for name in _HEAVY:
        import_module(name)


def read_table(store: Store, settings: DataSettings) -> "Table":
    """Return the table that the settings name, read the way they say.

    Raises:
        UserError: If it is not there, or cannot be read.
    """
    from lrapp.tables import DialectOverrides, read_csv

    overrides = DialectOverrides(**settings.dialect.model_dump())
    table = read_csv(store.read_source(settings.source), settings.source.name, dialect=overrides)
    return table.with_kinds(settings.kinds) if settings.kinds else table


@lru_cache(maxsize=1)
def _prepared(home: Path, data: str) -> "Prepared":
    # Kept for the next run: most runs in a row differ in network or learning rate, not in their data.
    from lrapp.prepare import prepare

    settings = DataSettings.model_validate_json(data)
    return prepare(read_table(Store(home), settings), settings)


def work(folder: Path, home: Path, on_event: Callable[[Event], None] | None = None) -> Outcome:
    """Do a run, or go on with it from its last checkpoint, and leave its model in its folder.

    Args:
        folder: The run's folder.
        home: The store's folder, where uploaded files are kept.
        on_event: Told of every event after it was written.

    Returns:
        How the run ended.

    Raises:
        UserError: If it cannot be done, with the sentence for its status.
    """
    from filelock import FileLock, Timeout

    run = Run(folder)
    try:
        with FileLock(run.lock_path, timeout=0):
            return _work(run, Store(home), on_event)
    except Timeout as error:
        raise BusyError("Another process is working on this run already; wait for it to end.") from error
    except MemoryError as error:
        raise UserError(
            "Memory ran out. Make the layers narrower, the batch smaller, or use fewer rows or columns."
        ) from error


@lru_cache(maxsize=1)
def _traced(
    model: ModelSettings, inputs: int, task: Task, classes: int, training: TrainingSettings
) -> "Loop":
    # Kept for the next run: tracing takes a second, and the memory that it takes never comes back.
    from lrapp import models
    from lrapp.loop import Loop

    network = models.build(model, inputs, task, classes, training.seed, training.precision)
    return Loop(network, task, training)


def loop_for(settings: RunSettings, prepared: "Prepared") -> "Loop":
    """Return a loop with the first weights of the run's seed; runs of one network share what was traced for it.

    Args:
        settings: The run.
        prepared: Its data.
    """
    from lrapp.loop import essential

    training = settings.training
    loop = _traced(
        settings.model, len(prepared.inputs), prepared.task, len(prepared.classes), essential(training)
    )
    loop.reset(training.seed)
    return loop


def _work(run: Run, store: Store, on_event: Callable[[Event], None] | None) -> Outcome:
    from lrapp import training

    settings = run.settings
    writer = EventWriter(run)

    def tell(event: Event) -> None:
        writer.write(event)
        if on_event is not None:
            on_event(event)

    try:
        prepared = _prepared(store.home, settings.data.model_dump_json())
        tell(
            DataPrepared(
                train=len(prepared.train.y),
                validation=len(prepared.validation.y),
                test=len(prepared.test.y),
                inputs=len(prepared.inputs),
                notes=(*prepared.notes, *_about_batches(settings, len(prepared.train.y))),
            )
        )
        needed = _check_memory(settings, prepared)
        loop = loop_for(settings, prepared)
        if settings.mode == "range test" or settings.policy.source == "found":
            found = run.history().found or _find_rates(run, settings, prepared, loop, tell)
            if found is None:
                return Outcome("stopped", "Stopped during the range test.")
            if settings.mode == "range test":
                return Outcome("completed", found.sentence)
            settings = settings.with_found(found)
        state = training.TrainingState.load(run.checkpoint_path) if run.checkpoint_path.exists() else None
        ended = training.train(
            loop.model,
            prepared,
            settings.plan(len(prepared.train.y)),
            settings.training,
            on_event=tell,
            should_stop=lambda: run.stop_asked is not None,
            state=state,
            on_state=lambda latest: latest.save(run.checkpoint_path),
            loop=loop,
        )
        with disk_errors():
            _leave_model(run, loop.model, prepared)
    finally:
        writer.close()
    if needed > _KEPT_BYTES:
        _traced.cache_clear()
        _prepared.cache_clear()
    if ended.reason in ("completed", "early_stopping"):
        run.checkpoint_path.unlink(missing_ok=True)
    return Outcome(ended.reason, ended.message)


def _about_batches(settings: RunSettings, rows: int) -> tuple[str, ...]:
    if settings.training.batch_size <= rows:
        return ()
    note = (
        f"The batch size, {settings.training.batch_size:,}, is larger than the {rows:,} training rows, so each epoch "
        "is one step with all of them. A smaller batch takes more steps."
    )
    return (note,)


def _find_rates(
    run: Run, settings: RunSettings, prepared: "Prepared", loop: "Loop", tell: Callable[[Event], None]
) -> RatesFound | None:
    """Run the range test; None if somebody stopped it."""
    from lrapp import range_test

    try:
        advice = range_test.run(
            loop,
            prepared,
            settings.range_test,
            settings.training.seed,
            on_event=tell,
            should_stop=lambda: run.stop_asked is not None,
        )
    except range_test.Stopped:
        return None
    return range_test.told(advice)


def _check_memory(settings: RunSettings, prepared: "Prepared") -> int:
    from lrapp import estimates

    rows = len(prepared.train.y) + len(prepared.validation.y)
    estimate = estimates.estimate(
        settings, inputs=len(prepared.inputs), outputs=_outputs(prepared), rows=rows
    )
    estimates.check_memory(estimate, estimates.available_bytes())
    return estimate.memory_bytes


def _outputs(prepared: "Prepared") -> int:
    return len(prepared.classes) if prepared.task == "multi-class" else 1


def _leave_model(run: Run, network: Any, prepared: "Prepared") -> None:
    """Save the model, its preprocessor and its scores."""
    from lrapp import evaluation, saved

    part = prepared.test if len(prepared.test.y) else prepared.validation
    outputs = saved.outputs(network, part.x)
    scores = evaluation.evaluate(prepared, outputs)
    prepared.preprocessor.save(run.folder)
    write_beside(run.scores_path, scores.to_json().encode())
    # The model comes last: where it is, everything that predicts is.
    beside = run.folder / ".model.keras"
    network.save(beside)
    os.replace(beside, run.model_path)
    if run.settings.closer_look:
        _look_closely(run, network, prepared, outputs, scores)


def _look_closely(
    run: Run, network: Any, prepared: "Prepared", outputs: "np.ndarray", scores: "Scores"
) -> None:
    """Leave what the pages show of a finished model; the run is done, and nothing here may undo that."""
    from lrapp import saved
    from lrapp.insight import Insight, look

    run.insight_path.unlink(missing_ok=True)
    try:
        found = look(prepared, outputs, scores, lambda x: saved.outputs(network, x))
    except Exception as error:
        why = "memory ran out" if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"
        note = f"The closer look at this model failed and was left out; the model itself is whole. ({why})"
        found = Insight(prepared.task, scores.part, scores.rows, notes=(note,))
    with suppress(UserError):  # a disk that is full now still held the model
        write_beside(run.insight_path, found.to_json())
