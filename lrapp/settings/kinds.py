"""Finds what a package does with a kind of data: the module of that name in the package's folder ``kinds``."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from lrapp.settings.sources import DATA_KINDS, DataKind


@cache
def part(package: str, kind: DataKind) -> Any:
    """Return what a package does with a kind of data, its module's ``KIND``.

    It is imported when it is asked for: a page that shows a table need not wait for what pictures want.

    Args:
        package: Name of the package with a module for each kind, for example ``lrapp.preparation.kinds``.
        kind: The kind.
    """
    return import_module(f"{package}.{kind}").KIND


def kind_of_model(folder: Path) -> DataKind:
    """Return from which kind of data the model in a folder has learned, by the files that lie beside it.

    Damaged settings do not keep a model from predicting, so they are not asked.

    Args:
        folder: A run's, or that of an unpacked download.
    """
    usual, *others = DATA_KINDS
    return next((kind for kind in others if (folder / DATA_KINDS[kind].model_file).exists()), usual)
