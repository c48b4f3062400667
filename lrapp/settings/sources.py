"""Where data come from, and what is known of each kind of data before any are read.

A source says of which kind its data are; ``DATA_KINDS`` has the facts of each kind. What a package does with a kind
stands in that package's folder ``kinds``, in a module with the kind's name (``settings.kinds`` finds it).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

from pydantic import Field

from lrapp.settings.base import SettingsModel

if TYPE_CHECKING:
    from lrapp.settings.data import DataSettings

DataKind = Literal["table", "pictures"]


@dataclass(frozen=True)
class KindFacts:
    """Facts about a kind of data, known before any are read.

    Args:
        title: Name of such data in sentences.
        unit: One item of the data: a row or a picture.
        model_file: What lies beside a model of this kind, and beside no other.
        suffixes: How the names of such files end.
        begins: How such a file begins; empty where nothing tells, and any file may be one.
        needs, advice: How a sentence begins on an upload that takes too much to be read, and what to do about it.
        target: What is predicted where there is no choice; else None.
        pixels: Whether each has height and width.
        flat: Whether each is a line of numbers to a network.
    """

    title: str
    label: str
    unit: str
    model_file: str
    upload: str
    suffixes: tuple[str, ...]
    begins: bytes
    needs: str
    advice: str
    target: str | None = None
    pixels: bool = False
    flat: bool = False

    @property
    def units(self) -> str:
        """The plural of ``unit``."""
        return f"{self.unit}s"


# The first is the usual one: what no other kind claims is a table.
DATA_KINDS: dict[DataKind, KindFacts] = {
    "table": KindFacts(
        title="a table",
        label="Table",
        unit="row",
        flat=True,
        model_file="preprocessor.json",
        upload="a table",
        suffixes=(
            "csv",
            "tsv",
            "txt",
            "tab",
            "dat",
            "data",
            "gz",
            "zip",
            "xlsx",
            "xls",
            "xlsm",
            "xlsb",
            "ods",
        ),
        begins=b"",
        needs="This file needs",
        advice="Save it as CSV, or with fewer rows or columns.",
    ),
    "pictures": KindFacts(
        title="pictures",
        label="Pictures",
        unit="picture",
        model_file="pictures.json",
        upload="a zip of pictures",
        suffixes=("zip",),
        begins=b"PK\x03\x04",
        needs="These pictures need",
        advice="Pack the pictures again, fewer or smaller ones.",
        target="class",
        pixels=True,
    ),
}


class DataSource(SettingsModel):
    """Where data come from."""

    kind: ClassVar[DataKind]

    type: str
    name: str

    @property
    def title(self) -> str:
        """What the data are called."""
        return self.name

    def summary(self, target: str | None) -> str:
        """Return what is learned from it, in short."""
        return f"{target or 'no target'} from {self.name}"

    def likely_shape(self, data: "DataSettings") -> tuple[int, ...]:
        """Return the shape of one row's inputs, as far as it is known before the data are read."""
        return (1,)


class UploadedSource(DataSource):
    """An uploaded file, known by its content, so that settings never hold a path of somebody's machine."""

    name: str = Field(
        description="The file's name as uploaded; only shown, never used as a path.", max_length=500
    )
    sha256: str = Field(description="SHA-256 of the file's bytes, in hexadecimal.", pattern=r"^[0-9a-f]{64}$")


class SampleSource(DataSource):
    """One of the tables that come with the app."""

    kind: ClassVar[DataKind] = "table"

    type: Literal["sample"] = "sample"
    name: str = Field(description="File name in sample_data, for example penguins.csv.", max_length=200)


class FileSource(UploadedSource):
    """An uploaded table."""

    kind: ClassVar[DataKind] = "table"

    type: Literal["file"] = "file"


_SETS = {"fashion-mnist": ("Fashion-MNIST", (28, 28, 1)), "digits": ("Handwritten digits", (8, 8, 1))}


class PicturesSource(DataSource):
    """A set of pictures that comes with the app or that it knows where to get."""

    kind: ClassVar[DataKind] = "pictures"

    type: Literal["pictures"] = "pictures"
    name: Literal["fashion-mnist", "digits"] = Field(
        title="Pictures",
        description="Fashion-MNIST, or the small handwritten digits that come with scikit-learn.",
    )

    @property
    def title(self) -> str:
        """What the set is called."""
        return _SETS[self.name][0]

    def summary(self, target: str | None) -> str:
        """Return what is learned from them, in short."""
        return self.title

    def likely_shape(self, data: "DataSettings") -> tuple[int, ...]:
        """Return the shape of one picture."""
        return _SETS[self.name][1]


class PictureFileSource(UploadedSource):
    """An uploaded zip of pictures with a folder for each class."""

    kind: ClassVar[DataKind] = "pictures"

    type: Literal["picture file"] = "picture file"

    def summary(self, target: str | None) -> str:
        """Return what is learned from them, in short."""
        return f"Pictures of {self.name}"

    def likely_shape(self, data: "DataSettings") -> tuple[int, ...]:
        """Return the shape of one picture; whether it has colours is known once the pictures are read."""
        size = data.pictures.size
        return size, size, 1 if data.pictures.color == "grey" else 3


AnySource = SampleSource | FileSource | PicturesSource | PictureFileSource
Source = Annotated[AnySource, Field(discriminator="type")]
SOURCES: tuple[type[AnySource], ...] = get_args(AnySource)


def upload_of(kind: DataKind, name: str, sha256: str) -> "Source":
    """Return the source of an uploaded file, by the SHA-256 of its bytes."""
    made = next(one for one in SOURCES if issubclass(one, UploadedSource) and one.kind == kind)
    return made(name=name, sha256=sha256)
