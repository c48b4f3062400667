"""A number that stands for a gap is as good as an empty cell: in training, in prediction, and in what is exported."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from predicting import predict_with, read_for

from lrapp.execution import worker
from lrapp.export import finished_run, registry
from lrapp.export.onnx_graph import run as answers_of
from lrapp.networks.saved import SavedModel
from lrapp.prediction.plain_model import raw_inputs
from lrapp.preparation.table_arrays import prepare
from lrapp.runs.store import Run, Store
from lrapp.settings import DataSettings, LayerSettings, ModelSettings, RunSettings, TrainingSettings
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import Table, read_csv

ROWS = 200
CODES = {"size": (-200.0,), "stars": (9.0,), "price": (-1.0, 9999.0), "gone": (5.0,)}


def frame(*, coded: bool) -> pd.DataFrame:
    random = np.random.default_rng(0)
    size = random.uniform(1, 9, ROWS).round(2)
    made = pd.DataFrame(
        {
            "size": size,
            "stars": random.integers(1, 6, ROWS).astype(float),
            "town": random.choice(["Bonn", "Rome"], ROWS),
            "price": (10 * size + random.normal(0, 1, ROWS)).round(1),
        }
    )
    for place, (name, codes) in enumerate((name, CODES[name]) for name in ("size", "stars", "price")):
        for n, code in enumerate(codes):
            made.loc[range(7 * place + n, ROWS, 31), name] = code if coded else np.nan
    return made


def table(made: pd.DataFrame, **codes: tuple[float, ...]) -> Table:
    return read_csv(made.to_csv(index=False).encode(), "t.csv").with_gap_codes(codes)


@pytest.fixture(scope="module")
def coded() -> Table:
    return table(frame(coded=True), **CODES)


def test_codes_are_gaps_of_the_table(coded: Table) -> None:
    blank = table(frame(coded=False))
    pd.testing.assert_frame_equal(coded.frame, blank.frame)
    assert [column.missing for column in coded.columns] == [column.missing for column in blank.columns]
    assert "Column 'price': 12 cells with -1 or 9999 counted as missing, as chosen." in coded.notes
    assert coded.columns[0].format.gap_codes == (-200.0,)


def test_they_stay_gaps_whatever_the_column_is_read_as(coded: Table) -> None:
    stars = coded.with_kinds({"stars": ColumnKind.CATEGORY, "size": ColumnKind.TEXT})
    assert set(stars.frame["stars"].dropna()) == {"1", "2", "3", "4", "5"}
    assert stars.frame["size"].isna().sum() == coded.frame["size"].isna().sum()
    assert stars.columns[1].format.gap_codes == (9.0,)
    back = stars.with_kinds({"size": ColumnKind.NUMBER})
    pd.testing.assert_series_equal(back.frame["size"], coded.frame["size"])


def test_numbers_in_other_hands() -> None:
    """Decimal commas, units, a code that is no number of the column, one that would leave nothing."""
    data = "a;b;c\n" + "".join(f"{n},5 kg;{n};7\n" for n in range(20)) + "-99,9 kg;-1;7\n"
    read = read_csv(data.encode(), "t.csv").with_gap_codes({"a": (-99.9,), "b": (-1.0, 55.0), "c": (7.0,)})
    assert read.frame["a"].isna().sum() == read.frame["b"].isna().sum() == 1
    assert read.frame["a"].iloc[3] == 3.5
    assert read.frame["c"].isna().all()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("gaps"))


@pytest.fixture(scope="module")
def run(store: Store) -> Run:
    source = store.keep_file(frame(coded=True).to_csv(index=False).encode(), "t.csv")
    settings = RunSettings(
        data=DataSettings(
            source=source, target="price", gap_codes=CODES, kinds={"stars": ColumnKind.CATEGORY}
        ),
        model=ModelSettings(layers=(LayerSettings(units=4),)),
        training=TrainingSettings(epochs=2),
        closer_look=False,
    )
    made = store.create(settings)
    outcome = worker.work(made.folder, store.home)
    made.set_status(state=outcome.state, message=outcome.message)
    assert outcome.state == "completed"
    return made


def test_training_sees_gaps(run: Run, store: Store) -> None:
    data = run.settings.data
    found = finished_run.recipe(run, store)
    blank = table(frame(coded=False)).with_kinds({"stars": ColumnKind.CATEGORY})
    expected = prepare(blank, data.model_copy(update={"gap_codes": {}}))
    assert found.prepared.inputs == expected.inputs
    assert "size is missing" in expected.inputs
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(found.prepared, part).x, getattr(expected, part).x)
        np.testing.assert_array_equal(getattr(found.prepared, part).y, getattr(expected, part).y)


def test_new_files_are_read_so(run: Run) -> None:
    model = SavedModel.load(run.folder)
    with_codes, with_blanks = (
        predict_with(model, read_for(model, made.to_csv(index=False).encode(), "new.csv"))
        for made in (frame(coded=True), frame(coded=False))
    )
    pd.testing.assert_frame_equal(with_codes.frame, with_blanks.frame)


def test_raw_numbers_are_taken_so(run: Run, store: Store, tmp_path: Path) -> None:
    """As a form on the page, an ONNX file and every other exported model get them."""
    model = SavedModel.load(run.folder)
    made = {coded: frame(coded=coded) for coded in (True, False)}
    for one in made.values():  # as text, as in the training table
        one["stars"] = one["stars"].map(lambda value: None if np.isnan(value) else f"{value:g}").astype("str")
    np.testing.assert_array_equal(model.tabular.transform(made[True]), model.tabular.transform(made[False]))
    pytest.importorskip("onnx", reason="needs the optional package onnx")
    pytest.importorskip("onnxruntime", reason="needs the optional package onnxruntime")
    with zipfile.ZipFile(registry.export(run.folder, store.home, "onnx")) as archive:
        archive.extractall(tmp_path)
    (path,) = tmp_path.glob("**/*.onnx")
    columns = [column.name for column in model.tabular.columns]
    answered = {
        coded: answers_of(path, raw_inputs(model.tabular, one[columns]))["prediction"]
        for coded, one in made.items()
    }
    np.testing.assert_array_equal(answered[True], answered[False])


def test_a_script_takes_the_file_as_it_is(store: Store) -> None:
    source = store.keep_file(frame(coded=True).to_csv(index=False).encode(), "t.csv")
    data = DataSettings(source=source, target="price", gap_codes=CODES)
    run = store.create(RunSettings(data=data, training=TrainingSettings(epochs=1), closer_look=False))
    worker.work(run.folder, store.home)
    reading = finished_run.recipe(run, store).reading
    assert reading.original
    assert reading.options["na_values"] == {"size": [-200.0], "stars": [9.0], "price": [-1.0, 9999.0]}
