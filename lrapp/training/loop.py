"""Many training steps in one graph call.

``keras.Model.fit`` spends most of a small network's time between steps. Here the data stay tensors, and one
``tf.function`` runs a given number of steps: it cuts each batch, sets the learning rate, takes the gradient,
lets Keras's own optimizer apply it and writes down what happened. How many steps one call runs changes no number.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrapp.networks import models
from lrapp.networks.group_rates import GROUPS, rates_of
from lrapp.networks.moving_momentum import momentum_of
from lrapp.networks.stacked import StackedBatchNormalization
from lrapp.settings import GroupSettings, PruningSettings, Task, TrainingSettings
from lrapp.training.masks import Masks
from lrapp.training.records import Data, Snapshot, Steps
from lrapp.training.row_sizes import multiplications, numbers_of_a_row, shared
from lrapp.training.target_units import TargetUnits

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Split

# Most steps in one call. Its record has a fixed length, because XLA compiles for one shape.
MOST_STEPS = 2048
# What a batch of rows that are evaluated may take: numbers in the widest layer (64 MB) and multiplications (a few
# tenths of a second), so that evaluating can be stopped.
_EVALUATION_NUMBERS = 1 << 24
_EVALUATION_PICTURE_NUMBERS = 1 << 20
_EVALUATION_MULTIPLICATIONS = 1e10


def shuffled(rows: int, seed: int, epoch: int) -> tf.Tensor:
    """Return the order in which an epoch uses the rows; it follows from its arguments alone.

    Args:
        rows: Rows to shuffle, at least 1.
        seed: The run's seed, zero or more.
        epoch: Epoch, counted from 0.
    """
    generator = np.random.default_rng(np.random.SeedSequence([seed, epoch]))
    # 64-bit numbers are shuffled twice as fast, into the same order.
    return tf.constant(generator.permutation(rows).astype(np.int32))


def loop_key(settings: TrainingSettings) -> TrainingSettings:
    """Return the settings with everything left at its default that a ``Loop`` does not depend on.

    Two runs of one network, equal in these, may share a loop.
    """
    kept = (
        *("optimizer", "momentum", "nesterov", "weight_decay", "beta_1", "beta_2"),
        *("batch_size", "precision", "members"),
    )
    # The factors are not traced, only whether there are groups.
    groups = GroupSettings(frozen_epochs=1) if settings.groups.differ else GroupSettings()
    own = {name: getattr(settings, name) for name in kept}
    return TrainingSettings(**own, groups=groups, pruning=PruningSettings(enabled=settings.pruning.enabled))


class Loop:
    """A network and its optimizer with their traced functions.

    A loop may serve many runs of one network, one after the other: after ``reset`` it is as good as new, and tracing
    (and the memory that it takes and never gives back) is paid once.

    Args:
        model: A network from ``models.build``; trained in place.
        task: What kind of answer it gives.
        settings: Optimizer, batch size and precision count here, as in ``loop_key``.
        owners: The group of each trainable variable, from ``models.owners``; empty where all follow one rate.
        moving_momentum: Whether momentum may differ from step to step, too.

    ``reset`` calls ``load_initial_weights``, if set, to give the network weights from an earlier training. Give
    ``units`` the run's logarithm before it is measured. ``masks`` say what is pruned.
    """

    def __init__(
        self,
        model: keras.Model,
        task: Task,
        settings: TrainingSettings,
        owners: tuple[int, ...] = (),
        moving_momentum: bool = False,
    ) -> None:
        # On a GPU some sums depend on the order in which threads arrive. On a CPU they do not, and the switch would
        # forbid the rest of the process to draw a random number without a seed.
        if tf.config.list_physical_devices("GPU"):
            tf.config.experimental.enable_op_determinism()
        self.model = model
        self.task: Task = task
        self.batch_size = settings.batch_size
        self.owners = owners
        self.load_initial_weights: Callable[[keras.Model], None] | None = None
        self.groups = len(GROUPS) if owners else 1
        self.moving_momentum = moving_momentum
        self._own_momentum = settings.own_momentum
        self.optimizer = self._make_optimizer(settings)
        self.optimizer.build(model.trainable_variables)
        self.optimizer.built = True
        self.masks = Masks.of(model, settings)
        self._loss = models.loss(task)
        self._functions: dict[tuple[Any, ...], Any] = {}
        self.units = TargetUnits()
        self._layers = models.every_layer(model)
        self._model_variables = [variable for layer in self._layers for variable in layer.variables]
        self._owner_of = dict(zip((id(v) for v in model.trainable_variables), owners, strict=False))
        self._optimizer_variables = list(self.optimizer.variables)
        self.pictures = len(model.input_shape) > 2
        widest = max(numbers_of_a_row(layer) for layer in self._layers)
        numbers = _EVALUATION_PICTURE_NUMBERS if self.pictures else _EVALUATION_NUMBERS
        work = _EVALUATION_MULTIPLICATIONS / multiplications(self._layers)
        self.evaluation_rows = int(np.clip(min(numbers / widest, work), 16, 8192))

    def _make_optimizer(self, settings: TrainingSettings) -> keras.optimizers.Optimizer:
        return models.optimizer(settings, self.owners, moving_momentum=self.moving_momentum)

    def _reset_model(self, seed: int) -> None:
        models.reset(self.model, seed)

    def reset(self, seed: int) -> None:
        """Forget all training and start from the initial weights of another seed."""
        self._reset_model(seed)
        if self.load_initial_weights is not None:
            self.load_initial_weights(self.model)
        self.masks.reset()
        self.reset_optimizer()
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            self.optimizer.dynamic_scale.assign(self.optimizer.initial_scale)

    def reset_optimizer(self) -> None:
        """Reset the optimizer's state, such as momentum, but not the loss scale."""
        scale = self.loss_scale
        for variable in self._optimizer_variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))
        if scale is not None:
            self.optimizer.dynamic_scale.assign(scale)

    def load(self, part: "Split") -> Data:
        """Return rows as tensors for the loop."""
        x = shared(part.x)
        if self.task == "multi-class":
            y = tf.constant(part.y, tf.int32)
        else:
            y = tf.constant(part.y[:, None], tf.float32)
        weight = () if part.weight is None else (tf.constant(part.weight, tf.float32),)
        return Data((x, y, *weight), len(part.y))

    def run(
        self,
        data: Data,
        order: tf.Tensor,
        first: int,
        learning_rates: NDArray[np.float32],
        compiled: bool = False,
        frozen: tuple[bool, ...] = (),
        momenta: NDArray[np.float32] | None = None,
    ) -> Steps:
        """Do some steps of an epoch.

        Ends early after a loss that is not finite.

        Args:
            data: The rows to train on.
            order: The order in which the epoch uses them, int32, shape (rows,).
            first: Step of the epoch to start with, counted from 0.
            learning_rates: A rate for each step, shape (steps,) or (steps, groups), 1 to ``MOST_STEPS`` steps.
            compiled: Whether to go through XLA. A last short batch never does: it would be compiled by itself.
            frozen: For each group of layers whether it stands still, with its batch normalisation's averages; then no
                gradient is computed for it. None by default.
            momenta: Momentum of each step, shape (steps,), where it may move; the optimizer's own by default.

        Returns:
            What happened, for each step that was done.
        """
        count = len(learning_rates)
        rates = np.zeros((MOST_STEPS, self.groups + self.moving_momentum), np.float32)
        # One rate is that of all groups.
        rates[:count, : self.groups] = learning_rates.reshape(count, -1)
        if self.moving_momentum:
            rates[:count, -1] = self._own_momentum if momenta is None else momenta
        full = max(0, min(count, data.rows // self.batch_size - first)) if compiled else 0
        records = []
        if full:
            records.append(self._call(data, order, first, full, rates, True, frozen))
        if full < count and (not full or self.all_finite(records[0][-1, ..., 0])):
            rates[: count - full] = rates[full:count].copy()
            records.append(self._call(data, order, first + full, count - full, rates, False, frozen))
        record = np.concatenate(records)
        behind = 2 + self.groups
        # One momentum is that of all members.
        momenta = record[..., behind:].reshape(-1)[:: math.prod(self._record_shape)]
        return Steps(record[..., 0], record[..., 1], record[..., 2:behind], momenta)

    def all_finite(self, losses: NDArray[np.floating[Any]]) -> bool:
        """Return whether training can go on after the losses of a step, here a single one."""
        return bool(np.isfinite(losses).all())

    def _call(
        self,
        data: Data,
        order: tf.Tensor,
        first: int,
        count: int,
        rates: NDArray[np.float32],
        compiled: bool,
        frozen: tuple[bool, ...],
    ) -> NDArray[np.float32]:
        function = self._function("steps", len(data.tensors), compiled, frozen if any(frozen) else ())
        done, record = function(
            data.tensors, order, tf.constant(first), tf.constant(count), tf.constant(rates)
        )
        return record.numpy()[: int(done)]

    def evaluation_batches(self, data: Data) -> int:
        """Return the number of batches for ``evaluate``."""
        return -(-data.rows // self.evaluation_rows)

    def evaluate(self, data: Data, first: int, count: int) -> NDArray[np.float64]:
        """Return the sums of loss (without penalties) and metric over some batches' rows, shape (count, 2).

        Args:
            data: The rows to evaluate.
            first: Batch to start with, counted from 0.
            count: Batches, at least 1, at most ``MOST_STEPS``.
        """
        function = self._function("evaluate", len(data.tensors))
        record = function(data.tensors, tf.constant(first), tf.constant(count))
        return record.numpy()[:count].astype(np.float64)

    def snapshot(self) -> Snapshot:
        """Return the values of all variables; nearly free, since tensors are copied only when overwritten."""
        finite, penalty, model, optimizer = self._function("snapshot")()
        return Snapshot(tuple(model), tuple(optimizer), bool(finite), float(penalty))

    def restore(self, model: Any, optimizer: Any = None) -> None:
        """Put values back that a snapshot, or its arrays, holds; the optimizer's only if given."""
        for variable, value in zip(self._model_variables, model, strict=True):
            variable.assign(value)
        if optimizer is not None:
            for variable, value in zip(self._optimizer_variables, optimizer, strict=True):
                variable.assign(value)

    @property
    def loss_scale(self) -> float | None:
        """Scale that mixed_float16 applies to the loss at present, None in other precisions."""
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            return float(self.optimizer.dynamic_scale)
        return None

    # --- what is traced --------------------------------------------------------------------------------------

    _weights_spec = tf.TensorSpec([None], tf.float32)

    def _function(
        self, kind: str, columns: int = 0, compiled: bool = False, frozen: tuple[bool, ...] = ()
    ) -> Any:
        key = (kind, columns, compiled, frozen, self.units.logarithm)
        if key not in self._functions:
            # Rows and batches have no fixed size here, so that other data and the last short batch need no trace
            # of their own; XLA compiles anew for other sizes by itself.
            x = tf.TensorSpec(self.model.input_shape, self.model.inputs[0].dtype)
            classes = self.task == "multi-class"
            y = tf.TensorSpec([None], tf.int32) if classes else tf.TensorSpec([None, 1], tf.float32)
            tensors = (x, y, self._weights_spec, self._weights_spec)[:columns]
            order, number = tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)
            rates = tf.TensorSpec([MOST_STEPS, self.groups + self.moving_momentum], tf.float32)
            if kind == "snapshot":
                made = tf.function(self._trace_snapshot, input_signature=[], autograph=False)
            elif kind == "evaluate":
                made = tf.function(
                    self._trace_evaluation, input_signature=[tensors, number, number], autograph=False
                )
            else:
                made = tf.function(
                    partial(self._steps, compiled, frozen),
                    input_signature=[tensors, order, number, number, rates],
                    autograph=False,
                    jit_compile=True if compiled else None,
                )
            # Traced now, once.
            self._functions[key] = made.get_concrete_function()
        return self._functions[key]

    def _steps(
        self,
        compiled: bool,
        frozen: tuple[bool, ...],
        tensors: Any,
        order: Any,
        first: Any,
        count: Any,
        rates: Any,
    ) -> Any:
        size = self.batch_size
        rows = tf.shape(order)[0]

        def step(done: Any, _: Any, *records: Any) -> Any:
            start = (first + done) * size
            # XLA would compile a slice once for every place that it starts at.
            batch = tf.gather(order, start + tf.range(size if compiled else tf.minimum(size, rows - start)))
            loss, metric = self._update([tf.gather(column, batch) for column in tensors], rates[done], frozen)
            written = [
                record.write(done, value)
                for record, value in zip(
                    records, (loss, metric, *self._rates_used(), *self._momentum_used()), strict=True
                )
            ]
            return done + 1, self._goes_on(loss), *written

        # A record of single numbers each: XLA is a sixth faster than with one that takes three at once.
        empty = [
            tf.TensorArray(tf.float32, size=MOST_STEPS, element_shape=self._record_shape)
            for _ in range(2 + self.groups + self.moving_momentum)
        ]
        done, _, *records = tf.while_loop(
            lambda done, finite, *_: (done < count) & finite,
            step,
            (tf.constant(0), tf.constant(True), *empty),
            parallel_iterations=1,
        )
        return done, tf.stack([record.stack() for record in records], axis=-1)

    # The shapes of a step's record.
    _record_shape: tuple[int, ...] = ()

    def _goes_on(self, loss: Any) -> Any:
        return tf.math.is_finite(loss)

    def _rates_used(self) -> list[Any]:
        if self.groups == 1:
            return [tf.convert_to_tensor(self.optimizer.learning_rate)]
        return list(tf.unstack(tf.convert_to_tensor(rates_of(self.optimizer))))

    def _momentum_used(self) -> list[Any]:
        if not self.moving_momentum:
            return []
        return [tf.fill(self._record_shape, tf.convert_to_tensor(momentum_of(self.optimizer)))]

    def _set_momentum(self, rates: Any) -> Any:
        """Take the momentum off the rates of a step, if it moves; return the rates."""
        if not self.moving_momentum:
            return rates
        momentum_of(self.optimizer).assign(rates[self.groups])
        return rates[: self.groups]

    def _update(self, batch: list[Any], rates: Any, frozen: tuple[bool, ...]) -> tuple[Any, Any]:
        xs, ys, *weights = batch
        rates = self._set_momentum(rates)
        if self.groups == 1:
            self.optimizer.learning_rate.assign(rates[0])
        else:
            rates_of(self.optimizer).assign(rates)
        variables = self.model.trainable_variables
        if frozen:
            variables = [v for v in variables if not frozen[self._owner_of[id(v)]]]
        with self._standing_still(frozen), tf.GradientTape(watch_accessed_variables=not frozen) as tape:
            if frozen:
                tape.watch([variable.value for variable in variables])
            answers = self.model(xs, training=True)
            loss = self._loss(ys, answers, *weights)
            if self.model.losses:
                loss = keras.ops.sum([loss, *self.model.losses])
            scaled = self.optimizer.scale_loss(loss)
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        self.masks.keep()
        return loss, self._metric(ys, answers)

    @contextlib.contextmanager
    def _standing_still(self, frozen: tuple[bool, ...]) -> Iterator[None]:
        """While tracing, switch batch normalisation in frozen groups to inference."""
        still = [
            layer
            for layer in self._layers
            if frozen
            and isinstance(layer, keras.layers.BatchNormalization | StackedBatchNormalization)
            and any(frozen[self._owner_of[id(v)]] for v in layer.trainable_variables)
        ]
        for layer in still:
            layer.trainable = False
        try:
            yield
        finally:
            for layer in still:
                layer.trainable = True

    def _metric(self, ys: Any, answers: Any) -> Any:
        if self.task == "regression":
            return tf.reduce_sum(tf.abs(self.units.of(answers) - self.units.of(ys)))
        if self.task == "binary":
            right = tf.equal(answers > 0.5, ys > 0.5)
        else:
            right = tf.equal(tf.argmax(answers, axis=-1, output_type=tf.int32), ys)
        return tf.reduce_sum(tf.cast(right, tf.float32))

    def _trace_evaluation(self, tensors: Any, first: Any, count: Any) -> Any:
        rows = tf.shape(tensors[0])[0]

        def batch(done: Any, record: Any) -> Any:
            start = (first + done) * self.evaluation_rows
            end = tf.minimum(start + self.evaluation_rows, rows)
            xs, ys, *weights = [column[start:end] for column in tensors]
            answers = self.model(xs, training=False)
            loss = self._loss(ys, answers, *weights)
            total = loss * tf.cast(end - start, tf.float32)
            return done + 1, record.write(done, tf.stack([total, self._metric(ys, answers)]))

        empty = tf.TensorArray(tf.float32, size=MOST_STEPS, element_shape=(2,))
        _, record = tf.while_loop(lambda done, _: done < count, batch, (tf.constant(0), empty))
        return record.stack()

    def _trace_snapshot(self) -> Any:
        model = [tf.identity(variable.value) for variable in self._model_variables]
        optimizer = [tf.identity(variable.value) for variable in self._optimizer_variables]
        floats = [value for value in model if value.dtype.is_floating]
        finite = tf.reduce_all(tf.stack([tf.reduce_all(tf.math.is_finite(value)) for value in floats]))
        penalty = keras.ops.sum(self.model.losses) if self.model.losses else tf.constant(0.0)
        return finite, penalty, model, optimizer
