"""Pretrained weights: those of a finished run, or of a network trained on ImageNet.

Yosinski et al. 2014, arXiv 1411.1792, measured how much of what the first layers have learned serves other tasks.
"""

import hashlib
import math
import warnings
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from lrapp.errors import UserError
from lrapp.networks import layers, members, models, number_embeddings
from lrapp.networks.saved import SETTINGS_FILE, SavedModel
from lrapp.networks.stacked import Stacked
from lrapp.phrasing import counted
from lrapp.settings import DATA_KINDS, PretrainedStart, RunSettings

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared


@dataclass(frozen=True)
class Knowledge:
    """Weights to start from.

    Args:
        give: Puts them into a network from ``models.build``.
        note: One sentence on what was taken over.
        weights: What ``fingerprint`` makes of a run's weights; empty where they come from none.
    """

    give: Callable[[keras.Model], None]
    note: str
    weights: str = ""


def fingerprint(networks: Iterable[keras.Model], names: Collection[str] | None = None) -> str:
    """Return a text that tells weights apart: a hash of them.

    Args:
        networks: From ``models.build``, in an order that counts.
        names: The layers that matter; all by default.
    """
    found = hashlib.sha256()
    for network in networks:
        for layer in network.layers:
            if layer.weights and (names is None or layer.name in names):
                found.update(layer.name.encode())
                for value in layer.get_weights():
                    found.update(np.ascontiguousarray(value).tobytes())
    return found.hexdigest()


def of_run(folder: Path, network: keras.Model, prepared: "Prepared", *, first: bool = False) -> Knowledge:
    """Return the weights of a finished run.

    All hidden layers are taken over, with the averages of their batch normalisation; the output layer only where it
    tells the same classes apart. Many networks start from as many: those that make up the run's model, in their order,
    or all that a cross-validation trained. What starts from a model for use is calibrated anew at its end, as that was,
    so its temperature is taken back.

    Args:
        network: The network that will start from it, or many from ``members.stack``.
        first: Whether a single network may start from the first of many, as in a range test before they train.

    Raises:
        UserError: If the run left no model, its layers or inputs are not those of the network, or nothing of it fits.
    """
    source = SavedModel.load(folder)
    if source.preprocessor.kind != prepared.kind:
        theirs, ours = (DATA_KINDS[kind].title for kind in (source.preprocessor.kind, prepared.kind))
        raise UserError(
            f"The run to start from has learned from {theirs}, and this one learns from {ours}. Choose a run of "
            f"{ours}, or fresh weights."
        )
    if source.preprocessor.inputs != prepared.inputs:
        raise UserError(
            "The run to start from has learned from other inputs: other columns, or other categories in its training "
            "rows. Choose a run of this table with the same rows, or fresh weights."
        )
    same_answer = (source.preprocessor.task, source.preprocessor.classes) == (prepared.task, prepared.classes)
    settings = RunSettings.from_json((folder / SETTINGS_FILE).read_bytes())
    sources = _networks(source, network, first, settings.crossed)
    taken: dict[str, list[Any]] = {}
    for layer in network.layers:
        if not layer.weights or (layer.name == layers.OUTPUT and not same_answer):
            continue
        shapes = [tuple(weight.shape) for weight in layer.weights]
        old = _values(layer, sources)
        if old is None or [value.shape for value in old] != shapes:
            raise UserError(
                f"The run to start from has other layers or pictures of another size ({_place(layer.name)} differs). "
                "Take over its layers on the Network step, or choose fresh weights."
            )
        if settings.data.all_rows and layer.name == layers.OUTPUT:
            old = [value * np.float32(source.temperature) for value in old]
        taken[layer.name] = old
    if not taken:
        raise UserError(
            "There is nothing to take over: this network has no hidden layers, and the run to start from tells other "
            "classes apart. Choose fresh weights, or a network with hidden layers."
        )
    hidden = len([name for name in taken if name != layers.OUTPUT and not number_embeddings.is_part(name)])
    output = (
        "and the output layer, which tells the same classes apart"
        if layers.OUTPUT in taken
        else "while the output layer starts fresh"
    )
    start = counted(hidden, "hidden layer starts", "hidden layers start")
    note = f"{start} with the weights of an earlier run, {output}."

    def give(model: keras.Model) -> None:
        for name, values in taken.items():
            model.get_layer(name).set_weights(values)

    return Knowledge(give, note, fingerprint(in_use(source), taken))


def in_use(source: SavedModel) -> list[keras.Model]:
    """Return the networks that make up a run's model: those with a share in its answers."""
    each = members.each(source.network)
    if not each:
        return [source.network]
    return [one for one, share in zip(each, source.shares, strict=True) if share]


def _networks(source: SavedModel, network: keras.Model, first: bool, crossed: bool) -> list[keras.Model]:
    """The networks of a run's model, as many as there are to start from them."""
    found, every = in_use(source), members.each(source.network)
    wanted = network.output_shape[0] or 1
    if first:
        return found[:wanted]
    if crossed and len(found) == 1 < wanted == len(
        every
    ):  # of folds in the order of time, only the last one answers
        return every
    if len(found) != wanted:
        raise UserError(
            f"The model of the run to start from has {counted(len(found), 'network')}, and this run trains "
            f"{wanted:,}. Set the ensemble to {counted(len(found), 'network')}, or choose fresh weights."
        )
    return found


def _values(layer: keras.layers.Layer, sources: list[keras.Model]) -> list[np.ndarray] | None:
    """What a layer starts with: the weights of the same layer of each network side by side; None where none has it."""
    each = [one for source in sources for one in source.layers if one.name == layer.name and one.weights]
    if len(each) < len(sources):
        return None
    if not isinstance(layer, Stacked):  # of a single network, or shared by all
        return list(each[0].get_weights())
    columns = zip(*(one.get_weights() for one in each), strict=True)
    stacked = [np.stack(values) for values in columns]
    if len(stacked) != len(layer.weights):
        return None
    # A bias has a place for the rows, waves none for the single input of each.
    return [
        value.reshape(weight.shape) if _alike(value.shape, weight.shape) else value
        for value, weight in zip(stacked, layer.weights, strict=True)
    ]


def _alike(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether shapes of many networks differ in axes of length 1 only, or in how the last two axes are joined."""
    same = one[0] == other[0] and (one[-1] == other[-1] or one[1] == other[1])
    return same and math.prod(one) == math.prod(other)


def of_imagenet(start: PretrainedStart) -> Knowledge:
    """Return what a network of ``keras.applications`` has learned from ImageNet; Keras downloads it once.

    Raises:
        UserError: If the weights are not here and cannot be had.
    """
    make, _, _ = models.BASES[start.name]
    try:
        # For other sizes, Keras warns that it takes the weights for 224 pixels, as intended.
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            base = make(
                include_top=False, weights="imagenet", pooling="avg", input_shape=(start.size, start.size, 3)
            )
    except Exception as error:  # Keras raises a plain Exception for whatever goes wrong with a download
        raise UserError(
            f"The weights of {start.name} are not on this machine and could not be downloaded. Connect it to the "
            "internet once, or start from fresh weights or from a run of your own."
        ) from error
    values = [layer.get_weights() for layer in _learned(base)]
    if start.name == "VGG16":
        # It has learned from blue, green and red, and here it sees red, green and blue.
        values[0][0] = values[0][0][:, :, ::-1]

    def give(model: keras.Model) -> None:
        for layer, weights in zip(_learned(model.get_layer(layers.BASE)), values, strict=True):
            layer.set_weights(weights)

    return Knowledge(give, f"{start.name} starts with what it has learned from ImageNet.")


def _learned(base: keras.Model) -> list[keras.layers.Layer]:
    """Layers with weights, without EfficientNet's normalisation of pictures, which ``models`` does before it."""
    return [
        layer for layer in base.layers if layer.weights and not isinstance(layer, keras.layers.Normalization)
    ]


def _place(name: str) -> str:
    row = layers.row_of(name)
    if number_embeddings.is_part(name):
        return "the number embedding"
    return f"layer {row}" if row else "the pretrained network" if name == layers.BASE else "the output layer"
