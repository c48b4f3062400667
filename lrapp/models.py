"""Settings and shapes -> a Keras network, its optimizer and its loss.

Every random number of a network follows from the seed it was built with: initializers and dropout carry their own
seeds and precisions their own policy, so that nothing hangs on Keras's global state, which differs from thread to
thread.
"""

from typing import Any

import keras
import numpy as np

from lrapp.settings import Activation, ModelSettings, Precision, Task, TrainingSettings

# Glorot keeps the variance of functions that are the identity around zero; He makes up for the half that relu and
# its kin cut away; selu normalises itself only from Lecun's.
_INITIALIZERS: dict[Activation, type[keras.initializers.Initializer]] = {
    "relu": keras.initializers.HeNormal,
    "leaky_relu": keras.initializers.HeNormal,
    "elu": keras.initializers.HeNormal,
    "gelu": keras.initializers.HeNormal,
    "silu": keras.initializers.HeNormal,
    "selu": keras.initializers.LecunNormal,
    "tanh": keras.initializers.GlorotUniform,
    "sigmoid": keras.initializers.GlorotUniform,
    "linear": keras.initializers.GlorotUniform,
}
# Keras's 0.99 needs some 500 steps before its averages are of use; a small table has ten steps an epoch.
_NORM_MOMENTUM = 0.9


def build(
    settings: ModelSettings,
    inputs: int,
    task: Task,
    classes: int = 2,
    seed: int = 0,
    precision: Precision = "float32",
) -> keras.Model:
    """Return the network that the settings describe, with fresh weights.

    Each layer is dense -> batch normalisation -> activation -> dropout, as in Ioffe and Szegedy 2015, arXiv
    1502.03167; a dense layer that is normalised has no bias, since the normalisation brings its own. Hidden layers
    compute in the given precision, the output layer always in float32: one sigmoid (binary), a softmax over the
    classes (multi-class) or one linear unit (regression).

    He et al. 2015, arXiv 1502.01852 (first weights of relu and its kin); Klambauer et al. 2017, arXiv 1706.02515
    (selu); Glorot and Bengio 2010 (the others).

    Args:
        settings: The hidden layers.
        inputs: Numbers per row, at least 1.
        task: What kind of answer the network gives.
        classes: Classes to tell apart, only looked at for multi-class, at least 2.
        seed: What first weights and dropout follow from, zero or more.
        precision: Policy of the hidden layers.
    """
    seeds = _seeds(seed, 2 * len(settings.layers) + 1)
    policy = keras.DTypePolicy(precision)
    x = start = keras.Input((inputs,), dtype="float32", name="inputs")
    for number, layer in enumerate(settings.layers, start=1):
        weights_seed, dropout_seed = seeds[2 * number - 2 : 2 * number]
        x = keras.layers.Dense(
            layer.units,
            use_bias=not layer.batch_norm,
            kernel_initializer=_INITIALIZERS[layer.activation](seed=weights_seed),
            kernel_regularizer=_regularizer(layer.l1, layer.l2),
            dtype=policy,
            name=f"dense_{number}",
        )(x)
        if layer.batch_norm:
            x = keras.layers.BatchNormalization(
                momentum=_NORM_MOMENTUM, dtype=policy, name=f"batch_norm_{number}"
            )(x)
        if layer.activation != "linear":
            x = keras.layers.Activation(layer.activation, dtype=policy, name=f"activation_{number}")(x)
        if layer.dropout > 0:
            x = keras.layers.Dropout(
                layer.dropout, seed=dropout_seed, dtype=policy, name=f"dropout_{number}"
            )(x)
    answer = keras.layers.Dense(
        outputs(task, classes),
        activation={"binary": "sigmoid", "multi-class": "softmax", "regression": "linear"}[task],
        kernel_initializer=keras.initializers.GlorotUniform(seed=seeds[-1]),
        dtype=keras.DTypePolicy("float32"),
        name="output",
    )(x)
    return keras.Model(start, answer, name="network")


def outputs(task: Task, classes: int) -> int:
    """Return how many numbers the network answers with."""
    return classes if task == "multi-class" else 1


def reset(model: keras.Model, seed: int) -> None:
    """Give a network from ``build`` the weights and dropout of another seed, as if it had been built with it.

    What has been traced for the network stays valid, which is why this is much faster than building again.

    Args:
        model: A network from ``build``; changed in place.
        seed: As for ``build``.
    """
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    seeds = _seeds(seed, 2 * len(dense) - 1)
    dropout_seeds = {f"dropout_{number}": seeds[2 * number - 1] for number in range(1, len(dense))}
    for layer, weights_seed in zip(dense, seeds[::2], strict=True):
        initializer = type(layer.kernel_initializer)(seed=weights_seed)
        layer.kernel.assign(initializer(layer.kernel.shape, dtype=layer.kernel.dtype))
        if layer.bias is not None:
            layer.bias.assign(np.zeros(layer.bias.shape, layer.bias.dtype))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.seed_generator.state.assign([dropout_seeds[layer.name], 0])
        elif isinstance(layer, keras.layers.BatchNormalization):
            for variable, value in (
                (layer.gamma, 1.0),
                (layer.beta, 0.0),
                (layer.moving_mean, 0.0),
                (layer.moving_variance, 1.0),
            ):
                variable.assign(np.full(variable.shape, value, variable.dtype))


def optimizer(settings: TrainingSettings) -> keras.optimizers.Optimizer:
    """Return a fresh optimizer whose learning rate is a plain number, to be set before every step.

    Momentum counts for SGD and RMSprop, Nesterov for SGD, weight decay for AdamW. For mixed_float16 a
    ``LossScaleOptimizer`` is around it (Micikevicius et al. 2018, arXiv 1710.03740).
    """
    made: keras.optimizers.Optimizer
    match settings.optimizer:
        case "sgd":
            made = keras.optimizers.SGD(0.0, momentum=settings.momentum, nesterov=settings.nesterov)
        case "adam":
            made = keras.optimizers.Adam(0.0)
        case "adamw":
            made = keras.optimizers.AdamW(0.0, weight_decay=settings.weight_decay)
        case "rmsprop":
            made = keras.optimizers.RMSprop(0.0, momentum=settings.momentum)
    if settings.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(made)
    return made


def loss(task: Task) -> keras.losses.Loss:
    """Return the task's loss, computed in float32: cross-entropy for classes, mean squared error for numbers."""
    kinds: dict[Task, Any] = {
        "binary": keras.losses.BinaryCrossentropy,
        "multi-class": keras.losses.SparseCategoricalCrossentropy,
        "regression": keras.losses.MeanSquaredError,
    }
    return kinds[task](dtype="float32")


def _regularizer(l1: float, l2: float) -> keras.regularizers.Regularizer | None:
    return keras.regularizers.L1L2(l1=l1, l2=l2) if l1 or l2 else None


def _seeds(seed: int, count: int) -> list[int]:
    """Seeds that do not repeat one another, for as many layers as asked, in float-safe range."""
    return [int(value >> 1) for value in np.random.SeedSequence(seed).generate_state(count)]
