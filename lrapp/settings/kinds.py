"""Finds a package's module for a kind of data, in the package's folder ``kinds``."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from lrapp.settings.sources import DATA_KINDS, DataKind


@cache
def part(package: str, kind: DataKind) -> Any:
    """Return ``KIND`` of a package's module for a kind of data.

    It is imported when it is asked for: a page that shows a table need not wait for the imports of pictures.

    Args:
        package: Name of the package with a module for each kind, for example ``lrapp.preparation.kinds``.
    """
    return import_module(f"{package}.{kind}").KIND


def kind_of_model(folder: Path) -> DataKind:
    """Return from which kind of data the model in a folder has learned, by the files that lie beside it.

    A model can predict even if its settings are damaged, so they are not read.

    Args:
        folder: A run's, or that of an unpacked download.
    """
    usual, *others = DATA_KINDS
    return next((kind for kind in others if (folder / DATA_KINDS[kind].model_file).exists()), usual)
