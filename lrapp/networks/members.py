"""K networks of one architecture as one network, and back.

While they train, their weights lie side by side in the layers of ``stacked``, so that one pass over the data trains all
of them. A run's saved network is made of Keras's own layers: each member a separate network, and the weighted mean of
what their outputs. So any program with Keras can read it.

Lakshminarayanan et al. 2017, arXiv 1612.01474, describe the gain of such an ensemble, and its disagreement as a measure
of how sure it is.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from lrapp.networks import layers, models, number_embeddings, shapes, stacked_embeddings
from lrapp.networks.layers import Seeds
from lrapp.networks.stacked import Stacked, StackedBatchNormalization, StackedDense, StackedDropout
from lrapp.settings import AugmentationSettings, ModelSettings, Precision, RunSettings, Task

_MEAN = "mean_of_members"
_STREAM = 2


def member_seeds(seed: int, members: int) -> tuple[int, ...]:
    """Return a seed for each member; the first one's is the run's own.

    Args:
        seed: The run's, zero or more.
        members: How many, at least 1.
    """
    others = (
        int(np.random.SeedSequence([seed, _STREAM, member]).generate_state(1)[0] >> 1)
        for member in range(1, members)
    )
    return (seed, *others)


def stack(
    settings: ModelSettings,
    inputs: int,
    task: Task,
    classes: int,
    seeds: Sequence[int],
    precision: Precision = "float32",
    numbers: int | None = None,
) -> keras.Model:
    """Return the networks that ``models.build`` makes of each seed, as one.

    Args:
        settings: The hidden layers; dense ones, dropout and batch normalisation.
        inputs: Numbers per row, at least 1.
        classes: Classes to tell apart, only looked at for multi-class.
        seeds: The seed of each member, at least two.
        numbers: How many of the first inputs are numbers, which an embedding is for; all by default.

    Returns:
        A network from (rows, inputs) to (members, rows, outputs).

    Raises:
        UserError: If a layer cannot be built on what reaches it; names the layer.
    """
    members, policy = len(seeds), keras.DTypePolicy(precision)
    shapes.shapes(settings, (inputs,), models.outputs(task, classes), numbers)
    each = [Seeds(seed, len(settings.layers)) for seed in seeds]
    x = start = keras.Input((inputs,), dtype="float32", name="inputs")
    if number := shapes.embedded_numbers(settings, (inputs,), numbers):
        x = stacked_embeddings.embedded(x, settings.number_embedding, number, each)
    for number, layer in enumerate(settings.layers, start=1):
        more: dict[str, Any] = {"dtype": policy}
        if layer.kind == "dense":
            dense = StackedDense(
                *(
                    members,
                    layer.units,
                    not layer.batch_norm,
                    layers.initializer_kind(layer.activation, settings.initial_weights),
                ),
                *(each, layer.l1, layer.l2),
                name=f"dense_{number}",
                **more,
            )
            x = dense(x)
        if layer.kind == "batch_norm" or (layer.kind == "dense" and layer.batch_norm):
            name = f"batch_norm_{number}"
            x = StackedBatchNormalization(members, layers.NORM_MOMENTUM, name=name, **more)(x)
        if layer.kind == "dense" and layer.activation != "linear":
            x = keras.layers.Activation(layer.activation, name=f"activation_{number}", **more)(x)
        if layer.kind == "dropout" or (layer.kind == "dense" and layer.dropout > 0):
            x = StackedDropout(members, layer.dropout, each, name=f"dropout_{number}", **more)(x)
    output = StackedDense(
        *(members, models.outputs(task, classes), True, keras.initializers.GlorotUniform, each),
        dtype=keras.DTypePolicy("float32"),
        name=layers.OUTPUT,
    )
    answer = keras.layers.Activation(
        models.answer_activation(task), dtype=keras.DTypePolicy("float32"), name="answer"
    )(output(x))
    return keras.Model(start, answer, name="networks")


def seeing_all_inputs(network: keras.Model) -> str:
    """Return which parts of a network from ``stack`` see a row's inputs whatever it weighs, in words; empty if none."""
    parts = []
    if any(isinstance(layer, StackedBatchNormalization) for layer in network.layers):
        parts.append("the averages of batch normalisation")
    if any(layer.name == number_embeddings.BIN_LAYER for layer in network.layers):
        parts.append("the bins of the numbers")
    said = " and ".join(parts)
    return said[:1].upper() + said[1:]


def reset(network: keras.Model, seeds: Sequence[int]) -> None:
    """Give a network from ``stack`` the weights and dropout of other seeds, as if it had been built with them."""
    rows = max(layers.row_of(layer.name) for layer in network.layers)
    each = [Seeds(seed, rows) for seed in seeds]
    for layer in network.layers:
        if isinstance(layer, Stacked):
            layer.reset(each)


def empty(
    settings: ModelSettings,
    inputs: int,
    task: Task,
    classes: int,
    seeds: Sequence[int],
    precision: Precision = "float32",
    numbers: int | None = None,
) -> keras.Model:
    """Return an ensemble made of Keras's own layers, without trained weights.

    Args:
        settings, inputs, task, classes, seeds, precision, numbers: As for ``stack``.

    Returns:
        A network from (rows, inputs) to (rows, outputs): the mean of its members' answers, each with its share.
    """
    start = keras.Input((inputs,), dtype="float32", name="inputs")
    outputs = models.outputs(task, classes)
    answers = []
    for number, seed in enumerate(seeds, start=1):
        member = models.build(settings, inputs, task, classes, seed, precision, numbers)
        member.name = f"member_{number}"
        answers.append(member(start))
    float32: dict[str, Any] = {"dtype": keras.DTypePolicy("float32")}
    columns = [
        keras.layers.Reshape((outputs, 1), **float32, name=f"column_{number}")(answer)
        for number, answer in enumerate(answers, start=1)
    ]
    side_by_side = keras.layers.Concatenate(axis=-1, **float32, name="side_by_side")(columns)
    mean = keras.layers.Dense(1, use_bias=False, trainable=False, **float32, name=_MEAN)(side_by_side)
    answer = keras.layers.Reshape((outputs,), **float32, name="answer")(mean)
    made = keras.Model(start, answer, name="ensemble")
    made.get_layer(_MEAN).set_weights([np.full((len(seeds), 1), 1 / len(seeds), np.float32)])
    return made


def unstack(stacked: keras.Model, ensemble: keras.Model, shares: Sequence[float]) -> None:
    """Give an ensemble the weights that a network from ``stack`` has learned.

    Args:
        ensemble: From ``empty``, of the same settings; changed in place.
        shares: Each member's share of the mean, zero or more; they add up to 1. The weights of those that count for
            nothing are set to zero where they are not finite, so that nothing of them reaches the mean.
    """
    for place, (member, share) in enumerate(zip(each(ensemble), shares, strict=True)):
        pick(stacked, member, place)
        if share == 0 and not all(np.isfinite(value).all() for value in member.get_weights()):
            member.set_weights([np.zeros_like(value) for value in member.get_weights()])
    ensemble.get_layer(_MEAN).set_weights([np.asarray(shares, np.float32)[:, None]])


def pick(stacked: keras.Model, network: keras.Model, member: int) -> None:
    """Give a network from ``models.build`` the weights of one member, counted from 0, of a network from ``stack``."""
    for layer in network.layers:
        if layer.weights:
            source = stacked.get_layer(layer.name)
            own = isinstance(source, Stacked)  # else all members share it
            values = [np.asarray(weight)[member] if own else np.asarray(weight) for weight in source.weights]
            layer.set_weights(
                [value.reshape(weight.shape) for weight, value in zip(layer.weights, values, strict=True)]
            )


def each(ensemble: keras.Model) -> list[keras.Model]:
    """Return the members of an ensemble, each a separate network; of a single network an empty list."""
    return [layer for layer in ensemble.layers if layer.name.startswith("member_")]


def shares(ensemble: keras.Model) -> np.ndarray:
    """Return each member's share of an ensemble's mean, float32, shape (members,)."""
    return np.asarray(ensemble.get_layer(_MEAN).get_weights()[0])[:, 0]


def for_run(
    settings: RunSettings,
    shape: tuple[int, ...],
    task: Task,
    classes: int,
    numbers: int | None,
    precision: Precision | None = None,
) -> keras.Model:
    """Return a run's network without trained weights: a single one, or an ensemble.

    Args:
        task, classes, numbers: As for ``models.build``.
        precision: That of the run, if none is given.
    """
    chosen = precision or settings.training.precision
    seed = settings.training.seed
    if not settings.leaves_ensemble:
        return models.build(settings.model, shape, task, classes, seed, chosen, numbers)
    seeds = member_seeds(seed, settings.networks)
    return empty(settings.model, shape[0], task, classes, seeds, chosen, numbers)


def answering(
    network: keras.Model, settings: RunSettings, task: Task, numbers: int | None, precision: Precision
) -> keras.Model:
    """Return a run's network in another precision, without augmentation layers.

    Args:
        numbers: As for ``models.build``.
    """
    plain = settings.model.model_copy(update={"augmentation": AugmentationSettings()})
    settings = settings.model_copy(update={"model": plain})
    shape, outputs = network.input_shape[1:], network.output_shape[-1]
    made = for_run(settings, shape, task, outputs, numbers, precision)
    made.set_weights(network.get_weights())
    for layer in models.every_layer(made):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # it computes with a copy of its weights
    return made


def answering_without_idle(
    network: keras.Model, settings: RunSettings, task: Task, numbers: int | None, precision: Precision
) -> keras.Model:
    """Return a run's network as ``answering`` does, without those of an ensemble that count for nothing."""
    if not each(network) or shares(network).all():
        return answering(network, settings, task, numbers, precision)
    kept = [(one, share) for one, share in zip(each(network), shares(network), strict=True) if share]
    shape, outputs = network.input_shape[1:], network.output_shape[-1]
    seeds = member_seeds(settings.training.seed, len(kept))
    if len(kept) == 1:
        made = models.build(settings.model, shape, task, outputs, seeds[0], precision, numbers)
        made.set_weights(kept[0][0].get_weights())
        return made
    made = empty(settings.model, shape[0], task, outputs, seeds, precision, numbers)
    for member, (source, _) in zip(each(made), kept, strict=True):
        member.set_weights(source.get_weights())
    made.get_layer(_MEAN).set_weights([np.array([[share] for _, share in kept], np.float32)])
    return made


def member_outputs(ensemble: keras.Model) -> keras.Model:
    """Return a model that outputs the predictions of every member of an ensemble, shape (rows, outputs, members)."""
    return keras.Model(ensemble.input, ensemble.get_layer("side_by_side").output)


def with_each(ensemble: keras.Model) -> keras.Model:
    """Return a model that outputs an ensemble's answer, and what every member of it answers as ``member_outputs``."""
    return keras.Model(ensemble.input, [ensemble.output, ensemble.get_layer("side_by_side").output])
