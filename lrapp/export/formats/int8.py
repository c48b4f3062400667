"""The network alone, with its dense layers in int8, as Keras saves it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lrapp.export.exporter import Built, Exporter, Maker
from lrapp.export.finished_run import FinishedRun
from lrapp.export.formats import keras
from lrapp.phrasing import counted, measured, percent


def _rounded(write: Callable[..., Built], recipe: FinishedRun, folder: Path) -> Built:
    """The network in int8, with what that covers and costs in its README."""
    from lrapp.networks import quantized

    network = recipe.answering("float32")
    share, before = quantized.covered(network), _scores(recipe, network)
    quantized.quantize(network)
    told = (
        f"Its dense layers, {percent(share)} of its parameters, are in int8 (Keras's `quantize`); the others are in "
        "float32. The file is smaller, and on most CPUs slower."
    )
    if before:
        rows = counted(recipe.scores.rows if recipe.scores else 0, f"{recipe.checked_part} row")
        told += f" Measured on {rows}: {_scores(recipe, network)}; in float32 {before}."
    return write(recipe, folder, network).rounded(told)


def _scores(recipe: FinishedRun, network: Any) -> str:
    """The figures of a network on the rows that were held back, in words; empty where there are none."""
    from lrapp.evaluation import model_sizes
    from lrapp.networks import saved

    prepared = recipe.prepared.with_threshold(recipe.model.preprocessor.threshold)
    found = model_sizes.scores(partial(saved.outputs, network), prepared)
    return ", ".join(f"{name} {measured(name, value)}" for name, value in found)


EXPORTER = Exporter(
    key="int8",
    title="Keras model, int8",
    whom="For Keras, where size counts: slightly other answers.",
    doing="Rounding the network …",
    makers={
        "table": Maker(
            "The network alone, as a .keras file whose dense layers have weights of eight bits: a smaller file for "
            "slightly other answers. Its README has the score before and after.",
            partial(_rounded, keras.table),
        ),
        "pictures": Maker(
            "The network alone, as a .keras file whose dense layers have weights of eight bits (convolutions stay as "
            "they are), for pictures as the app reads them: a smaller file for slightly other answers. Its README has "
            "the score before and after.",
            partial(_rounded, keras.pictures),
        ),
    },
    in_float32=True,
)
