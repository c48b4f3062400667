"""ONNX: one file that many languages run, without TensorFlow."""

from functools import partial
from pathlib import Path

from lrapp.exporter import Built, Exporter, of_pictures
from lrapp.picture_recipes import PictureRecipe
from lrapp.recipes import Recipe

_FILE, _NEEDS = "model.onnx", ("numpy", "onnxruntime")
_ABOUT = f"{_FILE} is an ONNX model (opset 20, ai.onnx.ml 3)."
_CODE = f"""\
import onnxruntime

session = onnxruntime.InferenceSession("{_FILE}")
answers = session.run(None, {{{{{{}}}}}})"""


def _table(recipe: Recipe, folder: Path) -> Built:
    from lrapp import onnx_export, portable, readmes

    path, plan = folder / _FILE, portable.portable(recipe.preprocessor)
    path.write_bytes(onnx_export.build(recipe.model, plan).SerializeToString())
    names = onnx_export.input_names(plan)
    given = portable.checked_inputs(recipe, names)
    row = readmes.arguments(given, "np.array([[{}]], {})", "np", "object", keys=True)
    example = f"import numpy as np\n{_CODE.format(row)}"
    about = f"{_ABOUT} Each input has the shape (rows, 1)."
    readme = partial(readmes.of_columns, recipe, names, about, example)
    return Built(_NEEDS, readme, partial(onnx_export.run, path, given))


def _pictures(recipe: PictureRecipe, folder: Path) -> Built:
    from lrapp import onnx_export, picture_onnx_export

    path, network = folder / _FILE, recipe.answering("float32")
    path.write_bytes(picture_onnx_export.build(network, recipe.preprocessor).SerializeToString())
    return of_pictures(recipe, path, onnx_export.run, _NEEDS, _ABOUT, _CODE.format('"pictures": pictures'))


EXPORTER = Exporter(
    key="onnx",
    title="ONNX",
    about="One file that takes the columns of a table as they are and runs without TensorFlow in many languages; the "
    "preprocessing is inside.",
    about_pictures="One file that takes the pixels of pictures and runs without TensorFlow in many languages.",
    doing="Writing the ONNX file …",
    table=_table,
    pictures=_pictures,
    packages=("onnx", "onnxruntime"),
    in_float32=True,
)
