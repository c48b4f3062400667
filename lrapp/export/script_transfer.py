"""Transfer learning as code: weights from before, groups of layers with rates of their own, frozen ones."""

from itertools import groupby, islice
from typing import Any

from lrapp.export import script_members
from lrapp.export.finished_run import INITIAL, FinishedRun
from lrapp.phrasing import counted
from lrapp.settings import PretrainedStart, RunStart

# What the optimizers' classes are called.
_CLASSES = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}


def one_network(recipe: FinishedRun) -> Any:
    """Return the network of a run; of several, the first as it was before training."""
    return next(iter(script_members.networks(recipe)), recipe.model.network)


def base_code(recipe: FinishedRun) -> str:
    """Return the code that makes ``base``, the network in front that has learned from ImageNet; empty without one."""
    start, precision = recipe.settings.model.base, recipe.settings.training.precision
    if start is None:
        return ""
    learned = from_imagenet(recipe)
    weights = '"imagenet"' if learned else "None"  # then those of a run follow
    code = (
        f"base = keras.applications.{start.name}(\n"
        f'    include_top=False, weights={weights}, pooling="avg", input_shape=({start.size}, {start.size}, 3)\n'
        ")\n"
    )
    if precision != "float32":
        policy = "keras.config.set_dtype_policy"
        code = f'{policy}("{precision}")\n{code}{policy}("float32")\n'
    if start.name == "VGG16" and learned:
        code += (
            "# It has learned from blue, green and red, and here it sees red, green and blue.\n"
            "kernel, bias = base.layers[1].get_weights()\n"
            "base.layers[1].set_weights([kernel[:, :, ::-1], bias])\n"
        )
    return code + (
        "for layer in base.layers:\n"
        "    if isinstance(layer, keras.layers.BatchNormalization):\n"
        "        layer.trainable = False  # its averages stay as they are\n"
        "    elif isinstance(layer, keras.layers.Dropout):\n"
        "        layer.rate = 0.0\n"
    )


def from_imagenet(recipe: FinishedRun) -> bool:
    """Return whether a run starts with what a network in front has learned from ImageNet, and not from a run."""
    return isinstance(recipe.settings.model.start, PretrainedStart)


def scale(layer: Any, imagenet: bool) -> str:
    """Return the arguments of a layer that scales pictures.

    Args:
        layer: A ``Rescaling``. EfficientNetB0 alone has a scale for each channel; with its weights from ImageNet it has
            layers of its own for that, and takes 0 to 255.
        imagenet: Whether a network in front of the others starts with those.
    """
    if isinstance(layer.scale, list) and imagenet:
        return "127.5, offset=127.5"
    return f"{layer.scale!r}, offset={layer.offset!r}"


def initial_code(recipe: FinishedRun) -> str:
    """Return the code that takes over the weights of an earlier run; empty where the run started from none."""
    if not isinstance(recipe.settings.model.start, RunStart):
        return ""
    own = ' if name.startswith(f"{member} ")' if recipe.settings.networks > 1 else ""
    return (
        f'with np.load("{INITIAL}") as initial:  # from an earlier run; the output layer only where it had the same '
        "classes\n"
        f"    network.set_weights([initial[name] for name in initial.files{own}])\n"
    )


def stages(recipe: FinishedRun) -> list[tuple[int, list[int]]]:
    """Return from which epoch on, counted from 0, which groups are frozen; empty where none ever is."""
    settings = recipe.settings
    if not settings.training.groups.differ:
        return []
    rates = settings.group_plan(len(recipe.prepared.train.y))
    still = (rates.reshape(settings.training.epochs, -1, rates.shape[1]) == 0).all(axis=1)
    # Where no group moves, none is frozen: the rate itself is 0.
    frozen = [[] if epoch.all() else [group for group, one in enumerate(epoch) if one] for epoch in still]
    found = [
        (epoch, groups) for epoch, groups in enumerate(frozen) if epoch == 0 or groups != frozen[epoch - 1]
    ]
    return [] if found == [(0, [])] else found


def groups_code(recipe: FinishedRun, optimizer: str) -> tuple[str, str]:
    """Return the code that gives groups of layers rates of their own, and freezes them; and a sentence on it.

    Returns:
        Both empty where all layers follow the policy itself.
    """
    from lrapp.networks import models

    training, network = recipe.settings.training, one_network(recipe)
    if not training.groups.differ:
        return "", ""
    owners = iter(models.owners(network, recipe.settings.model))
    by_layer = []
    for layer in models.every_layer(network):
        if many := len(layer.trainable_variables):
            group, *_ = islice(owners, many)
            by_layer.append(group)
    listed = " + ".join(f"[{group}] * {len(list(run))}" for group, run in groupby(by_layer))
    kind = _CLASSES[training.optimizer]
    decay = (
        ""
        if training.optimizer != "adamw"
        else (
            "\n    def _apply_weight_decay(self, variables):\n"
            "        for variable in variables:\n"
            "            rate = self.learning_rate * self.factors[self._get_variable_index(variable)]\n"
            "            variable.assign(variable - variable * rate * self.weight_decay)\n"
        )
    )
    keeps_scale = ""
    if training.precision == "mixed_float16":
        keeps_scale = "    scale = network.optimizer.dynamic_scale\n"
    penalised, factor = "", "group_factors[group]"
    if any(getattr(layer, "kernel_regularizer", None) for layer in models.every_layer(network)):
        # What Keras does not train adds no penalty to its loss, and losses would jump when a group begins to move.
        penalised = (
            ' or getattr(layer, "kernel_regularizer", None) is not None  # its penalty stays in the loss'
        )
        factor = "0.0 if group in frozen else group_factors[group]"
    inner = "optimizer.inner_optimizer" if keeps_scale else "optimizer"
    base = f"Moving{kind}" if recipe.settings.policy.cycle_momentum else f"keras.optimizers.{kind}"
    made = optimizer.replace(f"{base}(", f"Grouped{kind}(")
    layers = "" if recipe.settings.networks > 1 else script_members.LEARNING
    code = f'''\
# Layers with weights that learn, in the order of the network, and the group of each: 0 early, 1 middle, 2 head.
{layers}groups = {listed}
group_factors = {list(training.groups.factors)}  # on the rate, of each group
frozen_from = {dict(stages(recipe)) or {0: []}}  # from an epoch on, counted from 0, which groups are frozen


class Grouped{kind}({base}):
    """Each group of layers has a rate of its own."""

    factors = ()

    def update_step(self, gradient, variable, learning_rate):
        factor = self.factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)
{decay}

def freeze(frozen):
    """Let groups stand still, batch normalisation with its averages too, and the optimizer start anew."""
    for layer, group in zip(layers, groups):
        layer.trainable = group not in frozen{penalised}
{keeps_scale}    optimizer = {made}
    {inner}.factors = [
        {factor} for layer, group in zip(layers, groups) for _ in layer.trainable_weights
    ]
    optimizer.build(network.trainable_variables)
{"    optimizer.dynamic_scale.assign(scale)" + chr(10) if keeps_scale else ""}    network.optimizer = optimizer
    network.make_train_function(force=True)


class Unfreezing(keras.callbacks.Callback):
    """Freezes groups of layers, and lets them move later."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch in frozen_from:
            freeze(frozen_from[epoch])


'''
    text = " Groups of layers have rates of their own."
    changes = len(stages(recipe)) - 1
    if changes > 0:
        text += f" Which of them are frozen changes {counted(changes, 'time')}."
    return code, text
