"""The fitted preprocessor: in memory, and in a folder."""

import hashlib
import json
import pickle
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from lrapp.errors import UserError
from lrapp.phrasing import quoted
from lrapp.preparation.preprocessor import TRUSTED, Preprocessor, needs, raw_slots
from lrapp.preparation.table_arrays import Prepared, prepare
from lrapp.settings import DataSettings, Scaling
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table, read_csv

RNG = np.random.default_rng(1)
ROWS = 80


@pytest.fixture(scope="module")
def table() -> Table:
    frame = pd.DataFrame(
        {
            "weight.[kg] 😀": np.where(np.arange(ROWS) % 9 == 0, np.nan, RNG.normal(size=ROWS)),
            "size": RNG.choice(["S", "M", "L", ""], ROWS),
            "member": RNG.choice(["yes", "no"], ROWS),
            "day": pd.date_range("2020-01-01", periods=ROWS, freq="31h").astype(str),
            "price": RNG.normal(50, 9, size=ROWS),
            "kind": RNG.choice(["ale", "bier", "cider"], ROWS),
        }
    )
    return read_csv(frame.to_csv(index=False).encode(), "drinks.csv")


def prepared(table: Table, target: str = "kind", scaling: Scaling = "clipped") -> Prepared:
    return prepare(table, DataSettings(target=target, scaling=scaling))


@pytest.mark.parametrize("scaling", ["clipped", "standard", "robust", "quantile"])
@pytest.mark.parametrize("target", ["kind", "member", "price"])
def test_what_was_saved_does_the_same(table: Table, target: str, scaling: Scaling, tmp_path: Path) -> None:
    made = prepared(table, target, scaling)

    made.tabular.save(tmp_path)
    loaded = Preprocessor.load(tmp_path)

    for part in (made.train, made.validation, made.test):
        np.testing.assert_array_equal(loaded.transform(table.frame.iloc[part.rows]), part.x)
    assert (loaded.columns, loaded.inputs, loaded.classes, loaded.task, loaded.target) == (
        made.tabular.columns, made.inputs, made.classes, made.task, target
    )  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "formats.json",
        "preprocessor.json",
        "preprocessor.skops",
    ]


def test_only_known_types_are_in_the_file(table: Table, tmp_path: Path) -> None:
    found = set()
    for scaling in get_args(Scaling):
        prepared(table, scaling=scaling).tabular.save(tmp_path)
        found |= set(skops.io.get_untrusted_types(file=tmp_path / "preprocessor.skops"))
    # What version 1.0 called them is trusted, and no longer written.
    assert found == {name for name in TRUSTED if not name.startswith("lrapp.clipping.")}


def test_a_page_may_ask_what_a_model_needs(table: Table, tmp_path: Path) -> None:
    made = prepared(table)
    made.tabular.save(tmp_path)

    asked = needs(tmp_path)

    assert (asked.target, asked.columns) == ("kind", made.tabular.columns)
    (tmp_path / "preprocessor.json").write_text('{"version": 1, "target": "kind", "columns": [3]}')
    with pytest.raises(UserError, match="damaged"):
        needs(tmp_path)


def test_rows_are_transformed_one_by_one_or_together(table: Table) -> None:
    preprocessor = prepared(table).tabular
    together = preprocessor.transform(table.frame)

    for row in (0, 7, ROWS - 1):
        np.testing.assert_array_equal(preprocessor.transform(table.frame.iloc[[row]]), together[[row]])
    assert together.dtype == np.float32
    assert preprocessor.transform(table.frame.iloc[:0]).shape == (0, together.shape[1])


def test_columns_are_found_by_name(table: Table) -> None:
    preprocessor = prepared(table).tabular
    shuffled = table.frame[table.frame.columns[::-1]].assign(extra=1)

    np.testing.assert_array_equal(preprocessor.transform(shuffled), preprocessor.transform(table.frame))
    with pytest.raises(UserError, match="Missing columns: “size” and “day”"):
        preprocessor.transform(table.frame.drop(columns=["size", "day"]))


def test_new_rows_far_away_stay_finite(table: Table) -> None:
    preprocessor = prepared(table, "member", "standard").tabular
    far = table.frame.head(3).assign(price=[1e100, -1e100, np.inf])

    assert np.isfinite(preprocessor.transform(far)).all()


def test_unseen_categories_are_counted(table: Table) -> None:
    preprocessor = prepared(table).tabular
    frame = table.frame.assign(size=["XL", "XL", "XS", *table.frame["size"][3:]])

    _, strange = preprocessor.transform_counting(frame)

    assert strange == {"size": [("XL", 2), ("XS", 1)]}


def test_raw_slots_follow_the_columns(table: Table) -> None:
    columns = prepared(table).tabular.columns
    slots, _ = raw_slots(table.frame, columns)

    assert slots.shape == (ROWS, sum(len(column.slots) for column in columns))
    np.testing.assert_array_equal(slots[:, 0], table.frame["weight.[kg] 😀"])


def test_classes_come_back_by_their_names(table: Table) -> None:
    made = prepared(table)
    assert made.classes == ("ale", "bier", "cider")
    assert made.train.y.dtype == np.int32
    decoded = made.tabular.decode(np.eye(3, dtype=np.float32)[made.train.y])
    assert decoded.values.tolist() == table.frame["kind"].iloc[made.train.rows].tolist()
    assert decoded.probabilities is not None
    np.testing.assert_array_equal(decoded.probabilities.argmax(axis=1), made.train.y)


def test_a_binary_output_is_the_probability_of_the_second_class(table: Table) -> None:
    made = prepared(table, "member")

    for outputs in (np.array([0.2, 0.5, 0.51]), np.array([[0.2], [0.5], [0.51]])):
        decoded = made.tabular.decode(outputs)
        assert decoded.values.tolist() == ["no", "no", "yes"]
        assert decoded.probabilities is not None
        np.testing.assert_allclose(decoded.probabilities, np.array([[0.8, 0.2], [0.5, 0.5], [0.49, 0.51]]))


def test_numbers_come_back_in_their_units(table: Table) -> None:
    made = prepared(table, "price")
    prices = table.frame["price"].iloc[made.train.rows]

    decoded = made.tabular.decode(made.train.y[:, None])

    np.testing.assert_allclose(decoded.values, prices, rtol=1e-5)
    assert decoded.probabilities is None
    assert made.metric_scale == pytest.approx(prices.std(ddof=0))


def test_a_model_that_is_being_saved_anew_is_read_whole(table: Table, tmp_path: Path) -> None:
    prepared(table, "kind", "standard").tabular.save(tmp_path)
    described = (tmp_path / "preprocessor.json").read_bytes()
    prepared(table, "member", "clipped").tabular.save(tmp_path)
    last = (tmp_path / "preprocessor.json").read_bytes()
    (tmp_path / "preprocessor.json").write_bytes(described)  # as between the two renames
    (tmp_path / "new").write_bytes(last)

    with ThreadPoolExecutor(1) as other:
        loading = other.submit(Preprocessor.load, tmp_path)
        time.sleep(0.1)
        assert not loading.done()
        (tmp_path / "new").replace(tmp_path / "preprocessor.json")
        assert loading.result().target == "member"


@pytest.mark.parametrize("name", ["preprocessor.skops", "preprocessor.json"])
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "other"])
def test_a_damaged_file_is_a_sentence(table: Table, name: str, damage: str, tmp_path: Path) -> None:
    prepared(table).tabular.save(tmp_path)
    path = tmp_path / name
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "other": b"[1, 2]"}[damage])

    with pytest.raises(UserError, match="rain"):
        Preprocessor.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"columns": []},
        {"columns": [{"name": "a", "kind": "sound", "values": []}]},
        {"inputs": ["a"]},
        {"classes": 3},
        {"target_scale": "wide"},
    ],
)
def test_descriptions_that_do_not_fit_are_refused(
    table: Table, change: dict[str, object], tmp_path: Path
) -> None:
    prepared(table).tabular.save(tmp_path)
    path = tmp_path / "preprocessor.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | change))

    with pytest.raises(UserError):
        Preprocessor.load(tmp_path)


def _forge(folder: Path, packed: bytes) -> None:
    """Put another file in the place of the transformer, with its right checksum."""
    (folder / "preprocessor.skops").write_bytes(packed)
    path = folder / "preprocessor.json"
    described = json.loads(path.read_bytes()) | {"sha256": hashlib.sha256(packed).hexdigest()}
    path.write_text(json.dumps(described))


class Witness:
    """Unpickled, it writes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (self.path, "w"))


def test_a_foreign_transformer_is_not_built(table: Table, tmp_path: Path) -> None:
    prepared(table).tabular.save(tmp_path)
    foreign = Pipeline([("run", FunctionTransformer(func=zipfile.is_zipfile))])
    trace = tmp_path / "trace"
    for packed in (
        skops.io.dumps(foreign),
        skops.io.dumps(FunctionTransformer()),
        pickle.dumps(Witness(str(trace))),
    ):
        _forge(tmp_path, packed)
        with pytest.raises(UserError, match="damaged or not one of"):
            Preprocessor.load(tmp_path)
    assert not trace.exists()


def test_names_of_any_letters_are_kept(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": RNG.normal(size=30), "y": ["a\u2028b", "é🙂"] * 15})
    table = read_csv(frame.to_csv(index=False).encode(), "t.csv")
    made = prepared(table.with_kinds({"y": ColumnKind.CATEGORY}), "y")

    made.tabular.save(tmp_path)

    assert Preprocessor.load(tmp_path).classes == made.classes


def test_names_in_a_sentence(subtests: pytest.Subtests) -> None:
    cases: list[tuple[list[str], str]] = [
        (["a"], "“a”"),
        (["a", "b"], "“a” and “b”"),
        (["a", "b", "c"], "“a”, “b” and “c”"),
        (list("abcdefg"), "“a”, “b”, “c”, “d”, “e” and 2 more"),
        (["x" * 70], "“" + "x" * 57 + "…”"),
    ]
    for names, sentence in cases:
        with subtests.test(f"{names!r}"):
            assert quoted(names) == sentence
