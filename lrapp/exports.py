"""What a person can take away from a finished run, made in the worker: each a zip in the run's folder."""

import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lrapp.errors import UserError
from lrapp.files import disk_errors, put, write_beside
from lrapp.phrasing import counted
from lrapp.reading.columns import Kind
from lrapp.runs import Run, Store

if TYPE_CHECKING:
    from lrapp.recipes import Recipe

Say = Callable[[str], None]
FOLDER = "exports"


@dataclass(frozen=True)
class Format:
    """Something to take away.

    Args:
        key: Its name in file names.
        title: What it is called on the page.
        about: A sentence on what it is for.
        packages: What has to be installed to make it, besides the app's own requirements.
    """

    key: str
    title: str
    about: str
    packages: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Packages that are not installed."""
        return tuple(name for name in self.packages if find_spec(name) is None)


FORMATS = (
    Format(
        "code",
        "Python code",
        "A readable script and a notebook that do this run again with pandas, scikit-learn and Keras alone. "
        "The table comes with them.",
    ),
    Format(
        "keras",
        "Keras model",
        "The network alone, as a .keras file, for those who write Python; a README and a JSON file say how the columns "
        "of the table become its inputs.",
    ),
    Format(
        "savedmodel",
        "TensorFlow SavedModel",
        "Takes the columns of a table as they are and answers in any program that runs TensorFlow, also TensorFlow "
        "Serving; the preprocessing is inside.",
    ),
    Format(
        "onnx",
        "ONNX",
        "One file that takes the columns of a table as they are and runs without TensorFlow in many languages; the "
        "preprocessing is inside.",
        ("onnx", "onnxruntime"),
    ),
    Format(
        "litert",
        "LiteRT",
        "A small .tflite file for phones and small devices. Numbers and dates go in as they are, categories as numbers "
        "from a list that comes with it.",
    ),
)
# Largest difference to the app's own answers, in probabilities or in standard deviations of the target.
MOST_DIFFERENCE = 1e-5
# The same for a format whose inputs are float32: 2024 or 0.1 have seven digits there.
MOST_DIFFERENCE_SINGLE = 1e-3
_COMPARING = "Comparing its answers with the app's …"


_OF_PICTURES = {
    "code": "A readable script and a notebook that do this run again with Keras and NumPy alone. Uploaded pictures "
    "come with them.",
    "keras": "The network alone, as a .keras file, for those who write Python, with a few lines that read pictures "
    "as the app does.",
    "savedmodel": "Takes the pixels of pictures and answers in any program that runs TensorFlow, also TensorFlow "
    "Serving.",
    "onnx": "One file that takes the pixels of pictures and runs without TensorFlow in many languages.",
    "litert": "A small .tflite file for phones and small devices; takes the pixels of pictures.",
}
PICTURE_FORMATS = tuple(replace(item, about=_OF_PICTURES[item.key]) for item in FORMATS)


def formats(run: Run) -> tuple[Format, ...]:
    """Return the formats that a run can be taken away in, with what they are for a table or for pictures."""
    return PICTURE_FORMATS if run.settings.data.of_pictures else FORMATS


def export_path(run: Run, format_: Format) -> Path:
    """Return where the zip of a format lies, or will."""
    return run.folder / FOLDER / f"{format_.key}.zip"


def progress_path(run: Run, format_: Format) -> Path:
    """Return the file that holds, while an export is made, a few words on what is going on."""
    return run.folder / FOLDER / f"{format_.key}.progress"


def export(folder: Path, home: Path, key: str) -> Path:
    """Make an export of a finished run and return its zip file.

    Args:
        folder: The run's folder.
        home: The store's folder, where uploaded files are kept.
        key: Which format.

    Raises:
        UserError: If the run left no model, its table is gone, a package is missing, or the format cannot hold
            what the run does.
    """
    run = Run(folder)
    format_ = next(item for item in FORMATS if item.key == key)
    if format_.missing:
        raise UserError(f"{format_.title} needs more packages: pip install {' '.join(format_.packages)}")
    target, progress = export_path(run, format_), progress_path(run, format_)
    with disk_errors():
        target.parent.mkdir(exist_ok=True)

    def say(text: str) -> None:
        write_beside(progress, text.encode(), "nothing")

    try:
        make = _maker(run, Store(home), key, say)
        with disk_errors(), tempfile.TemporaryDirectory(dir=target.parent) as beside:
            content = Path(beside) / "content"
            content.mkdir()
            make(content)
            say("Packing …")
            packed = Path(beside) / target.name
            _zip(content, packed)
            put(packed, target)
    finally:
        progress.unlink(missing_ok=True)
    return target


def _maker(run: Run, store: Store, key: str, say: Say) -> Callable[[Path], None]:
    """What writes a format into a folder, with all that it needs read."""
    if run.settings.data.of_pictures:
        from lrapp import picture_exports
        from lrapp.picture_recipes import picture_recipe

        say("Reading the pictures …")
        return partial(picture_exports.MAKERS[key], picture_recipe(run, store), say=say)
    from lrapp.recipes import recipe

    say("Reading and preparing the table …")
    return partial(_MAKERS[key], recipe(run, store), say=say)


def _zip(content: Path, packed: Path) -> None:
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(content.rglob("*")):
            # Pictures are packed already.
            how = zipfile.ZIP_STORED if path.suffix in (".zip", ".keras") else zipfile.ZIP_DEFLATED
            archive.write(path, path.relative_to(content).as_posix(), how)


def _code(recipe: "Recipe", content: Path, say: Say) -> None:
    from lrapp import code_data, codegen, escaping, readmes

    say("Writing the script …")
    readmes.write(content / "train.py", codegen.script(recipe))
    readmes.write(content / "train.ipynb", codegen.notebook(recipe))
    (content / recipe.reading.file).write_bytes(recipe.reading.data)
    (content / "split.csv").write_bytes(recipe.split)
    readmes.write(
        content / "requirements.txt", readmes.requirements("keras", "numpy", "pandas", "scikit-learn")
    )
    notes = ""
    if not recipe.reading.original:
        listed = "\n".join(f"- {escaping.line(note)}" for note in recipe.table_notes)
        notes = f"\n## What was done to the table before it became {recipe.reading.file}\n\n{listed}\n"
    readmes.write(
        content / "README.md",
        f"""\
# {escaping.line(codegen.cells_of(recipe)[0].title)}

    pip install -r requirements.txt
    python train.py

{escaping.line(recipe.scores.summary)}
{code_data.TOLERANCE}

| file | what it is |
|---|---|
| train.py | the whole run: reading, splitting, preprocessing, network, learning rate, training, measuring |
| train.ipynb | the same as a notebook |
| {recipe.reading.file} | the table |
| split.csv | which row is in which part |
{notes}""",
    )


def _keras(recipe: "Recipe", content: Path, say: Say) -> None:
    from lrapp import readmes

    say("Writing the network …")
    recipe.model.network.save(content / "model.keras")
    readmes.write(content / "inputs.json", readmes.as_json(readmes.inputs(recipe)))
    row = np.array2string(recipe.checked.x[0], separator=", ", threshold=sys.maxsize, max_line_width=100)
    example = (
        "import keras\nimport numpy as np\n\n"
        'network = keras.models.load_model("model.keras")\n'
        f"row = np.array(\n    {row.replace(chr(10), chr(10) + '    ')},\n    np.float32,\n)  # prepared\n"
        "answers = network.predict(row[None], verbose=0)"
    )
    readmes.write(content / "requirements.txt", readmes.requirements("keras", "numpy"))
    readmes.write(content / "README.md", readmes.of_network(recipe, example))


def _savedmodel(recipe: "Recipe", content: Path, say: Say) -> None:
    from lrapp import portable, readmes, tf_export

    plan = portable.portable(recipe.preprocessor)
    say("Writing the SavedModel …")
    tf_export.save(recipe.model, plan, content / "model")
    say(_COMPARING)
    columns = portable.raw_inputs(plan, recipe.frame.iloc[recipe.checked.rows])
    sentence = _compare(recipe, tf_export.run(content / "model", plan, columns))
    names = tf_export.input_names(plan)
    readmes.write(content / "requirements.txt", readmes.requirements())
    given = readmes.example(recipe, names, "tf.constant([{}], {})", ("tf.string", "tf.float64"))
    example = (
        "import tensorflow as tf\n\n"
        'serve = tf.saved_model.load("model").signatures["serving_default"]\n'
        f"answers = serve({given})"
    )
    about = "model/ is a TensorFlow SavedModel. Each input has the shape (rows,)."
    readmes.write(content / "README.md", readmes.of_columns(recipe, names, about, example, sentence))


def _onnx(recipe: "Recipe", content: Path, say: Say) -> None:
    from lrapp import onnx_export, portable, readmes

    plan = portable.portable(recipe.preprocessor)
    say("Writing the ONNX file …")
    (content / "model.onnx").write_bytes(onnx_export.build(recipe.model, plan).SerializeToString())
    say(_COMPARING)
    names = onnx_export.input_names(plan)
    columns = portable.raw_inputs(plan, recipe.frame.iloc[recipe.checked.rows])
    columns = {names[column]: values for column, values in columns.items()}
    sentence = _compare(recipe, onnx_export.run(content / "model.onnx", columns), in_float32=True)
    readmes.write(content / "requirements.txt", f"numpy\nonnxruntime=={version('onnxruntime')}\n")
    given = readmes.example(recipe, names, "np.array([[{}]], {})", ("object", "np.float64"), keys=True)
    example = (
        "import numpy as np\nimport onnxruntime\n\n"
        'session = onnxruntime.InferenceSession("model.onnx")\n'
        f"answers = session.run(None, {{{given}}})"
    )
    about = "model.onnx is an ONNX model (opset 20, ai.onnx.ml 3). Each input has the shape (rows, 1)."
    readmes.write(content / "README.md", readmes.of_columns(recipe, names, about, example, sentence))


def _litert(recipe: "Recipe", content: Path, say: Say) -> None:
    from lrapp import litert_export, portable, readmes

    plan = portable.portable(recipe.preprocessor)
    say("Converting to LiteRT …")
    (content / "model.tflite").write_bytes(litert_export.build(recipe.model, plan))
    say(_COMPARING)
    columns = portable.raw_inputs(plan, recipe.frame.iloc[recipe.checked.rows])
    given = litert_export.inputs(plan, columns)
    answers = litert_export.run(content / "model.tflite", given)
    sentence = _compare(recipe, answers, in_float32=True, most=MOST_DIFFERENCE_SINGLE)
    names = litert_export.input_names(plan)
    readmes.write(content / "columns.json", readmes.litert_columns(recipe, names))
    readmes.write(content / "requirements.txt", readmes.requirements())
    first = {name: (values[0], f"np.{values.dtype}") for name, values in given.items()}
    example = (
        "import numpy as np\nimport tensorflow as tf  # or, smaller: from ai_edge_litert import interpreter\n\n"
        'interpreter = tf.lite.Interpreter("model.tflite")  # there: interpreter.Interpreter("model.tflite")\n'
        "answer = interpreter.get_signature_runner()\n"
        f"answers = answer({readmes.arguments(first, 'np.array([{}], {})')})"
    )
    readmes.write(content / "README.md", readmes.of_litert(recipe, names, example, sentence))


_MAKERS: dict[str, Callable[..., None]] = {
    "code": _code,
    "keras": _keras,
    "savedmodel": _savedmodel,
    "onnx": _onnx,
    "litert": _litert,
}


def _compare(
    recipe: "Recipe",
    answers: Mapping[str, np.ndarray],
    in_float32: bool = False,
    most: float = MOST_DIFFERENCE,
) -> str:
    """Say how far an exported model's answers are from the app's.

    Args:
        recipe: The run.
        answers: For the rows that are checked.
        in_float32: The model computes in float32, whatever the run did.
        most: The largest difference that is not too much.

    Raises:
        UserError: If float32 has too few digits for the table's numbers, or the last digit decides.
        RuntimeError: If it is a defect of ours.
    """
    from lrapp import portable, saved, tf_export

    network, x, precision = recipe.model.network, recipe.checked.x, recipe.settings.training.precision
    note = ""
    outputs = saved.outputs(network, x)
    if in_float32 and precision != "float32":
        moved, unit = _difference(recipe, answers, outputs)
        note = (
            f" The app computes the hidden layers in {precision}, this file in float32, which is more exact; that "
            f"moves answers by up to {moved:.1e} {unit}, and is not counted here."
        )
        learned, ops = portable.layers(network), tf_export.Ops(np.float32)
        outputs = portable.in_portions(
            {"x": x}, lambda part: {"y": np.asarray(portable.answer(learned, part["x"], ops))}
        )["y"]
    largest, unit = _difference(recipe, answers, outputs)
    if not largest <= most:
        dates = any(column.kind is Kind.DATE for column in recipe.preprocessor.columns)
        if dates and recipe.settings.data.scaling == "quantile":
            raise UserError(
                "This run scales the parts of dates by quantiles, where the last digit of a sine can decide, and this "
                f"format computes that digit in another way: its answers were off by {largest:.1e} {unit}. Take the "
                "Python code, or train again with another scaling."
            )
        if most > MOST_DIFFERENCE:
            raise UserError(
                f"This format computes with 32-bit numbers, which have too few digits for this table: its answers "
                f"were off by {largest:.1e} {unit}. Take ONNX or the SavedModel."
            )
        raise RuntimeError(f"The exported model's answers differ by {largest:g} {unit}.")
    rows = counted(len(x), "row")
    return f"Checked on {rows}: the largest difference to the app's answers is {largest:.1e} {unit}.{note}"


def _difference(
    recipe: "Recipe", answers: Mapping[str, np.ndarray], outputs: np.ndarray
) -> tuple[float, str]:
    """The largest difference, and its unit."""
    told = recipe.preprocessor
    own = told.decode(outputs)
    if own.probabilities is None:
        off = np.abs(answers["prediction"].ravel() - own.values.astype(np.float64)) / told.target_scale
        return float(off.max(initial=0.0)), "standard deviations of the target"
    return float(np.abs(answers["probabilities"] - own.probabilities).max(initial=0.0)), "in a probability"
