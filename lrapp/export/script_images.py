"""The first half of a run on pictures as code: reading the pictures and their split, in NumPy and Pillow."""

from lrapp.export.finished_image_run import ARCHIVE, PictureRecipe
from lrapp.export.finished_run import SPLIT
from lrapp.export.script_data import Cell, cells_text, literal
from lrapp.settings import UploadedSource

# Convolutions round differently in a loop of ours and in Keras's, and with every step the difference grows.
TOLERANCE = (
    "Batches, rates, initial weights, dropout and augmentation follow from the same seeds, so the losses of the first "
    "epochs agree in several digits. Rounding then adds up: figures agree within 2 points of accuracy (or two "
    "pictures, if that is more)."
)

_DIGITS = """\
found = load_digits()
pixels = np.rint(found.images * (255 / 16)).astype(np.uint8)[..., None]
labels = found.target"""

_FASHION = '''\
def read_idx(name):
    """The numbers of an IDX file."""
    with gzip.open(name) as file:
        data = file.read()
    shape = np.frombuffer(data, ">i4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


if os.path.exists("train-images-idx3-ubyte.gz"):
    images = [read_idx(f"{name}-images-idx3-ubyte.gz") for name in ("train", "t10k")]
    numbers = [read_idx(f"{name}-labels-idx1-ubyte.gz") for name in ("train", "t10k")]
else:
    images, numbers = zip(*keras.datasets.fashion_mnist.load_data())
pixels = np.concatenate(images)[..., None]
labels = np.concatenate(numbers).astype(int)'''

_READER = '''\
HEIGHT, WIDTH, CHANNELS = {shape}


def read_picture(file):
    """Return uint8, shape (HEIGHT, WIDTH, CHANNELS): the shorter side fits, the centre is cut out."""
    with Image.open(file, formats=("PNG", "JPEG", "GIF", "BMP", "WEBP")) as image:
        # A JPEG can be decoded at a half, a quarter or an eighth.
        image.draft(None, (2 * max(HEIGHT, WIDTH), 2 * max(HEIGHT, WIDTH)))
        try:
            image = ImageOps.exif_transpose(image)  # turned as its camera says
        except OSError:
            raise
        except Exception:
            pass  # a note of the camera that cannot be read
        if image.mode.startswith("I"):  # 16 bits of grey
            grey = (np.asarray(image).clip(0, 65535) / 257).round().astype(np.uint8)
            image = Image.fromarray(grey)
        elif image.has_transparency_data:  # on white
            coloured = image.convert("RGBA")
            image = Image.new("RGBA", coloured.size, "white")
            image.alpha_composite(coloured)
            image = image.convert("RGB")
        elif image.mode in ("P", "CMYK", "PA"):
            image = image.convert("RGB")
        image = image.convert("{mode}")
        factor = min(image.width / WIDTH, image.height / HEIGHT)
        left, top = (image.width - factor * WIDTH) / 2, (image.height - factor * HEIGHT) / 2
        box = (left, top, left + factor * WIDTH, top + factor * HEIGHT)
        fitted = image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
        return np.asarray(fitted, np.uint8).reshape(HEIGHT, WIDTH, CHANNELS)'''

_ZIP = f"""\
with open("{SPLIT}", encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
pixels = np.empty((len(rows), HEIGHT, WIDTH, CHANNELS), np.uint8)
with zipfile.ZipFile("{ARCHIVE}") as archive:
    entries = archive.infolist()
    for place, row in enumerate(rows):
        pixels[place] = read_picture(io.BytesIO(archive.read(entries[int(row["entry"])])))
labels = [row["class"] for row in rows]"""


def title(recipe: PictureRecipe) -> str:
    """Return the title of the script."""
    return f"Train a network that tells {len(recipe.prepared.classes)} classes of pictures apart"


def reader(shape: tuple[int, int, int]) -> str:
    """Return a function ``read_picture(file)`` that reads a picture as ``pixels.read_picture`` does.

    Args:
        shape: Height, width and channels.
    """
    return _READER.format(shape=", ".join(map(str, shape)), mode="L" if shape[2] == 1 else "RGB")


def reader_file(shape: tuple[int, int, int]) -> str:
    """Return ``reader`` as a file of its own; arguments as there."""
    return (
        '"""A picture\'s file -> the pixels that the network expects."""\n\n'
        f"import numpy as np\nfrom PIL import Image, ImageOps\n\n{reader(shape)}\n"
    )


def beginning_cell(recipe: PictureRecipe) -> Cell:
    """Return the step for what is imported, with a title."""
    source = recipe.settings.data.source
    standard, others = ["os"], ["import keras", "import numpy as np"]
    if isinstance(source, UploadedSource):
        standard += ["csv", "io", "zipfile"]
        others.append("from PIL import Image, ImageOps")
    elif source.name == "digits":
        others.append("from sklearn.datasets import load_digits")
    else:
        standard.append("gzip")
    imports = "\n".join(f"import {name}" for name in sorted(standard))
    return Cell(
        title(recipe),
        f"Repeats the run in plain Keras and NumPy. Run it in its own folder.\n{TOLERANCE}",
        f'{imports}\n\nos.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")\n\n' + "\n".join(others),
    )


def reading_cell(recipe: PictureRecipe) -> Cell:
    """Return the step for reading the pictures."""
    source = recipe.settings.data.source
    if isinstance(source, UploadedSource):
        return Cell(
            "Read the pictures",
            f"{ARCHIVE} is {cells_text(source.name)} as it was uploaded. {SPLIT} says which of its entries are used.",
            f"{reader(recipe.preprocessor.shape)}\n\n\n{_ZIP}",
        )
    if source.name == "digits":
        return Cell("Read the pictures", "The handwritten digits that come with scikit-learn.", _DIGITS)
    return Cell(
        "Read the pictures",
        "Fashion-MNIST. Keras downloads it once (31 MB); where its four files (train-images-idx3-ubyte.gz and so on) "
        "lie beside this, they are read instead.",
        _FASHION,
    )


def split_cell(recipe: PictureRecipe) -> Cell:
    """Return the step for the split and the classes."""
    prepared, weighted = recipe.prepared, recipe.prepared.train.weight is not None
    classes = list(prepared.classes)
    if recipe.archive is None:
        text = f"{SPLIT} says for each picture which part it is in."
        code = f'part = np.loadtxt("{SPLIT}", dtype=str, skiprows=1)\n'
    else:
        text = f"{SPLIT} says also which part each picture is in."
        code = 'part = np.array([row["part"] for row in rows])\n'
    code += f"classes = {literal(classes, 0)}\n"
    if recipe.archive is not None:
        code += "numbers = np.array([classes.index(label) for label in labels])\n"
    elif classes == list(recipe.known):
        code += "numbers = labels\n"
    else:
        code += (
            f"known = {literal(list(recipe.known), 0)}\n"
            "numbers = np.array([classes.index(name) if name in classes else -1 for name in known])[labels]\n"
        )
        text += " Pictures of other classes are in none."
    kind, shape = ("np.float32", "[:, None]") if prepared.task == "binary" else ("np.int32", "")
    code += (
        'train, validation, test = (part == name for name in ("train", "validation", "test"))\n'
        "x_train, x_validation, x_test = (pixels[rows] for rows in (train, validation, test))\n"
        "y_train, y_validation, y_test = (\n"
        f"    numbers[rows].astype({kind}){shape} for rows in (train, validation, test)\n)"
    )
    if weighted:
        text += " Pictures of rare classes weigh more, so that all classes weigh the same."
        code += (
            "\nrows_of = np.bincount(numbers[train], minlength=len(classes))\n"
            "weights = train.sum() / (np.count_nonzero(rows_of) * rows_of[numbers[train]])\n"
            "weights = weights.astype(np.float32)"
        )
    return Cell("Split them", text, code)
