"""What a person can take away from a finished run, made in the worker: each a zip in the run's folder."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lrapp.errors import UserError
from lrapp.runs import Run, Store, disk_errors, write_beside

if TYPE_CHECKING:
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
)


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


_MAKERS: dict[str, Callable[["Recipe", Path, Callable[[str], None]], None]] = {"code": _code}


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
