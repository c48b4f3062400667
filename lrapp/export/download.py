"""One download that holds all of a finished run, with a script that predicts."""

import io
import re
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from lrapp.errors import UserError
from lrapp.escaping import code, line
from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.runs import notes
from lrapp.runs.store import Run
from lrapp.settings import FileSource, PictureFileSource

# What a prediction needs at run time, with the versions that made the model.
_NEEDS = (
    "keras",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "pydantic",
    "skops",
    "threadpoolctl",
    "charset-normalizer",
    "python-calamine",
    "filelock",
    "pillow",
)
# Left by models of version 1.0 there is none.
_FORMATS = "formats.json"
_TABLE_FILES = ("model.keras", "preprocessor.skops", "preprocessor.json", "run.json", "scores.json")
_PICTURE_FILES = ("model.keras", "pictures.json", "run.json", "scores.json")

# The packages and modules of our own that the scripts below import.
_CODE = (
    *("__init__", "errors", "phrasing", "memory", "files"),
    *("policies", "tables", "settings", "images", "formats", "sandbox", "networks"),
    *("preparation/__init__", "preparation/clipping", "preparation/image_inputs", "preparation/preprocessor"),
    *("preparation/log_target", "preparation/robust_scaling"),
    *("evaluation/__init__", "evaluation/scores"),
    *("prediction/__init__", "prediction/files", "prediction/images", "prediction/row_predictions"),
    *("prediction/progress", "prediction/scoring", "prediction/summary"),
)

_SCRIPT = '''\
"""Predict with this model: python predict.py NEW.csv PREDICTIONS.csv"""

import argparse
import logging
import os
import sys
import tempfile
from pathlib import Path

logging.getLogger("lrapp").addHandler(logging.NullHandler())
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # as in training: with it the last digits differ

from lrapp.errors import UserError
from lrapp.files import put
from lrapp.formats import options
from lrapp.formats.match import Choice, UnclearFormat
from lrapp.prediction.files import CSV_FILE, predict_file


def main(source: Path, result: Path, choice: Choice) -> None:
    """Predict each row of a table, and write the table with the predictions beside it."""
    with source.open("rb"), tempfile.TemporaryDirectory(prefix=".predictions-", dir=result.parent) as beside:
        made = predict_file(Path(__file__).parent, source, source.name, Path(beside), choice=choice)
        put(Path(beside) / CSV_FILE, result)
    for note in made.notes:
        print(note)
    print(f"{made.rows} {'row is' if made.rows == 1 else 'rows are'} in {result}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Predict the rows of a table.")
    parser.add_argument("source", type=Path, metavar="NEW.csv", help="the rows to predict")
    parser.add_argument(
        "result", type=Path, metavar="PREDICTIONS.csv", help="where they go, with the predictions beside them"
    )
    options.add_to(parser)
    said = parser.parse_args()
    try:
        main(said.source, said.result, options.choice_of(said))
    except UnclearFormat as error:
        print(error, file=sys.stderr)
        sys.exit(options.UNCLEAR)
    except (UserError, OSError) as error:
        sys.exit(str(error))
'''

_PICTURE_SCRIPT = '''\
"""Predict with this model: python predict.py PICTURES PREDICTIONS.csv, where PICTURES is a file, a folder or a zip"""

import logging
import os
import sys
from pathlib import Path

logging.getLogger("lrapp").addHandler(logging.NullHandler())
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from lrapp.errors import UserError
from lrapp.tables.csv_writer import to_csv_bytes
from lrapp.prediction.images import predict_pictures
from lrapp.networks.saved import SavedModel


def main(source: str, result: str) -> None:
    """Tell what each picture shows, and write it down."""
    model = SavedModel.load(Path(__file__).parent)
    path = Path(source)
    paths = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    found = predict_pictures(model, [(str(p), p.read_bytes()) for p in paths])
    for note in found.notes:
        print(note)
    Path(result).write_bytes(to_csv_bytes(found.frame))
    pictures = len(found.frame)
    print(f"{pictures} {'picture is' if pictures == 1 else 'pictures are'} in {result}.")


if __name__ == "__main__":
    if len(sys.argv) != 3 or {"-h", "--help"} & set(sys.argv):
        sys.exit("Usage: python predict.py PICTURES PREDICTIONS.csv")
    try:
        main(*sys.argv[1:])
    except (UserError, OSError) as error:
        sys.exit(str(error))
'''

_README = """\
# {title}

Predicts {target}. {summary}

    pip install -r requirements.txt
    python predict.py {usage} PREDICTIONS.csv

{needs}

| file | what it is |
|---|---|
| model.keras | the network, as Keras saves it |
| {prepared} |
| run.json | the settings; `python -m lrapp run.json --out FOLDER{data}` trains it again |
| history_steps.csv, history_epochs.csv | loss and rate of each step, losses and metrics of each epoch |
| scores.json | what the model is worth on rows it never saw |
| lrapp/ | the code that reads tables and prepares them, as it was when the model was trained |
"""


def file_name(run: Run) -> str:
    """Return a name for the download that every system can write."""
    settings = run.settings
    wanted = notes.name_of(run) or f"{settings.data.target or 'model'}-{Path(settings.data.source.name).stem}"
    return (re.sub(r"[^A-Za-z0-9]+", "-", wanted).strip("-")[:60] or "model") + ".zip"


def pack(run: Run) -> bytes:
    """Return the download of a finished run, as a zip file.

    Raises:
        UserError: If the run left no model.
    """
    from lrapp.evaluation.scores import Scores
    from lrapp.preparation.preprocessor import needs

    if not run.model_path.exists():
        raise UserError("This run left no model. Resume it, or train it again.")
    pictures = run.settings.data.of_pictures
    files = _PICTURE_FILES if pictures else _TABLE_FILES
    missing = [name for name in files if not (run.folder / name).exists()]
    if missing:
        raise UserError(f"This run's folder is damaged: {missing[0]} is missing. Train the run again.")
    settings = run.settings
    history = run.history()
    scores = Scores.from_json(run.scores_path.read_bytes())
    source = settings.data.source
    of_file = ""
    if uploaded := isinstance(source, FileSource | PictureFileSource):
        of_file = f" Trained on {code(source.name)} (SHA-256 {source.sha256})."
    if pictures:
        told = PicturePreprocessor.load(run.folder)
        target, kind = (
            told.target,
            {
                "usage": "PICTURES",
                "needs": "PICTURES is a picture, a folder or a zip of them. The model tells apart: "
                f"{', '.join(map(code, told.classes))}.",
                "prepared": "pictures.json | size of the pictures that the network sees, and names of the classes",
            },
        )
    else:
        needed = needs(run.folder)
        columns = ", ".join(code(column.name) for column in needed.columns)
        target, kind = (
            needed.target,
            {
                "usage": "NEW.csv",
                "needs": f"NEW.csv needs these columns, in any order: {columns}.",
                "prepared": "preprocessor.skops, preprocessor.json, formats.json | how columns become inputs, fitted "
                "on training rows only, and how they were written",
            },
        )
    readme = _README.format(
        title=line(notes.name_of(run) or f"Model of {target}"),
        target=code(target),
        summary=line(scores.summary) + of_file,
        data=" --data FILE" if uploaded else "",
        **kind,
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        kept = (_FORMATS,) if (run.folder / _FORMATS).exists() else ()
        for name in (*files, *kept):
            # A .keras file is a zip already.
            method = zipfile.ZIP_STORED if name == "model.keras" else zipfile.ZIP_DEFLATED
            archive.write(run.folder / name, name, method)
        archive.writestr("history_steps.csv", history.step_frame().to_csv(index=False))
        archive.writestr("history_epochs.csv", history.epoch_frame().to_csv(index=False))
        archive.writestr("predict.py", _PICTURE_SCRIPT if pictures else _SCRIPT)
        archive.writestr("README.md", readme)
        archive.writestr("requirements.txt", _requirements())
        package = Path(__file__).parents[1]
        for path in sorted(_code(package)):
            archive.write(path, f"lrapp/{path.relative_to(package).as_posix()}")
    return packed.getvalue()


def _code(package: Path) -> Iterator[Path]:
    """The files of our own code that the scripts need."""
    for name in _CODE:
        path = package / name
        yield from path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]


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
