"""What is exported of a run on pictures."""

from pathlib import Path

from lrapp.escaping import code
from lrapp.export import script_images
from lrapp.export.finished_image_run import PictureRecipe, picture_recipe
from lrapp.export.kinds import Download, KindExports, Predicts
from lrapp.export.script_data import Cell
from lrapp.preparation.image_inputs import JSON_FILE, PicturePreprocessor
from lrapp.settings import DataSettings

_SCRIPT = '''\
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
    """Predict the class of each picture, and write the predictions."""
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


def _about(folder: Path) -> Predicts:
    preprocessor = PicturePreprocessor.load(folder)
    return Predicts(
        preprocessor.target,
        "PICTURES is a picture, a folder or a zip of them. The model distinguishes: "
        f"{', '.join(map(code, preprocessor.classes))}.",
    )


def _purpose(data: DataSettings, classes: int) -> str:
    return f"Distinguishes {f'{classes:,} ' if classes else ''}classes of pictures: {data.title}."


def _cells(finished: PictureRecipe) -> tuple[Cell, ...]:
    return (
        script_images.beginning_cell(finished),
        script_images.reading_cell(finished),
        script_images.split_cell(finished),
    )


KIND = KindExports(
    reading="Reading the pictures …",
    finished=picture_recipe,
    cells=_cells,
    steps="reading, splitting",
    tolerance=script_images.TOLERANCE,
    rows_at_once=256,
    checked="{part} picture",
    purpose=_purpose,
    download=Download(
        files=(JSON_FILE,),
        listed="pictures.json | size of the pictures that the network sees, and names of the classes",
        script=_SCRIPT,
        usage="PICTURES",
        about=_about,
    ),
)
