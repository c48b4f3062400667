"""The network that a run leaves: the one that was trained, or an ensemble of many."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrapp.evaluation import out_of_fold, selection
from lrapp.networks import members, saved, tempered
from lrapp.preparation.threshold import Threshold
from lrapp.runs.events import Event, MembersChosen, TrainingEnded
from lrapp.settings import RunSettings
from lrapp.training.loop import Loop
from lrapp.training.members_loop import MembersLoop

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared


def of(
    loop: Loop,
    settings: RunSettings,
    prepared: "Prepared",
    ended: TrainingEnded,
    tell: Callable[[Event], None],
) -> Any:
    """Return the network that a run leaves, with its weights.

    Args:
        prepared: Its data; which of many networks make up the model is chosen on the validation rows.

    Returns:
        A ``keras.Model`` from a row's inputs to its answer.
    """
    if not isinstance(loop, MembersLoop):
        return loop.model
    numbers = prepared.preprocessor.numbers
    made = members.empty(
        *(settings.model, prepared.shape[0], prepared.task, len(prepared.classes)),
        *(members.member_seeds(settings.training.seed, loop.members), settings.training.precision, numbers),
    )
    if prepared.folds is not None:
        return _of_folds(loop, made, settings, prepared, ended, tell)
    running = loop.running if loop.running.any() else np.ones(loop.members, np.bool_)
    members.unstack(loop.model, made, (running / running.sum()).tolist())
    raced = settings.policy.source == "raced"
    combine: selection.Combine = settings.training.combine
    if raced and combine == "all":
        combine = "raced"
    part = prepared.validation
    answers = np.zeros((loop.members, 0, made.output_shape[-1]), np.float32)
    if len(part.y):
        answers = saved.outputs(members.member_outputs(made), part.x).transpose(2, 0, 1)
    factors = settings.factors() if raced else None
    chosen = selection.select(answers, part.y, prepared.task, running.tolist(), combine, part.weight, factors)
    peaks = settings.plan(len(prepared.train.y)).max() * np.array(settings.factors())
    left_out = tuple(int(place) + 1 for place in np.flatnonzero(~loop.running))
    tell(
        MembersChosen(
            selection.sentence(chosen, combine, peaks.tolist() if raced else None, len(left_out)),
            tuple(chosen.shares.tolist()),
            tuple(settings.factors()),
            tuple(chosen.losses.tolist()),
            ended.best_epochs or (0,) * loop.members,
            tuple(chosen.judged.tolist()),
            chosen.best + 1,
            left_out,
        )
    )
    if settings.leaves_ensemble:
        members.unstack(loop.model, made, chosen.shares.tolist())
        return made
    single = members.for_run(settings, prepared.shape, prepared.task, len(prepared.classes), numbers)
    members.pick(loop.model, single, chosen.best)
    return single


def _of_folds(
    loop: MembersLoop,
    made: Any,
    settings: RunSettings,
    prepared: "Prepared",
    ended: TrainingEnded,
    tell: Callable[[Event], None],
) -> Any:
    """The networks of a cross-validation: their mean; where folds are times, the one that knows most of the past."""
    assert prepared.folds is not None
    running = loop.running if loop.running.any() else np.ones(loop.members, np.bool_)
    shares = running / running.sum()
    if prepared.folds.in_order:
        shares = np.eye(loop.members)[int(np.flatnonzero(running)[-1])]
    members.unstack(loop.model, made, shares.tolist())
    losses = out_of_fold.losses(prepared, fold_answers(made, prepared, running))
    left_out = tuple(int(place) + 1 for place in np.flatnonzero(~loop.running))
    tell(
        MembersChosen(
            out_of_fold.sentence_of_networks(loop.members, len(left_out), in_order=prepared.folds.in_order),
            tuple(shares.tolist()),
            tuple(settings.factors()),
            losses,
            ended.best_epochs or (0,) * loop.members,
            losses,
            int(np.nanargmin(losses)) + 1 if np.isfinite(losses).any() else 1,
            left_out,
        )
    )
    return made


def as_origin(settings: RunSettings, network: Any, prepared: "Prepared") -> tuple["Prepared", float]:
    """Give a model for use the threshold and the temperature of the run that it was made from.

    Args:
        network: Trained; its last layer is divided by the temperature.

    Returns:
        The data with the threshold, and the temperature; 1 where there is none.
    """
    origin = settings.made_from
    if origin is None or prepared.task == "regression":
        return prepared, 1.0
    if origin.threshold is not None and prepared.task == "binary":
        prepared = prepared.with_threshold(Threshold(origin.threshold))
    if origin.temperature != 1.0:
        tempered.scale(network, origin.temperature)
    return prepared, origin.temperature


def fold_answers(
    ensemble: Any, prepared: "Prepared", counts: Sequence[bool] | NDArray[np.bool_]
) -> list[NDArray[np.float32] | None]:
    """Return for each fold what its network answers to the fold's rows.

    Args:
        ensemble: The networks of a cross-validation.
        prepared: With folds.
        counts: Which networks have finite numbers; for the others there is None.
    """
    return [
        _answers(member, prepared.train.x, out_of_fold.held(prepared, fold)) if counts[fold] else None
        for fold, member in enumerate(members.each(ensemble))
    ]


def _answers(network: Any, x: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """What a network answers to some rows, of which memory may not hold all."""
    parts = [
        saved.outputs(network, x[rows[start : start + saved.ROWS_AT_ONCE]])
        for start in range(0, len(rows), saved.ROWS_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else saved.outputs(network, x[:0])
