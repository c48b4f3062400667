"""One download that holds all of a finished run, with a script that predicts."""

import io
import re
import zipfile
from importlib.metadata import version
from pathlib import Path

from lrapp import about
from lrapp.errors import UserError
from lrapp.runs import Run
from lrapp.settings import FileSource

# What a prediction needs at run time, with the versions that made the model.
_NEEDS = (
    "keras",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "pydantic",
    "skops",
    "charset-normalizer",
    "python-calamine",
    "filelock",
)
_FILES = ("model.keras", "preprocessor.skops", "preprocessor.json", "run.json", "scores.json")

_SCRIPT = '''\
"""Predict with this model: python predict.py NEW.csv PREDICTIONS.csv"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # as in training: with it the last digits differ

from lrapp.errors import UserError
from lrapp.prediction import to_csv_bytes
from lrapp.saved import SavedModel


def main(source: str, result: str) -> None:
    """Read a table, predict each of its rows, and write them with the predictions beside them."""
    model = SavedModel.load(Path(__file__).parent)
    table = model.read(Path(source).read_bytes(), Path(source).name)
    predictions = model.predict(table)
    for note in (*table.notes, *predictions.notes):
        print(note)
    Path(result).write_bytes(to_csv_bytes(predictions.frame))
    print(f"{len(predictions.frame)} rows are in {result}.")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("Usage: python predict.py NEW.csv PREDICTIONS.csv")
    try:
        main(*sys.argv[1:])
    except (UserError, OSError) as error:
        sys.exit(str(error))
'''

_README = """\
# {title}

Predicts `{target}`. {summary}

    pip install -r requirements.txt
    python predict.py NEW.csv PREDICTIONS.csv

NEW.csv needs these columns, in any order: {columns}.

| file | what it is |
|---|---|
| model.keras | the network, as Keras saves it |
| preprocessor.skops, preprocessor.json | how columns become inputs, fitted on training rows only |
| run.json | the settings; `python -m lrapp run.json --out FOLDER --data TABLE.csv` trains it again |
| history_steps.csv, history_epochs.csv | loss and rate of each step, losses and metrics of each epoch |
| scores.json | what the model is worth on rows it never saw |
| lrapp/ | the code that reads tables and prepares them, as it was when the model was trained |
"""


def file_name(run: Run) -> str:
    """Return a name for the download that every system can write."""
    settings = run.settings
    wanted = about.name_of(run) or f"{settings.data.target}-{Path(settings.data.source.name).stem}"
    return (re.sub(r"[^A-Za-z0-9]+", "-", wanted).strip("-")[:60] or "model") + ".zip"


def pack(run: Run) -> bytes:
    """Return the download of a finished run, as a zip file.

    Raises:
        UserError: If the run left no model.
    """
    from lrapp.evaluation import Scores
    from lrapp.preprocessing import needs

    if not run.model_path.exists():
        raise UserError("This run left no model. Resume it, or train it again.")
    missing = [name for name in _FILES if not (run.folder / name).exists()]
    if missing:
        raise UserError(f"This run's folder is damaged: {missing[0]} is missing. Train the run again.")
    settings = run.settings
    needed = needs(run.folder)
    history = run.history()
    scores = Scores.from_json(run.scores_path.read_text("utf-8"))
    source = settings.data.source
    title = about.name_of(run) or f"Model of {settings.data.target}"
    readme = _README.format(
        title=title,
        target=needed.target,
        summary=scores.summary
        + (f" Trained on {source.name} (SHA-256 {source.sha256})." if isinstance(source, FileSource) else ""),
        columns=", ".join(f"`{column.name}`" for column in needed.columns),
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in _FILES:
            # A .keras file is a zip already.
            method = zipfile.ZIP_STORED if name == "model.keras" else zipfile.ZIP_DEFLATED
            archive.write(run.folder / name, name, method)
        archive.writestr("history_steps.csv", history.step_frame().to_csv(index=False))
        archive.writestr("history_epochs.csv", history.epoch_frame().to_csv(index=False))
        archive.writestr("predict.py", _SCRIPT)
        archive.writestr("README.md", readme)
        archive.writestr("requirements.txt", _requirements())
        package = Path(__file__).parent
        for path in sorted([*package.glob("*.py"), *package.glob("reading/*.py")]):
            archive.write(path, f"lrapp/{path.relative_to(package).as_posix()}")
    return packed.getvalue()


def _requirements() -> str:
    # As for the app: the CPU build where it exists.
    x86 = 'sys_platform == "linux" and platform_machine == "x86_64"'
    other = 'sys_platform == "linux" and platform_machine != "x86_64"'
    tensorflow = _tensorflow_version()
    lines = [
        f'tensorflow-cpu=={tensorflow}; ({x86}) or sys_platform == "win32"',
        f'tensorflow=={tensorflow}; ({other}) or sys_platform == "darwin"',
    ]
    return "\n".join([*lines, *(f"{name}=={version(name)}" for name in _NEEDS)]) + "\n"


def _tensorflow_version() -> str:
    from importlib.metadata import PackageNotFoundError

    for name in ("tensorflow-cpu", "tensorflow"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    raise UserError("TensorFlow is not installed; install requirements.txt first.")
