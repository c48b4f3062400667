"""TensorFlow SavedModel: for any program that runs TensorFlow, also TensorFlow Serving."""

from functools import partial
from pathlib import Path

from lrapp.export.exporter import MOST_DIFFERENCE_PICTURES, NAMES, Built, Exporter, Maker, of_pictures
from lrapp.export.finished_image_run import PictureRecipe
from lrapp.export.finished_run import Recipe

# Largest difference where hidden layers keep three digits or fewer, and are rounded elsewhere.
_MOST_DIFFERENCE_MIXED = 0.05
_FOLDER, _NEEDS = "model", ("tensorflow",)
_ABOUT = f"{_FOLDER}/ is a TensorFlow SavedModel."
_CODE = f"""\
import tensorflow as tf

serve = tf.saved_model.load("{_FOLDER}").signatures["serving_default"]
answers = serve({{}})"""


def _table(recipe: Recipe, folder: Path) -> Built:
    from lrapp.export import readmes, tf_graph
    from lrapp.prediction import plain_model

    path, plan = folder / _FOLDER, plain_model.portable(recipe.preprocessor)
    tf_graph.save(tf_graph.of_columns(recipe.model, plan), path)
    names = tf_graph.input_names(plan)
    given = plain_model.checked_inputs(recipe, names)
    example = _CODE.format(readmes.arguments(given, "tf.constant([{}], {})", "tf", "tf.string"))
    about = f"{_ABOUT} Each input has the shape (rows,)."
    readme = partial(readmes.of_columns, recipe, names, about, example)
    return Built(_NEEDS, readme, partial(tf_graph.run, path, given))


def _pictures(recipe: PictureRecipe, folder: Path) -> Built:
    from lrapp.export import tf_graph

    path, precision = folder / _FOLDER, recipe.settings.training.precision
    tf_graph.save(tf_graph.of_pictures(recipe.answering(precision), recipe.preprocessor), path)
    code = _CODE.format("pictures=tf.constant(pictures)")
    most = MOST_DIFFERENCE_PICTURES if precision == "float32" else _MOST_DIFFERENCE_MIXED
    return of_pictures(recipe, path, tf_graph.run, _NEEDS, _ABOUT, code, NAMES, most)


EXPORTER = Exporter(
    key="savedmodel",
    title="TensorFlow SavedModel",
    whom="For TensorFlow Serving, or a program with TensorFlow.",
    doing="Writing the SavedModel …",
    makers={
        "table": Maker(
            "Takes the columns of a table as they are and answers in any program that runs TensorFlow, also TensorFlow "
            "Serving; the preprocessing is inside.",
            _table,
        ),
        "pictures": Maker(
            "Takes the pixels of pictures and answers in any program that runs TensorFlow, also TensorFlow "
            "Serving.",
            _pictures,
        ),
    },
)
