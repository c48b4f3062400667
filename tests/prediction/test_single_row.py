"""One row answered with plain arrays, as the network itself answers."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from predicting import predict_with, read_for

from lrapp.errors import UserError
from lrapp.networks import saved
from lrapp.prediction import plain_network, single_row
from lrapp.prediction.single_row import Field, OneRow, Value
from lrapp.preparation.preprocessor import InputColumn, Preprocessor
from lrapp.preparation.table_arrays import prepare
from lrapp.runs.store import SAMPLES, Run
from lrapp.settings import DataSettings, LayerSettings, ModelSettings
from lrapp.tables.columns.kinds import ColumnKind
from lrapp.tables.reading import read_csv

PENGUINS = SAMPLES / "penguins.csv"
RNG = np.random.default_rng(8)
ROWS = 150
FRAME = pd.DataFrame(
    {
        "age": RNG.integers(18, 90, ROWS).astype(object),
        "height": RNG.normal(170, 9, ROWS),
        "member": RNG.choice(["yes", "no"], ROWS),
        "town": RNG.choice(["Rome", "Oslo", "Bonn"], ROWS),
        "day": pd.date_range("2020-01-01", periods=ROWS, freq="5D").astype(str),
        "price": RNG.normal(100, 20, ROWS),
    }
)
FRAME.loc[::10, "age"] = None
FRAME.loc[::9, "town"] = None


@pytest.fixture
def copy(finished: Run, tmp_path: Path) -> Run:
    """A finished run that a test may change."""
    shutil.copytree(finished.folder, tmp_path / "copy")
    return Run(tmp_path / "copy")


def rows_of(frame: pd.DataFrame, columns: tuple[InputColumn, ...]) -> list[dict[str, Value]]:
    """As a form gives them."""
    found = []
    for values in frame[[column.name for column in columns]].itertuples(index=False):
        row: dict[str, Value] = {}
        for column, value in zip(columns, values, strict=True):
            row[column.name] = None if pd.isna(value) else value
            if isinstance(value, pd.Timestamp):
                row[column.name] = value.timestamp() / 86_400
        found.append(row)
    return found


@pytest.mark.parametrize("scaling", ["clipped", "standard", "robust", "quantile"])
@pytest.mark.parametrize("target", ["price", "town", "member"])
def test_it_answers_as_the_network_does(scaling: str, target: str) -> None:
    from lrapp.networks import models

    frame = FRAME.dropna(subset=[target])
    table = read_csv(frame.to_csv(index=False).encode(), "t")
    prepared = prepare(table, DataSettings.model_validate({"target": target, "scaling": scaling}))
    told = prepared.preprocessor
    assert isinstance(told, Preprocessor)
    network = models.build(
        ModelSettings(layers=(LayerSettings(units=7, batch_norm=True, dropout=0.2), LayerSettings(units=5))),
        inputs=(len(told.inputs),),
        task=told.task,
        classes=len(told.classes),
    )
    model = OneRow(told, single_row.plan_of(told), plain_network.learned(network), ())

    answer = model.answer([*rows_of(table.frame, told.columns)])

    expected = told.decode(saved.outputs(network, told.transform(table.frame)))
    if expected.probabilities is None:
        np.testing.assert_allclose(answer.values, expected.values, rtol=1e-4)
    else:
        assert answer.probabilities is not None
        np.testing.assert_allclose(answer.probabilities, expected.probabilities, atol=1e-5)


def test_what_is_left_beside_a_model_answers_and_knows_the_usual_values(copy: Run, tmp_path: Path) -> None:
    assert single_row.load(copy) is None
    single_row.make(copy.folder, tmp_path)
    model = single_row.load(copy)
    assert model is not None
    fields = {field.column.name: field for field in model.fields}
    table = pd.read_csv(PENGUINS)
    assert fields["island"].start == "Biscoe"
    assert fields["sex"].start == "male"
    assert fields["body_mass_g"] == Field(fields["body_mass_g"].column, 2850, 6000, 4050, whole=True)
    assert fields["bill_depth_mm"].start == pytest.approx(table["bill_depth_mm"].median(), abs=0.1)
    assert not fields["bill_depth_mm"].whole
    whole = saved.SavedModel.load(copy.folder)
    read = read_for(whole, PENGUINS.read_bytes(), "p")
    expected = predict_with(whole, read).frame
    answer = model.answer(rows_of(read.frame, model.plan.columns))
    assert answer.values.tolist() == expected["prediction"].tolist()
    np.testing.assert_allclose(np.max(answer.probabilities, axis=1), expected["confidence"], atol=1e-5)  # type: ignore[arg-type]


def test_without_the_table_the_preprocessor_tells_the_ranges(copy: Run, tmp_path: Path) -> None:
    settings = copy.settings
    gone = settings.data.model_copy(
        update={"source": settings.data.source.model_copy(update={"name": "gone.csv"})}
    )
    (copy.folder / "run.json").write_text(settings.model_copy(update={"data": gone}).to_json())
    single_row.make(copy.folder, tmp_path)
    model = single_row.load(copy)
    assert model is not None
    fields = {field.column.name: field for field in model.fields}
    mass = fields["body_mass_g"]
    assert isinstance(mass.start, float)
    assert 2_500 < mass.low < 3_500 < mass.start < 4_500
    assert 5_500 < mass.high < 6_700
    assert fields["island"].start == "Biscoe"


def test_a_curve_moves_one_value_and_passes_through_the_row(copy: Run, tmp_path: Path) -> None:
    single_row.make(copy.folder, tmp_path)
    model = single_row.load(copy)
    assert model is not None
    row: dict[str, Value] = {field.column.name: field.start for field in model.fields}
    row["bill_length_mm"] = 80.0  # beyond the usual range
    at, answers = model.curve(row, "bill_length_mm")
    assert answers.probabilities is not None
    numbers = np.array(at, np.float64)
    assert (np.diff(numbers) > 0).all()
    assert at[-1] == 80.0
    here = model.answer([row]).probabilities
    assert here is not None
    np.testing.assert_allclose(answers.probabilities[[at.index(80.0)]], here, atol=1e-6)
    assert np.ptp(answers.probabilities[:, 0]) > 0.3
    values, _ = model.curve(row, "island")
    assert values == ["Biscoe", "Dream", "Torgersen"]
    assert all(value == int(value) for value in model.curve(row, "body_mass_g")[0])  # type: ignore[arg-type]
    assert None not in model.curve(row | {"body_mass_g": None}, "body_mass_g")[0]


def test_a_date_moves_by_days() -> None:
    field = Field(InputColumn("day", ColumnKind.DATE), 18_262.0, 18_270.0, 18_265.0, whole=True)
    assert single_row._steps(field, 18_264.0) == [float(day) for day in range(18_262, 18_271)]


@pytest.mark.parametrize("damage", ["cut", "text", "pickle", "old", "other"])
def test_files_that_do_not_fit_are_made_anew(copy: Run, tmp_path: Path, damage: str) -> None:
    single_row.make(copy.folder, tmp_path)
    path = copy.folder / single_row.FILE
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:500])
        case "text":
            path.write_text("nothing")
        case "pickle":
            np.savez(path, about=np.array([{"version": 1}], dtype=object))
        case "old":
            with np.load(path) as file:
                arrays = dict(file)
            arrays["about"] = np.frombuffer(
                arrays["about"].tobytes().replace(b'"version": 2', b'"version": 1'), np.uint8
            )
            np.savez(path, **arrays)
        case "other":
            copy.model_path.touch()
    assert single_row.load(copy) is None


def test_models_that_are_gone_or_too_large_are_a_sentence(
    copy: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_row, "MOST_WEIGHTS", 10)
    with pytest.raises(UserError, match="at most 10 weights"):
        single_row.make(copy.folder, tmp_path)
    copy.model_path.unlink()
    with pytest.raises(UserError, match="left no model"):
        single_row.make(copy.folder, tmp_path)


def test_a_time_of_day_is_set_as_one_and_moves_within_its_day() -> None:
    rows = [f"{n % 20:02d}:{n % 60:02d},2020-01-{n % 28 + 1:02d},{n % 20}" for n in range(200)]
    table = read_csv("\n".join(["at,day,y", *rows]).encode(), "t")
    prepared = prepare(table, DataSettings(target="y", task="regression"))
    told = prepared.preprocessor
    assert isinstance(told, Preprocessor)
    fields = {column.name: single_row._seen(column, table.frame[column.name]) for column in told.columns}
    at, day = fields["at"], fields["day"]
    assert at is not None
    assert day is not None
    assert (at.of_day, day.of_day) == (True, False)
    assert at.low == 0
    assert at.high == pytest.approx((19 + 59 / 60) / 24)
    steps = single_row._steps(at, at.start)
    assert len(steps) > 50
    assert all(0 <= step < 1 for step in steps if isinstance(step, float))
    series = single_row._series(at.column, [{"at": 0.25}, {"at": 17 / 24}])
    assert series.dt.hour.tolist() == [6, 17]


def test_a_date_of_which_nothing_is_known_is_no_time_of_day() -> None:
    assert not Field(InputColumn("d", ColumnKind.DATE)).of_day
