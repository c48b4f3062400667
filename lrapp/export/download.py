"""One download that holds all of a finished run, with a script that predicts."""

import io
import re
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from lrapp.errors import UserError
from lrapp.escaping import code, line
from lrapp.export import kinds
from lrapp.prediction import disagreement
from lrapp.preparation import threshold
from lrapp.runs import notes
from lrapp.runs.store import Run
from lrapp.settings import UploadedSource

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
# Models of version 1.0 have no such file.
_FORMATS = "formats.json"
_OPTIONAL = (_FORMATS, threshold.FILE)
_FILES = ("model.keras", "run.json", "scores.json")

# Our packages and modules that the scripts below import.
_CODE = (
    *("__init__", "errors", "phrasing", "free_memory", "files", "pacing"),
    *("policies", "tables", "settings", "images", "column_formats", "sandbox", "networks"),
    *("preparation/__init__", "preparation/clipping", "preparation/image_inputs", "preparation/preprocessor"),
    *("preparation/fitted", "preparation/kinds"),
    *("preparation/log_target", "preparation/robust_scaling", "preparation/threshold"),
    *("evaluation/__init__", "evaluation/metrics", "evaluation/scores"),
    *("prediction/__init__", "prediction/files", "prediction/images", "prediction/row_predictions"),
    *("prediction/disagreement", "prediction/progress", "prediction/scoring", "prediction/summary"),
)

# Of an ensemble.
_SPREAD = f"The column `{disagreement.COLUMN}`: {disagreement.ABOUT}"

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
{scores}| lrapp/ | the code that reads tables and prepares them, as it was when the model was trained |
"""

_SCORES = "| scores.json | test results, on rows that training never saw |\n"


def file_name(run: Run) -> str:
    """Return a file name for the download that is valid on every system."""
    settings = run.settings
    wanted = notes.name_of(run) or f"{settings.data.target or 'model'}-{Path(settings.data.source.name).stem}"
    return (re.sub(r"[^A-Za-z0-9]+", "-", wanted).strip("-")[:60] or "model") + ".zip"


def pack(run: Run) -> bytes:
    """Return the download of a finished run, as a zip file.

    Raises:
        UserError: If the run left no model.
    """
    from lrapp.evaluation.scores import Scores
    from lrapp.export.finished_run import worth

    if not run.model_path.exists():
        raise UserError("This run left no model. Resume it, or train it again.")
    kind = kinds.of(run.settings.data.kind)
    settings = run.settings
    model_file, *others = _FILES[:-1] if settings.data.all_rows else _FILES
    files = (model_file, *kind.download.files, *others)
    missing = [name for name in files if not (run.folder / name).exists()]
    if missing:
        raise UserError(f"This run's folder is damaged: {missing[0]} is missing. Train the run again.")
    history = run.history()
    several = settings.leaves_ensemble and (history.chosen is None or history.chosen.leaves_several)
    scores = None if settings.data.all_rows else Scores.from_json(run.scores_path.read_bytes())
    source = settings.data.source
    of_file = ""
    if uploaded := isinstance(source, UploadedSource):
        of_file = f" Trained on {code(source.name)} (SHA-256 {source.sha256})."
    about = kind.download.about(run.folder)
    readme = _README.format(
        title=line(notes.name_of(run) or f"Model of {about.target}"),
        target=code(about.target),
        summary=line(worth(settings, scores)) + of_file,
        data=" --data FILE" if uploaded else "",
        usage=kind.download.usage,
        needs=f"{about.needs} {_SPREAD}".strip() if several else about.needs,
        prepared=kind.download.listed,
        scores="" if scores is None else _SCORES,
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        kept = tuple(name for name in _OPTIONAL if (run.folder / name).exists())
        for name in (*files, *kept):
            # A .keras file is a zip already.
            method = zipfile.ZIP_STORED if name == "model.keras" else zipfile.ZIP_DEFLATED
            archive.write(run.folder / name, name, method)
        archive.writestr("history_steps.csv", history.step_frame().to_csv(index=False))
        archive.writestr("history_epochs.csv", history.epoch_frame().to_csv(index=False))
        archive.writestr("predict.py", kind.download.script)
        archive.writestr("README.md", readme)
        archive.writestr("requirements.txt", _requirements())
        package = Path(__file__).parents[1]
        for path in sorted(_code(package, kind.download.code)):
            archive.write(path, f"lrapp/{path.relative_to(package).as_posix()}")
    return packed.getvalue()


def _code(package: Path, more: tuple[str, ...]) -> Iterator[Path]:
    """The files of our own code that the scripts need."""
    for name in (*_CODE, *more):
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
