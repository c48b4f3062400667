"""Exports of a finished run, made in the worker: each a zip in the run's folder."""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lrapp.errors import UserError
from lrapp.export import kinds
from lrapp.export.exporter import Arrays, Exporter, Maker
from lrapp.export.finished_run import FinishedRun
from lrapp.export.formats import code, int8, keras, litert, litert_int8, onnx, savedmodel
from lrapp.files import disk_errors, put
from lrapp.phrasing import counted, number
from lrapp.progress import NOBODY, Watch
from lrapp.runs.store import Run, Store
from lrapp.settings import DATA_KINDS, DataKind

# In the order in which the page offers them: what most people want comes first.
EXPORTERS = (
    *(code.EXPORTER, onnx.EXPORTER, keras.EXPORTER, savedmodel.EXPORTER),
    *(litert.EXPORTER, litert_int8.EXPORTER, int8.EXPORTER),
)
FOLDER = "exports"


def formats(run: Run) -> tuple[Exporter, ...]:
    """Return the formats that a run can be exported in."""
    kind = run.settings.data.kind
    return tuple(exporter for exporter in EXPORTERS if maker(exporter, kind) is not None)


def maker(exporter: Exporter, kind: DataKind) -> Maker | None:
    """Return how a format is made of runs on a kind of data; None where it cannot be."""
    return exporter.makers.get(kind) or kinds.of(kind).makers.get(exporter.key)


def about(exporter: Exporter, run: Run) -> str:
    """Return a sentence on what a format of a run is for."""
    made = maker(exporter, run.settings.data.kind)
    return made.about if made is not None else ""


def export_path(run: Run, exporter: Exporter) -> Path:
    """Return the path of a format's zip, which may not exist yet."""
    return run.folder / FOLDER / f"{exporter.key}.zip"


def export(folder: Path, home: Path, key: str, watch: Watch = NOBODY) -> Path:
    """Make an export of a finished run and return its zip file.

    Raises:
        UserError: If the run left no model, its data are gone, a package is missing, the format cannot hold what the
            run does, or it was stopped.
    """
    run = Run(folder)
    exporter = next(item for item in EXPORTERS if item.key == key)
    if exporter.missing:
        raise UserError(f"{exporter.title} needs more packages: pip install {' '.join(exporter.packages)}")
    target = export_path(run, exporter)
    with disk_errors():
        target.parent.mkdir(exist_ok=True)

    def say(text: str) -> None:
        watch.check("The export was stopped. Make it again to have it.")
        watch.tell(text)

    kind = kinds.of(run.settings.data.kind)
    say(kind.reading)
    finished = kind.finished(run, Store(home))
    with disk_errors(), tempfile.TemporaryDirectory(dir=target.parent) as beside:
        content = Path(beside) / "content"
        content.mkdir()
        _fill(content, exporter, finished, say)
        say("Packing …")
        packed = Path(beside) / target.name
        _zip(content, packed)
        put(packed, target)
    return target


def _fill(content: Path, exporter: Exporter, finished: FinishedRun, say: Callable[[str], None]) -> None:
    """Write a format into a folder, and check its predictions."""
    from lrapp.export import readmes

    say(exporter.doing)
    made = maker(exporter, finished.prepared.kind)
    if made is None:
        title = DATA_KINDS[finished.prepared.kind].title
        raise UserError(f"A run on {title} cannot be exported as {exporter.title}. Choose another format.")
    built, sentence = made.build(finished, content), ""
    if built.ask is not None:
        say("Comparing its predictions with the app's …")
        sentence = _compare(finished, built.ask(), built.most, exporter.in_float32)
    readmes.write(content / "requirements.txt", readmes.requirements(built.needs))
    readmes.write(content / "README.md", built.readme(sentence))


def _zip(content: Path, packed: Path) -> None:
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(content.rglob("*")):
            # Pictures are compressed already.
            how = zipfile.ZIP_STORED if path.suffix in (".zip", ".keras") else zipfile.ZIP_DEFLATED
            archive.write(path, path.relative_to(content).as_posix(), how)


def _compare(finished: FinishedRun, answers: Arrays, most: float, in_float32: bool) -> str:
    """Return a sentence on how far an exported model's predictions are from the app's.

    Raises:
        UserError: If float32 has too few digits for the table's numbers, or the last digit decides.
        RuntimeError: If it is a defect of ours.
    """
    from lrapp.networks import saved

    x, precision, note = finished.checked.x, finished.settings.training.precision, ""
    outputs = saved.outputs(finished.model.network, x)
    if in_float32 and precision != "float32":
        note = (
            f" The app computes the hidden layers in {precision}, this file in float32, which is more exact; that "
            f"moves answers by up to {_difference(finished, answers, outputs)[1]}, and is not counted here."
        )
        outputs = saved.outputs(finished.answering("float32"), x)
    largest, text = _difference(finished, answers, outputs)
    if not largest <= most:
        explained = kinds.of(finished.prepared.kind).explain(finished, most, text)
        raise explained or RuntimeError(f"The exported model's answers differ by {text}.")
    rows = counted(len(x), kinds.of(finished.prepared.kind).checked.format(part=finished.checked_part))
    return f"Checked on {rows}: the largest difference to the app's answers is {text}.{note}"


def _difference(finished: FinishedRun, answers: Arrays, outputs: np.ndarray) -> tuple[float, str]:
    """The largest difference between answers and what the app makes of a network's outputs; also in words."""
    preprocessor = finished.model.preprocessor
    own = preprocessor.decode(outputs)
    if "outputs" in answers:
        found = preprocessor.decode(answers["outputs"])
        answers = {"prediction": found.values, "probabilities": np.asarray(found.probabilities)}
    if own.probabilities is None:
        off = (answers["prediction"].ravel() - own.values.astype(np.float64)) / preprocessor.target_scale
        unit = "standard deviations of the target"
    else:
        off, unit = answers["probabilities"] - own.probabilities, "in a probability"
    largest = float(np.abs(off).max(initial=0.0))
    return largest, f"{number(largest, 2)} {unit}"
