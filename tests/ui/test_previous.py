"""The run before: of this tab, on the same data, as its files are now."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lrapp.evaluation.metrics import Metric
from lrapp.evaluation.scores import Scores
from lrapp.runs.store import Run, Store
from lrapp.settings import DataSettings, RunSettings, SampleSource
from lrapp.ui.parts import resources


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store(tmp_path)
    monkeypatch.setattr(resources, "store", lambda: made)
    return made


def ended(store: Store, accuracy: float, target: str = "species") -> Run:
    data = DataSettings(source=SampleSource(name="penguins.csv"), target=target)
    run = store.create(RunSettings(data=data))
    tell(run, accuracy)
    run.set_status(state="completed")
    return run


def tell(run: Run, accuracy: float) -> None:
    scores = Scores("multi-class", "test", 69, "Adelie", (Metric("accuracy", accuracy, 0.4, True),))
    run.scores_path.write_text(scores.to_json(), "utf-8")


def accuracy_before() -> None:
    import streamlit as st

    from lrapp.ui.parts import resources, session
    from lrapp.ui.run import previous

    run, before = st.session_state["runs"]
    if before:
        session.state().runs_before[run] = before
    found = previous.of(resources.store().get(run))
    st.text("none" if found is None or found.scores is None else str(found.scores.metrics[0].value))


def seen(page: AppTest) -> str:
    page.run()
    assert not page.exception
    return str(page.text[0].value)


def tab(run: Run, before: Run | None) -> AppTest:
    page = AppTest.from_function(accuracy_before, default_timeout=120)
    page.session_state["runs"] = (run.id, before.id if before is not None else "")
    return page


def test_a_tab_sees_the_run_that_it_showed_before_and_no_other_tab_does(store: Store) -> None:
    first, other, second = ended(store, 0.8), ended(store, 0.7), ended(store, 0.9)
    assert seen(tab(second, first)) == "0.8"
    assert seen(tab(second, other)) == "0.7"
    assert seen(tab(second, None)) == "none"


def test_what_was_changed_since_counts(store: Store) -> None:
    first, second = ended(store, 0.8), ended(store, 0.9)
    page = tab(second, first)
    assert seen(page) == "0.8"
    tell(first, 0.85)  # as with another threshold
    assert seen(page) == "0.85"
    first.set_status(state="running")  # as when it is resumed
    assert seen(page) == "none"
    first.set_status(state="completed")
    assert seen(page) == "0.85"


def test_runs_on_other_data_and_deleted_ones_are_not_compared(store: Store) -> None:
    other, first, second = ended(store, 0.8, "island"), ended(store, 0.8), ended(store, 0.9)
    assert seen(tab(second, other)) == "none"
    store.delete(first)
    assert seen(tab(second, first)) == "none"
