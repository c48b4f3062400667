"""Settings of a network -> output shape, size, work and group of each of its layers, without TensorFlow.

``models.build`` builds the same; the tests hold the two against each other.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

from lrapp.errors import UserError
from lrapp.settings import LayerKind, LayerSettings, ModelSettings, PretrainedName

Group = Literal["early", "middle", "head"]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerShape:
    """A layer's shape and cost for one row.

    Args:
        name: Its name in sentences, for example ``Layer 2 (Max pooling)``.
        output: Shape of its output for one row: (height, width, channels) or (numbers,).
        trainable: Parameters that training moves.
        averages: Parameters without a gradient: the averages of batch normalisation, and all of one that stays.
        computed: Numbers that weights, activations and pooling make for each row.
        normalised: Numbers that batch normalisation makes for each row.
        dropped: Numbers that pass a dropout for each row.
        multiplications: Of weights with inputs, forward, for each row.
        group: The group whose learning rate it follows; None without weights.
    """

    name: str
    output: Shape
    trainable: int = 0
    averages: int = 0
    computed: int = 0
    normalised: int = 0
    dropped: int = 0
    multiplications: int = 0
    group: Group | None = None

    @property
    def parameters(self) -> int:
        """All of its parameters."""
        return self.trainable + self.averages

    @property
    def kept(self) -> int:
        """Numbers that training keeps for each row, to compute gradients."""
        return self.computed + self.normalised + self.dropped


@dataclass(frozen=True)
class _Known:
    """A pretrained network: its sizes without its own output layers, work and numbers at 224 pixels.

    Its batch normalisation is never trained, nor are its scales of the pictures: ``fixed``.
    """

    features: int
    trainable: int
    fixed: int
    multiplications: int
    kept: int


_KNOWN: dict[PretrainedName, _Known] = {
    "MobileNetV2": _Known(1280, 2_189_760, 68_224, 300_774_272, 10_000_000),
    "EfficientNetB0": _Known(1280, 3_965_532, 84_039, 385_868_640, 14_000_000),
    "ResNet50V2": _Known(2048, 23_473_920, 90_880, 3_480_207_360, 16_000_000),
    "VGG16": _Known(512, 14_714_688, 0, 15_346_630_656, 14_000_000),
    "InceptionV3": _Known(2048, 21_751_136, 51_648, 2_835_873_120, 10_000_000),
}
_KNOWN_SIZE = 224
# Of ``number_embeddings``: frequencies and what is made of them for each number, and bins.
_WAVES, _LEARNED, _BINS = 16, 3, 16


def shapes(
    model: ModelSettings, shape: Shape, outputs: int, numbers: int | None = None
) -> tuple[LayerShape, ...]:
    """Return the shape of each layer of the table, and after them the output layer.

    Args:
        shape: Of one row of the data: (numbers,) for a table, (height, width, channels) for pictures.
        outputs: Numbers that the network answers with, at least 1.
        numbers: How many of a table's inputs are numbers, which an embedding is for; all by default.

    Raises:
        UserError: If the network cannot be built; names the layer, says why and what to do.
    """
    found = list(_rows(model, shape, numbers))
    last = found[-1].output if found else _start(model, shape, numbers)
    answer = _dense("Output", last, outputs, normalised=False)
    groups = _groups(model, shape, found)
    placed = zip([*found, answer], [*groups, "head"], strict=True)
    return tuple(replace(layer, group=group) for layer, group in placed)


def groups(model: ModelSettings, shape: Shape) -> tuple[Group, ...]:
    """Return the learning-rate group of each layer with weights, in order, the output layer last.

    The head is the output layer and, for pictures, what follows flattening or global pooling; the layers with weights
    before it are cut in halves, the first, rounded up, early, the second middle. A pretrained network is cut so
    itself, and all that is behind it is the head.

    Returns:
        A group for each row of the table that has weights (dense, convolution, residual block, batch norm), then
        ``head`` for the output layer.

    Raises:
        UserError: As ``shapes``.
    """
    return tuple(layer.group for layer in shapes(model, shape, 1) if layer.group is not None)


def without_layers(model: ModelSettings, shape: Shape) -> tuple[Group, ...]:
    """Return the groups without a layer with weights: their factors change nothing.

    Raises:
        UserError: As ``shapes``.
    """
    if model.base is not None:
        return ()
    there = groups(model, shape)
    return tuple(group for group in get_args(Group) if group not in there)


def pretrained(model: ModelSettings, shape: Shape) -> LayerShape | None:
    """Return the pretrained network before the table's layers; None where there is none.

    Raises:
        UserError: If the data are a table, or the pictures too small for it.
    """
    start = model.base
    if start is None:
        return None
    if len(shape) == 1:
        raise UserError(
            f"{start.name} looks at pictures; this is a table. Start from fresh weights or from a run of your own."
        )
    if start.obstacle:
        raise UserError(start.obstacle)
    known = _KNOWN[start.name]
    share = (start.size / _KNOWN_SIZE) ** 2
    return LayerShape(
        start.name,
        (known.features,),
        known.trainable,
        known.fixed,
        # About half of the numbers are those of convolutions and activations, the others those of batch norms.
        computed=int(known.kept * share / 2),
        normalised=int(known.kept * share / 2),
        multiplications=int(known.multiplications * share),
    )


def embedded_numbers(model: ModelSettings, shape: Shape, numbers: int | None) -> int:
    """Return how many inputs of a row of the data of that shape are embedded; 0 where none are."""
    if model.number_embedding == "none" or len(shape) == 3:
        return 0
    return shape[0] if numbers is None else min(numbers, shape[0])


def embedding(model: ModelSettings, shape: Shape, numbers: int | None) -> LayerShape | None:
    """Return the shape of the number embedding with the inputs beside it; None where there is none."""
    many = embedded_numbers(model, shape, numbers)
    if not many:
        return None
    group: Group = "early" if any(layer.facts.weighted for layer in model.layers) else "head"
    if model.number_embedding == "bins":
        made = _BINS * many
        return LayerShape(
            "Number embedding", (shape[0] + made,), averages=2 * made, computed=2 * made, group=group
        )
    weights = 2 * _WAVES + (_WAVES + 1) * _LEARNED
    return LayerShape(
        "Number embedding",
        (shape[0] + _LEARNED * many,),
        weights * many,
        computed=(2 * _WAVES + _LEARNED) * many,
        multiplications=_WAVES * (1 + _LEARNED) * many,
        group=group,
    )


def before(model: ModelSettings, shape: Shape, numbers: int | None = None) -> LayerShape | None:
    """Return what comes before the table's layers: a pretrained network, or an embedding; None where nothing does.

    Raises:
        UserError: As ``pretrained``.
    """
    return pretrained(model, shape) or embedding(model, shape, numbers)


def _start(model: ModelSettings, shape: Shape, numbers: int | None) -> Shape:
    """The input of the first layer of the table."""
    first = before(model, shape, numbers)
    return first.output if first else shape


def _rows(model: ModelSettings, shape: Shape, numbers: int | None) -> Iterator[LayerShape]:
    reaches = _start(model, shape, numbers)
    before: str | None = model.base.name if model.base is not None else None
    for number, layer in enumerate(model.layers, start=1):
        name = f"Layer {number} ({layer.facts.title})"
        if layer.facts.pictures and len(reaches) == 1:
            raise UserError(_no_picture(name, before, table=len(shape) == 1))
        made = _SHAPES[layer.kind](name, layer, reaches)
        if len(reaches) == 3 and len(made.output) == 1:
            before = name
        yield made
        reaches = made.output


def _dropout(name: str, layer: LayerSettings, reaches: Shape) -> LayerShape:
    return LayerShape(name, reaches, dropped=math.prod(reaches) if layer.dropout > 0 else 0)


def _batch_norm(name: str, layer: LayerSettings, reaches: Shape) -> LayerShape:
    own = 2 * reaches[-1]
    return LayerShape(name, reaches, trainable=own, averages=own, normalised=math.prod(reaches))


def _dense_layer(name: str, layer: LayerSettings, reaches: Shape) -> LayerShape:
    return _dense(name, reaches, layer.units, normalised=layer.batch_norm, dropped=layer.dropout > 0)


def _dense(name: str, reaches: Shape, units: int, *, normalised: bool, dropped: bool = False) -> LayerShape:
    """A picture is flattened first."""
    inputs = math.prod(reaches)
    trainable, averages = _parameters(inputs, units, normalised)
    return LayerShape(
        name,
        (units,),
        trainable,
        averages,
        computed=units,
        normalised=units if normalised else 0,
        dropped=units if dropped else 0,
        multiplications=inputs * units,
    )


def _parameters(inputs: int, units: int, normalised: bool) -> tuple[int, int]:
    """Trainable ones and averages; a normalised layer has gamma and beta in place of the bias."""
    return inputs * units + (2 if normalised else 1) * units, 2 * units if normalised else 0


def _convolve(name: str, layer: LayerSettings, reaches: Shape) -> LayerShape:
    """A convolution, or a residual block: two of them, and the input added, through a third where the shapes differ."""
    height, width, channels = reaches
    made = (math.ceil(height / layer.stride), math.ceil(width / layer.stride), layer.units)
    size = math.prod(made)
    inputs = [layer.size**2 * channels]
    sums = 0
    if layer.kind == "residual":
        inputs.append(layer.size**2 * layer.units)
        sums = 1
        if made != reaches:
            inputs.append(channels)
    sizes = [_parameters(each, layer.units, layer.batch_norm) for each in inputs]
    return LayerShape(
        name,
        made,
        sum(trainable for trainable, _ in sizes),
        sum(averages for _, averages in sizes),
        computed=size * (len(inputs) + sums),
        normalised=size * len(inputs) if layer.batch_norm else 0,
        dropped=size if layer.dropout > 0 else 0,
        multiplications=made[0] * made[1] * layer.units * sum(inputs),
    )


def _pool(name: str, layer: LayerSettings, reaches: Shape) -> LayerShape:
    height, width, channels = reaches
    if min(height, width) < layer.size:
        way_out = "Leave it out." if min(height, width) == 1 else "Make its size smaller, or leave it out."
        raise UserError(
            f"{name} needs pictures of at least {layer.size} x {layer.size} pixels; what reaches it is "
            f"{height} x {width}. {way_out}"
        )
    made = (height // layer.size, width // layer.size, channels)
    return LayerShape(name, made, computed=math.prod(made))


def _pool_whole(name: str, layer: LayerSettings, reaches: Shape) -> LayerShape:
    return LayerShape(name, (reaches[2],), computed=reaches[2])


# The function that computes a layer's shape, by its kind.
_SHAPES: dict[LayerKind, Callable[[str, LayerSettings, Shape], LayerShape]] = {
    "dense": _dense_layer,
    "conv": _convolve,
    "residual": _convolve,
    "max_pool": _pool,
    "avg_pool": _pool,
    "global_max_pool": _pool_whole,
    "global_avg_pool": _pool_whole,
    "dropout": _dropout,
    "batch_norm": _batch_norm,
}


def _no_picture(name: str, before: str | None, *, table: bool) -> str:
    if table:
        return f"{name} needs pictures; this is a table. Take Dense layers."
    first = before or "a layer before it"
    return (
        f"{name} needs pictures; what reaches it is a row of numbers, made by {first}. Put it before that layer, or "
        "leave it out."
        if first.startswith("Layer")
        else f"{name} needs pictures; what {first} hands on is a row of numbers. Take Dense layers behind it."
    )


def _groups(model: ModelSettings, shape: Shape, rows: list[LayerShape]) -> list[Group | None]:
    weighted = [number for number, layer in enumerate(model.layers) if layer.facts.weighted]
    behind = model.base is not None
    head = {number for number in weighted if behind or (len(shape) == 3 and len(rows[number].output) == 1)}
    body = [number for number in weighted if number not in head]
    early = set(body[: math.ceil(len(body) / 2)])
    found: list[Group | None] = []
    for number in range(len(rows)):
        if number in head:
            found.append("head")
        elif number in body:
            found.append("early" if number in early else "middle")
        else:
            found.append(None)
    return found
