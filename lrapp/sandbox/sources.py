"""The data that settings name -> a table or pictures; uploads are read by a separate process."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from lrapp.errors import Refused, Stopped, UserError
from lrapp.runs.store import Store
from lrapp.sandbox.uploads import Uploads
from lrapp.settings import DataSettings, PicturesSource, UploadedSource

if TYPE_CHECKING:
    from lrapp.images.datasets import Images
    from lrapp.tables.columns.kinds import ColumnKind
    from lrapp.tables.reading import Table


def read_table(
    store: Store,
    settings: DataSettings,
    should_stop: Callable[[], bool] = lambda: False,
    uploads: Uploads | None = None,
) -> "Table":
    """Return the table that the settings name, read as they say; samples, which are ours, are read in this process.

    Args:
        uploads: Whose readers to use; by default a process for this file alone.

    Raises:
        Stopped: If it was asked to.
        UserError: If it is not there, or cannot be read.
    """
    source, target = settings.source, settings.target
    if settings.kind != "table":
        raise UserError(f"These data are {settings.facts.title}, not a table; choose a table.")
    if isinstance(source, UploadedSource):
        found = uploads or Uploads(store)

        def read(kinds: Mapping[str, "ColumnKind"], names: Collection[str]) -> "Table":
            try:
                return found.table(
                    source, settings.dialect, kinds, names, should_stop, gap_codes=settings.gap_codes
                )
            except Stopped as error:
                raise Stopped("Stopped while the table was being read.") from error

    else:
        from lrapp.tables.reading import read_csv
        from lrapp.tables.text.dialects import DialectOverrides

        overrides, data = DialectOverrides(**settings.dialect.model_dump()), store.read_source(source)

        def read(kinds: Mapping[str, "ColumnKind"], names: Collection[str]) -> "Table":
            table = read_csv(data, source.name, dialect=overrides, known_names=names)
            table = table.with_gap_codes(settings.gap_codes)
            return table.with_kinds(kinds) if kinds else table

    try:
        table = read(settings.kinds, ())
    except (Refused, Stopped):
        raise
    except UserError:
        if target is None:
            raise
    else:
        if target is None or target in table.kinds:
            return table
    # A run of an earlier version may know a column by the names of several rows.
    return read(settings.kinds, (target,))


def read_images(
    store: Store, settings: DataSettings, tell: Callable[[str, float], None], should_stop: Callable[[], bool]
) -> "Images":
    """Return the pictures that the settings name.

    Args:
        tell: Told what is being done, and how much of it is done, 0 to 1.

    Raises:
        Stopped: If it was asked to.
        UserError: If they are not there, or cannot be read.
    """
    from lrapp.images import datasets

    source = settings.source
    if isinstance(source, UploadedSource):
        try:
            return Uploads(store).images(source, settings.pictures, tell, should_stop)
        except Stopped as error:
            raise Stopped("Reading the pictures was stopped. Start again to use them.") from error
    if isinstance(source, PicturesSource):
        return datasets.read_set(source.name, tell)
    raise UserError(f"These data are {settings.facts.title}, not pictures; choose pictures.")
