"""Many training steps in one graph call.

``keras.Model.fit`` spends most of a small network's time between steps. Here the data stay tensors and one
``tf.function`` runs as many steps as it is told to: it cuts each batch, sets the learning rate, takes the gradient,
lets Keras's own optimizer apply it and writes down what happened. How many steps one call runs changes no number.
"""

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrapp import models
from lrapp.settings import Task, TrainingSettings

if TYPE_CHECKING:
    from lrapp.prepare import Part

# The steps of a small network are a chain of small operations: handing them from thread to thread takes longer than
# some of them do. Products of large matrices still use every core. Too late where something has computed already.
with contextlib.suppress(RuntimeError):
    tf.config.threading.set_inter_op_parallelism_threads(1)

# Most steps in one call. Its record has a fixed length, because XLA compiles for one shape.
MOST_STEPS = 2048
# What a batch of rows that are evaluated may take: numbers in the widest layer (64 MB) and multiplications (a few
# tenths of a second), so that evaluating can be stopped.
_EVALUATION_NUMBERS = 1 << 24
_EVALUATION_MULTIPLICATIONS = 1e10


@dataclass(frozen=True)
class Data:
    """Rows as tensors.

    Args:
        tensors: Inputs, shape (rows, inputs); answers, shape (rows, 1), or (rows,) for multi-class; and, if rows
            weigh differently in the loss, their weights, shape (rows,).
        rows: How many.
    """

    tensors: tuple[tf.Tensor, ...]
    rows: int


@dataclass(frozen=True)
class Steps:
    """What a call of the loop did.

    Args:
        losses: True loss of each batch, with penalties, float32, shape (steps,).
        metrics: Sum of the metric over each batch's rows, not weighted, float32, shape (steps,).
        learning_rates: Rate of each step, read back from the optimizer, float32, shape (steps,).
    """

    losses: NDArray[np.float32]
    metrics: NDArray[np.float32]
    learning_rates: NDArray[np.float32]


@dataclass(frozen=True)
class Snapshot:
    """The values of all variables at one moment.

    Args:
        model: Those of the network: weights, batch normalisation's statistics, states of dropout.
        optimizer: Those of the optimizer: steps done, slots, loss scale.
        finite: Whether every number of the network is finite.
        penalty: What L1 and L2 add to the loss.
    """

    model: tuple[tf.Tensor, ...]
    optimizer: tuple[tf.Tensor, ...]
    finite: bool
    penalty: float


def shuffled(rows: int, seed: int, epoch: int) -> tf.Tensor:
    """Return the order in which an epoch uses the rows; it follows from its arguments alone.

    Args:
        rows: Rows to shuffle, at least 1.
        seed: The run's seed, zero or more.
        epoch: Epoch, counted from 0.
    """
    generator = np.random.default_rng(np.random.SeedSequence([seed, epoch]))
    return tf.constant(generator.permutation(np.arange(rows, dtype=np.int32)))


def essential(settings: TrainingSettings) -> TrainingSettings:
    """Return the settings with everything left at its default that a ``Loop`` does not depend on.

    Two runs of one network, equal in these, may share a loop.
    """
    kept = ("optimizer", "momentum", "nesterov", "weight_decay", "batch_size", "precision")
    return TrainingSettings(**{name: getattr(settings, name) for name in kept})


class Loop:
    """A network and its optimizer with what was traced for them.

    A loop may serve many runs of one network, one after the other: after ``reset`` it is as good as new, and tracing
    (and the memory that it takes and never gives back) is paid once.

    Args:
        model: A network from ``models.build``; trained in place.
        task: What kind of answer it gives.
        settings: Optimizer, batch size and precision count here, as in ``essential``.
    """

    def __init__(self, model: keras.Model, task: Task, settings: TrainingSettings) -> None:
        # On a GPU some sums depend on the order in which threads arrive. On a CPU they do not, and the switch would
        # forbid the rest of the process to draw a random number without a seed.
        if tf.config.list_physical_devices("GPU"):
            tf.config.experimental.enable_op_determinism()
        self.model = model
        self.task: Task = task
        self.batch_size = settings.batch_size
        self.optimizer = models.optimizer(settings)
        self.optimizer.build(model.trainable_variables)
        self.optimizer.built = True
        self._loss = models.loss(task)
        self._functions: dict[tuple[str, int, bool], Any] = {}
        self._model_variables = [variable for layer in model.layers for variable in layer.variables]
        self._optimizer_variables = list(self.optimizer.variables)
        widest = max(model.input_shape[-1], *(layer.units for layer in self._dense))
        rows = min(_EVALUATION_NUMBERS / widest, _EVALUATION_MULTIPLICATIONS / model.count_params())
        self.evaluation_rows = int(np.clip(rows, 16, 8192))

    @property
    def _dense(self) -> list[keras.layers.Dense]:
        return [layer for layer in self.model.layers if isinstance(layer, keras.layers.Dense)]

    def reset(self, seed: int) -> None:
        """Forget all training and start from the first weights of another seed."""
        models.reset(self.model, seed)
        for variable in self._optimizer_variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            self.optimizer.dynamic_scale.assign(self.optimizer.initial_scale)

    def load(self, part: "Part") -> Data:
        """Return rows as the loop takes them."""
        x = tf.constant(part.x, tf.float32)
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
    ) -> Steps:
        """Do some steps of an epoch.

        Ends early after a loss that is not finite.

        Args:
            data: The rows to train on.
            order: The order in which the epoch uses them, int32, shape (rows,).
            first: Step of the epoch to start with, counted from 0.
            learning_rates: A rate for each step, shape (steps,), 1 to ``MOST_STEPS``.
            compiled: Whether to go through XLA. A last short batch never does: it would be compiled by itself.

        Returns:
            What happened, for each step that was done.
        """
        count = len(learning_rates)
        rates = np.zeros(MOST_STEPS, np.float32)
        rates[:count] = learning_rates
        full = max(0, min(count, data.rows // self.batch_size - first)) if compiled else 0
        records = []
        if full:
            records.append(self._call(data, order, first, full, rates, compiled=True))
        if full < count and (not full or bool(np.isfinite(records[0][-1, 0]))):
            rates[: count - full] = learning_rates[full:]
            records.append(self._call(data, order, first + full, count - full, rates, compiled=False))
        record = np.concatenate(records)
        return Steps(record[:, 0], record[:, 1], record[:, 2])

    def _call(
        self,
        data: Data,
        order: tf.Tensor,
        first: int,
        count: int,
        rates: NDArray[np.float32],
        compiled: bool,
    ) -> NDArray[np.float32]:
        function = self._function("steps", len(data.tensors), compiled)
        done, record = function(
            data.tensors, order, tf.constant(first), tf.constant(count), tf.constant(rates)
        )
        return record.numpy()[: int(done)]

    def evaluation_batches(self, data: Data) -> int:
        """Return into how many batches the rows are cut for ``evaluate``."""
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

    def _function(self, kind: str, columns: int = 0, compiled: bool = False) -> Any:
        key = (kind, columns, compiled)
        if key not in self._functions:
            # Rows and batches have no fixed size here, so that other data and the last short batch need no trace
            # of their own; XLA compiles anew for other sizes by itself.
            x = tf.TensorSpec([None, self.model.input_shape[-1]], tf.float32)
            classes = self.task == "multi-class"
            y = tf.TensorSpec([None], tf.int32) if classes else tf.TensorSpec([None, 1], tf.float32)
            tensors = (x, y, tf.TensorSpec([None], tf.float32))[:columns]
            order, number = tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)
            if kind == "snapshot":
                made = tf.function(self._trace_snapshot, input_signature=[], autograph=False)
            elif kind == "evaluate":
                made = tf.function(
                    self._trace_evaluation, input_signature=[tensors, number, number], autograph=False
                )
            else:
                made = tf.function(
                    self._trace_compiled_steps if compiled else self._trace_steps,
                    input_signature=[tensors, order, number, number, tf.TensorSpec([MOST_STEPS], tf.float32)],
                    autograph=False,
                    jit_compile=True if compiled else None,
                )
            # Traced here and now, and never again.
            self._functions[key] = made.get_concrete_function()
        return self._functions[key]

    def _trace_steps(self, tensors: Any, order: Any, first: Any, count: Any, rates: Any) -> Any:
        return self._steps(tensors, order, first, count, rates, compiled=False)

    def _trace_compiled_steps(self, tensors: Any, order: Any, first: Any, count: Any, rates: Any) -> Any:
        return self._steps(tensors, order, first, count, rates, compiled=True)

    def _steps(self, tensors: Any, order: Any, first: Any, count: Any, rates: Any, compiled: bool) -> Any:
        size = self.batch_size
        rows = tf.shape(order)[0]

        def step(done: Any, _: Any, losses: Any, metrics: Any, used: Any) -> Any:
            start = (first + done) * size
            # XLA would compile a slice once for every place that it starts at.
            batch = tf.gather(order, start + tf.range(size if compiled else tf.minimum(size, rows - start)))
            loss, metric = self._update([tf.gather(column, batch) for column in tensors], rates[done])
            rate = tf.convert_to_tensor(self.optimizer.learning_rate)
            records = losses.write(done, loss), metrics.write(done, metric), used.write(done, rate)
            return done + 1, tf.math.is_finite(loss), *records

        # A record of single numbers each: XLA is a sixth faster than with one that takes three at once.
        empty = [tf.TensorArray(tf.float32, size=MOST_STEPS, element_shape=()) for _ in range(3)]
        done, _, *records = tf.while_loop(
            lambda done, finite, *_: (done < count) & finite,
            step,
            (tf.constant(0), tf.constant(True), *empty),
            parallel_iterations=1,
        )
        return done, tf.stack([record.stack() for record in records], axis=1)

    def _update(self, batch: list[Any], learning_rate: Any) -> tuple[Any, Any]:
        xs, ys, *weights = batch
        self.optimizer.learning_rate.assign(learning_rate)
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            answers = self.model(xs, training=True)
            loss = self._loss(ys, answers, *weights)
            if self.model.losses:
                loss = keras.ops.sum([loss, *self.model.losses])
            scaled = self.optimizer.scale_loss(loss)
        self.optimizer.apply(tape.gradient(scaled, variables), variables)
        return loss, self._metric(ys, answers)

    def _metric(self, ys: Any, answers: Any) -> Any:
        if self.task == "regression":
            return tf.reduce_sum(tf.abs(answers - ys))
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
