"""How a table is prepared. Modules that only training needs are imported inside, as downloads do not include them."""

from typing import TYPE_CHECKING

from lrapp.column_formats.learned import ModelFormats, derived
from lrapp.preparation.kinds import Folder, Preparation, ShouldStop, Tell
from lrapp.preparation.preprocessor import Preprocessor
from lrapp.settings import DataSettings, RunSettings
from lrapp.tables.columns.kinds import ColumnKind

if TYPE_CHECKING:
    from lrapp.preparation.table_arrays import Prepared
    from lrapp.runs.store import Store


def _prepared(
    store: "Store", settings: DataSettings, tell: Tell, should_stop: ShouldStop, folder: Folder
) -> "Prepared":
    from lrapp.preparation.pieces import Pieces
    from lrapp.preparation.table_arrays import prepare
    from lrapp.sandbox import sources

    pieces = Pieces(folder, tell, should_stop)
    return prepare(sources.read_table(store, settings, should_stop), settings, pieces)


def _formats(preprocessor: Preprocessor, settings: RunSettings) -> ModelFormats:
    """The formats kept with the model, or for older models those in the settings."""
    from lrapp.tables.text.dialects import DialectOverrides

    if preprocessor.formats:
        return preprocessor.formats
    kinds = {column.name: column.kind for column in preprocessor.columns}
    if preprocessor.task == "regression":
        kinds[preprocessor.target] = ColumnKind.NUMBER
    return derived(kinds, DialectOverrides(**settings.data.dialect.model_dump()))


KIND = Preparation(prepared=_prepared, load=Preprocessor.load, formats=_formats)
