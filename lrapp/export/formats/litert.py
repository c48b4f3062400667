"""LiteRT (TensorFlow Lite): a small file for phones and small devices."""

from functools import partial
from pathlib import Path

from lrapp.export.exporter import NAMES, Built, Exporter, Maker, of_pictures
from lrapp.export.finished_image_run import PictureRecipe
from lrapp.export.finished_run import Recipe

# Largest difference where inputs are float32: 2024 or 0.1 have seven digits there.
_MOST_DIFFERENCE_SINGLE = 1e-3
_FILE, _NEEDS = "model.tflite", ("tensorflow",)
_CODE = f"""\
import tensorflow as tf  # or, smaller: from ai_edge_litert import interpreter

interpreter = tf.lite.Interpreter("{_FILE}")  # there: interpreter.Interpreter("{_FILE}")
answer = interpreter.get_signature_runner()
answers = answer({{}})"""


def table(recipe: Recipe, folder: Path, *, int8: bool = False) -> Built:
    """Write a run's model from the columns of a table to its answer; ``int8`` as for ``litert_graph.converted``."""
    from lrapp.export import litert_graph, readmes
    from lrapp.prediction import plain_model

    path, plan = folder / _FILE, plain_model.portable(recipe.preprocessor)
    path.write_bytes(litert_graph.converted(litert_graph.of_columns(recipe.model, plan), int8=int8))
    names = litert_graph.input_names(plan)
    given = litert_graph.inputs(plan, plain_model.checked_inputs(recipe))
    readmes.write(folder / "columns.json", readmes.litert_columns(recipe, names))
    example = f"import numpy as np\n{_CODE.format(readmes.arguments(given, 'np.array([{}], {})', 'np'))}"
    readme = partial(readmes.of_litert, recipe, names, example)
    return Built(_NEEDS, readme, partial(litert_graph.run, path, given), _MOST_DIFFERENCE_SINGLE)


def pictures(recipe: PictureRecipe, folder: Path, *, int8: bool = False) -> Built:
    """Write a run's model from pictures to its answer; ``int8`` as for ``litert_graph.converted``."""
    from lrapp.export import litert_graph, tf_graph

    path = folder / _FILE
    served = tf_graph.of_pictures(recipe.answering("float32"), recipe.preprocessor, numbers=True)
    path.write_bytes(litert_graph.converted(served, int8=int8))
    about = f"{_FILE} is a LiteRT (TensorFlow Lite) model with built-in operations only."
    answer = NAMES.replace("the name of a class", "the number of a class")
    code = _CODE.format("pictures=pictures")
    return of_pictures(recipe, path, litert_graph.run, _NEEDS, about, code, answer)


EXPORTER = Exporter(
    key="litert",
    title="LiteRT",
    whom="For phones and small devices.",
    doing="Converting to LiteRT …",
    makers={
        "table": Maker(
            "A small .tflite file for phones and small devices. Numbers and dates go in as they are, categories as "
            "numbers from a list that comes with it.",
            table,
        ),
        "pictures": Maker(
            "A small .tflite file for phones and small devices; takes the pixels of pictures.", pictures
        ),
    },
    in_float32=True,
)
