"""TensorFlow SavedModel: for any program that runs TensorFlow, also TensorFlow Serving."""

from functools import partial
from pathlib import Path

from lrapp.exporter import MOST_DIFFERENCE_PICTURES, NAMES, Built, Exporter, of_pictures
from lrapp.picture_recipes import PictureRecipe
from lrapp.recipes import Recipe

# Largest difference where hidden layers keep three digits or fewer, and are rounded at other places.
_MOST_DIFFERENCE_MIXED = 0.05
_FOLDER, _NEEDS = "model", ("tensorflow",)
_ABOUT = f"{_FOLDER}/ is a TensorFlow SavedModel."
_CODE = f"""\
import tensorflow as tf

serve = tf.saved_model.load("{_FOLDER}").signatures["serving_default"]
answers = serve({{}})"""


def _table(recipe: Recipe, folder: Path) -> Built:
    from lrapp import portable, readmes, tf_export

    path, plan = folder / _FOLDER, portable.portable(recipe.preprocessor)
    tf_export.save(tf_export.of_columns(recipe.model, plan), path)
    names = tf_export.input_names(plan)
    given = portable.checked_inputs(recipe, names)
    example = _CODE.format(readmes.arguments(given, "tf.constant([{}], {})", "tf", "tf.string"))
    about = f"{_ABOUT} Each input has the shape (rows,)."
    readme = partial(readmes.of_columns, recipe, names, about, example)
    return Built(_NEEDS, readme, partial(tf_export.run, path, given))


def _pictures(recipe: PictureRecipe, folder: Path) -> Built:
    from lrapp import tf_export

    path, precision = folder / _FOLDER, recipe.settings.training.precision
    tf_export.save(tf_export.of_pictures(recipe.answering(precision), recipe.preprocessor), path)
    code = _CODE.format("pictures=tf.constant(pictures)")
    most = MOST_DIFFERENCE_PICTURES if precision == "float32" else _MOST_DIFFERENCE_MIXED
    return of_pictures(recipe, path, tf_export.run, _NEEDS, _ABOUT, code, NAMES, most)


EXPORTER = Exporter(
    key="savedmodel",
    title="TensorFlow SavedModel",
    about="Takes the columns of a table as they are and answers in any program that runs TensorFlow, also TensorFlow "
    "Serving; the preprocessing is inside.",
    about_pictures="Takes the pixels of pictures and answers in any program that runs TensorFlow, also TensorFlow "
    "Serving.",
    doing="Writing the SavedModel …",
    table=_table,
    pictures=_pictures,
)
