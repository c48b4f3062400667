"""The second half of a run as code: network, learning rates, training, evaluation."""

from collections import Counter
from typing import Any

from lrapp.export import kinds, script_members, script_pruning, script_stopping, script_transfer
from lrapp.export.finished_run import FinishedRun
from lrapp.export.script_data import WIDTH, Cell, epoch_order, in_blocks
from lrapp.phrasing import counted
from lrapp.policies.schedules import CLR, SGDR, CosLog4, Fixed, OneCycle, Policy, WarmUp


def network_cell(recipe: FinishedRun) -> Cell:
    """Return the step for the network."""
    optimizer = _optimizer(recipe)
    loss, metric = {
        "binary": ("BinaryCrossentropy", 'BinaryAccuracy(name="metric")'),
        "multi-class": ("SparseCategoricalCrossentropy", 'SparseCategoricalAccuracy(name="metric")'),
        "regression": ("MeanSquaredError", 'MeanAbsoluteError(name="metric")'),
    }[recipe.prepared.task]
    compiled = (
        "network.compile(\n"
        f"    optimizer={optimizer},\n"
        f"    loss=keras.losses.{loss}(),\n"
        f"    metrics=[keras.metrics.{metric}],\n)\n"
    )
    text = "The seeds give the same initial weights and the same dropout."
    each = script_members.networks(recipe)
    if each:
        networks = [_network(network) for network in each]
        begun = script_transfer.initial_code(recipe) or _bins(each[0])
        return script_members.network_cell(networks, begun + compiled, text)
    begin, initial = script_transfer.base_code(recipe), script_transfer.initial_code(recipe)
    network = _network(recipe.model.network, script_transfer.from_imagenet(recipe))
    made = f"{begin}{network}\n{initial or _bins(recipe.model.network)}{compiled}network.summary()"
    return Cell(
        "Build the network",
        text
        + (" Augmentation is active in training only." if recipe.settings.model.augmentation.any else ""),
        made,
    )


def _optimizer(recipe: FinishedRun) -> str:
    training = recipe.settings.training
    betas = f"beta_1={training.beta_1}, beta_2={training.beta_2}"
    made = {
        "sgd": f"SGD(momentum={training.momentum}, nesterov={training.nesterov})",
        "adam": f"Adam({betas})",
        "adamw": f"AdamW(weight_decay={training.weight_decay}, {betas})",
        "rmsprop": f"RMSprop(momentum={training.momentum})",
    }[training.optimizer]
    # With a momentum that moves it is the script's own.
    optimizer = f"{'Moving' if recipe.settings.policy.cycle_momentum else 'keras.optimizers.'}{made}"
    if training.precision == "mixed_float16":
        optimizer = f"keras.optimizers.LossScaleOptimizer({optimizer})"
    return optimizer


def _bins(network: Any) -> str:
    """Code that gives an embedding its bins, where it has some."""
    layer = next((layer for layer in network.layers if layer.name == "embedding_bins"), None)
    if layer is None:
        return ""
    bins, numbers = layer.bias.shape
    return (
        "# The bins of the numbers: a factor and an offset for each, so that as many training rows are in each bin.\n"
        f"factors, offsets = np.zeros(({numbers}, 1, {bins}), np.float32), np.zeros(({bins}, {numbers}), np.float32)\n"
        f"edges = np.quantile(x_train[:, :{numbers}], np.linspace(0, 1, {bins + 1}), axis=0, "
        'method="nearest")\n'
        f"for number in range({numbers}):\n"
        "    own = np.unique(edges[:, number])\n"
        "    widths = np.diff(own)\n"
        "    factors[number, 0, : len(widths)] = 1 / widths\n"
        "    offsets[: len(widths), number] = -own[:-1] / widths\n"
        f'network.get_layer("{layer.name}").set_weights([factors, offsets])\n'
    )


def _network(network: Any, imagenet: bool = False) -> str:
    """Code that builds a network: a list of layers, or, with branches, one call after the other."""
    shape = network.input_shape[1:]
    dtype = network.input.dtype
    kind = "" if dtype == "float32" else f', dtype="{dtype}"'
    start = f"keras.Input({shape!r}{kind})"
    layers = network.operations[1:]
    if not any(isinstance(layer.input, list) for layer in layers):
        lines = [f"        {start},", *(f"        {_layer(layer, 8, imagenet)}," for layer in layers)]
        return "network = keras.Sequential(\n    [\n" + "\n".join(lines) + "\n    ]\n)"
    left = Counter(id(tensor) for layer in layers for tensor in _inputs(layer))
    lines = [f"inputs = {start}"]
    names = {id(network.input): "inputs"}
    name = "inputs"
    for layer in layers:
        # A network within has another input and output inside than outside; it follows a chain of layers.
        given = [names.get(id(tensor), name) for tensor in _inputs(layer)]
        left.subtract(id(tensor) for tensor in _inputs(layer))
        # A variable name is reused once its tensor is not needed any more.
        taken = {name for tensor, name in names.items() if left[tensor]} | {"inputs"}
        name = next(name for name in ("x", "way", "past", "beside") if name not in taken)
        names[id(layer.output)] = name
        arguments = f"[{', '.join(given)}]" if isinstance(layer.input, list) else given[0]
        if type(layer).__name__ == "Cos":
            lines.append(f"{name} = keras.ops.cos({arguments})")
            continue
        lines.append(f"{name} = {_layer(layer, 0, imagenet)}({arguments})")
    return "\n".join([*lines, f"network = keras.Model(inputs, {name})"])


def _inputs(layer: Any) -> list[Any]:
    return layer.input if isinstance(layer.input, list) else [layer.input]


def _layer(layer: Any, indent: int, imagenet: bool) -> str:
    """The code that creates a layer; ``base`` is there already."""
    if hasattr(layer, "layers"):
        return "base"
    kind = type(layer).__name__
    arguments: list[str] = []
    match kind:
        case "Dense" | "Conv2D":
            arguments.append(str(layer.units if kind == "Dense" else layer.filters))
            if kind == "Conv2D":
                strides = f", strides={layer.strides[0]}" if layer.strides[0] > 1 else ""
                arguments.append(f'{layer.kernel_size[0]}{strides}, padding="{layer.padding}"')
            if not layer.use_bias:
                arguments.append("use_bias=False")
            if layer.activation.__name__ != "linear":
                arguments.append(f'activation="{layer.activation.__name__}"')
            initializer = layer.kernel_initializer
            arguments.append(
                f"kernel_initializer=keras.initializers.{type(initializer).__name__}(seed={initializer.seed})"
            )
            if layer.kernel_regularizer is not None:
                penalty = layer.kernel_regularizer.get_config()
                arguments.append(
                    f"kernel_regularizer=keras.regularizers.L1L2(l1={float(penalty['l1']):.12g}, "
                    f"l2={float(penalty['l2']):.12g})"
                )
        case "BatchNormalization":
            arguments.append(f"momentum={layer.momentum}")
        case "Activation":
            arguments.append(f'"{layer.activation.__name__}"')
        case "Dropout":
            arguments.append(f"{layer.rate}, seed={layer.seed}")
        case "MaxPooling2D" | "AveragePooling2D":
            arguments.append(str(layer.pool_size[0]))
        case "Reshape":
            arguments.append(repr(tuple(layer.target_shape)))
        case "Cropping1D":
            arguments.append(repr(tuple(layer.cropping)))
        case "ReLU":
            arguments.append(f"max_value={layer.max_value}")
        case "EinsumDense":
            arguments += _einsum(layer)
        case "Rescaling":
            arguments.append(script_transfer.scale(layer, imagenet))
        case "Resizing":
            arguments.append(f"{layer.height}, {layer.width}")
        case "RandomFlip" | "RandomRotation" | "RandomZoom" | "RandomTranslation" | "RandomContrast":
            arguments += _variation(layer)
    if layer.dtype_policy.name != "float32":
        arguments.append(f'dtype="{layer.dtype_policy.name}"')
    line = f"keras.layers.{kind}({', '.join(arguments)})"
    if len(line) > WIDTH - indent + len("keras.layers."):
        inner, outer = "\n" + " " * (indent + 4), "\n" + " " * indent
        line = f"keras.layers.{kind}({inner}" + f",{inner}".join(arguments) + f",{outer})"
    return line


def _einsum(layer: Any) -> list[str]:
    """The arguments of a layer of an embedding of numbers."""
    found = [
        f'"{layer.equation}"',
        f"output_shape={tuple(layer.partial_output_shape)!r}",
        f'bias_axes="{layer.bias_axes}"',
    ]
    if not layer.trainable:
        return [*found, 'kernel_initializer="zeros"', "trainable=False", f'name="{layer.name}"']
    for part in ("kernel", "bias"):
        initializer = getattr(layer, f"{part}_initializer")
        config = initializer.get_config()
        numbers = ", ".join(
            f"{name}={config[name]!r}"
            for name in ("mean", "stddev", "minval", "maxval", "seed")
            if name in config
        )
        found.append(f"{part}_initializer=keras.initializers.{type(initializer).__name__}({numbers})")
    return found


def _variation(layer: Any) -> list[str]:
    """The arguments of a layer that varies pictures."""
    found = layer.get_config()
    given = {
        "RandomFlip": ("mode",),
        "RandomRotation": ("factor", "fill_mode"),
        "RandomZoom": ("height_factor", "fill_mode"),
        "RandomTranslation": ("height_factor", "width_factor", "fill_mode"),
        "RandomContrast": ("factor", "value_range"),
    }[type(layer).__name__]
    return [f"{name}={_value(found[name])}" for name in (*given, "seed")]


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_value, value))})"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def rate_cell(recipe: FinishedRun) -> Cell:
    """Return the step for the learning rates."""
    settings = recipe.settings
    steps = recipe.steps_per_epoch
    total = steps * settings.training.epochs
    policy = settings.policy.build(steps, total)
    code = policy_code(policy)
    origin = f" {' '.join(settings.policy.origin.split())}" if settings.policy.origin else ""
    return Cell(
        "Plan the learning rate",
        f"A step is one batch; an epoch has {counted(steps, 'step')}.{origin}",
        f"{code}\n\n\nlearning_rates = [learning_rate(step) for step in range({total})]",
    )


def policy_code(policy: Policy) -> str:
    """Return a function ``learning_rate(step)`` that gives the rates of a policy."""
    match policy:
        case WarmUp():
            length = int(policy.steps)
            inner = policy_code(policy.policy).replace("def learning_rate(", "def rate_after_warm_up(")
            return (
                f"{inner}\n\n\ndef learning_rate(step):\n"
                f'    """A straight line up in {length} steps, then what follows."""\n'
                f"    if step < {length}:\n"
                f"        return rate_after_warm_up(0) * (step + 1) / {length}\n"
                f"    return rate_after_warm_up(step - {length})"
            )
        case Fixed():
            return f'def learning_rate(step):\n    """The same in every step."""\n    return {policy.learning_rate!r}'
        case CLR():
            scale = {
                "triangular": "1.0",
                "triangular2": "0.5 ** (cycle - 1)",
                "exp_range": f"{policy.gamma!r} ** step",
            }[policy.mode]
            return (
                "def learning_rate(step):\n"
                '    """Cyclical learning rates: Smith 2017, arXiv 1506.01186."""\n'
                f"    base_lr, max_lr, step_size = {policy.base_lr!r}, {policy.max_lr!r}, {policy.step_size!r}\n"
                "    cycle = np.floor(1 + step / (2 * step_size))\n"
                "    x = abs(step / step_size - 2 * cycle + 1)\n"
                f"    scale = {scale}  # {policy.mode}\n"
                "    return base_lr + (max_lr - base_lr) * max(0.0, 1 - x) * scale"
            )
        case SGDR():
            return (
                "def learning_rate(step):\n"
                '    """Warm restarts: Loshchilov and Hutter 2017, arXiv 1608.03983."""\n'
                f"    min_lr, max_lr, decay = {policy.min_lr!r}, {policy.max_lr!r}, {policy.decay!r}\n"
                + (
                    f"    length = {policy.T_0!r}\n    cycle = step // length\n    start = cycle * length\n"
                    if policy.T_mult == 1.0
                    else f"    cycle, start, length = 0, 0.0, {policy.T_0!r}\n"
                    "    while step >= start + length:\n"
                    "        start += length\n"
                    f"        length *= {policy.T_mult!r}\n"
                    "        cycle += 1\n"
                )
                + "    done = (step - start) / length\n"
                "    peak = (max_lr - min_lr) * decay**cycle\n"
                "    return min_lr + peak * (1 + np.cos(np.pi * done)) / 2"
            )
        case OneCycle():
            last = policy.total_steps - 1
            return (
                "def cosine(start, end, done):\n"
                "    return start + (end - start) * (1 - np.cos(np.pi * min(done, 1.0))) / 2\n\n\n"
                "def learning_rate(step):\n"
                '    """One cycle: Smith and Topin 2018, arXiv 1708.07120."""\n'
                f"    max_lr, last = {policy.max_lr!r}, {last!r}\n"
                f"    top = {policy.rise!r} * last\n"
                "    if step <= top:\n"
                f"        return cosine(max_lr / {policy.start_div!r}, max_lr, step / top)\n"
                f"    return cosine(max_lr, max_lr / {policy.end_div!r}, (step - top) / (last - top))"
            )
        case CosLog4():
            return (
                "def learning_rate(step):\n"
                '    """Four ever longer cosine cycles: Holzmüller et al. 2024, arXiv 2407.04491."""\n'
                f"    base_lr, max_lr = {policy.base_lr!r}, {policy.max_lr!r}\n"
                f"    cycles = np.log2(1 + 15 * min(step / {policy.total_steps!r}, 1.0))\n"
                "    height = (1 - np.cos(2 * np.pi * cycles)) / 2\n"
                "    return base_lr + (max_lr - base_lr) * height"
            )
    raise NotImplementedError(type(policy).__name__)


def training_cell(recipe: FinishedRun) -> Cell:
    """Return the step for the training."""
    training = recipe.settings.training
    # A run that was stopped or diverged may have ended within an epoch.
    ended = recipe.history.ended
    reason = ended.reason if ended is not None else "completed"
    cut_short = script_stopping.cut_short(recipe)
    epochs = len(recipe.history.epochs) if cut_short else training.epochs
    # Steps of an unfinished epoch are in the weights only where no finished epoch's are kept.
    left = recipe.history.steps_done - epochs * recipe.steps_per_epoch
    keeps_best = training.early_stopping.restore_best and epochs >= training.counts_from
    if not cut_short or reason == "diverged" or keeps_best:
        left = 0
    pruning = script_pruning.callback(recipe)
    made = "pruning = Pruning()\n" if pruning else ""
    grouped, on_groups = script_transfer.groups_code(recipe, _optimizer(recipe))
    callbacks = ["Plan()", *(["pruning"] if pruning else []), *(["Unfreezing()"] if grouped else [])]
    callbacks += script_stopping.callbacks(recipe, epochs)
    weights = ", weights[rows]" if recipe.prepared.train.weight is not None else ""
    crossed = recipe.prepared.folds is not None
    if crossed:
        weights = ", weights[rows]"
    text = "Every epoch uses every training row, in an order that follows from the seed."
    text += on_groups
    if cut_short and reason != "diverged":
        done, so = ("was stopped", "is") if reason == "stopped" else ("ended early", "does")
        text += f" The run {done} after {epochs:,} of {counted(training.epochs, 'epoch')}, and so {so} this."
        if left:
            text += f" Its model has {counted(left, 'step')} of the next epoch, too."
    elif reason == "diverged":
        text += (
            f" The run diverged after {epochs:,} of {counted(training.epochs, 'epoch')}, so this ends there"
        )
        text += "." if epochs else ", with its initial weights."
    if training.precision != "float32":
        text += (
            f" The hidden layers compute in {training.precision}, which rounds much earlier than float32: losses "
            "may part a little more from those of the run."
        )
    watched = (
        "    validation_data=(x_validation, y_validation),\n"
        f"    validation_batch_size={_rows_at_once(recipe)},\n"
    )
    if crossed:
        watched = watched.replace("(x_validation, y_validation)", "(x_train[held], y_train[held])")
    elif not len(recipe.prepared.validation.y):
        watched = ""
    listed = "\n".join(f"        {callback}," for callback in callbacks)
    moves = recipe.settings.policy.cycle_momentum
    momentum = "        momentum_now.assign(momenta[self.step])\n" if moves else ""
    code = f'''\
{in_blocks(recipe)}class Batches(keras.utils.PyDataset):
    """Training {recipe.prepared.unit} in batches."""

    order = np.arange(len(x_train))

    def __len__(self):
        return -(-len(x_train) // {training.batch_size})

    def __getitem__(self, batch):
        rows = self.order[batch * {training.batch_size} : (batch + 1) * {training.batch_size}]
        return x_train[rows], y_train[rows]{weights}


batches = Batches()


class Plan(keras.callbacks.Callback):
    """Sets the order of the rows before every epoch, and the learning rate before every step."""

    step = 0

    def on_epoch_begin(self, epoch, logs=None):
        batches.order = {epoch_order(recipe, "epoch")}

    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate = learning_rates[self.step]
{momentum}        self.step += 1


{grouped}{pruning}{script_stopping.criterion(recipe)}{made}history = network.fit(
    batches,
    shuffle=False,  # the batches come in their own order
{watched}    epochs={epochs},
    callbacks=[
{listed}
        keras.callbacks.TerminateOnNaN(),
    ],
    verbose=2,
){_last_steps(epoch_order(recipe, epochs), epochs, left, bool(grouped), bool(pruning), moves)}'''
    if script_members.networks(recipe):
        return script_members.training_cell(recipe, text, code, script_members.calibrated(recipe))
    # Without an optimizer whose class is the script's own.
    saved = "keras.Model(network.inputs[0], network.outputs[0])" if grouped or moves else "network"
    return Cell("Train", text, f'{code}\n{script_members.calibrated(recipe)}{saved}.save("model.keras")')


def _rows_at_once(recipe: FinishedRun) -> int:
    return kinds.of(recipe.prepared.kind).rows_at_once


def _last_steps(order: str, epochs: int, steps: int, grouped: bool, prunes: bool, moves: bool) -> str:
    """The steps of an epoch that was not finished."""
    if not steps:
        return ""
    begin = f"\npruning.on_epoch_begin({epochs})" if prunes else ""
    begin += f"\nUnfreezing().on_epoch_begin({epochs})" if grouped else ""
    end = "\n    pruning.on_train_batch_end(batch)" if prunes else ""
    at = f"{epochs} * len(batches) + batch"
    momentum = f"    momentum_now.assign(momenta[{at}])\n" if moves else ""
    return f"""{begin}
batches.order = {order}
for batch in range({steps}):  # of the epoch in which the run was stopped
    network.optimizer.learning_rate = learning_rates[{at}]
{momentum}    network.train_on_batch(*batches[batch]){end}"""


def testing_cell(recipe: FinishedRun) -> Cell:
    """Return the step for the evaluation."""
    prepared, scores = recipe.prepared, recipe.scores
    if scores is None:
        name = "mean absolute error" if prepared.task == "regression" else "accuracy"
        return Cell(
            "Look at it",
            f"{recipe.worth} This is the figure on the very {prepared.unit} that it was trained on, which says nothing "
            "about new ones.",
            f"answers = network.predict(x_train, batch_size={_rows_at_once(recipe)}, verbose=0)\n"
            f"figure = {script_members.figure(recipe, 'y_train', 'numbers[train]')}\n"
            f'print(f"{name} on the training {prepared.unit}: {{figure:.6g}}")',
        )
    metric, part, crossed = scores.metrics[0], scores.part, script_members.crossed_code(recipe)
    text, code = f"On the {scores.rows:,} {part} {prepared.unit}.", ""
    if (threshold := recipe.model.preprocessor.threshold) is not None:
        text += f" {threshold.sentence(prepared.classes[1])}"
    if len(prepared.test.y) or prepared.folds is None:
        code = (
            f"answers = network.predict(x_{part}, batch_size={_rows_at_once(recipe)}, verbose=0)\n"
            f"figure = {script_members.figure(recipe, f'y_{part}', f'numbers[{part}]')}\n"
            f'print(f"{metric.name} on the {part} {prepared.unit}: {{figure:.6g}} (the run: {metric.value:.6g})")'
        )
    if crossed:
        text += " And out of fold: each network on the rows that it never learned from."
    return Cell("Measure it", text, "\n".join(filter(None, (code, crossed))))
