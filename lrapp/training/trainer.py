"""The run: network, arrays and a learning rate for every step -> events, and the best weights."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
import tensorflow as tf
from numpy.typing import ArrayLike

from lrapp.errors import UserError
from lrapp.runs.events import Event, TrainingEnded
from lrapp.settings import TrainingSettings
from lrapp.training.checkpoints import TrainingState
from lrapp.training.course import Course, metric_name
from lrapp.training.loop import Loop
from lrapp.training.members_course import MembersCourse
from lrapp.training.members_loop import MembersLoop

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared

__all__ = ["Loop", "TrainingState", "metric_name", "train"]


def train(
    model: keras.Model,
    prepared: "Prepared",
    learning_rates: ArrayLike,
    settings: TrainingSettings,
    *,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool],
    state: TrainingState | None = None,
    on_state: Callable[[TrainingState], None] | None = None,
    loop: Loop | None = None,
    cycle_ends: tuple[int, ...] = (),
    momenta: ArrayLike | None = None,
) -> TrainingEnded:
    """Train a network in place, and emit events.

    The same network, rows and settings give the same events (but for the seconds), bit for bit, whatever ran before
    in the process, however the steps fall into calls, and whether or not the run was interrupted and resumed. The
    network ends with the weights of the best epoch if the settings say so, else with its latest; after a loss that
    is not finite, with the best or latest that are finite.

    Args:
        model: A network from ``models.build``, or one of many networks from ``members.stack``.
        learning_rates: A rate for every step of the run, shape (epochs * steps per epoch,), or of every group of
            layers for every step, shape (epochs * steps per epoch, groups). A group that has a rate of zero for a
            whole epoch, in which others have not, is frozen; where that changes the optimizer starts anew, so that
            no state of some layers is applied to others.
        on_event: Called with every event; the last is also returned.
        should_stop: Asked several times a second; when true, the run ends.
        state: Where an interrupted run of the same settings stood.
        on_state: Given the state after epochs, about once a second, and when the run ends.
        loop: A loop made for ``model`` with the same settings, to spare its tracing; a ``MembersLoop`` for many
            networks at once, each of which has its own best epoch, early stopping and end.
        cycle_ends: Epochs after which a cycle of the learning rate has ended, for patience in cycles.
        momenta: A momentum for every step, where it moves.

    Raises:
        UserError: If the state belongs to another network, or memory runs out.
        ValueError: If the number of learning rates, or of momenta, is not that of the steps.
    """
    if loop is None:
        loop = Loop(model, prepared.task, settings, moving_momentum=momenta is not None)
    if loop.model is not model:
        raise ValueError("The loop must have been made for the model that it trains.")
    try:
        given = prepared, learning_rates, settings, on_event, should_stop, on_state, cycle_ends, momenta
        course = MembersCourse(loop, *given) if isinstance(loop, MembersLoop) else Course(loop, *given)
        return course.go(state)
    except tf.errors.ResourceExhaustedError as error:
        raise UserError(
            "Memory ran out while training: make the layers narrower or the batch smaller."
        ) from error
