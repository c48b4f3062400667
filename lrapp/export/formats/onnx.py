"""ONNX: one file that programs in many languages can run, without TensorFlow."""

from functools import partial
from pathlib import Path

from lrapp.export.exporter import Built, Exporter, Maker, of_pictures
from lrapp.export.finished_image_run import PictureRecipe
from lrapp.export.finished_run import Recipe

_FILE, _NEEDS = "model.onnx", ("numpy", "onnxruntime")
_ABOUT = f"{_FILE} is an ONNX model (opset 20, ai.onnx.ml 3)."
_CODE = f"""\
import onnxruntime

session = onnxruntime.InferenceSession("{_FILE}")
answers = session.run(None, {{{{{{}}}}}})"""


def _table(recipe: Recipe, folder: Path) -> Built:
    from lrapp.export import onnx_graph, readmes
    from lrapp.prediction import plain_model

    path, plan = folder / _FILE, plain_model.portable(recipe.preprocessor)
    path.write_bytes(onnx_graph.build(recipe.model, plan).SerializeToString())
    names = onnx_graph.input_names(plan)
    given = plain_model.checked_inputs(recipe, names)
    row = readmes.arguments(given, "np.array([[{}]], {})", "np", "object", keys=True)
    example = f"import numpy as np\n{_CODE.format(row)}"
    about = f"{_ABOUT} Each input has the shape (rows, 1)."
    readme = partial(readmes.of_columns, recipe, names, about, example)
    return Built(_NEEDS, readme, partial(onnx_graph.run, path, given))


def _pictures(recipe: PictureRecipe, folder: Path) -> Built:
    from lrapp.export import image_onnx_graph, onnx_graph

    path, network = folder / _FILE, recipe.answering("float32")
    path.write_bytes(image_onnx_graph.build(network, recipe.preprocessor).SerializeToString())
    return of_pictures(recipe, path, onnx_graph.run, _NEEDS, _ABOUT, _CODE.format('"pictures": pictures'))


EXPORTER = Exporter(
    key="onnx",
    title="ONNX",
    whom="For a program in another language: one file, without TensorFlow.",
    doing="Writing the ONNX file …",
    makers={
        "table": Maker(
            "One file that takes the columns of a table as they are and runs without TensorFlow in many languages; the "
            "preprocessing is inside.",
            _table,
        ),
        "pictures": Maker(
            "One file that takes the pixels of pictures and runs without TensorFlow in many languages.",
            _pictures,
        ),
    },
    packages=("onnx", "onnxruntime"),
    in_float32=True,
)
