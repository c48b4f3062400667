"""Are the gradients that training would use those of the loss? A check against numerical ones.

Central differences, (f(w + step) - f(w - step)) / (2 step), in a float64 copy of the network, weight by weight for a
sample. The copy's own gradient is then what the gradient in training's precision is measured against.

A loss with relu, pooling or L1 has kinks, at which a weight has a slope to the left and another to the right. Where a
kink lies within the step, a second, a hundred times smaller one is taken; where the weight stands at the kink itself,
the gradient is as good as can be if it lies between the two slopes (or nothing), and the weight is counted apart.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from lrapp.errors import UserError
from lrapp.networks import layers, models
from lrapp.settings import ModelSettings, RunSettings, Task
from lrapp.training.gradient_report import FINE, GradientReport, LayerGradients
from lrapp.training.loop import shuffled
from lrapp.training.row_sizes import multiplications

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Split

# The step at which what is cut off of the Taylor series, step^2, and what is rounded away, 1e-16 / step, are about as
# small in float64; and one for what lies near a kink.
STEP, SMALL_STEP = 1e-5, 1e-7
# The share of the loss that may be rounding.
_ROUNDING = 1e-15
MOST_ROWS, FEWEST_ROWS = 32, 8
MOST_PER_VARIABLE, FEWEST_PER_VARIABLE = 32, 8
# Multiplications of a forward pass for which fewer rows are taken; and those of a second in float64, about half of what
# one thread was measured to do, with the seconds that a pass takes however small it is.
_WORK = 5e7
_PER_SECOND, _CALL_SECONDS = 5e9, 4e-4
_USUAL_SECONDS, _MOST_SECONDS = 3.0, 60.0
# The network, two copies and three gradients are in memory, about 40 bytes a weight: 200 MB.
MOST_WEIGHTS = 5_000_000


def check(
    network: keras.Model,
    task: Task,
    part: "Split",
    settings: RunSettings,
    tell: Callable[[float], None] = lambda share: None,
) -> GradientReport:
    """Check the gradients of a network with the weights that it has; it is not changed.

    The rows are the first of training's first batch, at most ``MOST_ROWS``. Dropout and augmentation are left out;
    batch normalisation normalises with these rows, as in training, and both gradients go through it.

    Args:
        network: From ``models.build``, in the precision of training.
        settings: The run's; layers, batch size, seed and precision count here.
        tell: Told how much is done, 0 to 1, after each weight; what it raises ends the check.

    Returns:
        What was found for each layer.

    Raises:
        UserError: If the network is too large to be checked, or the loss of the rows is not finite.
    """
    weights = sum(math.prod(variable.shape) for variable in network.trainable_variables)
    if weights > MOST_WEIGHTS:
        raise UserError(
            f"Gradients can be checked for networks of at most {MOST_WEIGHTS:,} weights; make the layers narrower for "
            f"the check. Received: {weights:,}."
        )
    training, per_row = settings.training, multiplications(models.every_layer(network))
    rows = _rows(training.batch_size, len(part.y), per_row)
    each = _per_variable(len(network.trainable_variables), rows * per_row)
    order = shuffled(len(part.y), training.seed, 0).numpy()
    reference, trained = Copy(network, task, "float64"), Copy(network, task)
    here = reference.load(part, order[:rows])
    loss, exact = reference.gradients(here)
    if not math.isfinite(loss):
        raise UserError(
            "The loss of the rows is not a finite number with these weights, so it has no gradient: make L1 and L2 "
            "smaller, or start from other weights."
        )
    used = _as_trained(trained, trained.load(part, order[:rows]), settings)
    others, between = order[rows : 2 * rows], None
    if len(others) == rows:
        between = _far(reference.gradients(reference.load(part, others))[1], exact)
    generator = np.random.default_rng(training.seed)
    samples = [generator.choice(gradient.size, min(each, gradient.size), replace=False) for gradient in exact]
    slopes, total, done = _Slopes(reference, here, loss), sum(map(len, samples)), 0
    found: list[LayerGradients] = []
    place = 0
    for layer in reference.layers:
        agree, kinks, error, worst = 0, 0, 0.0, ""
        own = range(place, place + len(layer.trainable_variables))
        place = own.stop
        for number in own:
            for at in samples[number]:
                off, kink = slopes.compare(number, int(at), float(exact[number].flat[at]))
                agree += off <= FINE
                kinks += kink
                if not kink and (off > error or not worst):
                    error, worst = off, reference.variables[number].name
                done += 1
                tell(done / total)
        theirs, ours = used[own.start : own.stop], exact[own.start : own.stop]
        found.append(
            LayerGradients(
                name=_title(layer, settings.model),
                weights=sum(gradient.size for gradient in ours),
                checked=sum(len(samples[number]) for number in own),
                agree=agree,
                kinks=kinks,
                error=error,
                worst=worst,
                zero=not any(gradient.any() for gradient in ours),
                lost=_far(theirs, ours),
                vanished=_vanished(theirs, ours),
            )
        )
    return GradientReport(
        layers=tuple(found),
        rows=rows,
        loss=loss,
        precision=training.precision,
        lost=_far(used, exact),
        between=between,
        notes=_notes(network, settings),
    )


def _rows(batch_size: int, there: int, per_row: int) -> int:
    most = int(np.clip(_WORK / per_row, FEWEST_ROWS, MOST_ROWS))
    return min(batch_size, there, most)


def _per_variable(variables: int, work: float) -> int:
    """How many weights of each variable are checked; it follows from the work, so that it is the same every time."""
    # Two passes for each weight; more where there are kinks.
    seconds = 2 * variables * (_CALL_SECONDS + work / _PER_SECOND)
    if seconds * FEWEST_PER_VARIABLE > _MOST_SECONDS:
        raise UserError(
            f"Checking this network would take about {seconds * FEWEST_PER_VARIABLE / 60:,.0f} minutes; make it "
            "narrower or its pictures smaller for the check."
        )
    return int(np.clip(_USUAL_SECONDS / seconds, FEWEST_PER_VARIABLE, MOST_PER_VARIABLE))


# --- copies of the network -----------------------------------------------------------------------------------


class Copy:
    """A throwaway network with the same weights, without what is random; its layers compute in ``dtype``, if given."""

    def __init__(self, network: keras.Model, task: Task, dtype: str | None = None) -> None:
        self.model = keras.models.clone_model(network, clone_function=lambda layer: _still(layer, dtype))
        for layer in self.model.layers:
            if layer.weights:
                layer.set_weights(network.get_layer(layer.name).get_weights())
        self.task = task
        self.dtype = dtype or "float32"
        self._loss = models.loss(task, self.dtype)
        self.layers = [layer for layer in models.every_layer(self.model) if layer.trainable_variables]
        self.variables = [variable for layer in self.layers for variable in layer.trainable_variables]
        self._functions: dict[str, Any] = {}

    def load(self, part: "Split", rows: NDArray[Any]) -> tuple[Any, ...]:
        """Return rows as tensors: inputs, answers and, where they weigh differently, weights."""
        y = part.y[rows]
        answers = tf.constant(y) if self.task == "multi-class" else tf.constant(y[:, None], self.dtype)
        weight = () if part.weight is None else (tf.constant(part.weight[rows], self.dtype),)
        return tf.constant(part.x[rows]), answers, *weight

    def gradients(self, data: tuple[Any, ...], scale: float = 1.0) -> tuple[float, list[NDArray[Any]]]:
        """Return the loss and its gradient for each of ``variables``, float64.

        Args:
            data: From ``load``, always of as many rows.
            scale: What the loss is multiplied with while the gradient is taken.
        """
        loss, found = self._call(self._gradients, data, tf.constant(scale, self.dtype))
        return float(loss), [gradient.numpy().astype(np.float64) / scale for gradient in found]

    def value(self, data: tuple[Any, ...]) -> float:
        """Return the loss alone."""
        return float(self._call(self._value, data))

    def _call(self, function: Callable[..., Any], *data: Any) -> Any:
        name = function.__name__
        if name not in self._functions:
            # Traced once, for these shapes.
            traced = tf.function(function, autograph=False)
            self._functions[name] = traced.get_concrete_function(*data)
        return self._functions[name](*data)

    def _value(self, data: tuple[Any, ...]) -> Any:
        xs, ys, *weights = data
        loss = self._loss(ys, self.model(xs, training=True), *weights)
        return keras.ops.sum([loss, *self.model.losses]) if self.model.losses else loss

    def _gradients(self, data: tuple[Any, ...], scale: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = self._value(data)
            scaled = loss * scale
        found = tape.gradient(scaled, self.variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return loss, found


def _still(layer: keras.layers.Layer, dtype: str | None) -> keras.layers.Layer:
    """A copy of a layer, without weights yet; layers that draw random numbers become identities."""
    if any(
        isinstance(getattr(layer, place, None), keras.random.SeedGenerator)
        for place in ("seed_generator", "generator")
    ):
        return keras.layers.Identity(dtype=dtype or layer.dtype_policy, name=layer.name)
    config = layer.get_config()
    return type(layer).from_config(config | {"dtype": dtype} if dtype else config)


def _as_trained(copy: Copy, data: tuple[Any, ...], settings: RunSettings) -> list[NDArray[Any]]:
    """The gradient as training takes it: of a scaled loss where the optimizer has a scale, halved until it fits."""
    scale = float(getattr(models.optimizer(settings.training), "initial_scale", 1.0))
    while True:
        _, found = copy.gradients(data, scale)
        if scale <= 1 or all(np.isfinite(gradient).all() for gradient in found):
            return found
        scale /= 2


# --- slopes --------------------------------------------------------------------------------------------------


class _Slopes:
    """Numerical slopes of the loss, weight by weight.

    Args:
        copy: The float64 network; its weights are the same after each comparison.
    """

    def __init__(self, copy: Copy, data: tuple[Any, ...], loss: float) -> None:
        self._copy, self._data, self._loss = copy, data, loss
        # A weight changes the output in proportion to its input: large inputs need small steps.
        kernels = [layer for layer in copy.layers if getattr(layer, "kernel", None) is not None]
        given = keras.Model(copy.model.input, [layer.input for layer in kernels])(data[0], training=True)
        largest = [float(tf.reduce_max(tf.abs(value))) for value in tf.nest.flatten(given)]
        self._reach = {id(layer.kernel): max(1.0, one) for layer, one in zip(kernels, largest, strict=True)}

    def compare(self, number: int, at: int, gradient: float) -> tuple[float, bool]:
        """Return the relative error of a gradient, and whether it is that of a kink.

        Args:
            at: Place of the weight in it, flattened.
            gradient: Of the loss in that weight.
        """
        reach = self._reach.get(id(self._copy.variables[number]), 1.0)
        step, small = STEP / reach, SMALL_STEP / reach
        slope, right, left = self._slopes(number, at, step)
        error = self._error(gradient, slope, step)
        if error <= FINE:
            return error, False
        finer, finer_right, finer_left = self._slopes(number, at, small)
        rounding = self._rounding(small)
        if abs(finer - slope) > FINE * (abs(finer) + abs(slope)) + rounding:
            error = self._error(gradient, finer, small)
            if error <= FINE:
                return error, False
        jump = abs(finer_right - finer_left)
        # Without a kink, the difference of the two sides shrinks with the step.
        kink = jump > max(0.05 * abs(right - left), 4 * rounding, 0.02 * abs(gradient - finer))
        # Several units may stand at their kinks at once, as where a whole row is zero; each of them passes on either
        # its slope or nothing.
        lowest, highest = min(0.0, finer_right, finer_left), max(0.0, finer_right, finer_left)
        return error, kink and lowest - 2 * rounding <= gradient <= highest + 2 * rounding

    def _slopes(self, number: int, at: int, step: float) -> tuple[float, float, float]:
        """The slope by a central difference, and those to the right and to the left."""
        variable = self._copy.variables[number].value
        index = [list(np.unravel_index(at, variable.shape))]
        weight = float(variable.numpy().flat[at])
        losses = []
        for value in (weight + step, weight - step):
            variable.scatter_nd_update(index, [value])
            losses.append(self._copy.value(self._data))
        variable.scatter_nd_update(index, [weight])
        # The actual change of the weight in float64.
        up, down = (weight + step) - weight, weight - (weight - step)
        return (
            (losses[0] - losses[1]) / (up + down),
            (losses[0] - self._loss) / up,
            (self._loss - losses[1]) / down,
        )

    def _rounding(self, step: float) -> float:
        """How much of a slope is rounding."""
        return _ROUNDING * max(abs(self._loss), 0.01) / step

    def _error(self, gradient: float, slope: float, step: float) -> float:
        tiny = self._rounding(step) / FINE
        error = abs(gradient - slope) / max(abs(gradient) + abs(slope), tiny)
        return error if math.isfinite(error) else math.inf


def _far(gradients: list[NDArray[Any]], exact: list[NDArray[Any]]) -> float:
    """Norm of the difference of two gradients, to the norm of the second."""
    off = math.sqrt(
        sum(float(np.square(one - other).sum()) for one, other in zip(gradients, exact, strict=True))
    )
    size = math.sqrt(sum(float(np.square(one).sum()) for one in exact))
    if not math.isfinite(off):
        return math.inf
    return off / size if size else 0.0 if not off else math.inf


def _vanished(gradients: list[NDArray[Any]], exact: list[NDArray[Any]]) -> float:
    """Share of the numbers of the second that are zero in the first only."""
    there = sum(np.count_nonzero(one) for one in exact)
    gone = sum(
        np.count_nonzero((one == 0) & (other != 0)) for one, other in zip(gradients, exact, strict=True)
    )
    return gone / there if there else 0.0


# --- words ---------------------------------------------------------------------------------------------------


def _title(layer: keras.layers.Layer, model: ModelSettings) -> str:
    """What a layer is called on the page, by the row of the table that it came from."""
    number = layers.row_of(layer.name)
    if not number:
        return "Output"
    layer_settings = model.layers[number - 1]
    kind = layer_settings.kind
    title = f"Layer {number} ({layer_settings.facts.title})"
    parts = layer.name.split("_")
    of_several = f" {parts[-1]}" if kind == "residual" else ""
    if layer.name.startswith("batch_norm") and kind != "batch_norm":
        return f"{title}, batch norm{of_several}"
    return f"{title}, convolution{of_several}" if kind == "residual" else title


def _notes(network: keras.Model, settings: RunSettings) -> tuple[str, ...]:
    model, notes = settings.model, []
    if any(isinstance(layer, keras.layers.Dropout) and layer.rate > 0 for layer in network.layers):
        notes.append("Dropout was left out: it would change the loss with every evaluation.")
    if model.augmentation.any and len(network.input_shape) == 4:
        notes.append("Augmentation was left out: the pictures are those of the files.")
    if any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers):
        notes.append(
            "Batch normalisation took mean and spread from these rows, as training takes them from a batch, and both "
            "gradients go through them."
        )
    groups = settings.training.groups
    if groups.frozen_epochs or not all(groups.factors):
        notes.append("Frozen layers were checked like the others; training moves them later, or not at all.")
    return tuple(notes)
