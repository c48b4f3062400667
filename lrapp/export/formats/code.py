"""Python code: a script and a notebook that repeat the run without this package."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from lrapp.export.exporter import Built, Exporter, Maker
from lrapp.export.finished_image_run import ARCHIVE, PictureRecipe
from lrapp.export.finished_run import INITIAL, SPLIT, Recipe
from lrapp.settings import DATA_KINDS


def _table(recipe: Recipe, folder: Path) -> Built:
    file = recipe.reading.file
    (folder / file).write_bytes(recipe.reading.data)
    listed, changed = f"| {file} | the table |\n", f"the table before it became {file}"
    notes = () if recipe.reading.original else recipe.table_notes
    return _written(recipe, folder, listed, changed, notes, ("pandas", "scikit-learn"))


def _pictures(recipe: PictureRecipe, folder: Path) -> Built:
    listed, needs = "", ("scikit-learn",) if recipe.settings.data.source.name == "digits" else ()
    if recipe.archive is not None:
        shutil.copyfile(recipe.archive, folder / ARCHIVE)
        listed, needs = f"| {ARCHIVE} | the pictures, as they were uploaded |\n", ("pillow",)
    return _written(recipe, folder, listed, "the pictures", recipe.prepared.notes, needs)


def _written(
    recipe: Recipe | PictureRecipe,
    folder: Path,
    listed: str,
    changed: str,
    notes: Sequence[str],
    needs: tuple[str, ...],
) -> Built:
    from lrapp.export import kinds, readmes, script

    kind = kinds.of(recipe.prepared.kind)
    readmes.write(folder / "train.py", script.script(recipe))
    readmes.write(folder / "train.ipynb", script.notebook(recipe))
    (folder / SPLIT).write_bytes(recipe.split)
    if (initial := recipe.initial) is not None:
        (folder / INITIAL).write_bytes(initial)
        listed += f"| {INITIAL} | the weights that the run began with: those of an earlier run |\n"
    text = f"""\
# {readmes.line(script.cells_of(recipe)[0].title)}

    pip install -r requirements.txt
    python train.py

{readmes.line(recipe.worth)}
{kind.tolerance}

| file | what it is |
|---|---|
| train.py | the whole run: {kind.steps}, network, learning rate, \
training, measuring |
| train.ipynb | the same as a notebook |
{listed}| {SPLIT} | which {DATA_KINDS[recipe.prepared.kind].unit} is in which part |
"""
    if notes:
        text += f"\n## Preparation of {changed}\n\n" + "".join(f"- {readmes.line(note)}\n" for note in notes)
    return Built(("tensorflow", "keras", "numpy", *needs), lambda _: text)


EXPORTER = Exporter(
    key="code",
    title="Python code",
    whom="To read, repeat or change the training: a script and a notebook.",
    doing="Writing the script …",
    makers={
        "table": Maker(
            "A readable script and a notebook that repeat this run with pandas, scikit-learn and Keras alone. The "
            "table comes with them.",
            _table,
        ),
        "pictures": Maker(
            "A readable script and a notebook that repeat this run with Keras and NumPy alone. Uploaded "
            "pictures come with them.",
            _pictures,
        ),
    },
)
