"""A worker's part of one run: from its settings to a model in its folder."""

import ctypes
import logging
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrapp.errors import BusyError, Stopped, UserError
from lrapp.execution import loops, room
from lrapp.files import disk_errors, whole, write_beside
from lrapp.networks import calibration
from lrapp.pacing import now_and_then
from lrapp.policies.lr_range import RatesFound
from lrapp.progress import NOBODY, Watch
from lrapp.runs.events import DataPrepared, Event, Preparing
from lrapp.runs.store import EventWriter, Run, State, Store, now
from lrapp.settings import (
    DataSettings,
    PretrainedStart,
    RunSettings,
    RunStart,
)

if TYPE_CHECKING:
    import numpy as np

    from lrapp.evaluation.scores import Scores
    from lrapp.preparation.table_arrays import Prepared
    from lrapp.training.gradient_report import GradientReport
    from lrapp.training.loop import Loop

log = logging.getLogger(__name__)

# A worker keeps data and network of its last run for the next one, unless they are larger than this.
_KEPT_BYTES = 1_000_000_000
_TOLD_SECONDS = 0.3
_LOOK_SECONDS = 0.2  # a process that only checks whether a run is free releases it at once
# Pictures of the first batch to show, and numbers augmented for that, 64 MB.
_SHOWN_PICTURES, _VARIED_NUMBERS = 24, 1 << 24


@dataclass(frozen=True)
class Outcome:
    """How a run ended, for its status."""

    state: State
    message: str


class _LastData:
    """The data of the last run, kept for the next: most runs in a row differ in network or rate only."""

    key: tuple[Path, str] | None = None
    prepared: "Prepared | None" = None

    def forget(self) -> None:
        self.key = self.prepared = None


_last_data = _LastData()


def prepared_data(
    store: Store,
    settings: DataSettings,
    tell: Callable[[str, float], None] = lambda what, share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> "Prepared":
    """Return the data that the settings name, as arrays.

    Args:
        tell: Called with the stage and its share done, 0 to 1, where it takes long.

    Raises:
        UserError: If they are not there, cannot be read or learned from, or it was asked to stop.
    """
    from lrapp.preparation import kept_arrays

    key = (store.home, settings.model_dump_json())
    if _last_data.prepared is None or key != _last_data.key:
        _last_data.forget()  # before the new data are read, to save memory
        _last_data.prepared = kept_arrays.prepared(store, settings, tell, should_stop)
        _last_data.key = key
    return _last_data.prepared


def work(
    folder: Path, home: Path, on_event: Callable[[Event], None] | None = None, attempt: int | None = None
) -> Outcome:
    """Do a run, or go on with it from its last checkpoint, and leave its model in its folder.

    Args:
        on_event: Called with every event after it was written.
        attempt: Which one this is, as the run's status has it while it runs; where that has moved on, somebody else
            took the run, and nothing is done. None where no queue stands behind it, and the status is left alone.

    Raises:
        UserError: If it cannot be done, with the sentence for its status.
    """
    from filelock import FileLock, Timeout

    run = Run(folder)
    try:
        with FileLock(run.lock_path, timeout=_LOOK_SECONDS):
            if attempt is None:
                return _work(run, Store(home), on_event)
            status = run.status
            if (status.state, status.attempts) != ("running", attempt):
                raise BusyError("Another server took this run first.")
            outcome = _work(run, Store(home), on_event)
            # Written here, under the lock: the server that asked may be gone, and another one would train it again.
            run.set_status(state=outcome.state, message=outcome.message, ended=now())
            return outcome
    except Timeout as error:
        raise BusyError("Another process is working on this run already; wait for it to end.") from error
    except MemoryError as error:
        raise UserError(
            "Memory ran out. Make the layers narrower, the batch smaller, or use fewer rows or columns."
        ) from error


def augmented_batch(home: Path, settings: RunSettings, watch: Watch = NOBODY) -> "np.ndarray":
    """Return the first pictures of a run's first batch as its network sees them: varied at random.

    Args:
        settings: Data, augmentation, batch size and seed count.

    Returns:
        Up to 24 pictures, uint8, shape (pictures, height, width, channels).

    Raises:
        UserError: If the pictures cannot be had, or it was stopped.
    """
    from lrapp.networks import models
    from lrapp.training.loop import shuffled

    pictures = prepared_data(
        Store(home), settings.data, lambda what, share: watch.tell(f"{what} …", share), watch.should_stop
    ).train.x
    watch.check("Showing a batch was stopped; press the button to see one.")
    # A whole batch is augmented at once, as the random numbers depend on its size; of a large batch, the first ones.
    most = max(_SHOWN_PICTURES, _VARIED_NUMBERS // math.prod(pictures.shape[1:]))
    seed = settings.training.seed
    batch = shuffled(len(pictures), seed, 0).numpy()[: min(settings.training.batch_size, most)]
    return models.seen(settings.model, pictures[batch], seed)[:_SHOWN_PICTURES]


def checked_gradients(home: Path, settings: RunSettings, watch: Watch = NOBODY) -> "GradientReport":
    """Return what a check of the gradients finds for the initial weights of a run.

    Raises:
        UserError: If the data or the weights cannot be had, the network cannot be checked, or the check was stopped.
    """
    from lrapp.networks import models, number_embeddings, transfer
    from lrapp.training import gradient_check

    store, training, start = Store(home), settings.training, settings.model.start
    if (base := settings.model.base) is not None:
        raise UserError(
            f"Gradients are checked through the layers of the table alone, and {base.name} stands before them. "
            "Start from fresh weights or from a run of your own for the check."
        )
    prepared = prepared_data(store, settings.data, should_stop=watch.should_stop)
    room.needed(settings, prepared)
    # A separate network: the one kept for the next run stays as it is.
    network = models.build(
        *(settings.model, prepared.shape, prepared.task, len(prepared.classes)),
        *(training.seed, training.precision, prepared.preprocessor.numbers),
    )
    number_embeddings.learn_bins(network, prepared.train.x)
    if isinstance(start, RunStart):
        folder, first = store.get(start.run).folder, settings.networks > 1
        transfer.of_run(folder, network, prepared, first=first).give(network)

    def tell(share: float) -> None:
        watch.check("The check was stopped; press the button to start it again.")
        watch.tell("Moving one weight after the other …", share)

    return gradient_check.check(network, prepared.task, prepared.train, settings, tell)


def _work(run: Run, store: Store, on_event: Callable[[Event], None] | None) -> Outcome:
    from lrapp.execution import final_network, loggers
    from lrapp.training import trainer as training

    settings = run.settings
    if settings.obstacle:
        raise UserError(settings.obstacle)
    settings.check_momentum()
    writer = EventWriter(run)

    logs = loggers.open_for(run)

    def tell(event: Event) -> None:
        writer.write(event)
        logs.take(event)
        if on_event is not None:
            on_event(event)

    try:
        prepared = prepared_data(
            store,
            settings.data,
            now_and_then(lambda what, share: tell(Preparing(what, share)), _TOLD_SECONDS),
            lambda: run.stop_asked is not None,
        )
        history = run.history()
        before = history.prepared if run.checkpoint_path.exists() else None
        begun = history.prepared if before is not None or history.found is not None else None
        needed, block_rows = room.needed(settings, prepared, None if begun is None else begun.block_rows)
        prepared = replace(prepared, block_rows=block_rows)
        if before is None and isinstance(settings.model.start, PretrainedStart):
            tell(Preparing(f"Loading what {settings.model.start.name} has learned", 0.0))
        loop, origin, weights = loops.loop_for(store.of(run), settings, prepared, goes_on=before is not None)
        notes = (*prepared.notes, *origin, *_remarks(settings, prepared, loop.model))
        tell(
            DataPrepared(
                train=len(prepared.train.y),
                validation=len((prepared.validation if prepared.folds is None else prepared.train).y),
                test=len(prepared.test.y),
                inputs=math.prod(prepared.shape),
                notes=notes if before is None else before.notes,
                task=prepared.task,
                folds=1 if prepared.folds is None else prepared.folds.count,
                weights=weights if before is None else before.weights,
                block_rows=block_rows,
            )
        )
        if settings.mode == "range test" or settings.policy.source == "found":
            found = run.history().found
            if found is None:
                finder = (
                    loop
                    if settings.networks == 1
                    else loops.loop_for(store.of(run), settings, prepared, networks=1)[0]
                )
                found = _find_rates(run, settings, prepared, finder, tell)
            if found is None:
                return Outcome("stopped", "Stopped during the range test.")
            if settings.mode == "range test":
                return Outcome("completed", found.sentence)
            settings = settings.with_found(found)
        state = training.TrainingState.load(run.checkpoint_path) if run.checkpoint_path.exists() else None
        ended = training.train(
            loop.model,
            prepared,
            settings.group_plan(len(prepared.train.y)),
            settings.training,
            on_event=tell,
            should_stop=lambda: run.stop_asked is not None,
            state=state,
            on_state=lambda latest: latest.save(run.checkpoint_path),
            loop=loop,
            cycle_ends=settings.cycle_ends(len(prepared.train.y)),
            momenta=settings.momentum_plan(len(prepared.train.y)),
        )
        _release_memory()
        network = final_network.of(loop, settings, prepared, ended, tell)
        with disk_errors():
            leave_model(run, network, *final_network.as_origin(settings, network, prepared))
    except Stopped as error:
        return Outcome("stopped", str(error))
    finally:
        logs.close()
        writer.close()
    if needed > _KEPT_BYTES:
        loops.traced.cache_clear()
        _last_data.forget()
    _release_memory()
    if ended.reason in ("completed", "early_stopping"):
        run.checkpoint_path.unlink(missing_ok=True)
    return Outcome(ended.reason, ended.message)


def _release_memory() -> None:
    """Return free memory to the system; the C library keeps some megabytes otherwise."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # other C libraries have no such function
            ctypes.CDLL(None).malloc_trim(0)


def _remarks(settings: RunSettings, prepared: "Prepared", network: Any) -> Iterator[str]:
    from lrapp.networks import members
    from lrapp.training.xla import uses_xla

    training, rows = settings.training, len(prepared.train.y)
    if training.batch_size > rows:
        yield (
            f"The batch size, {training.batch_size:,}, is larger than the {rows:,} training rows, so each epoch "
            "is one step with all of them. A smaller batch takes more steps."
        )
    if training.xla == "on" and not uses_xla(network, training, total_steps=1):
        yield "XLA was not used: compiling convolutions or augmentation would take minutes."
    yield from room.remarks(prepared)
    if prepared.folds is not None and (parts := members.seeing_all_inputs(network)):
        yield (
            f"{parts} see the inputs, not the answers, of all rows that do not test, those of a network's own fold "
            "among them: the out-of-fold score may be a little better than that of new rows."
        )


def _find_rates(
    run: Run, settings: RunSettings, prepared: "Prepared", loop: "Loop", tell: Callable[[Event], None]
) -> RatesFound | None:
    """Run the range test; None if it was stopped."""
    from lrapp.training import linear_test, range_test

    test = settings.range_test
    how: dict[str, Any] = {
        "on_event": tell,
        "should_stop": lambda: run.stop_asked is not None,
        "factors": settings.training.groups.lasting_factors(settings.training.epochs),
    }
    given = loop, prepared, test, settings.training.seed
    try:
        if test.rise == "linear":
            return linear_test.run(*given, **how)
        return range_test.told(range_test.run(*given, **how))
    except Stopped:
        return None


def leave_model(run: Run, network: Any, prepared: "Prepared", temperature: float = 1.0) -> None:
    """Save a run's model, its preprocessor and its scores, and a closer look if one is wanted.

    Args:
        network: Trained.
        temperature: By which the network has been calibrated since it was trained.
    """
    from lrapp.evaluation import boosted_trees, error_costs, model_sizes
    from lrapp.evaluation import scores as evaluation
    from lrapp.networks import saved

    part = prepared.test if len(prepared.test.y) else prepared.validation
    for name in (boosted_trees.FILE, error_costs.FILE, model_sizes.FILE):
        (run.folder / name).unlink(missing_ok=True)
    prepared.preprocessor.save(run.folder)
    scores = None
    if len(part.y):
        outputs = saved.outputs(network, part.x)
        scores = evaluation.evaluate(prepared, outputs)
    if prepared.folds is not None:
        scores = _crossed(run, network, prepared, scores)
    if scores is not None:  # all rows may be trained on
        write_beside(run.scores_path, scores.to_json().encode())
    calibration.keep(run.folder, temperature)
    # The model comes last: where it is, everything needed to predict is.
    with whole(run.model_path) as beside:
        network.save(beside)
    if run.settings.closer_look and scores is not None and len(part.y):
        _save_analysis(run, network, prepared, outputs, scores)


def _crossed(run: Run, network: Any, prepared: "Prepared", scores: "Scores | None") -> "Scores | None":
    """The scores with what the folds say; where there are no test rows, of the folds' rows."""
    from lrapp.evaluation import out_of_fold
    from lrapp.execution import final_network

    assert prepared.folds is not None
    chosen, counts = run.history().chosen, [True] * prepared.folds.count
    for number in chosen.left_out if chosen is not None else ():
        counts[number - 1] = False
    answers = final_network.fold_answers(network, prepared, counts)
    if scores is None:
        scores = out_of_fold.scores_without_test(prepared, answers)
    keeps_best = run.settings.training.early_stopping.restore_best
    found = out_of_fold.measure(prepared, answers, keeps_best)
    return None if scores is None else replace(scores, out_of_fold=found)


def _save_analysis(
    run: Run, network: Any, prepared: "Prepared", outputs: "np.ndarray", scores: "Scores"
) -> None:
    """Save the closer look that the pages show; the run is complete, so errors here are only logged."""
    from lrapp.evaluation import error_costs, kinds
    from lrapp.evaluation import temperature as temperatures
    from lrapp.evaluation.analysis import Insight, look
    from lrapp.networks import saved, tempered

    kind, more = kinds.of(prepared.kind), dict[str, bytes]()
    run.insight_path.unlink(missing_ok=True)
    for name in kind.files:
        (run.folder / name).unlink(missing_ok=True)
    try:
        more = kind.leave(prepared, outputs)
        fast = saved.Answering(network) if run.settings.data.facts.flat else None
        answer = (lambda x: saved.outputs(network, x)) if fast is None else fast.outputs
        found = look(prepared, outputs, scores, answer, network.count_params())
        if prepared.task != "regression" and len(prepared.test.y) and len(prepared.validation.y):
            (watched, shares), (measured, _) = (
                tempered.answers(network, part.x, fast) for part in (prepared.validation, prepared.test)
            )
            calibrated = temperatures.measured(
                prepared, watched, measured, shares, calibration.kept(run.folder)
            )
            found = replace(found, tempered=calibrated)
        if prepared.task == "binary":
            error_costs.of(prepared, answer(prepared.validation.x), outputs).save(run.folder)
    except Exception as error:
        log.warning("The closer look at run %s failed.", run.id, exc_info=True)
        why = "memory ran out" if isinstance(error, MemoryError) else f"{type(error).__name__}: {error}"
        note = f"The closer look at this model failed and was left out; the model itself is whole. ({why})"
        found = Insight(prepared.task, scores.part, scores.rows, notes=(note,))
    with suppress(UserError):  # a disk that is full now still held the model
        write_beside(run.insight_path, found.to_json())
        for name, data in more.items():
            write_beside(run.folder / name, data)
