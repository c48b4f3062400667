"""Prepared data on disk: the same arrays come back, and whatever is wrong with them, they are made anew."""

import dataclasses
import errno
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from preparing import assert_same, changed, entries, got

from lrapp.errors import UserError
from lrapp.preparation import kept_arrays, kinds
from lrapp.preparation.table_arrays import Prepared
from lrapp.runs import disk_space
from lrapp.runs.store import Store
from lrapp.settings import DataSettings, PictureSettings, PicturesSource

ROWS = 400


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(kept_arrays, "LEAST_BYTES", 1)
    return Store(tmp_path / "home")


@pytest.fixture
def settings(store: Store) -> DataSettings:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "größe": rng.normal(size=ROWS),
            "kind": rng.choice(["ale", "bier", ""], ROWS),
            "who": rng.integers(0, 40, ROWS),
            "price": rng.lognormal(size=ROWS),
            "won": rng.choice(["yes", "no"], ROWS),
        }
    )
    return DataSettings(source=store.keep_file(frame.to_csv(index=False).encode(), "beer.csv"), target="won")


def made_anew(monkeypatch: pytest.MonkeyPatch) -> list[DataSettings]:
    """Collects the settings whose data are really prepared from now on."""
    asked: list[DataSettings] = []
    real = kinds.of

    def of(kind: Any) -> Any:
        preparation = real(kind)

        def prepare(store: Store, settings: DataSettings, *rest: Any) -> Prepared:
            asked.append(settings)
            return preparation.prepared(store, settings, *rest)

        return dataclasses.replace(preparation, prepared=prepare)

    monkeypatch.setattr(kinds, "of", of)
    return asked


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"target": "price", "target_transform": "log"},
        {"target": "kind", "class_weights": True},
        {"folds": 4},
        {"split": "groups", "split_column": "who"},
        {"all_rows": True},
    ],
    ids=["classes", "logarithm", "weights", "folds", "groups", "all rows"],
)
def test_the_second_run_gets_the_same_without_preparing(
    store: Store, settings: DataSettings, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = changed(settings, **change)
    asked = made_anew(monkeypatch)
    first = got(store, wanted)
    second = got(store, wanted)
    assert asked == [wanted]
    assert_same(second, first)
    row = pd.DataFrame({name: ["1"] for name in ("größe", "kind", "who", "price", "won")})
    np.testing.assert_array_equal(second.tabular.transform(row), first.tabular.transform(row))
    # Another setting is another entry.
    got(store, changed(wanted, split_seed=99))
    assert len(asked) == len(entries(store)) == 2


def test_pictures_are_mapped_and_used_without_a_copy(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from lrapp.training.row_sizes import shared

    source = PicturesSource(name="digits")
    wanted = DataSettings(source=source, pictures=PictureSettings(most_rows=100))
    asked = made_anew(monkeypatch)
    first, second = got(store, wanted), got(store, wanted)
    assert len(asked) == 1
    assert_same(second, first)
    tensor = shared(second.train.x)
    np.testing.assert_array_equal(tensor.numpy(), first.train.x)
    second.train.x[0] = 0  # in memory only
    np.testing.assert_array_equal(got(store, wanted).train.x, first.train.x)


def _cut(entry: Path) -> None:
    os.truncate(entry / "train.x.npy", 200)


def _flip(entry: Path) -> None:
    data = bytearray((entry / "train.x.npy").read_bytes())
    data[-3] ^= 1
    (entry / "train.x.npy").write_bytes(data)


def _half_json(entry: Path) -> None:
    (entry / "prepared.json").write_text('{"sums": {}')


def _other_json(entry: Path) -> None:
    (entry / "prepared.json").write_text("[1]")


def _no_array(entry: Path) -> None:
    (entry / "validation.y.npy").unlink()


def _no_preprocessor(entry: Path) -> None:
    (entry / "preprocessor.skops").unlink()


@pytest.mark.parametrize("damage", [_cut, _flip, _half_json, _other_json, _no_array, _no_preprocessor])
def test_a_damaged_entry_is_made_anew(
    store: Store, settings: DataSettings, damage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = got(store, settings)
    damage(*entries(store))
    asked = made_anew(monkeypatch)
    assert_same(got(store, settings), first)
    assert len(asked) == 1
    assert_same(got(store, settings), first)
    assert len(asked) == 1, "whole again"


def test_two_workers_may_fill_one_entry_at_once(store: Store, settings: DataSettings) -> None:
    with ThreadPoolExecutor(4) as workers:
        found = list(workers.map(lambda _: got(store, settings), range(4)))
    assert len(entries(store)) == 1
    for one in found:
        assert_same(one, found[0])


def test_those_longest_unused_go_first(
    store: Store, settings: DataSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [changed(settings, split_seed=seed) for seed in range(3)]
    for seed, one in enumerate(wanted):
        got(store, one)
        for entry in entries(store):
            if entry.stat().st_mtime > 2000:
                os.utime(entry, (1000 + seed, 1000 + seed))
    got(store, wanted[0])  # used again
    one_size = disk_space.folder_bytes(entries(store)[0])
    monkeypatch.setenv("LRAPP_PREPARED_DISK", f"{2.5 * one_size / 1e6:.6f}MB")
    disk_space.tidy_prepared(store.home, disk_space.most_prepared())
    asked = made_anew(monkeypatch)
    got(store, wanted[0]), got(store, wanted[2])
    assert asked == []
    got(store, wanted[1])
    assert asked == [wanted[1]]
    assert disk_space.taken(store.home)["Prepared data"] <= 2.5 * one_size


def test_what_is_kept_of_a_file_goes_with_it(store: Store, settings: DataSettings) -> None:
    got(store, settings)
    shutil.rmtree(store.home / "data")
    with pytest.raises(UserError, match=r"beer\.csv"):
        got(store, settings)
    disk_space.tidy_prepared(store.home, 10**9)
    assert entries(store) == []


def test_the_store_tidies_what_it_prepared(
    store: Store, settings: DataSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    got(store, settings)
    store.tidy()
    assert len(entries(store)) == 1
    store.tidy(older_than_days=-1)  # no run uses the upload
    assert entries(store) == []
    got(store, changed(settings, source=DataSettings().source.model_dump(), target=None))
    monkeypatch.setenv("LRAPP_PREPARED_DISK", "0")
    store.tidy()
    assert entries(store) == []


def test_an_entry_of_another_user_is_used(
    store: Store, settings: DataSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    got(store, settings)

    def forbidden(path: Any, *rest: Any, **more: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(path))

    monkeypatch.setattr(os, "utime", forbidden)
    asked = made_anew(monkeypatch)
    got(store, settings)
    assert asked == []


def test_who_asks_to_stop_does_not_wait_for_the_disk(store: Store, settings: DataSettings) -> None:
    found = kept_arrays.prepared(store, settings, lambda what, share: None, lambda: bool(entries(store)))
    assert len(found.train.y)
    assert entries(store) == []


def test_nothing_is_kept_of_small_data_or_where_that_is_switched_off(
    store: Store, settings: DataSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_arrays, "LEAST_BYTES", 10**6)
    got(store, settings)
    assert entries(store) == []
    monkeypatch.setattr(kept_arrays, "LEAST_BYTES", 1)
    monkeypatch.setenv("LRAPP_PREPARED_DISK", "0")
    got(store, settings)
    assert entries(store) == []


@pytest.mark.parametrize("trouble", ["full", "nearly full", "read-only"])
def test_a_disk_that_takes_nothing_is_said_and_nothing_is_lost(
    store: Store, settings: DataSettings, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trouble == "nearly full":
        usage = SimpleNamespace(free=10**8)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        sentence = "The disk is nearly full."
    else:
        code = errno.ENOSPC if trouble == "full" else errno.EROFS

        def fails(path: Any, *rest: Any, **more: Any) -> None:
            raise OSError(code, os.strerror(code), str(path))

        monkeypatch.setattr(np, "save", fails)
        sentence = "The disk is full." if trouble == "full" else "This folder cannot be written"
    found = got(store, settings)
    assert len(found.train.y)
    assert found.notes[-1].startswith("The prepared data could not be kept for the next run")
    assert sentence in found.notes[-1]
    assert entries(store) == []
    monkeypatch.undo()


def test_what_a_crash_left_goes_when_it_is_old(store: Store, settings: DataSettings) -> None:
    got(store, settings)
    for name, age in (("young", 0), ("old", 10**6)):
        folder = store.home / "prepared" / f".{name}"
        folder.mkdir()
        os.utime(folder, (folder.stat().st_mtime - age,) * 2)
    disk_space.tidy_prepared(store.home, 10**9)
    assert [path.name for path in entries(store) if path.name.startswith(".")] == [".young"]
