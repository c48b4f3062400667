"""What a person can take away from a finished run, made in the worker: each a zip in the run's folder."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lrapp.errors import UserError
from lrapp.reading.columns import Kind
from lrapp.runs import Run, Store, disk_errors, write_beside

if TYPE_CHECKING:
    from lrapp.prepare import Part
    from lrapp.recipes import Recipe

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
)
# Largest difference to the app's own answers, in probabilities or in standard deviations of the target.
MOST_DIFFERENCE = 1e-5


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
        write_beside(progress, text.encode())

    try:
        say("Reading and preparing the table …")
        from lrapp.recipes import recipe

        made = recipe(run, Store(home))
        with disk_errors(), tempfile.TemporaryDirectory(dir=target.parent) as beside:
            content = Path(beside) / "content"
            content.mkdir()
            _MAKERS[key](made, content, say)
            say("Packing …")
            packed = Path(beside) / target.name
            _zip(content, packed)
            shutil.move(packed, target)
    finally:
        progress.unlink(missing_ok=True)
    return target


def _zip(content: Path, packed: Path) -> None:
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(content.rglob("*")):
            archive.write(path, path.relative_to(content).as_posix())


def _code(recipe: "Recipe", content: Path, say: Callable[[str], None]) -> None:
    from lrapp import code_data, codegen

    say("Writing the script …")
    _write(content / "train.py", codegen.script(recipe))
    _write(content / "train.ipynb", codegen.notebook(recipe))
    (content / recipe.reading.file).write_bytes(recipe.reading.data)
    (content / "split.csv").write_bytes(recipe.split)
    _write(content / "requirements.txt", _requirements("keras", "numpy", "pandas", "scikit-learn"))
    notes = ""
    if not recipe.reading.original:
        listed = "\n".join(f"- {_line(note)}" for note in recipe.table_notes)
        notes = f"\n## What was done to the table before it became {recipe.reading.file}\n\n{listed}\n"
    _write(
        content / "README.md",
        f"""\
# {codegen.cells_of(recipe)[0].title}

    pip install -r requirements.txt
    python train.py

{_line(recipe.scores.summary)}
{code_data.TOLERANCE}

| file | what it is |
|---|---|
| train.py | the whole run: reading, splitting, preprocessing, network, learning rate, training, measuring |
| train.ipynb | the same as a notebook |
| {recipe.reading.file} | the table |
| split.csv | which row is in which part |
{notes}""",
    )


def _savedmodel(recipe: "Recipe", content: Path, say: Callable[[str], None]) -> None:
    from lrapp import portable, tf_export

    plan = portable.portable(recipe.model.preprocessor)
    say("Writing the SavedModel …")
    tf_export.save(recipe.model, plan, content / "model")
    say("Comparing its answers with the app's …")
    rows = _checked_rows(recipe)
    columns = portable.raw_inputs(plan, recipe.frame.iloc[rows.rows])
    sentence = _compare(recipe, rows.x, tf_export.run(content / "model", plan, columns))
    names = tf_export.input_names(plan)
    _write(content / "requirements.txt", _requirements())
    example = (
        'serve = tf.saved_model.load("model").signatures["serving_default"]\n'
        f"answers = serve({_example(recipe, names, 'tf.constant([{}], {})', ('tf.string', 'tf.float64'))})"
    )
    about = "model/ is a TensorFlow SavedModel. Each input has the shape (rows,)."
    _write(
        content / "README.md",
        _model_readme(recipe, names, about, f"import tensorflow as tf\n\n{example}", sentence),
    )


def _onnx(recipe: "Recipe", content: Path, say: Callable[[str], None]) -> None:
    from lrapp import onnx_export, portable

    plan = portable.portable(recipe.model.preprocessor)
    say("Writing the ONNX file …")
    (content / "model.onnx").write_bytes(onnx_export.build(recipe.model, plan).SerializeToString())
    say("Comparing its answers with the app's …")
    rows = _checked_rows(recipe)
    columns = portable.raw_inputs(plan, recipe.frame.iloc[rows.rows])
    sentence = _compare(recipe, rows.x, onnx_export.run(content / "model.onnx", columns))
    names = {column.name: column.name for column in plan.columns}
    _write(content / "requirements.txt", f"numpy\nonnxruntime=={version('onnxruntime')}\n")
    example = (
        'session = onnxruntime.InferenceSession("model.onnx")\n'
        "answers = session.run(None, "
        f"{{{_example(recipe, names, 'np.array([[{}]], {})', ('object', 'np.float64'), keys=True)}}})"
    )
    about = "model.onnx is an ONNX model (opset 20, ai.onnx.ml 3). Each input has the shape (rows, 1)."
    _write(
        content / "README.md",
        _model_readme(recipe, names, about, f"import numpy as np\nimport onnxruntime\n\n{example}", sentence),
    )


_MAKERS: dict[str, Callable[["Recipe", Path, Callable[[str], None]], None]] = {
    "code": _code,
    "savedmodel": _savedmodel,
    "onnx": _onnx,
}


def _checked_rows(recipe: "Recipe") -> "Part":
    prepared = recipe.prepared
    return prepared.test if len(prepared.test.y) else prepared.validation


def _compare(recipe: "Recipe", x: np.ndarray, answers: Mapping[str, np.ndarray]) -> str:
    """Say how far an exported model's answers are from the app's; too far is a defect of ours."""
    from lrapp import saved

    told = recipe.model.preprocessor
    own = told.decode(saved.outputs(recipe.model.network, x))
    if own.probabilities is None:
        difference = np.abs(answers["prediction"].ravel() - own.values.astype(np.float64)) / told.target_scale
        unit = "standard deviations of the target"
    else:
        difference = np.abs(answers["probabilities"] - own.probabilities)
        unit = "in a probability"
    largest = float(difference.max(initial=0.0))
    if not largest <= MOST_DIFFERENCE:
        raise RuntimeError(f"The exported model's answers differ by {largest:g} {unit}.")
    return f"Checked on {len(x):,} rows: the largest difference to the app's answers is {largest:.1e} {unit}."


def _example(
    recipe: "Recipe", names: Mapping[str, str], call: str, kinds: tuple[str, str], keys: bool = False
) -> str:
    """The first row that was checked, as arguments or as a dict's items."""
    from lrapp.portable import raw_inputs

    row = recipe.frame.iloc[_checked_rows(recipe).rows[:1]]
    parts = []
    for name, values in raw_inputs(recipe.model.preprocessor, row).items():
        value = values[0]
        text = repr(value) if isinstance(value, str) else repr(float(value)).replace("nan", 'float("nan")')
        made = call.format(text, kinds[0] if isinstance(value, str) else kinds[1])
        parts.append(f"    {names[name]!r}: {made}," if keys else f"    {names[name]}={made},")
    return "\n" + "\n".join(parts) + "\n"


def _model_readme(recipe: "Recipe", names: Mapping[str, str], about: str, example: str, sentence: str) -> str:
    told = recipe.model.preprocessor
    meaning = {
        Kind.NUMBER: ("number (float64)", "a gap is NaN"),
        Kind.DATE: ("number (float64)", "seconds since 1970-01-01, UTC; a gap is NaN"),
        Kind.YES_NO: ("text", "a gap is an empty text; one of: "),
        Kind.CATEGORY: ("text", "a gap is an empty text; known: "),
    }
    lines = []
    for column in told.columns:
        kind, note = meaning[column.kind]
        if column.values:
            shown = [value for value in column.values if value][:20]
            note += ", ".join(map(_code_span, shown)) + (" …" if len(column.values) > len(shown) + 1 else "")
        lines.append(f"| {_code_span(names[column.name])} | {_code_span(column.name)} | {kind} | {note} |")
    outputs = "`prediction`, in the target's own units"
    if told.classes:
        order = ", ".join(map(_code_span, told.classes[:50]))
        outputs = f"`prediction`, the name of a class, and `probabilities`, in this order: {order}"
    listed = "\n".join(lines)
    return f"""\
# A model that predicts {_code_span(told.target)}

{about} Preprocessing is inside: give the columns as they stand in the table.
{_line(recipe.scores.summary)}
{sentence}

| input | column | type | values |
|---|---|---|---|
{listed}

Texts are compared letter by letter; a category that training never saw counts as a rare one.
It answers with {outputs}.

```python
{example}
```
"""


def _code_span(text: str) -> str:
    """A text from a file that stays in its cell of a Markdown table."""
    return "`" + " ".join(text.replace("`", "'").replace("|", "¦").split()) + "`"


def _requirements(*names: str) -> str:
    """The packages with the versions that made the model."""
    for tensorflow in ("tensorflow-cpu", "tensorflow"):
        try:
            first = f"tensorflow=={version(tensorflow)}"
            break
        except PackageNotFoundError:
            continue
    return "\n".join([first, *(f"{name}=={version(name)}" for name in names)]) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", errors="replace", newline="\n")
