"""The loop for many networks at once: the same steps, with a loss, a rate and an end for each of them.

The losses of the members add up, so each has the gradient that it would have alone; the optimizers work number by
number, so each may have a rate of its own. What one of them does reaches no other, even if its numbers are infinite.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrapp.networks import members, models
from lrapp.networks.group_rates import rates_of
from lrapp.networks.stacked import Stacked, StackedDense
from lrapp.settings import Task, TrainingSettings
from lrapp.training.loop import MOST_STEPS, Loop
from lrapp.training.records import Data

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Split


@dataclass(frozen=True)
class MemberSnapshot:
    """The values of all variables at one moment.

    Args:
        model, optimizer: As in ``Snapshot``; each with a leading axis of members.
        finite: For each member whether every number of it is finite, shape (members,).
        penalty: What L1 and L2 add to the loss of each, shape (members,).
    """

    model: tuple[tf.Tensor, ...]
    optimizer: tuple[tf.Tensor, ...]
    finite: NDArray[np.bool_]
    penalty: NDArray[np.float64]


class MembersLoop(Loop):
    """Networks of one architecture and their optimizer, with what was traced for them.

    Args:
        model: A network from ``members.stack``; trained in place.

    ``factors`` is what each member multiplies the plan with, float32, shape (members,), 1 after a ``reset``;
    ``running`` which of them still count, bool, shape (members,).
    """

    _weights_spec = tf.TensorSpec([None, None], tf.float32)

    def __init__(
        self,
        model: keras.Model,
        task: Task,
        settings: TrainingSettings,
        owners: tuple[int, ...] = (),
        moving_momentum: bool = False,
    ) -> None:
        self.members = int(model.output_shape[0])
        self._record_shape = (self.members,)
        super().__init__(model, task, settings, owners, moving_momentum)
        # Whether each variable has a leading axis of members.
        self._own = [
            isinstance(layer, Stacked) and len(variable.shape) == 3
            for layer in self._layers
            for variable in layer.variables
        ]
        self._factors = tf.Variable(np.ones(self.members, np.float32))
        self._running = tf.Variable(np.ones(self.members, np.bool_))

    def _make_optimizer(self, settings: TrainingSettings) -> keras.optimizers.Optimizer:
        owners = self.owners or (0,) * len(self.model.trainable_variables)
        return models.optimizer(settings, owners, self.members, self.moving_momentum)

    def _reset_model(self, seed: int) -> None:
        members.reset(self.model, members.member_seeds(seed, self.members))
        self._factors.assign(np.ones(self.members, np.float32))
        self._running.assign(np.ones(self.members, np.bool_))

    @property
    def factors(self) -> NDArray[np.float32]:
        """What each member multiplies the plan with."""
        return np.asarray(self._factors)

    @factors.setter
    def factors(self, values: Sequence[float]) -> None:
        self._factors.assign(np.asarray(values, np.float32))

    @property
    def running(self) -> NDArray[np.bool_]:
        """Which members still count; the others are computed but ignored."""
        return np.asarray(self._running)

    @running.setter
    def running(self, values: NDArray[np.bool_]) -> None:
        self._running.assign(values)

    def load(
        self,
        part: "Split",
        weights: NDArray[np.float32] | None = None,
        counts: NDArray[np.float32] | None = None,
    ) -> Data:
        """Return rows as the loop takes them.

        Args:
            weights: Weight of each row in each member's loss, beside its weight in the table, shape
                (rows, members); 1 by default.
            counts: What each row counts for in each member's metric, likewise; only with weights.
        """
        data = super().load(part)
        own = part.weight
        if weights is None and own is None:
            return data
        both = np.ones((data.rows, self.members), np.float32) if weights is None else weights
        both = both if own is None else both * own[:, None]
        return self.reweighted(data, both, counts)

    def reweighted(
        self, data: Data, weights: NDArray[np.float32], counts: NDArray[np.float32] | None = None
    ) -> Data:
        """Return the same rows with other weights; arguments as for ``load``."""
        given = [tf.constant(weights, tf.float32)]
        if counts is not None:
            given.append(given[0] if counts is weights else tf.constant(counts, tf.float32))
        return Data((*data.tensors[:2], *given), data.rows)

    def all_finite(self, losses: NDArray[np.floating[Any]]) -> bool:
        """Return whether the losses of all running members, shape (members,), are finite."""
        return bool(np.isfinite(losses[self.running]).all())

    def snapshot_members(self) -> MemberSnapshot:
        """Return the values of all variables."""
        finite, penalty, model, optimizer = self._function("snapshot")()
        return MemberSnapshot(
            tuple(model), tuple(optimizer), np.asarray(finite), np.asarray(penalty, np.float64)
        )

    def merged(
        self, better: NDArray[np.bool_], new: Sequence[Any], old: Sequence[Any]
    ) -> tuple[tf.Tensor, ...]:
        """Return the values of some members from a newer state of the model's variables, the others' from an older.

        Args:
            better: Which members take the newer, shape (members,).
        """
        # What has no axis of members is the state of random numbers, or shared by all and never changed.
        return tuple(
            tf.where(better[:, None, None], latest, before) if own else latest
            for own, latest, before in zip(self._own, new, old, strict=True)
        )

    # --- what is traced --------------------------------------------------------------------------------------

    def _goes_on(self, loss: Any) -> Any:
        return tf.reduce_all(tf.math.is_finite(loss) | ~self._running)

    def _rates_used(self) -> list[Any]:
        return list(tf.unstack(tf.convert_to_tensor(rates_of(self.optimizer))[:, :, 0, 0]))

    def _update(self, batch: list[Any], rates: Any, frozen: tuple[bool, ...]) -> tuple[Any, Any]:
        xs, ys, *weights = batch
        rates = self._set_momentum(rates)
        rates_of(self.optimizer).assign((rates[:, None] * self._factors[None, :])[:, :, None, None])
        variables = self.model.trainable_variables
        if frozen:
            variables = [v for v in variables if not frozen[self._owner_of[id(v)]]]
        with self._standing_still(frozen), tf.GradientTape(watch_accessed_variables=not frozen) as tape:
            if frozen:
                tape.watch([variable.value for variable in variables])
            answers = self.model(xs, training=True)
            loss = self._losses(ys, answers, weights[:1])
            penalty = self._penalty()
            if penalty is not None:
                loss += penalty
            scaled = self.optimizer.scale_loss(tf.reduce_sum(loss))
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        self.masks.keep()
        return loss, self._metric(ys, answers, *weights[1:])

    def _losses(self, ys: Any, answers: Any, weights: list[Any]) -> Any:
        """Each member's loss over some rows, shape (members,), as ``models.loss`` has it for one."""
        ys = tf.broadcast_to(ys[None], tf.concat([[answers.shape[0]], tf.shape(ys)], 0))
        of_rows = {
            "multi-class": keras.losses.sparse_categorical_crossentropy,
            "binary": keras.losses.binary_crossentropy,
            "regression": keras.losses.mean_squared_error,
        }[self.task]
        by_row = of_rows(ys, answers)
        for weight in weights:
            by_row *= tf.transpose(weight)
        return tf.reduce_mean(by_row, axis=1)

    def _penalty(self) -> Any:
        given = [layer.penalty() for layer in self._layers if isinstance(layer, StackedDense)]
        penalties = [penalty for penalty in given if penalty is not None]
        return tf.add_n(penalties) if penalties else None

    def _metric(self, ys: Any, answers: Any, count: Any = None) -> Any:
        ys = ys[None]
        if self.task == "regression":
            by_row = tf.abs(self.units.of(answers) - self.units.of(ys))[..., 0]
        elif self.task == "binary":
            by_row = tf.cast(tf.equal(answers > 0.5, ys > 0.5), tf.float32)[..., 0]
        else:
            right = tf.equal(tf.argmax(answers, axis=-1, output_type=tf.int32), ys)
            by_row = tf.cast(right, tf.float32)
        return tf.reduce_sum(by_row if count is None else by_row * tf.transpose(count), axis=1)

    def _trace_evaluation(self, tensors: Any, first: Any, count: Any) -> Any:
        rows = tf.shape(tensors[0])[0]

        def batch(done: Any, record: Any) -> Any:
            start = (first + done) * self.evaluation_rows
            end = tf.minimum(start + self.evaluation_rows, rows)
            xs, ys, *weights = [column[start:end] for column in tensors]
            answers = self.model(xs, training=False)
            # Behind the members their mean, over those that still count.
            counting = tf.cast(self._running, tf.float32)[:, None, None]
            kept = tf.where(self._running[:, None, None], answers, 0.0)
            mean = tf.reduce_sum(kept, axis=0, keepdims=True) / tf.reduce_sum(counting)
            both = tf.concat([answers, mean], axis=0)
            weight = [tf.concat([given, given[:, :1]], axis=1) for given in weights]
            loss = self._losses(ys, both, weight[:1])
            total = loss * tf.cast(end - start, tf.float32)
            return done + 1, record.write(
                done, tf.stack([total, self._metric(ys, both, *weight[1:])], axis=1)
            )

        empty = tf.TensorArray(tf.float32, size=MOST_STEPS, element_shape=(self.members + 1, 2))
        _, record = tf.while_loop(lambda done, _: done < count, batch, (tf.constant(0), empty))
        return record.stack()

    def _trace_snapshot(self) -> Any:
        model = [tf.identity(variable.value) for variable in self._model_variables]
        optimizer = [tf.identity(variable.value) for variable in self._optimizer_variables]
        floats = [value for own, value in zip(self._own, model, strict=True) if own]
        finite = tf.reduce_all(
            tf.stack([tf.reduce_all(tf.math.is_finite(value), axis=(1, 2)) for value in floats]), axis=0
        )
        penalty = self._penalty()
        return finite, tf.zeros(self.members) if penalty is None else penalty, model, optimizer
