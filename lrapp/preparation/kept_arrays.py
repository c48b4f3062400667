"""Prepared data on disk: a run on data that were prepared before maps them, instead of reading and preparing again.

An entry is a folder with each array as ``.npy``, the preprocessor as a run keeps it, and ``prepared.json`` with the
rest and a checksum of each array. Its name follows from the data, their settings and the code that prepares, so an
entry never has to be changed: it appears whole, and is removed whole. Arrays are mapped so that nothing that is done in
memory ever reaches the disk. What memory does not hold is prepared into an entry at once, in pieces.
"""

import hashlib
import json
import logging
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lrapp.errors import Stopped, UserError
from lrapp.files import disk_errors, from_json, write_beside
from lrapp.phrasing import size as in_words
from lrapp.preparation import kinds
from lrapp.preparation.folds import Folds
from lrapp.preparation.kinds import ShouldStop, Tell
from lrapp.preparation.log_target import LogTarget
from lrapp.preparation.table_arrays import Prepared, Split
from lrapp.runs.disk_space import MOST_PREPARED, PREPARED, most_prepared, tidy_prepared
from lrapp.runs.store import Store
from lrapp.settings import DataSettings, UploadedSource

log = logging.getLogger(__name__)

# Smaller data are prepared again in no time.
LEAST_BYTES = 4_000_000
# What the disk must keep free beside an entry, for models and checkpoints.
_SPARE_BYTES = 10**9
_ABOUT = "prepared.json"
# What makes a table smaller once it is prepared, and what pictures.
_FEWER = {
    True: "leave columns out, use fewer rows, or lower “Most categories”",
    False: "choose a smaller size of the pictures, or use fewer",
}
_PARTS = ("train", "validation", "test")
_ARRAYS = ("x", "y", "weight", "rows")
_PACKAGES = ("numpy", "pandas", "pyarrow", "scikit-learn", "skops", "pillow")
# The packages whose code decides what arrays come of a file.
_CODE = ("preparation", "tables", "images", "settings", "sandbox", "column_formats", "phrasing.py")
_ROOM = Path(__file__).parents[1]


def prepared(store: Store, settings: DataSettings, tell: Tell, should_stop: ShouldStop) -> Prepared:
    """Return the arrays that settings name: from the disk where they are kept, else prepared, and kept if large.

    Args:
        tell: Told what is being done, and how much of it is done, 0 to 1.

    Raises:
        UserError: If they are not there, cannot be read or learned from, or it was asked to stop.
    """
    most = most_prepared()
    entry = _entry(store, settings) if most else None
    if entry is not None and (found := _opened(entry, settings)) is not None:
        return found
    beside = store.home / PREPARED / f".{secrets.token_hex(8)}"

    def folder(size: int) -> Path:
        if entry is None or size > most:
            raise UserError(
                f"Memory does not hold the prepared data, and {MOST_PREPARED} allows {in_words(most)} of them on the "
                f"disk, where they need about {in_words(size)}. Allow more, {_FEWER[settings.facts.flat]}."
            )
        _require_space(store, size)
        with disk_errors():
            beside.mkdir(parents=True, exist_ok=True)
        return beside

    try:
        made = kinds.of(settings.kind).prepared(store, settings, tell, should_stop, folder)
        if entry is not None and beside.is_dir():  # in pieces
            tell("Keeping the prepared data", 0.0)
            if not _written(made, beside, should_stop):
                raise Stopped
            del made  # or the folder could not be renamed on Windows
            _put(beside, entry)
            tidy_prepared(store.home, most)
            if (found := _opened(entry, settings)) is None:
                raise UserError(
                    "The prepared data could not be read from the disk again. Start the run again."
                )
            return found
        size = sum(array.nbytes for _, array in _arrays(made))
        if entry is None or not LEAST_BYTES <= size <= most:
            return made
        try:
            _require_space(store, size)
            tell("Keeping the prepared data", 0.0)
            with disk_errors():
                beside.mkdir(parents=True)
                if _written(made, beside, should_stop):
                    _put(beside, entry)
            tidy_prepared(store.home, most)
        except (UserError, OSError) as error:
            log.warning("Prepared data could not be kept: %s", error)
            note = f"The prepared data could not be kept for the next run, which prepares them again. {error}"
            return replace(made, notes=(*made.notes, note))
        return made
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _require_space(store: Store, size: int) -> None:
    if shutil.disk_usage(store.home).free < size + _SPARE_BYTES:
        raise UserError("The disk is nearly full.")


# --- one entry -----------------------------------------------------------------------------------------------


def _entry(store: Store, settings: DataSettings) -> Path | None:
    """Where the data of these settings are kept; None where the file that they come from is not there."""
    source = settings.source
    owner = "own"
    if isinstance(source, UploadedSource):
        owner = source.sha256
        if not (store.home / "data" / owner).exists():
            return None
    key = hashlib.sha256(json.dumps([settings.model_dump(mode="json"), _program()]).encode()).hexdigest()
    return store.home / PREPARED / f"{owner}-{key[:32]}"


@cache
def _program() -> str:
    """A value that changes when the code that prepares data changes, or a sample does."""
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _PACKAGES).encode())
    places = [_ROOM / name for name in _CODE]
    paths = [path for place in places for path in ([place] if place.is_file() else place.rglob("*.py"))]
    for path in sorted([*paths, *(_ROOM.parent / "sample_data").glob("*.csv")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _arrays(made: Prepared) -> Iterator[tuple[str, np.ndarray]]:
    for name in _PARTS:
        for kind in _ARRAYS:
            if (array := getattr(getattr(made, name), kind)) is not None:
                yield f"{name}.{kind}", array
    if made.folds is not None:
        yield "folds", made.folds.of


def _written(made: Prepared, beside: Path, should_stop: ShouldStop) -> bool:
    """Write what an entry holds into a folder, but for arrays that are there already; False if it was asked to stop."""
    with disk_errors():
        sums = {}
        for name, array in _arrays(made):
            if should_stop():
                return False  # whoever asked notices it next; there is no entry, and nothing is lost
            if not (path := beside / f"{name}.npy").exists():
                np.save(path, array, allow_pickle=False)
            sums[name] = _checksum(array)
        made.preprocessor.save(beside)
        about = {
            **{name: getattr(made, name) for name in ("task", "target", "classes", "inputs", "metric_scale")},
            **{name: getattr(made, name) for name in ("notes", "names")},
            "logarithm": None if made.logarithm is None else asdict(made.logarithm),
            "folds": None if made.folds is None else [made.folds.count, made.folds.in_order],
            "sums": sums,
        }
        write_beside(beside / _ABOUT, json.dumps(about).encode(), "nothing")
    return True


def _put(beside: Path, entry: Path) -> None:
    """Give a finished entry its name, unless another worker was faster."""
    with disk_errors():
        try:
            beside.rename(entry)
        except OSError:
            if not entry.is_dir():
                raise


def _opened(entry: Path, settings: DataSettings) -> Prepared | None:
    """The data of an entry; None where there is none, or where it was damaged, and is gone now."""
    if not entry.is_dir():
        return None
    try:
        about = from_json((entry / _ABOUT).read_bytes())
        arrays = {
            # Training uses pictures where they are, which asks for memory that can be written.
            name: _mapped(entry / f"{name}.npy", total, "r" if settings.facts.flat else "c")
            for name, total in about["sums"].items()
        }
        fields: dict[str, Any] = {
            **{name: _split(arrays, name) for name in _PARTS},
            **{name: about[name] for name in ("task", "target", "metric_scale")},
            **{name: tuple(about[name]) for name in ("classes", "inputs", "notes")},
            "names": None if about["names"] is None else tuple(about["names"]),
            "logarithm": None if about["logarithm"] is None else LogTarget(**about["logarithm"]),
            "folds": None if about["folds"] is None else Folds(arrays["folds"], *about["folds"]),
        }
        found = Prepared(**fields, preprocessor=kinds.of(settings.kind).load(entry))
        with suppress(OSError):  # it may be another user's
            os.utime(entry)  # the longest unused go first
        return found
    except (UserError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("Prepared data are made anew, as those in %s are damaged: %s", entry, error)
        shutil.rmtree(entry, ignore_errors=True)
        return None


def _split(arrays: dict[str, np.ndarray], name: str) -> Split:
    x, y, rows = (arrays[f"{name}.{kind}"] for kind in ("x", "y", "rows"))
    return Split(x, y, arrays.get(f"{name}.weight"), rows)


def _mapped(path: Path, total: int, mode: Literal["r", "c"]) -> np.ndarray:
    array = np.load(path, mmap_mode=mode, allow_pickle=False)
    if _checksum(array) != total:
        raise ValueError(f"{path.name} has another checksum")
    return np.asarray(array)


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data) if array.size else 0
