"""The network that a run leaves: the one that was trained, or an ensemble of many."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lrapp.evaluation import selection
from lrapp.networks import members, saved
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
        loop: The loop that trained.
        settings: The run.
        prepared: Its data; which of many networks make up the model is chosen on the validation rows.
        ended: How the training ended.
        tell: Called with what was chosen.

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
    running = loop.running if loop.running.any() else np.ones(loop.members, np.bool_)
    members.unstack(loop.model, made, (running / running.sum()).tolist())
    raced = settings.policy.source == "raced"
    combine: selection.Combine = settings.training.combine
    if raced and combine == "all":
        combine = "leaders"
    part = prepared.validation
    answers = np.zeros((loop.members, 0, made.output_shape[-1]), np.float32)
    if len(part.y):
        answers = saved.outputs(members.member_outputs(made), part.x).transpose(2, 0, 1)
    chosen = selection.select(answers, part.y, prepared.task, running.tolist(), combine, part.weight)
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
