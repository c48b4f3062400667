"""Export formats: how their files are made, described, run and compared with the app."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from lrapp.export.finished_image_run import PictureRecipe
from lrapp.settings import DataKind

Arrays = Mapping[str, np.ndarray]
# Largest difference to the app's own answers, in probabilities or in standard deviations of the target.
MOST_DIFFERENCE = 1e-5
# The same for pictures: every runtime takes the sums over the windows of convolutions in another order.
MOST_DIFFERENCE_PICTURES = 1e-4
NAMES = "`prediction`, the name of a class, and `probabilities`, in the order below"


@dataclass(frozen=True)
class Built:
    """The files of an export, once they are built.

    Args:
        needs: Packages that they are used with, for requirements.txt.
        readme: Returns the README, given a sentence on how their answers compare with the app's.
        ask: Returns their outputs for the rows that are checked: ``prediction`` (numbers) or ``probabilities``, or,
            as ``outputs``, what the network gives. None where they answer nothing.
        most: Largest difference to the app's own answers that is not too much.
    """

    needs: tuple[str, ...]
    readme: Callable[[str], str]
    ask: Callable[[], Arrays] | None = None
    most: float = MOST_DIFFERENCE

    def rounded(self, told: str, ask: Callable[[], Arrays] | None = None) -> "Built":
        """Return the export of a model whose weights are rounded, which may move its answers by any amount.

        Args:
            told: Sentences for the README on what that gains and costs.
            ask: Returns its outputs, if they are at hand.
        """
        return Built(self.needs, partial(_after, told, self.readme), ask or self.ask, float("inf"))


def _after(told: str, readme: Callable[[str], str], sentence: str) -> str:
    return readme(f"{told} {sentence}")


@dataclass(frozen=True)
class Maker:
    """How a format is made of runs on one kind of data.

    Args:
        about: A sentence on what it is for.
        build: Writes a run, as ``export.kinds`` returns it, into a folder. It imports what takes seconds to import.
    """

    about: str
    build: Callable[[Any, Path], Built]


@dataclass(frozen=True)
class Exporter:
    """A format that a finished run can be exported in.

    Args:
        key: Its name in file names.
        whom: For whom it is, in a few words.
        doing: Text to show while it is built.
        makers: Make it, by the kind of data that a run has learned from. A kind may bring more: ``export.kinds``.
        packages: What has to be installed to make it, besides the app's own requirements.
        in_float32: Its hidden layers compute in float32, whatever the run did.
    """

    key: str
    title: str
    whom: str
    doing: str
    makers: Mapping[DataKind, Maker]
    packages: tuple[str, ...] = ()
    in_float32: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """Packages that are not installed."""
        return tuple(name for name in self.packages if find_spec(name) is None)


def of_pictures(
    recipe: PictureRecipe,
    path: Path,
    run: Callable[[Path, Arrays], Arrays],
    needs: tuple[str, ...],
    about: str,
    code: str,
    answer: str = NAMES,
    most: float = MOST_DIFFERENCE_PICTURES,
) -> Built:
    """Write the files that accompany every model of pictures, and return the export.

    Args:
        run: Returns what the model at a path answers to inputs by name, here to ``pictures``.
        needs: Packages that it is used with, besides those that read pictures.
    """
    from lrapp.export import readmes, script_images
    from lrapp.images.pixels import png

    pictures, folder = recipe.checked.x, path.parent
    recipe.preprocessor.save(folder)
    (folder / "example.png").write_bytes(png(pictures[0]))
    readmes.write(folder / "read_picture.py", script_images.reader_file(recipe.preprocessor.shape))
    return Built(
        tuple(dict.fromkeys((*needs, "numpy", "pillow"))),
        partial(readmes.of_pictures, recipe, about, answer, code),
        partial(run, path, {"pictures": pictures}),
        most,
    )
