"""A finished run is tried on its own page: a form of one row, without the Predict page."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lrapp.execution import worker
from lrapp.prediction import single_row
from lrapp.runs.store import Run, Store
from lrapp.settings import DataSettings, RunSettings, SampleSource, TrainingSettings
from lrapp.ui.parts import resources

PATIENCE = 120


def try_it(run_id: str) -> None:
    from lrapp.ui.parts import resources
    from lrapp.ui.predict import try_it

    try_it.show(resources.store().get(run_id))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    store = Store(tmp_path / "home")
    monkeypatch.setattr(resources, "store", lambda: store)
    data = DataSettings(source=SampleSource(name="penguins.csv"), target="species")
    return store.create(RunSettings(data=data, training=TrainingSettings(epochs=1)))


def test_a_run_without_a_model_says_so(run: Run) -> None:
    page = AppTest.from_function(try_it, args=(run.id,), default_timeout=PATIENCE).run()
    assert [one.value for one in page.caption] == ["There is no model to try: the run has not left one."]


def test_one_row_answers_under_keys_of_its_own(run: Run) -> None:
    outcome = worker.work(run.folder, resources.store().home)
    run.set_status(state=outcome.state, message=outcome.message, attempts=1)
    single_row.make(run.folder, resources.store().home)
    page = AppTest.from_function(try_it, args=(run.id,), default_timeout=PATIENCE).run()
    assert not page.exception
    assert [one.label for one in page.metric] == ["Predicted species"]
    keys = [str(one.key) for one in (*page.number_input, *page.selectbox, *page.slider, *page.button)]
    assert keys
    assert all(key.startswith("try.") for key in keys)
    before = page.metric[0].value, page.metric[0].delta
    page.slider[0].set_value(page.slider[0].max).run()
    assert (page.metric[0].value, page.metric[0].delta) != before
