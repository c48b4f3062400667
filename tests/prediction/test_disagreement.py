"""How far the networks of an ensemble are apart: in tables, for one row, and never of a single network."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lrapp.execution import worker
from lrapp.networks import members, saved
from lrapp.networks.saved import SavedModel
from lrapp.prediction import disagreement, single_row
from lrapp.prediction.files import predict_file
from lrapp.preparation.log_target import LogTarget
from lrapp.preparation.preprocessor import Preprocessor
from lrapp.runs.store import SAMPLES, Run, Store
from lrapp.settings import (
    DataSettings,
    LayerSettings,
    ModelSettings,
    RunSettings,
    SampleSource,
    TrainingSettings,
)

PENGUINS = SAMPLES / "penguins.csv"


def trained(store: Store, target: str) -> Run:
    run = store.create(
        RunSettings(
            data=DataSettings(source=SampleSource(name="penguins.csv"), target=target),
            model=ModelSettings(layers=(LayerSettings(units=4),)),
            training=TrainingSettings(epochs=2, members=3, xla="off"),
            closer_look=False,
        )
    )
    assert worker.work(run.folder, store.home).state == "completed"
    return run


@pytest.mark.parametrize("target", ["species", "sex", "body_mass_g"])
def test_a_table_and_one_row_tell_how_far_the_networks_are_apart(target: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    run = trained(store, target)
    model = SavedModel.load(run.folder)
    # One that counts for nothing is no voice, however far off it is.
    shares = np.array([0.5, 0.0, 0.5], np.float32)
    model.network.get_layer("mean_of_members").set_weights([shares[:, None]])
    off = members.each(model.network)[1]
    off.set_weights([value + 50 for value in off.get_weights()])
    model.network.save(run.model_path)
    table = pd.read_csv(PENGUINS).drop(columns=target)
    table = table.dropna().reset_index(drop=True)
    table = table.astype({"flipper_length_mm": object})
    table.loc[3, "flipper_length_mm"] = "long"  # cannot be predicted
    path = tmp_path / "new.csv"
    table.to_csv(path, index=False)

    result = predict_file(run.folder, path, "new.csv", tmp_path / "out")

    frame = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    told = model.tabular
    readable = table.drop(index=3).astype({"flipper_length_mm": float})
    x = told.transform(readable)
    outputs = saved.outputs(model.network, x)
    first, _, last = (told.decode(saved.outputs(member, x)) for member in members.each(model.network))
    if target == "body_mass_g":
        one, other = first.values, last.values
        assert frame.columns.tolist()[-3:] == ["prediction", "spread", "no prediction because"]
    else:
        place = [told.classes.index(name) for name in told.decode(outputs).values]
        assert first.probabilities is not None
        assert last.probabilities is not None
        one, other = (
            np.take_along_axis(found.probabilities, np.array(place)[:, None], 1)[:, 0]
            for found in (first, last)
        )
        assert frame.columns.tolist().index("spread") == frame.columns.tolist().index("confidence") + 1
    wanted = np.abs(one - other) / 2  # the deviation of two
    wanted = np.insert(wanted, 3, np.nan)
    np.testing.assert_allclose(frame["spread"], wanted, rtol=1e-4, atol=1e-6)
    assert wanted[1] > 0
    assert "spread" in result.columns

    single_row.make(run.folder, store.home)
    page = single_row.load(run)
    assert page is not None
    row = {name: None if pd.isna(value) else value for name, value in table.iloc[1].items()}
    apart = page.disagreement([row])  # type: ignore[list-item]
    assert apart is not None
    assert apart.networks == 2
    assert apart.spread[0] == pytest.approx(wanted[1], rel=1e-3)
    assert (apart.low[0], apart.high[0]) == pytest.approx(tuple(sorted([one[1], other[1]])), rel=1e-3)
    sentence = disagreement.sentence(apart, "" if target == "body_mass_g" else "Adelie")
    assert sentence.startswith("The 2 networks of the ensemble ")


def test_a_single_network_has_no_spread(finished: Run, tmp_path: Path) -> None:
    result = predict_file(finished.folder, PENGUINS, "new.csv", tmp_path / "out")
    assert "spread" not in result.columns
    model = SavedModel.load(finished.folder)
    assert disagreement.answered(model, np.zeros((2, len(model.tabular.inputs)), np.float32))[1] is None


def test_of_a_logarithm_numbers_are_compared_in_the_targets_units() -> None:
    told = Preprocessor(
        "regression", "price", (), 0.0, 1.0, (), (), None, logarithm=LogTarget(unit=1.0, mean=0.0, scale=1.0)
    )
    each = np.log1p(np.array([[[10.0], [100.0]], [[20.0], [100.0]]]))
    found = disagreement.measured(told, each, np.array([0.5, 0.5]), each.mean(axis=0))
    assert found is not None
    np.testing.assert_allclose(found.spread, [5, 0], atol=1e-6)
    assert (found.low[0], found.high[0]) == pytest.approx((10, 20))
