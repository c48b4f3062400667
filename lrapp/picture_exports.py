"""What a person can take away from a run on pictures: each format's files, written into a folder."""

import shutil
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrapp import code_pictures, codegen, escaping, readmes
from lrapp.phrasing import counted
from lrapp.picture_pixels import png
from lrapp.picture_recipes import ARCHIVE, SPLIT, PictureRecipe
from lrapp.settings import PicturesSource, Precision

Say = Callable[[str], None]

# Largest difference to the app's own answers, in probabilities. Sums over the windows of convolutions are taken in
# another order by every runtime.
MOST_DIFFERENCE = 1e-4
# The same where hidden layers keep three digits or fewer, and runtimes round at other places.
MOST_DIFFERENCE_MIXED = 0.05
# Pictures that answers are compared on: enough to see a mistake, and a large network is done with them soon.
MOST_CHECKED = 1_000
_COMPARING = "Comparing its answers with the app's …"
_NAMES = "`prediction`, the name of a class, and `probabilities`, in the order below"


def _code(recipe: PictureRecipe, content: Path, say: Say) -> None:
    say("Writing the script …")
    readmes.write(content / "train.py", codegen.script(recipe))
    readmes.write(content / "train.ipynb", codegen.notebook(recipe))
    (content / SPLIT).write_bytes(recipe.split)
    source = recipe.settings.data.source
    digits = isinstance(source, PicturesSource) and source.name == "digits"
    needed = ["scikit-learn"] if digits else [] if recipe.archive is None else ["pillow"]
    readmes.write(content / "requirements.txt", readmes.requirements("keras", "numpy", *needed))
    listed = ""
    if recipe.archive is not None:
        shutil.copyfile(recipe.archive, content / ARCHIVE)
        listed = f"| {ARCHIVE} | the pictures, as they were uploaded |\n"
    notes = "\n".join(f"- {escaping.line(note)}" for note in recipe.prepared.notes)
    readmes.write(
        content / "README.md",
        f"""\
# {escaping.line(codegen.cells_of(recipe)[0].title)}

    pip install -r requirements.txt
    python train.py

{escaping.line(recipe.scores.summary)}
{code_pictures.TOLERANCE}

| file | what it is |
|---|---|
| train.py | the whole run: reading, splitting, network, learning rate, training, measuring |
| train.ipynb | the same as a notebook |
{listed}| {SPLIT} | which picture is in which part |
"""
        + (f"\n## What was done to the pictures\n\n{notes}\n" if notes else ""),
    )


def _keras(recipe: PictureRecipe, content: Path, say: Say) -> None:
    from lrapp import picture_tf_export, saved

    say("Writing the network …")
    network = picture_tf_export.inference(
        recipe.model.network, recipe.settings.model, recipe.preprocessor, recipe.settings.training.precision
    )
    network.save(content / "model.keras")
    say(_COMPARING)
    sentence = _compare(recipe, _named(recipe, saved.outputs(network, _checked(recipe))))
    classes = recipe.preprocessor.classes
    answer = f"the probabilities of the classes, in the order below, shape (pictures, {len(classes)})"
    if recipe.preprocessor.task == "binary":
        answer = f"the probability of {escaping.code(classes[1])}, shape (pictures, 1)"
    example = (
        "import keras\n\n"
        'network = keras.models.load_model("model.keras")\n'
        "answers = network.predict(pictures, verbose=0)"
    )
    about = (
        f"model.keras is the network as Keras {version('keras')} saves it, without the layers that vary pictures in "
        "training."
    )
    _beside(recipe, content, readmes.requirements("keras", "numpy", "pillow"))
    readmes.write(content / "README.md", readmes.of_pictures(recipe, about, answer, example, sentence))


def _savedmodel(recipe: PictureRecipe, content: Path, say: Say) -> None:
    from lrapp import picture_tf_export

    say("Writing the SavedModel …")
    told, precision = recipe.preprocessor, recipe.settings.training.precision
    network = picture_tf_export.inference(recipe.model.network, recipe.settings.model, told, precision)
    picture_tf_export.save(network, told, content / "model")
    say(_COMPARING)
    most = MOST_DIFFERENCE if precision == "float32" else MOST_DIFFERENCE_MIXED
    answers = picture_tf_export.run(content / "model", _checked(recipe))
    sentence = _compare(recipe, answers, most=most)
    example = (
        "import tensorflow as tf\n\n"
        'serve = tf.saved_model.load("model").signatures["serving_default"]\n'
        "answers = serve(pictures=tf.constant(pictures))"
    )
    _beside(recipe, content, readmes.requirements("numpy", "pillow"))
    about = "model/ is a TensorFlow SavedModel."
    readmes.write(content / "README.md", readmes.of_pictures(recipe, about, _NAMES, example, sentence))


def _onnx(recipe: PictureRecipe, content: Path, say: Say) -> None:
    from lrapp import picture_onnx_export, picture_tf_export

    say("Writing the ONNX file …")
    told = recipe.preprocessor
    network = picture_tf_export.inference(recipe.model.network, recipe.settings.model, told, "float32")
    (content / "model.onnx").write_bytes(picture_onnx_export.build(network, told).SerializeToString())
    say(_COMPARING)
    answers = picture_onnx_export.run(content / "model.onnx", _checked(recipe))
    sentence = _compare(recipe, answers, "float32")
    example = (
        "import onnxruntime\n\n"
        'session = onnxruntime.InferenceSession("model.onnx")\n'
        'answers = session.run(None, {"pictures": pictures})'
    )
    needed = "".join(f"{name}=={version(name)}\n" for name in ("numpy", "onnxruntime", "pillow"))
    _beside(recipe, content, needed)
    about = "model.onnx is an ONNX model (opset 20, ai.onnx.ml 3)."
    readmes.write(content / "README.md", readmes.of_pictures(recipe, about, _NAMES, example, sentence))


def _litert(recipe: PictureRecipe, content: Path, say: Say) -> None:
    from lrapp import litert_export, picture_tf_export

    say("Converting to LiteRT …")
    told = recipe.preprocessor
    network = picture_tf_export.inference(recipe.model.network, recipe.settings.model, told, "float32")
    (content / "model.tflite").write_bytes(picture_tf_export.lite(network, told))
    say(_COMPARING)
    answers = litert_export.run(content / "model.tflite", {picture_tf_export.INPUT: _checked(recipe)})
    sentence = _compare(recipe, answers, "float32")
    example = (
        "import tensorflow as tf  # or, smaller: from ai_edge_litert import interpreter\n\n"
        'interpreter = tf.lite.Interpreter("model.tflite")  # there: interpreter.Interpreter("model.tflite")\n'
        "answers = interpreter.get_signature_runner()(pictures=pictures)"
    )
    _beside(recipe, content, readmes.requirements("numpy", "pillow"))
    about = "model.tflite is a LiteRT (TensorFlow Lite) model with built-in operations only."
    answer = "`prediction`, the number of a class, and `probabilities`, in the order below"
    readmes.write(content / "README.md", readmes.of_pictures(recipe, about, answer, example, sentence))


MAKERS: dict[str, Callable[..., None]] = {
    "code": _code,
    "keras": _keras,
    "savedmodel": _savedmodel,
    "onnx": _onnx,
    "litert": _litert,
}


def _beside(recipe: PictureRecipe, content: Path, requirements: str) -> None:
    """What every model comes with."""
    recipe.preprocessor.save(content)
    (content / "example.png").write_bytes(png(recipe.checked.x[0]))
    readmes.write(content / "read_picture.py", code_pictures.reader_file(recipe.preprocessor.shape))
    readmes.write(content / "requirements.txt", requirements)


def _checked(recipe: PictureRecipe) -> NDArray[np.uint8]:
    """The pictures that answers are compared on, evenly from all that could be."""
    every: NDArray[np.uint8] = recipe.checked.x
    return every[np.unique(np.linspace(0, len(every) - 1, min(MOST_CHECKED, len(every))).astype(int))]


def _named(recipe: PictureRecipe, outputs: NDArray[np.float32]) -> dict[str, np.ndarray]:
    probabilities = recipe.preprocessor.decode(outputs).probabilities
    assert probabilities is not None
    return {"probabilities": probabilities}


def _compare(
    recipe: PictureRecipe,
    answers: Mapping[str, np.ndarray],
    precision: Precision | None = None,
    most: float = MOST_DIFFERENCE,
) -> str:
    """Say how far an exported model's answers are from the app's.

    Args:
        recipe: The run.
        answers: For the pictures that are checked.
        precision: What the file computes in, where that is not what the run did.
        most: The largest difference that is not too much.

    Raises:
        RuntimeError: If they are further off; a defect of ours.
    """
    from lrapp import picture_tf_export, saved

    x, own = _checked(recipe), recipe.settings.training.precision
    outputs = saved.outputs(recipe.model.network, x)
    note = ""
    if precision is not None and precision != own:
        moved = _difference(recipe, answers, outputs)
        note = (
            f" The app computes the hidden layers in {own}, this file in {precision}, which is more exact; that "
            f"moves answers by up to {moved:.1e} in a probability, and is not counted here."
        )
        exact = picture_tf_export.inference(
            recipe.model.network, recipe.settings.model, recipe.preprocessor, precision
        )
        outputs = saved.outputs(exact, x)
    largest = _difference(recipe, answers, outputs)
    if not largest <= most:
        raise RuntimeError(f"The exported model's answers differ by {largest:g} in a probability.")
    part = "test" if len(recipe.prepared.test.y) else "validation"
    pictures = counted(len(x), f"{part} picture")
    return (
        f"Checked on {pictures}: the largest difference to the app's answers is {largest:.1e} in a "
        f"probability.{note}"
    )


def _difference(
    recipe: PictureRecipe, answers: Mapping[str, np.ndarray], outputs: NDArray[np.float32]
) -> float:
    own = _named(recipe, outputs)["probabilities"]
    return float(np.abs(answers["probabilities"] - own).max(initial=0.0))
