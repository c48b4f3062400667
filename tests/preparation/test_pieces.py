"""A table that memory does not hold: prepared in pieces, with the numbers that it would have at once, to the bit."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from preparing import assert_same, changed, entries, got

from lrapp import free_memory
from lrapp.errors import Stopped, UserError
from lrapp.preparation import fitting_in_pieces, kept_arrays, pieces
from lrapp.preparation.table_arrays import Prepared
from lrapp.runs import disk_space
from lrapp.runs.store import Store
from lrapp.sandbox.sources import read_table
from lrapp.settings import DataSettings
from lrapp.tables.columns.kinds import ColumnKind

ROWS = 600
LITTLE = 100_000  # bytes: less than the table's numbers


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    # Blocks of one to three columns, and pieces of 64 rows.
    monkeypatch.setattr(fitting_in_pieces, "_NUMBERS", 3 * ROWS * 6 // 10)
    monkeypatch.setattr(pieces, "_NUMBERS", 100)
    return Store(tmp_path / "home")


@pytest.fixture
def settings(store: Store) -> DataSettings:
    rng = np.random.default_rng(3)
    gaps = rng.random((ROWS, 4)) < 0.1
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=ROWS),
            "brew": rng.choice(["ale", "bier", "cerveza", "øl", ""], ROWS, p=[0.4, 0.3, 0.2, 0.05, 0.05]),
            "huge": rng.lognormal(sigma=90, size=ROWS),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, ROWS), "D"),
            "level": rng.exponential(size=ROWS).round(2),
            "open": rng.choice(["yes", "no"], ROWS),
            "town": [f"town {number}" for number in rng.integers(0, 40, ROWS)],
            "price": rng.lognormal(size=ROWS),
            "same": 7.5,
            "won": rng.choice(["win", "loss", "draw"], ROWS),
        }
    )
    for place, name in enumerate(("size", "level", "open", "won")):
        frame.loc[gaps[:, place], name] = None
    return DataSettings(source=store.keep_file(frame.to_csv(index=False).encode(), "beer.csv"), target="won")


def limit(monkeypatch: pytest.MonkeyPatch, available: int | None) -> None:
    monkeypatch.setattr(free_memory, "for_a_run", lambda: available)


def is_mapped(array: np.ndarray) -> bool:
    while array is not None and not isinstance(array, np.memmap):
        array = array.base  # type: ignore[assignment]
    return array is not None


def both(store: Store, settings: DataSettings, monkeypatch: pytest.MonkeyPatch) -> tuple[Prepared, Prepared]:
    """The data in pieces, and at once."""
    limit(monkeypatch, LITTLE)
    ours = got(store, settings)
    assert is_mapped(ours.train.x)
    limit(monkeypatch, None)
    disk_space.empty_prepared(store.home)
    theirs = got(store, settings)
    assert not is_mapped(theirs.train.x)  # too small to be kept
    return ours, theirs


@pytest.mark.parametrize(
    "change",
    [
        {"scaling": "clipped"},
        {
            "scaling": "standard",
            "missing_numbers": "mean",
            "gap_codes": {"level": (0.5, 1.0)},
            "left_out": ("huge",),
        },
        {"scaling": "quantile", "min_category_rows": 20},
        {"scaling": "robust", "max_categories": 10, "missing_flags": False},
        {"target": "price", "target_transform": "log", "folds": 4, "missing_numbers": "zero"},
        {"split": "time", "split_column": "day", "class_weights": True, "all_rows": True},
    ],
    ids=["clipped", "means", "quantiles", "robust", "folds", "all rows"],
)
def test_the_numbers_are_those_of_a_table_in_memory(
    store: Store, settings: DataSettings, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = both(store, changed(settings, **change), monkeypatch)
    assert_same(ours, theirs)
    assert ours.train.x.shape[1] > 15
    # What predicts is the same, too, and knows nothing of pieces.
    before, after = (one.tabular.transformer for one in (theirs, ours))
    assert str(before) == str(after)
    assert before.output_indices_ == after.output_indices_
    new = read_table(store, settings, lambda: False).frame.iloc[::7]
    np.testing.assert_array_equal(ours.tabular.transform(new), theirs.tabular.transform(new))


def test_they_are_kept_and_found_again(
    store: Store, settings: DataSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, LITTLE)
    first = got(store, settings)
    (entry,) = entries(store)
    assert sorted(path.name for path in entry.glob("*.raw")) == []
    inode = (entry / "train.x.npy").stat().st_ino
    assert_same(got(store, settings), first)
    assert (entry / "train.x.npy").stat().st_ino == inode
    with pytest.raises(ValueError, match="read-only"):
        first.train.x[0] = 0


def test_no_room_on_the_disk_is_a_sentence(
    store: Store, settings: DataSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, LITTLE)
    for most, words in (("0", "allows 0 bytes"), ("0.03MB", "allows 30 kB")):
        monkeypatch.setenv("LRAPP_PREPARED_DISK", most)
        with pytest.raises(
            UserError, match=f"Memory does not hold the prepared data, .*{words}.*leave columns out"
        ):
            got(store, settings)
    monkeypatch.delenv("LRAPP_PREPARED_DISK")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**8))
    with pytest.raises(UserError, match="The disk is nearly full"):
        got(store, settings)
    assert entries(store) == []


@pytest.mark.parametrize("what", ["Looking at the columns", "Preparing the train rows", "Keeping"])
def test_stop_is_heard_and_leaves_nothing(
    store: Store, settings: DataSettings, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, LITTLE)
    told: list[str] = []

    with pytest.raises(Stopped):
        kept_arrays.prepared(
            *(store, settings, lambda doing, share: told.append(doing)),
            lambda: any(doing.startswith(what) for doing in told),
        )
    assert told[-1].startswith(what)
    assert entries(store) == []


def test_a_table_of_which_memory_does_not_even_hold_single_columns_is_a_sentence(
    store: Store, settings: DataSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, 1000)
    with pytest.raises(UserError, match=r"\(rows: [0-9]+\) needs about .* use fewer rows"):
        got(store, settings)


def test_a_table_without_a_column_to_learn_from_says_so_as_ever(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame({"code": [f"code {row % 290}" for row in range(ROWS)], "won": np.arange(ROWS) % 2})
    source = store.keep_file(frame.to_csv(index=False).encode(), "codes.csv")
    one = DataSettings(source=source, target="won", kinds={"code": ColumnKind.CATEGORY})
    found = []
    for available in (LITTLE, None):
        limit(monkeypatch, available)
        with pytest.raises(UserError, match=r"No column is left .* lower “Rare category below”") as raised:
            got(store, one)
        found.append(str(raised.value))
    assert found[0] == found[1]
