"""LiteRT (TensorFlow Lite) with weights of eight bits: a quarter of the size, and quicker."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from lrapp.export.exporter import Arrays, Built, Exporter, Maker
from lrapp.export.finished_run import FinishedRun
from lrapp.export.formats import litert
from lrapp.phrasing import counted, number, percent

_ABOUT = (
    "Its weights are in eight bits, but for layers of fewer than 1,024 (LiteRT's dynamic range quantization), so it is "
    "smaller and on most processors quicker than the LiteRT file in float32."
)


def _rounded(write: Callable[..., Built], recipe: FinishedRun, folder: Path) -> Built:
    """The export with what rounding costs in its README."""
    from lrapp.networks import saved

    built = write(recipe, folder, int8=True)
    assert built.ask is not None
    answers = built.ask()
    own = saved.outputs(recipe.answering("float32"), recipe.checked.x)
    rows = counted(len(own), f"{recipe.checked_part} {recipe.prepared.unit[:-1]}")
    text = f"{_ABOUT} Measured on {rows}: {_score(recipe, answers)}; in float32 {_score(recipe, _plain(recipe, own))}."
    return built.rounded(text, lambda: answers)


def _plain(recipe: FinishedRun, outputs: np.ndarray) -> Arrays:
    """What the app makes of a network's outputs, as a LiteRT file has it."""
    found = recipe.model.preprocessor.decode(outputs)
    if found.probabilities is None:
        return {"prediction": found.values}
    classes = list(recipe.model.preprocessor.classes)
    return {"prediction": np.array([classes.index(value) for value in found.values])}


def _score(recipe: FinishedRun, answers: Arrays) -> str:
    """How good predictions are on the rows that were checked, in words."""
    preprocessor, y = recipe.model.preprocessor, recipe.checked.y
    predicted = np.asarray(answers["prediction"]).ravel()
    if preprocessor.task != "regression":
        return f"accuracy {percent(float(np.mean(predicted == y.astype(np.int64))))}"
    truth = preprocessor.decode(y[:, None].astype(np.float32)).values.astype(np.float64)
    return f"mean absolute error {number(float(np.mean(np.abs(predicted - truth))))}"


EXPORTER = Exporter(
    key="litert-int8",
    title="LiteRT, int8",
    whom="For the smallest of these: slightly other answers.",
    doing="Converting to LiteRT in int8 …",
    makers={
        "table": Maker(
            "The LiteRT file with weights of eight bits: smaller and quicker, for slightly other answers. Its README "
            "has the score before and after.",
            partial(_rounded, litert.table),
        ),
        "pictures": Maker(
            "The LiteRT file for pictures with weights of eight bits: smaller and quicker, for slightly other "
            "answers. Its README has the score before and after.",
            partial(_rounded, litert.pictures),
        ),
    },
    in_float32=True,
)
