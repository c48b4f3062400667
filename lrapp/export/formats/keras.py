"""The network alone, as Keras saves it."""

import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from lrapp.export.exporter import Arrays, Built, Exporter, Maker, of_pictures
from lrapp.export.finished_image_run import PictureRecipe
from lrapp.export.finished_run import Recipe

_FILE, _NEEDS = "model.keras", ("tensorflow", "keras", "numpy")
_LOAD = f'network = keras.models.load_model("{_FILE}")\n'


def table(recipe: Recipe, folder: Path, network: Any = None) -> Built:
    """Write a run's network, or another form of it, with its inputs described."""
    from lrapp.export import readmes

    x, path = recipe.checked.x, folder / _FILE
    (recipe.model.network if network is None else network).save(path)
    readmes.write(folder / "inputs.json", readmes.as_json(readmes.inputs(recipe)))
    row = np.array2string(x[0], separator=", ", threshold=sys.maxsize, max_line_width=100)
    row = row.replace("\n", "\n    ")
    example = (
        f"import keras\nimport numpy as np\n\n{_LOAD}row = np.array(\n    {row},\n    np.float32,\n)  # prepared\n"
        "answers = network.predict(row[None], verbose=0)"
    )
    return Built(_NEEDS, partial(readmes.of_network, recipe, example), partial(_run, path, {"x": x}))


def pictures(recipe: PictureRecipe, folder: Path, network: Any = None) -> Built:
    """Write a run's network, or another form of it, with code that reads pictures."""
    from lrapp.export import readmes

    path, classes = folder / _FILE, recipe.preprocessor.classes
    if network is None:
        network = recipe.answering(recipe.settings.training.precision)
    network.save(path)
    answer = f"the probabilities of the classes, in the order below, shape (pictures, {len(classes)})"
    if recipe.preprocessor.task == "binary":
        answer = f"the probability of {readmes.code(classes[1])}, shape (pictures, 1)"
    about = (
        f"{_FILE} is the network as Keras {version('keras')} saves it, without the layers that vary pictures in "
        "training."
    )
    code = f"import keras\n\n{_LOAD}answers = network.predict(pictures, verbose=0)"
    return of_pictures(recipe, path, _run, _NEEDS, about, code, answer)


def _run(path: Path, given: Arrays) -> Arrays:
    import keras

    from lrapp.networks import saved

    (x,) = given.values()
    return {"outputs": saved.outputs(keras.models.load_model(path), x)}


EXPORTER = Exporter(
    key="keras",
    title="Keras model",
    whom="For Keras code of your own: the network alone.",
    doing="Writing the network …",
    makers={
        "table": Maker(
            "The network alone, as a .keras file, for Python; a README and a JSON file say how the "
            "columns of the table become its inputs.",
            table,
        ),
        "pictures": Maker(
            "The network alone, as a .keras file, for Python, with a few lines that read "
            "pictures as the app does.",
            pictures,
        ),
    },
)
