"""Prepared data for tests: had from a store, changed and compared."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from lrapp.preparation import kept_arrays
from lrapp.preparation.table_arrays import Prepared
from lrapp.runs.store import Store
from lrapp.settings import DataSettings


def got(store: Store, settings: DataSettings) -> Prepared:
    return kept_arrays.prepared(store, settings, lambda what, share: None, lambda: False)


def changed(settings: DataSettings, **change: Any) -> DataSettings:
    return DataSettings.model_validate(settings.model_dump() | change)


def entries(store: Store) -> list[Path]:
    return sorted((store.home / "prepared").glob("*"))


def assert_same(ours: Prepared, theirs: Prepared) -> None:
    for field in dataclasses.fields(Prepared):
        one, other = getattr(ours, field.name), getattr(theirs, field.name)
        if field.name in ("train", "validation", "test"):
            for kind in ("x", "y", "weight", "rows"):
                a, b = getattr(one, kind), getattr(other, kind)
                np.testing.assert_array_equal(a, b)
                assert getattr(a, "dtype", None) == getattr(b, "dtype", None)
        elif field.name == "folds":
            assert (one is None) == (other is None)
            if one is not None:
                np.testing.assert_array_equal(one.of, other.of)
                assert (one.count, one.in_order) == (other.count, other.in_order)
        elif field.name != "preprocessor":
            assert one == other, field.name
    outputs = np.linspace(0.01, 0.99, len(ours.test.y) or 1)[:, None] * np.ones(max(1, len(ours.classes)))
    outputs = outputs if len(ours.classes) > 2 else outputs[:, :1]
    np.testing.assert_array_equal(
        ours.preprocessor.decode(outputs).values, theirs.preprocessor.decode(outputs).values
    )
