"""How pictures are prepared. Modules that only training needs are imported inside, as downloads do not include them."""

from typing import TYPE_CHECKING

from lrapp.preparation.image_inputs import PicturePreprocessor
from lrapp.preparation.kinds import Folder, Preparation, ShouldStop, Tell
from lrapp.settings import DataSettings

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared
    from lrapp.runs.store import Store


def _prepared(
    store: "Store", settings: DataSettings, tell: Tell, should_stop: ShouldStop, folder: Folder
) -> "Prepared":
    from lrapp.preparation.image_arrays import prepare_images
    from lrapp.preparation.pieces import Pieces
    from lrapp.sandbox import sources

    pieces = Pieces(folder, tell, should_stop, settings.facts.units)
    return prepare_images(sources.read_images(store, settings, tell, should_stop), settings, pieces)


KIND = Preparation(prepared=_prepared, load=PicturePreprocessor.load)
